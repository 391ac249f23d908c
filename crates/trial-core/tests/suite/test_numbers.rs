//! Phones with fixed codes: they count until their date, for sending and for verifying alike.

use std::time::Duration;

use chrono::TimeDelta;
use trial_core::applications::{ApplyOutcome, ApplyRefusal};
use trial_core::policy::{CLOCK_SKEW, TestNumber};
use trial_core::ports::Clock as _;
use trial_core::values::VerificationCode;
use trial_testkit::{FixedClock, data};

use crate::desks::{MemoryDesk, desk_by};

const FIXED: &str = "012345";

/// A fixture whose first phone is a test number for the first minute.
async fn harness() -> MemoryDesk {
    desk_by(4, |policy| {
        let until = FixedClock::default().now() + TimeDelta::minutes(1);
        let code = VerificationCode::fixed(FIXED).unwrap();
        policy.test_numbers = vec![TestNumber { phone: data::phone(1), code, until }];
    })
    .await
}

#[tokio::test]
async fn the_fixed_code_is_sent_nowhere_and_accepted() {
    let harness = harness().await;
    let sent = harness.ask(&data::phone(1)).await.unwrap();
    assert_eq!((sent.code.reveal(), sent.is_test), (FIXED, true));
    assert!(matches!(harness.apply(data::application(1, FIXED)).await, ApplyOutcome::Accepted { .. }));
    assert!(matches!(harness.apply(data::application(1, FIXED)).await, ApplyOutcome::Replayed { .. }));
}

#[tokio::test]
async fn a_code_must_have_been_asked_for_and_others_are_wrong() {
    let harness = harness().await;
    let outcome = harness.apply(data::application(1, FIXED)).await;
    assert!(matches!(outcome, ApplyOutcome::Refused(ApplyRefusal::NoCode { .. })));
    let sent = harness.ask(&data::phone(1)).await.unwrap();
    let derived = data::keyring().current_code(sent.challenge, &data::phone(1));
    let outcome = harness.apply(data::application(1, derived.reveal())).await;
    assert!(
        matches!(outcome, ApplyOutcome::Refused(ApplyRefusal::WrongCode { .. })),
        "the derived code was never sent"
    );
}

#[tokio::test]
async fn other_phones_are_as_ever() {
    let harness = harness().await;
    let sent = harness.ask(&data::phone(2)).await.unwrap();
    assert!(!sent.is_test);
    let outcome = harness.apply(data::application(2, FIXED)).await;
    assert!(matches!(outcome, ApplyOutcome::Refused(ApplyRefusal::WrongCode { .. })));
}

#[tokio::test]
async fn after_its_date_a_test_number_is_a_phone_like_every_other() {
    let harness = harness().await;
    harness.ask(&data::phone(1)).await.unwrap();
    harness.wait(Duration::from_mins(1));
    let outcome = harness.apply(data::application(1, FIXED)).await;
    assert!(matches!(outcome, ApplyOutcome::Refused(ApplyRefusal::WrongCode { .. })));
    harness.wait(CLOCK_SKEW);
    let sent = harness.ask(&data::phone(1)).await.unwrap();
    assert!(!sent.is_test);
    let outcome = harness.apply(data::application(1, sent.code.reveal())).await;
    assert!(matches!(outcome, ApplyOutcome::Accepted { .. }));
}

#[test]
fn a_fixed_code_is_six_digits() {
    for digits in ["", "12345", "1234567", "12345a", "１２３４５６"] {
        assert_eq!(VerificationCode::fixed(digits), None, "{digits}");
    }
}
