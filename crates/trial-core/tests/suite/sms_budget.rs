//! The daily budget of short messages.

use trial_core::policy::Policy;
use trial_core::values::PhonePolicy;
use trial_core::verification::{BudgetScope, CodeRefusal, SendState};
use trial_testkit::data::{foreign_phone, phone};

use crate::desks::{HOUR, MemoryDesk, answer, ask, desk_by, reply};

fn small(policy: &mut Policy) {
    policy.phone = PhonePolicy::from_codes("CN", &["CN".to_owned(), "HK".to_owned()]).unwrap();
    policy.limits.sms_per_day = 4;
    policy.limits.sms_per_country_day = 2;
}

fn spent(scope: BudgetScope, sent: u32) -> CodeRefusal {
    CodeRefusal::BudgetSpent { scope, sent }
}

async fn refusal_abroad(desk: &MemoryDesk, n: u32) -> Option<CodeRefusal> {
    desk.ask(&foreign_phone(n)).await.err()
}

#[tokio::test]
async fn the_budget_of_all_holds_for_every_phone() {
    let desk = desk_by(0, small).await;
    for n in 1..5 {
        assert_eq!(ask(&desk, n).await.0, "200");
    }
    assert_eq!(desk.ask(&phone(5)).await, Err(spent(BudgetScope::All, 4)));
    assert_eq!(refusal_abroad(&desk, 1).await, Some(spent(BudgetScope::All, 4)));
}

#[tokio::test]
async fn the_budget_of_a_country_holds_for_foreign_phones_alone() {
    let desk = desk_by(0, small).await;
    assert_eq!(refusal_abroad(&desk, 1).await, None);
    assert_eq!(refusal_abroad(&desk, 2).await, None);
    assert_eq!(refusal_abroad(&desk, 3).await, Some(spent(BudgetScope::Country(852), 2)));
    assert_eq!(ask(&desk, 1).await.0, "200");
    let desk = desk_by(0, small).await;
    for n in 1..4 {
        assert_eq!(ask(&desk, n).await.0, "200", "the default region has no budget of its own");
    }
}

#[tokio::test]
async fn a_message_that_was_not_sent_costs_nothing() {
    for state in [SendState::Refused, SendState::Unreached] {
        let desk = desk_by(0, small).await;
        for n in 1..9 {
            answer(&desk, n, reply(state)).await;
        }
        assert_eq!(ask(&desk, 9).await.0, "200", "{state}");
    }
}

#[tokio::test]
async fn a_message_that_may_have_been_sent_costs() {
    for state in [SendState::Accepted, SendState::Unknown] {
        let desk = desk_by(0, small).await;
        for n in 1..5 {
            answer(&desk, n, reply(state)).await;
        }
        assert_eq!(ask(&desk, 9).await.0, "204", "{state}");
    }
    let desk = desk_by(0, small).await;
    for n in 1..5 {
        desk.ask(&phone(n)).await.unwrap();
    }
    assert_eq!(ask(&desk, 9).await.0, "204", "no word of the gateway yet");
}

#[tokio::test]
async fn the_refund_is_given_once() {
    let desk = desk_by(0, small).await;
    let sent = desk.ask(&phone(1)).await.unwrap();
    ask(&desk, 2).await;
    for _ in 0..3 {
        desk.report(&sent, reply(SendState::Refused)).await;
    }
    assert_eq!(desk.ledger.state().sms_days.values().copied().collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn each_day_has_a_budget_of_its_own_and_no_refund_crosses_midnight() {
    let desk = desk_by(0, small).await;
    for n in 1..4 {
        ask(&desk, n).await;
    }
    let sent = desk.ask(&phone(4)).await.unwrap();
    desk.wait(16 * HOUR);
    assert_eq!(ask(&desk, 5).await.0, "200");
    desk.report(&sent, reply(SendState::Refused)).await;
    assert_eq!(desk.ledger.state().sms_days.values().copied().collect::<Vec<_>>(), [4, 1]);
}

#[tokio::test]
async fn the_day_begins_at_midnight_in_the_time_zone() {
    let desk = desk_by(0, |policy| {
        small(policy);
        policy.quota.timezone = chrono_tz::Tz::Asia__Shanghai;
    })
    .await;
    for n in 1..5 {
        ask(&desk, n).await;
    }
    // It is 08:00 UTC, 16:00 in Shanghai.
    desk.wait(7 * HOUR);
    assert_eq!(ask(&desk, 5).await.0, "204");
    desk.wait(HOUR);
    assert_eq!(ask(&desk, 5).await.0, "200");
}
