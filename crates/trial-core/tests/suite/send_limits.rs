//! The limits of codes sent to one phone, and their `Retry-After`.

use trial_core::verification::SendState;
use trial_testkit::data::phone;

use crate::desks::{DAY, HOUR, MINUTE, MemoryDesk, answer, ask, desk_by, harness, reply, secs};

async fn five_sends(harness: &MemoryDesk) {
    for _ in 0..5 {
        assert_eq!(ask(harness, 1).await.0, "200");
        harness.wait(MINUTE);
    }
}

#[tokio::test]
async fn the_hour_is_any_hour() {
    let harness = harness(0).await;
    five_sends(&harness).await;
    harness.wait(54 * MINUTE);
    assert_eq!(ask(&harness, 1).await, ("201", Some(60)));
    harness.wait(secs(59));
    assert_eq!(ask(&harness, 1).await, ("201", Some(1)));
    harness.wait(secs(1));
    assert_eq!(ask(&harness, 1).await, ("200", None), "the first of the five left the hour");
    harness.wait(secs(30));
    assert_eq!(ask(&harness, 1).await, ("201", Some(30)), "the interval");
    harness.wait(secs(30));
    assert_eq!(ask(&harness, 1).await, ("200", None), "the second left it");
}

#[tokio::test]
async fn the_day_is_any_24_hours() {
    let harness = harness(0).await;
    five_sends(&harness).await;
    harness.wait(HOUR);
    five_sends(&harness).await;
    harness.wait(HOUR);
    let since_first = 2 * HOUR + 10 * MINUTE;
    let left = DAY.checked_sub(since_first).unwrap();
    assert_eq!(ask(&harness, 1).await, ("201", Some(left.as_secs())));
    harness.wait(left.checked_sub(secs(1)).unwrap());
    assert_eq!(ask(&harness, 1).await, ("201", Some(1)));
    harness.wait(secs(1));
    assert_eq!(ask(&harness, 1).await, ("200", None));
}

#[tokio::test]
async fn sends_that_failed_take_nothing_from_the_limits() {
    for state in [SendState::Refused, SendState::Unreached] {
        let harness = harness(0).await;
        for _ in 0..5 {
            assert_eq!(answer(&harness, 1, reply(state)).await.1, None, "nothing was sent: it may be tried at once");
        }
        assert_eq!(ask(&harness, 1).await, ("200", None), "{state}");
        harness.wait(MINUTE);
        for _ in 0..4 {
            assert_eq!(ask(&harness, 1).await, ("200", None), "five sends of the hour are left, {state}");
            harness.wait(MINUTE);
        }
        assert_eq!(ask(&harness, 1).await.0, "201");
    }
}

#[tokio::test]
async fn sends_whose_fate_is_not_known_count() {
    let harness = harness(0).await;
    assert_eq!(answer(&harness, 1, reply(SendState::Unknown)).await.0, "202");
    assert_eq!(ask(&harness, 1).await, ("201", Some(60)));
    let harness = self::harness(0).await;
    harness.ask(&phone(1)).await.unwrap();
    assert_eq!(ask(&harness, 1).await, ("201", Some(60)), "no word of the gateway yet, or ever");
}

#[tokio::test]
async fn failed_sends_are_five_seconds_apart_on_average_and_answered_as_the_last_was() {
    for (state, code) in [(SendState::Refused, "204"), (SendState::Unreached, "202")] {
        let harness = harness(0).await;
        for _ in 0..6 {
            assert_eq!(answer(&harness, 1, reply(state)).await, (code, None));
        }
        assert_eq!(ask(&harness, 1).await, (code, Some(30)), "no code exists: not 201");
        harness.wait(secs(29));
        assert_eq!(ask(&harness, 1).await, (code, Some(1)));
        harness.wait(secs(1));
        assert_eq!(ask(&harness, 1).await, ("200", None));
    }
}

#[tokio::test]
async fn failed_sends_are_thirty_an_hour() {
    let harness = harness(0).await;
    for _ in 0..30 {
        assert_eq!(answer(&harness, 1, reply(SendState::Unreached)).await, ("202", None));
        harness.wait(MINUTE);
    }
    assert_eq!(ask(&harness, 1).await, ("202", Some(30 * 60)));
    harness.wait(30 * MINUTE);
    assert_eq!(ask(&harness, 1).await, ("200", None));
}

#[tokio::test]
async fn the_wait_is_that_of_the_limit_that_asks_for_most() {
    let harness = desk_by(0, |policy| policy.limits.phone_sends_per_hour = 2).await;
    assert_eq!(ask(&harness, 1).await, ("200", None));
    harness.wait(MINUTE);
    assert_eq!(ask(&harness, 1).await, ("200", None));
    assert_eq!(ask(&harness, 1).await, ("201", Some(59 * 60)), "the hour is full, whatever the interval says");
    harness.wait(59 * MINUTE);
    for _ in 0..6 {
        assert_eq!(answer(&harness, 1, reply(SendState::Refused)).await.0, "204");
    }
    assert_eq!(ask(&harness, 1).await, ("204", Some(30)), "one send of the hour is left");
    harness.wait(secs(30));
    assert_eq!(ask(&harness, 1).await, ("200", None));
    let daily = desk_by(0, |policy| policy.limits.phone_sends_per_day = 1).await;
    assert_eq!(ask(&daily, 1).await, ("200", None));
    assert_eq!(ask(&daily, 1).await, ("201", Some(24 * 3_600)));
}

#[tokio::test]
async fn a_send_that_is_decided_says_when_the_next_can_be() {
    let harness = desk_by(0, |policy| policy.limits.phone_sends_per_hour = 2).await;
    assert_eq!(harness.send(&phone(1)).await.next_send_in, Some(MINUTE));
    harness.wait(MINUTE);
    assert_eq!(harness.send(&phone(1)).await.next_send_in, Some(59 * MINUTE));
    let harness = desk_by(0, |policy| policy.verification.resend_after = secs(0)).await;
    assert_eq!(harness.send(&phone(1)).await.next_send_in, None);
}

#[tokio::test]
async fn refusals_by_a_rule_do_not_count() {
    let harness = harness(0).await;
    assert_eq!(ask(&harness, 1).await.0, "200");
    for _ in 0..20 {
        assert_eq!(ask(&harness, 1).await.0, "201");
    }
    harness.wait(MINUTE);
    assert_eq!(ask(&harness, 1).await.0, "200");
}

#[tokio::test]
async fn each_phone_has_limits_of_its_own() {
    let harness = harness(0).await;
    five_sends(&harness).await;
    assert_eq!(ask(&harness, 1).await.0, "201");
    assert_eq!(ask(&harness, 2).await.0, "200");
}

#[tokio::test]
async fn after_more_sends_than_a_lowered_limit_allows_the_wait_is_for_enough_of_them() {
    let mut harness = harness(0).await;
    five_sends(&harness).await;
    harness.set_planner(trial_testkit::data::planner_with(|policy| policy.limits.phone_sends_per_hour = 2));
    // Sent at minutes 0 to 4; at minute 63 only that of minute 4 is left.
    assert_eq!(ask(&harness, 1).await, ("201", Some(58 * 60)));
    harness.wait(58 * MINUTE);
    assert_eq!(ask(&harness, 1).await.0, "200");
}

#[tokio::test]
async fn a_limit_of_0_sends_nothing() {
    let harness = desk_by(0, |policy| policy.limits.phone_sends_per_hour = 0).await;
    assert_eq!(ask(&harness, 1).await, ("201", Some(3_600)));
    assert!(!harness.ledger.state().phones.contains_key(&phone(1)));
}
