//! An agreement to the terms is recorded with a right code alone, by the decision on the application.

use trial_core::applications::{Application, Terms};
use trial_testkit::data::{application, email, phone, typed};

use crate::desks::{DAY, MemoryDesk, harness, set_failures, set_threshold};

fn agreeing(application: Application) -> Application {
    let terms = Terms::new("2026-01".to_owned(), "Be kind.".to_owned());
    Application { agreed: Some(terms.agreement()), ..application }
}

/// Phones whose owners agreed, by the audit trail.
fn agreements(harness: &MemoryDesk) -> Vec<String> {
    let audit = harness.ledger.state().audit;
    audit.into_iter().filter(|entry| entry.action == "terms.accept").map(|entry| entry.subject).collect()
}

#[tokio::test]
async fn nothing_is_recorded_of_a_phone_that_is_not_proven() {
    let harness = harness(1).await;
    assert_eq!(harness.apply_for_code(agreeing(application(1, "wrong"))).await, "001", "no code was sent");
    let right = agreeing(harness.prepared(1).await);
    assert_eq!(harness.apply_for_code(Application { code: typed("wrong"), ..right.clone() }).await, "002");
    set_failures(&harness, 1, 100);
    assert_eq!(harness.apply_for_code(right.clone()).await, "003", "locked");
    set_failures(&harness, 1, 1);
    harness.wait(DAY);
    assert_eq!(harness.apply_for_code(right).await, "001", "expired");
    assert!(agreements(&harness).is_empty());
}

#[tokio::test]
async fn a_right_code_records_the_agreement_whatever_is_decided() {
    let harness = harness(1).await;
    let one = agreeing(harness.prepared(1).await);
    assert_eq!(harness.apply_for_code(one.clone()).await, "000");
    let audit = harness.ledger.state().audit;
    let entry = audit.iter().find(|entry| entry.action == "terms.accept").unwrap();
    let digest = Terms::new(String::new(), "Be kind.".to_owned()).digest().to_owned();
    let detail = format!("terms 2026-01 (SHA-256 {digest}), in en, by request apply-1");
    assert_eq!((entry.actor.as_str(), entry.at, &entry.detail), ("applicant", harness.now(), &detail));
    assert_eq!(harness.apply_for_code(one).await, "000", "the same again");
    assert_eq!(agreements(&harness), [phone(1).as_str()], "once");

    let same_email = Application { email: email(1), ..agreeing(harness.prepared(2).await) };
    assert_eq!(harness.apply_for_code(same_email).await, "004");
    assert_eq!(harness.apply_for_code(agreeing(harness.prepared(3).await)).await, "006");
    assert_eq!(agreements(&harness), [1, 2, 3].map(|n| phone(n).to_string()));
    assert_eq!(harness.apply_for_code(harness.prepared(4).await).await, "006");
    assert_eq!(agreements(&harness).len(), 3, "an applicant who is shown no terms agrees to none");

    let full = crate::desks::harness(1).await;
    let late = agreeing(full.prepared(1).await);
    set_threshold(&full, 0);
    assert_eq!(full.apply_for_code(late).await, "205");
    assert_eq!(agreements(&full), [phone(1).as_str()]);
}
