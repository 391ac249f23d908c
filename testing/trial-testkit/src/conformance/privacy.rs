//! Personal data: retention, export and erasure.

use std::time::Duration;

use trial_core::applications::{Application, ApplicationQuery, ApplyOutcome, Terms};
use trial_core::audit::AuditQuery;
use trial_core::ports::{AuditTrail, Operations, Privacy, TrialLedger};
use trial_core::privacy::{Expired, Expiring, ExpiryPage, Forgotten, Retention};
use trial_core::tenants::TenantAction;
use trial_core::values::Person;

use super::{LedgerFactory, assert_sound, harness};
use crate::LedgerHarness;
use crate::data::{application, email, keyring, phone};

const DAY: Duration = Duration::from_hours(24);

/// Goes through everything of a kind, two rows at a time; returns the number removed.
async fn expire<L: Privacy + TrialLedger>(harness: &LedgerHarness<L>, what: Expiring, dry_run: bool) -> u64 {
    let since = Retention::default().since(what, harness.now());
    let (mut after, mut removed) = ([0; 16], 0);
    loop {
        let page = ExpiryPage { what, since, after, limit: 2 };
        let Expired { removed: of_page, last } = harness.ledger.expire(page, dry_run).await.unwrap();
        removed += of_page;
        match last {
            Some(last) => after = last,
            None => return removed,
        }
    }
}

async fn expire_all<L: Privacy + TrialLedger>(harness: &LedgerHarness<L>, dry_run: bool) -> Vec<u64> {
    let mut removed = Vec::new();
    for what in Expiring::ALL {
        removed.push(expire(harness, *what, dry_run).await);
    }
    removed
}

/// Expired rows are removed in ranges; counting first changes nothing, and a second removal finds nothing.
pub async fn expired_rows_are_removed_in_ranges<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    for n in 1..6 {
        harness.send(&phone(n)).await;
        assert_eq!(harness.apply_for_code(application(n, "wrong")).await, "002");
    }
    // No wrong attempts are counted for one phone.
    harness.send(&phone(6)).await;
    // This one has two codes, the second without a report.
    for wait in [250, 240] {
        harness.send(&phone(7)).await;
        harness.wait(Duration::from_secs(wait));
    }
    harness.ask(&phone(7)).await.unwrap();
    harness.wait(29 * DAY);
    assert_eq!(expire_all(&harness, false).await, [0; 5], "nothing has expired yet");
    harness.wait(DAY + Duration::from_secs(1));
    assert_eq!(expire_all(&harness, true).await, [0, 0, 8, 0, 0]);
    assert_eq!(expire_all(&harness, false).await, [0, 0, 8, 0, 0], "counting had changed nothing");
    assert_eq!(expire_all(&harness, false).await, [0; 5]);
    assert_eq!(harness.ledger.phone_failures(phone(1)).await.unwrap(), Some(1), "the count is kept");
    assert_eq!(harness.ledger.phone_failures(phone(6)).await.unwrap(), None);
    assert_eq!(harness.ledger.phone_failures(phone(7)).await.unwrap(), None);
    assert_sound(&*harness.ledger).await;
    assert_eq!(harness.apply_for_code(application(1, "wrong")).await, "001", "its code is gone");
    harness.wait(150 * DAY);
    assert_eq!(expire_all(&harness, true).await[..2], [5, 9]);
    assert_eq!(expire_all(&harness, false).await[..2], [5, 9]);
    let of_phone = |n| harness.ledger.find_applications(ApplicationQuery::Phone(phone(n)), 9);
    assert_eq!(of_phone(1).await.unwrap().applications.len(), 1, "the one that has not expired");
    assert!(of_phone(2).await.unwrap().applications.is_empty());
    assert!(of_phone(2).await.unwrap().code_requests.is_empty());
    assert_sound(&*harness.ledger).await;
    assert_eq!(
        harness.join(6).await,
        harness.ledger.tenants(trial_core::tenants::TenantPage { before: None, limit: 1 }).await.unwrap()[0].tenant.id
    );
}

/// The application of a tenant in use and the code that it consumed are kept, however old.
pub async fn rows_of_a_tenant_in_use_are_kept<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let tenant = harness.join(1).await;
    harness.wait(400 * DAY);
    assert_eq!(expire_all(&harness, false).await, [0, 1, 0, 0, 0], "only that a code was asked for");
    let found = harness.ledger.find_applications(ApplicationQuery::Phone(phone(1)), 9).await.unwrap();
    assert_eq!(found.applications.len(), 1);
    assert_eq!(harness.ledger.tenant(tenant).await.unwrap().unwrap().tenant.phone, phone(1));
    assert_sound(&*harness.ledger).await;
}

