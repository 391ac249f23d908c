//! A clock that steps back: it locks nobody out, no code outlives its cap, nothing panics.

use trial_core::applications::{ApplyOutcome, ApplyRefusal, NoCodeReason};
use trial_core::policy::CLOCK_SKEW;
use trial_core::verification::SendState;
use trial_testkit::data::{application, phone};

use crate::desks::{DAY, HOUR, MINUTE, answer, ask, harness, reply, secs, set_threshold};

#[tokio::test]
async fn a_code_may_be_asked_for_at_once() {
    let harness = harness(1).await;
    let old = harness.send(&phone(1)).await;
    harness.clock.step_back(HOUR);
    let new = harness.send(&phone(1)).await;
    assert_ne!(new.challenge, old.challenge);
    assert_eq!(new.expires_at, harness.now() + 5 * MINUTE);
    assert_eq!(ask(&harness, 1).await, ("201", Some(60)), "the new send counts");
    assert_eq!(harness.apply_for_code(application(1, new.code.reveal())).await, "000");
}

#[tokio::test]
async fn a_code_of_the_future_is_dead_so_that_none_outlives_its_cap() {
    let harness = harness(1).await;
    let right = harness.prepared(1).await;
    harness.clock.step_back(HOUR);
    let expired = ApplyOutcome::Refused(ApplyRefusal::NoCode { reason: NoCodeReason::Expired });
    assert_eq!(harness.apply(right.clone()).await, expired);
    harness.wait(HOUR + 4 * MINUTE);
    assert_eq!(harness.apply_for_code(right).await, "000", "within its 5 minutes, once the clock is right again");
}

#[tokio::test]
async fn clocks_of_two_instances_may_differ_by_a_minute() {
    let harness = harness(1).await;
    let right = harness.prepared(1).await;
    harness.clock.step_back(CLOCK_SKEW);
    assert_eq!(ask(&harness, 1).await, ("201", Some(60)), "never more than the interval");
    assert_eq!(harness.apply_for_code(right).await, "000");
    let harness = self::harness(1).await;
    let right = harness.prepared(1).await;
    harness.clock.step_back(CLOCK_SKEW + secs(1));
    assert_eq!(harness.apply_for_code(right).await, "001");
    assert_eq!(ask(&harness, 1).await.0, "200");
}

#[tokio::test]
async fn a_resend_by_a_slower_clock_does_not_pass_the_cap() {
    let harness = harness(0).await;
    let first = harness.send(&phone(1)).await;
    let made_at = harness.now();
    harness.wait(4 * MINUTE);
    harness.send(&phone(1)).await;
    harness.wait(4 * MINUTE);
    let last = harness.send(&phone(1)).await;
    assert_eq!((last.challenge, last.expires_at), (first.challenge, made_at + 10 * MINUTE));
}

#[tokio::test]
async fn a_phone_at_its_limit_is_not_locked_out() {
    let harness = harness(0).await;
    for _ in 0..5 {
        assert_eq!(ask(&harness, 1).await.0, "200");
        harness.wait(MINUTE);
    }
    assert_eq!(ask(&harness, 1).await.0, "201");
    harness.clock.step_back(365 * DAY);
    assert_eq!(ask(&harness, 1).await.0, "200", "nobody waits for a year that was a mistake");
}

#[tokio::test]
async fn the_very_same_application_is_answered_again() {
    let harness = harness(1).await;
    let first = harness.prepared(1).await;
    assert_eq!(harness.apply_for_code(first.clone()).await, "000");
    harness.clock.step_back(HOUR);
    assert_eq!(harness.apply_for_code(first).await, "000");
    assert_eq!(harness.ledger.state().mails.len(), 1);
}

#[tokio::test]
async fn over_midnight_each_day_keeps_its_own_count() {
    let harness = harness(3).await;
    set_threshold(&harness, 1);
    harness.join(1).await;
    harness.wait(DAY);
    harness.join(2).await;
    harness.clock.step_back(DAY);
    assert_eq!(ask(&harness, 3).await.0, "205");
    assert_eq!(harness.ledger.state().reserved.into_values().collect::<Vec<_>>(), [1, 1]);
}

#[tokio::test]
async fn a_report_of_a_message_of_the_future_is_taken_down() {
    let harness = harness(0).await;
    let sent = harness.ask(&phone(1)).await.unwrap();
    harness.clock.step_back(HOUR);
    harness.report(&sent, reply(SendState::Refused)).await;
    assert_eq!(harness.ledger.state().sms_days.into_values().collect::<Vec<_>>(), [0]);
    let sent = harness.ask(&phone(2)).await.unwrap();
    harness.clock.step_back(9 * HOUR);
    harness.report(&sent, reply(SendState::Refused)).await;
    let counts: Vec<_> = harness.ledger.state().sms_days.into_values().collect();
    assert_eq!(counts, [1], "that day is not today, whichever way");
    assert_eq!(answer(&harness, 1, reply(SendState::Accepted)).await.0, "200");
}
