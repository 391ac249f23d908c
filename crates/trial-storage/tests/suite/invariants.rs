//! `violations` finds planted rows. Each plant turns off the constraint that would have kept it out.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use trial_core::policy::Policy;
use trial_core::ports::Operations;
use trial_storage::{SqliteLedger, SqliteOptions};
use trial_testkit::LedgerHarness;

/// The violations after one accepted application and this change of its rows.
async fn after(plant: &str) -> Vec<&'static str> {
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(dir.path().join("trialgate.db"));
    SqliteLedger::migrate(&options).await.unwrap();
    let ledger = SqliteLedger::open(options.clone()).await.unwrap();
    let harness = LedgerHarness::new(ledger.clone()).with_access_codes(2).await;
    harness.join(1).await;
    let mut conn = SqliteConnection::establish(options.path.to_str().unwrap()).unwrap();
    conn.batch_execute("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF").unwrap();
    conn.batch_execute(plant).unwrap();
    let unique_by = Policy::default().trial.unique_by;
    ledger.violations(unique_by).await.unwrap().into_iter().map(|violation| violation.invariant).collect()
}

#[tokio::test]
async fn a_sound_ledger_has_none() {
    assert_eq!(after("SELECT 1").await, Vec::<&str>::new());
}

#[tokio::test]
async fn a_second_tenant_of_an_applicant_is_found() {
    let found = after(
        "INSERT INTO tenants SELECT zeroblob(16), status, phone, country_code, email, email_key, company, company_key,
            created_at, trial_ends_at, key_id, password_issue, password_issued_at, locale, converted_at, suspended_at,
            closes_at, closed_at, told_until, next_step_at, conversion_asked_at FROM tenants",
    )
    .await;
    for invariant in ["a phone", "an e-mail address", "a company"] {
        assert!(found.contains(&format!("at most one tenant in use has {invariant}").as_str()), "{found:?}");
    }
}

#[tokio::test]
async fn a_lost_mail_is_found() {
    let found = after("DELETE FROM mails").await;
    assert!(found.contains(&"every accepted application has its tenant, its mail and its audit entry"), "{found:?}");
    assert!(found.contains(&"the units of a day are those that its mails took"), "{found:?}");
}

#[tokio::test]
async fn a_lost_audit_entry_is_found() {
    let found = after("DELETE FROM audit").await;
    assert_eq!(found, ["every accepted application has its tenant, its mail and its audit entry"]);
}

#[tokio::test]
async fn a_tenant_without_a_voice_code_is_found() {
    let found = after("UPDATE access_codes SET state = 'free', tenant = NULL WHERE kind = 'voice'").await;
    assert_eq!(found, ["every tenant that is not closed holds one access code of each kind"]);
}

#[tokio::test]
async fn a_free_code_with_a_holder_is_found() {
    let found = after("UPDATE access_codes SET state = 'free' WHERE state = 'leased' AND kind = 'voice'").await;
    assert!(found.contains(&"an access code has a holder if, and only if, it is leased"), "{found:?}");
}

#[tokio::test]
async fn a_unit_beyond_the_threshold_is_found() {
    let found = after("UPDATE mails SET quota_threshold = 0").await;
    assert!(found.contains(&"no mail took a unit beyond the threshold that was in force"), "{found:?}");
}

#[tokio::test]
async fn a_wrong_count_of_the_day_is_found() {
    let found = after("UPDATE quota_days SET reserved = reserved + 1").await;
    assert_eq!(found, ["the units of a day are those that its mails took"]);
}

#[tokio::test]
async fn a_code_that_was_not_consumed_is_found() {
    let found = after("UPDATE challenges SET state = 'open'").await;
    assert!(found.contains(&"a code is consumed once, by an acceptance"), "{found:?}");
    assert!(found.contains(&"an accepted application names the code that it consumed"), "{found:?}");
}

#[tokio::test]
async fn a_mail_that_is_neither_due_nor_settled_is_found() {
    let found = after("UPDATE mails SET state = 'sent'").await;
    assert_eq!(found, ["a mail is due, or was settled"]);
}

#[tokio::test]
async fn a_dangling_reference_is_found() {
    let found = after("DELETE FROM tenants").await;
    assert!(found.contains(&"every reference has its row"), "{found:?}");
}

#[tokio::test]
async fn a_phone_without_its_code_is_found() {
    let found = after("DELETE FROM challenges").await;
    assert!(found.contains(&"the current code of a phone exists"), "{found:?}");
}