/// An agreement is removed after its retention, and is kept as long as its phone has a tenant in use. It is exported
/// and erased with its phone.
pub async fn an_agreement_is_kept_as_long_as_its_tenant<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let terms = Terms::new("2026-01".to_owned(), "Be kind.".to_owned());
    let agreeing = |application| Application { agreed: Some(terms.agreement()), ..application };
    assert_eq!(harness.apply_for_code(agreeing(application(2, "wrong"))).await, "001");
    let ApplyOutcome::Accepted { tenant } = harness.apply(agreeing(harness.prepared(1).await)).await else {
        panic!("a tenant")
    };
    for n in 2..5 {
        assert_eq!(harness.apply_for_code(agreeing(harness.prepared(n).await)).await, "006");
    }
    let audit = async |subject: &str| {
        let (action, subject) = (Some("terms.accept".to_owned()), Some(subject.to_owned()));
        harness.ledger.audit(AuditQuery { action, subject, limit: 9, ..AuditQuery::default() }).await.unwrap().len()
    };
    let person = Person::Phone(phone(2));
    assert_eq!(harness.ledger.held_on(person.clone()).await.unwrap().counts()["audit"], 1);
    let forgotten = harness.ledger.forget(person, "person-1".to_owned(), false, harness.operator()).await.unwrap();
    assert!(matches!(forgotten, Forgotten::Erased(_)));
    assert_eq!((audit(phone(2).as_str()).await, audit("person-1").await, audit(phone(3).as_str()).await), (0, 1, 1));
    harness.wait(180 * DAY);
    assert_eq!(expire(&harness, Expiring::Agreements, false).await, 0, "not before its time");
    harness.wait(Duration::from_secs(1));
    assert_eq!(expire(&harness, Expiring::Agreements, true).await, 3);
    assert_eq!(expire(&harness, Expiring::Agreements, false).await, 3);
    assert_eq!((audit("person-1").await, audit(phone(3).as_str()).await, audit(phone(1).as_str()).await), (0, 0, 1));
    harness.change(tenant, TenantAction::Close).await;
    assert_eq!(expire(&harness, Expiring::Agreements, false).await, 1);
    assert_eq!(audit(phone(1).as_str()).await, 0);
    assert_sound(&*harness.ledger).await;
}

/// All data of a person is exported; after the erasure there is none, and the audit records it by a pseudonym.
pub async fn a_person_is_shown_and_forgotten<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    for n in 1..3 {
        harness.send(&phone(n)).await;
        assert_eq!(harness.apply_for_code(application(n, "wrong")).await, "002");
    }
    assert!(harness.ledger.unlock_phone(phone(1), harness.operator()).await.unwrap());
    let person = Person::Phone(phone(1));
    let held = harness.ledger.held_on(person.clone()).await.unwrap();
    let tables = ["applications", "audit", "challenges", "code_requests", "phones"];
    assert_eq!(held.counts(), tables.map(|table| (table, 1)).into());
    let shown = serde_json::to_string(&held.0).unwrap();
    for known in [phone(1).as_str(), email(1).as_str(), "phone.unlock"] {
        assert!(shown.contains(known), "{known}: {shown}");
    }
    assert!(!shown.contains(phone(2).as_str()), "{shown}");

    let pseudonym = keyring().pseudonym(&person);
    let forget = async |dry_run| {
        let by = harness.operator();
        harness.ledger.forget(person.clone(), pseudonym.clone(), dry_run, by).await.unwrap()
    };
    assert_eq!(forget(true).await, Forgotten::Erased(held.counts()));
    assert_eq!(harness.ledger.held_on(person.clone()).await.unwrap(), held, "a dry run changes nothing");
    assert_eq!(forget(false).await, Forgotten::Erased(held.counts()));
    assert_eq!(harness.ledger.held_on(person.clone()).await.unwrap().counts(), [].into());
    assert_eq!(forget(false).await, Forgotten::Erased([].into()), "the data is erased already");
    assert_eq!(harness.ledger.phone_failures(phone(1)).await.unwrap(), None);
    assert_eq!(harness.ledger.held_on(Person::Phone(phone(2))).await.unwrap().counts().len(), 4, "the others are not");
    let by_mail = harness.ledger.held_on(Person::Email(email(2).key().clone())).await.unwrap();
    assert_eq!(by_mail.counts(), [("applications", 1)].into());
    assert_sound(&*harness.ledger).await;
    harness.join(1).await;
}

/// A person with a tenant in use is not erased: the tenant is to be closed first.
pub async fn a_person_with_a_tenant_in_use_is_not_erased<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let tenant = harness.join(1).await;
    for person in [Person::Phone(phone(1)), Person::Email(email(1).key().clone())] {
        let held = harness.ledger.held_on(person.clone()).await.unwrap();
        assert_eq!((held.counts()["tenants"], held.counts()["mails"]), (1, 1));
        for dry_run in [true, false] {
            let forgotten =
                harness.ledger.forget(person.clone(), "person-1".to_owned(), dry_run, harness.operator()).await;
            assert_eq!(forgotten.unwrap(), Forgotten::Refused(vec![tenant]));
        }
        assert_eq!(harness.ledger.held_on(person).await.unwrap(), held);
    }
}
