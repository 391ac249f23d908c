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

async fn refusal_abroad(harness: &MemoryDesk, n: u32) -> Option<CodeRefusal> {
    harness.ask(&foreign_phone(n)).await.err()
}

#[tokio::test]
async fn the_budget_of_all_holds_for_every_phone() {
    let harness = desk_by(0, small).await;
    for n in 1..5 {
        assert_eq!(ask(&harness, n).await.0, "200");
    }
    assert_eq!(harness.ask(&phone(5)).await, Err(spent(BudgetScope::All, 4)));
    assert_eq!(refusal_abroad(&harness, 1).await, Some(spent(BudgetScope::All, 4)));
}

#[tokio::test]
async fn the_budget_of_a_country_holds_for_foreign_phones_alone() {
    let harness = desk_by(0, small).await;
    assert_eq!(refusal_abroad(&harness, 1).await, None);
    assert_eq!(refusal_abroad(&harness, 2).await, None);
    assert_eq!(refusal_abroad(&harness, 3).await, Some(spent(BudgetScope::Country(852), 2)));
    assert_eq!(ask(&harness, 1).await.0, "200");
    let harness = desk_by(0, small).await;
    for n in 1..4 {
        assert_eq!(ask(&harness, n).await.0, "200", "the default region has no budget of its own");
    }
}

#[tokio::test]
async fn a_message_that_was_not_sent_costs_nothing() {
    for state in [SendState::Refused, SendState::Unreached] {
        let harness = desk_by(0, small).await;
        for n in 1..9 {
            answer(&harness, n, reply(state)).await;
        }
        assert_eq!(ask(&harness, 9).await.0, "200", "{state}");
    }
}

#[tokio::test]
async fn a_message_that_may_have_been_sent_costs() {
    for state in [SendState::Accepted, SendState::Unknown] {
        let harness = desk_by(0, small).await;
        for n in 1..5 {
            answer(&harness, n, reply(state)).await;
        }
        assert_eq!(ask(&harness, 9).await.0, "204", "{state}");
    }
    let harness = desk_by(0, small).await;
    for n in 1..5 {
        harness.ask(&phone(n)).await.unwrap();
    }
    assert_eq!(ask(&harness, 9).await.0, "204", "no word of the gateway yet");
}

#[tokio::test]
async fn the_refund_is_given_once() {
    let harness = desk_by(0, small).await;
    let sent = harness.ask(&phone(1)).await.unwrap();
    ask(&harness, 2).await;
    for _ in 0..3 {
        harness.report(&sent, reply(SendState::Refused)).await;
    }
    assert_eq!(harness.ledger.state().sms_days.values().copied().collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn each_day_has_a_budget_of_its_own_and_no_refund_crosses_midnight() {
    let harness = desk_by(0, small).await;
    for n in 1..4 {
        ask(&harness, n).await;
    }
    let sent = harness.ask(&phone(4)).await.unwrap();
    harness.wait(16 * HOUR);
    assert_eq!(ask(&harness, 5).await.0, "200");
    harness.report(&sent, reply(SendState::Refused)).await;
    assert_eq!(harness.ledger.state().sms_days.values().copied().collect::<Vec<_>>(), [4, 1]);
}

#[tokio::test]
async fn the_day_begins_at_midnight_in_the_time_zone() {
    let harness = desk_by(0, |policy| {
        small(policy);
        policy.quota.timezone = chrono_tz::Tz::Asia__Shanghai;
    })
    .await;
    for n in 1..5 {
        ask(&harness, n).await;
    }
    // It is 08:00 UTC, 16:00 in Shanghai.
    harness.wait(7 * HOUR);
    assert_eq!(ask(&harness, 5).await.0, "204");
    harness.wait(HOUR);
    assert_eq!(ask(&harness, 5).await.0, "200");
}
