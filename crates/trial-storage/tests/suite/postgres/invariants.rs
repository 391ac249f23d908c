//! `violations` finds planted rows, also those that SQLite would refuse by itself.

use trial_core::policy::Policy;
use trial_core::ports::Operations;
use trial_testkit::LedgerHarness;

use super::server::Database;

/// A database with one accepted application.
async fn with_one_tenant() -> Database {
    let database = Database::new().await;
    let harness = LedgerHarness::new(database.open().await).with_access_codes(3).await;
    harness.join(1).await;
    harness.ledger.close();
    database
}

/// The violations in a copy after this change of its rows.
async fn after(database: &Database, plant: &str) -> Vec<&'static str> {
    let copy = database.copy().await;
    copy.execute(plant).await;
    let ledger = copy.open().await;
    let found = ledger.violations(Policy::default().trial.unique_by).await.unwrap();
    found.into_iter().map(|violation| violation.invariant).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_ledger_has_none() {
    assert_eq!(after(&with_one_tenant().await, "SELECT 1").await, Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_violations_are_found() {
    let database = with_one_tenant().await;
    for (plant, invariant) in [
        ("DELETE FROM audit", "every accepted application has its tenant, its mail and its audit entry"),
        ("DELETE FROM mails", "the units of a day are those that its mails took"),
        ("UPDATE quota_days SET reserved = reserved + 1", "the units of a day are those that its mails took"),
        (
            "UPDATE access_codes SET state = 'free', tenant = NULL WHERE kind = 'voice'",
            "every tenant that is not closed holds one access code of each kind",
        ),
        ("UPDATE challenges SET state = 'open'", "a code is consumed once, by an acceptance"),
        ("UPDATE challenges SET state = 'open'", "an accepted application names the code that it consumed"),
        ("DELETE FROM challenges", "the current code of a phone exists"),
        ("UPDATE mails SET state = 'sent'", "a mail is due, or was settled"),
        ("UPDATE access_codes SET tenant = '\\x00' WHERE state = 'leased'", "every reference has its row"),
        ("UPDATE pool_marks SET code = '~'", "no free access code comes before the mark of its pool"),
        (
            "INSERT INTO tenants SELECT another.* FROM tenants, \
                jsonb_populate_record(tenants, jsonb_build_object('id', decode(repeat('00', 16), 'hex'))) another",
            "at most one tenant in use has a company",
        ),
    ] {
        let found = after(&database, plant).await;
        assert!(found.contains(&invariant), "{plant}: {found:?}");
    }
}
