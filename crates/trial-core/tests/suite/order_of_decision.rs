//! If an application breaks two neighbouring rules, the earlier one answers.

use trial_core::applications::{Application, ApplyOutcome, ApplyRefusal, NoCodeReason};
use trial_core::tenants::SharedField;
use trial_core::values::PhonePolicy;
use trial_core::verification::{BudgetScope, CodeRefusal};
use trial_testkit::data::{application, company, email, foreign_phone, phone};

use crate::desks::{MINUTE, MemoryDesk, ask, desk_by, harness, set_failures, set_threshold};

async fn refusal_of_code(harness: &MemoryDesk, n: u32) -> CodeRefusal {
    harness.ask(&phone(n)).await.unwrap_err()
}

#[tokio::test]
async fn a_code_the_threshold_comes_before_the_lock() {
    let harness = harness(0).await;
    ask(&harness, 1).await;
    set_failures(&harness, 1, 100);
    set_threshold(&harness, 0);
    assert_eq!(refusal_of_code(&harness, 1).await, CodeRefusal::QuotaReached { threshold: 0 });
}

#[tokio::test]
async fn a_code_the_lock_comes_before_the_interval() {
    let harness = harness(0).await;
    ask(&harness, 1).await;
    set_failures(&harness, 1, 100);
    assert_eq!(refusal_of_code(&harness, 1).await, CodeRefusal::PhoneLocked { failures: 100 });
}

/// Of the phone's own limits, the one with the longest wait decides.
#[tokio::test]
async fn a_code_of_the_limits_of_the_phone_the_longest_is_told() {
    let harness = desk_by(0, |policy| policy.limits.phone_sends_per_hour = 1).await;
    ask(&harness, 1).await;
    assert_eq!(refusal_of_code(&harness, 1).await, CodeRefusal::HourlyLimit { retry_after: 60 * MINUTE });
    let harness = desk_by(0, |policy| {
        policy.limits.phone_sends_per_hour = 1;
        policy.limits.phone_sends_per_day = 1;
    })
    .await;
    ask(&harness, 1).await;
    harness.wait(MINUTE);
    assert_eq!(refusal_of_code(&harness, 1).await, CodeRefusal::DailyLimit { retry_after: (24 * 60 - 1) * MINUTE });
}

#[tokio::test]
async fn a_code_the_daily_limit_comes_before_the_budget() {
    let harness = desk_by(0, |policy| {
        policy.limits.phone_sends_per_day = 1;
        policy.limits.sms_per_day = 1;
    })
    .await;
    ask(&harness, 1).await;
    harness.wait(MINUTE);
    assert!(matches!(refusal_of_code(&harness, 1).await, CodeRefusal::DailyLimit { .. }));
}

#[tokio::test]
async fn a_code_the_budget_of_all_comes_before_that_of_the_country() {
    let harness = desk_by(0, |policy| {
        policy.phone = PhonePolicy::from_codes("CN", &["CN".to_owned(), "HK".to_owned()]).unwrap();
        policy.limits.sms_per_day = 1;
        policy.limits.sms_per_country_day = 1;
    })
    .await;
    harness.send(&foreign_phone(1)).await;
    let refusal = harness.ask(&foreign_phone(2)).await.unwrap_err();
    assert_eq!(refusal, CodeRefusal::BudgetSpent { scope: BudgetScope::All, sent: 1 });
}

#[tokio::test]
async fn rows_1_and_2_a_replay_comes_before_the_lock() {
    let harness = harness(1).await;
    let first = harness.prepared(1).await;
    assert_eq!(harness.apply_for_code(first.clone()).await, "000");
    set_failures(&harness, 1, 100);
    assert_eq!(harness.apply_for_code(first).await, "000");
    assert_eq!(harness.ledger.state().phones[&phone(1)].failures, 100, "it is no success that unlocks");
}

#[tokio::test]
async fn rows_2_and_3_the_lock_comes_before_a_missing_code() {
    let harness = harness(1).await;
    let right = harness.prepared(1).await;
    harness.wait(6 * MINUTE);
    set_failures(&harness, 1, 100);
    assert_eq!(harness.apply_for_code(right).await, "003");
}

#[tokio::test]
async fn rows_3_and_4_a_missing_code_comes_before_a_wrong_one() {
    let harness = harness(1).await;
    harness.prepared(1).await;
    harness.wait(6 * MINUTE);
    let expired = ApplyRefusal::NoCode { reason: NoCodeReason::Expired };
    assert_eq!(harness.apply(application(1, "wrong")).await, ApplyOutcome::Refused(expired));
}

#[tokio::test]
async fn rows_4_and_5_a_wrong_code_comes_before_a_tenant() {
    let harness = harness(2).await;
    harness.join(1).await;
    harness.send(&phone(2)).await;
    assert_eq!(harness.apply_for_code(Application { email: email(1), ..application(2, "wrong") }).await, "002");
}

#[tokio::test]
async fn rows_5_and_6_a_tenant_comes_before_an_empty_pool() {
    let harness = harness(1).await;
    harness.join(1).await;
    assert_eq!(harness.apply_for_code(Application { email: email(1), ..harness.prepared(2).await }).await, "004");
}

#[tokio::test]
async fn rows_6_and_7_an_empty_pool_comes_before_the_threshold() {
    let harness = harness(0).await;
    let right = harness.prepared(1).await;
    set_threshold(&harness, 0);
    assert_eq!(harness.apply_for_code(right).await, "006");
}

#[tokio::test]
async fn within_row_5_the_phone_comes_before_the_address_and_that_before_the_company() {
    let harness = harness(9).await;
    for n in 1..4 {
        harness.join(n).await;
    }
    harness.wait(MINUTE);
    harness.send(&phone(1)).await;
    let all = Application { email: email(2), company: company(3), ..application(1, &harness.code_on(&phone(1))) };
    let two = Application { email: email(2), company: company(3), ..harness.prepared(4).await };
    for (application, field) in [(all, SharedField::Phone), (two, SharedField::Email)] {
        let outcome = harness.apply(application).await;
        let ApplyOutcome::Refused(ApplyRefusal::TenantExists { shared, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(shared, field);
    }
}
