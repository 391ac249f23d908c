//! `generateverifycode`: one test for each row of the table, and for each "when" in it.

use trial_core::return_codes::CodeReply;
use trial_core::verification::SendState;
use trial_testkit::data::phone;

use crate::desks::{HOUR, MINUTE, answer, ask, desk_by, harness, reply, secs, set_failures, set_threshold};

#[tokio::test]
async fn code_200_the_gateway_accepted_the_message() {
    assert_eq!(ask(&harness(0).await, 1).await, ("200", None));
}

#[tokio::test]
async fn code_201_inside_the_resend_interval_and_says_when() {
    let harness = harness(0).await;
    assert_eq!(ask(&harness, 1).await, ("200", None));
    assert_eq!(ask(&harness, 1).await, ("201", Some(60)));
    harness.wait(secs(59));
    assert_eq!(ask(&harness, 1).await, ("201", Some(1)));
    harness.wait(secs(1));
    assert_eq!(ask(&harness, 1).await, ("200", None));
}

#[tokio::test]
async fn code_201_rounds_what_is_left_up_to_whole_seconds() {
    let harness = harness(0).await;
    ask(&harness, 1).await;
    harness.wait(std::time::Duration::from_millis(59_001));
    assert_eq!(ask(&harness, 1).await, ("201", Some(1)));
    harness.wait(std::time::Duration::from_millis(998));
    assert_eq!(ask(&harness, 1).await, ("201", Some(1)));
}

#[tokio::test]
async fn code_201_over_the_phones_hourly_limit_and_says_when() {
    let harness = harness(0).await;
    for _ in 0..5 {
        assert_eq!(ask(&harness, 1).await.0, "200");
        harness.wait(MINUTE);
    }
    assert_eq!(ask(&harness, 1).await, ("201", Some(55 * 60)));
}

#[tokio::test]
async fn code_201_over_the_phones_daily_limit_and_says_when() {
    let harness = harness(0).await;
    for _ in 0..10 {
        assert_eq!(ask(&harness, 1).await.0, "200");
        harness.wait(HOUR);
    }
    assert_eq!(ask(&harness, 1).await, ("201", Some(14 * 3_600)));
}

#[tokio::test]
async fn code_202_the_gateway_is_unreachable() {
    let harness = harness(0).await;
    assert_eq!(answer(&harness, 1, reply(SendState::Unreached)).await, ("202", None));
}

#[tokio::test]
async fn code_202_the_outcome_of_the_send_is_unknown() {
    let harness = harness(0).await;
    assert_eq!(answer(&harness, 1, reply(SendState::Unknown)).await, ("202", None));
    assert_eq!(CodeReply::from(SendState::Sending), CodeReply::EXCEPTION, "no word at all");
}

#[tokio::test]
async fn code_202_the_phone_is_locked() {
    let harness = harness(0).await;
    ask(&harness, 1).await;
    harness.wait(MINUTE);
    set_failures(&harness, 1, 99);
    assert_eq!(ask(&harness, 1).await, ("200", None));
    harness.wait(MINUTE);
    set_failures(&harness, 1, 100);
    assert_eq!(ask(&harness, 1).await, ("202", None));
}

#[tokio::test]
async fn code_204_the_gateway_refused_the_message() {
    let harness = harness(0).await;
    assert_eq!(answer(&harness, 1, reply(SendState::Refused)).await, ("204", None));
}

#[tokio::test]
async fn code_204_the_budget_of_the_day_is_spent() {
    let harness = desk_by(0, |policy| policy.limits.sms_per_day = 1).await;
    assert_eq!(ask(&harness, 1).await, ("200", None));
    assert_eq!(ask(&harness, 2).await, ("204", None));
}

#[tokio::test]
async fn code_205_the_mails_of_the_day_reached_the_threshold() {
    let harness = harness(1).await;
    set_threshold(&harness, 1);
    harness.join(1).await;
    assert_eq!(ask(&harness, 2).await, ("205", None));
    assert!(!harness.ledger.state().phones.contains_key(&phone(2)), "no code is made");
}
