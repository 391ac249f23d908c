//! How often one phone may be sent a code, and what `Retry-After` says.

use trial_core::SendState;
use trial_testkit::data::phone;

use crate::desks::{DAY, HOUR, MINUTE, MemoryDesk, answer, ask, desk, desk_by, reply, secs};

async fn five_sends(desk: &MemoryDesk) {
    for _ in 0..5 {
        assert_eq!(ask(desk, 1).await.0, "200");
        desk.wait(MINUTE);
    }
}

#[tokio::test]
async fn the_hour_is_any_hour() {
    let desk = desk(0).await;
    five_sends(&desk).await;
    desk.wait(54 * MINUTE);
    assert_eq!(ask(&desk, 1).await, ("201", Some(60)));
    desk.wait(secs(59));
    assert_eq!(ask(&desk, 1).await, ("201", Some(1)));
    desk.wait(secs(1));
    assert_eq!(ask(&desk, 1).await, ("200", None), "the first of the five left the hour");
    desk.wait(secs(30));
    assert_eq!(ask(&desk, 1).await, ("201", Some(30)), "the interval");
    desk.wait(secs(30));
    assert_eq!(ask(&desk, 1).await, ("200", None), "the second left it");
}

#[tokio::test]
async fn the_day_is_any_24_hours() {
    let desk = desk(0).await;
    five_sends(&desk).await;
    desk.wait(HOUR);
    five_sends(&desk).await;
    desk.wait(HOUR);
    let since_first = 2 * HOUR + 10 * MINUTE;
    let left = DAY.checked_sub(since_first).unwrap();
    assert_eq!(ask(&desk, 1).await, ("201", Some(left.as_secs())));
    desk.wait(left.checked_sub(secs(1)).unwrap());
    assert_eq!(ask(&desk, 1).await, ("201", Some(1)));
    desk.wait(secs(1));
    assert_eq!(ask(&desk, 1).await, ("200", None));
}

#[tokio::test]
async fn sends_that_the_gateway_refused_count_too() {
    let desk = desk(0).await;
    for _ in 0..5 {
        assert_eq!(answer(&desk, 1, reply(SendState::Refused)).await, ("204", None));
    }
    assert_eq!(ask(&desk, 1).await, ("201", Some(3_600)));
}

#[tokio::test]
async fn refusals_by_a_rule_do_not_count() {
    let desk = desk(0).await;
    assert_eq!(ask(&desk, 1).await.0, "200");
    for _ in 0..20 {
        assert_eq!(ask(&desk, 1).await.0, "201");
    }
    desk.wait(MINUTE);
    assert_eq!(ask(&desk, 1).await.0, "200");
}

#[tokio::test]
async fn each_phone_has_limits_of_its_own() {
    let desk = desk(0).await;
    five_sends(&desk).await;
    assert_eq!(ask(&desk, 1).await.0, "201");
    assert_eq!(ask(&desk, 2).await.0, "200");
}

#[tokio::test]
async fn after_more_sends_than_a_lowered_limit_allows_the_wait_is_for_enough_of_them() {
    let mut desk = desk(0).await;
    five_sends(&desk).await;
    desk.set_planner(trial_testkit::data::planner_with(|policy| policy.limits.phone_sends_per_hour = 2));
    // Sent at minutes 0 to 4; at minute 63 only that of minute 4 is left.
    assert_eq!(ask(&desk, 1).await, ("201", Some(58 * 60)));
    desk.wait(58 * MINUTE);
    assert_eq!(ask(&desk, 1).await.0, "200");
}

#[tokio::test]
async fn a_limit_of_0_sends_nothing() {
    let desk = desk_by(0, |policy| policy.limits.phone_sends_per_hour = 0).await;
    assert_eq!(ask(&desk, 1).await, ("201", Some(3_600)));
    assert!(!desk.ledger.state().phones.contains_key(&phone(1)));
}
