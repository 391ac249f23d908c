//! If an application breaks two neighbouring rules, the earlier one answers.

use trial_core::applications::{Application, ApplyOutcome, ApplyRefusal, NoCodeReason};
use trial_core::tenants::SharedField;
use trial_core::values::PhonePolicy;
use trial_core::verification::{BudgetScope, CodeRefusal};
use trial_testkit::data::{application, company, email, foreign_phone, phone};

use crate::desks::{MINUTE, MemoryDesk, ask, desk, desk_by, set_failures, set_threshold};

async fn refusal_of_code(desk: &MemoryDesk, n: u32) -> CodeRefusal {
    desk.ask(&phone(n)).await.unwrap_err()
}

#[tokio::test]
async fn a_code_the_threshold_comes_before_the_lock() {
    let desk = desk(0).await;
    ask(&desk, 1).await;
    set_failures(&desk, 1, 100);
    set_threshold(&desk, 0);
    assert_eq!(refusal_of_code(&desk, 1).await, CodeRefusal::QuotaReached { threshold: 0 });
}

#[tokio::test]
async fn a_code_the_lock_comes_before_the_interval() {
    let desk = desk(0).await;
    ask(&desk, 1).await;
    set_failures(&desk, 1, 100);
    assert_eq!(refusal_of_code(&desk, 1).await, CodeRefusal::PhoneLocked { failures: 100 });
}

/// Of the phone's own limits, the one with the longest wait decides.
#[tokio::test]
async fn a_code_of_the_limits_of_the_phone_the_longest_is_told() {
    let desk = desk_by(0, |policy| policy.limits.phone_sends_per_hour = 1).await;
    ask(&desk, 1).await;
    assert_eq!(refusal_of_code(&desk, 1).await, CodeRefusal::HourlyLimit { retry_after: 60 * MINUTE });
    let desk = desk_by(0, |policy| {
        policy.limits.phone_sends_per_hour = 1;
        policy.limits.phone_sends_per_day = 1;
    })
    .await;
    ask(&desk, 1).await;
    desk.wait(MINUTE);
    assert_eq!(refusal_of_code(&desk, 1).await, CodeRefusal::DailyLimit { retry_after: (24 * 60 - 1) * MINUTE });
}

#[tokio::test]
async fn a_code_the_daily_limit_comes_before_the_budget() {
    let desk = desk_by(0, |policy| {
        policy.limits.phone_sends_per_day = 1;
        policy.limits.sms_per_day = 1;
    })
    .await;
    ask(&desk, 1).await;
    desk.wait(MINUTE);
    assert!(matches!(refusal_of_code(&desk, 1).await, CodeRefusal::DailyLimit { .. }));
}

#[tokio::test]
async fn a_code_the_budget_of_all_comes_before_that_of_the_country() {
    let desk = desk_by(0, |policy| {
        policy.phone = PhonePolicy::from_codes("CN", &["CN".to_owned(), "HK".to_owned()]).unwrap();
        policy.limits.sms_per_day = 1;
        policy.limits.sms_per_country_day = 1;
    })
    .await;
    desk.send(&foreign_phone(1)).await;
    let refusal = desk.ask(&foreign_phone(2)).await.unwrap_err();
    assert_eq!(refusal, CodeRefusal::BudgetSpent { scope: BudgetScope::All, sent: 1 });
}

#[tokio::test]
async fn rows_1_and_2_a_replay_comes_before_the_lock() {
    let desk = desk(1).await;
    let first = desk.prepared(1).await;
    assert_eq!(desk.apply_for_code(first.clone()).await, "000");
    set_failures(&desk, 1, 100);
    assert_eq!(desk.apply_for_code(first).await, "000");
    assert_eq!(desk.ledger.state().phones[&phone(1)].failures, 100, "it is no success that unlocks");
}

#[tokio::test]
async fn rows_2_and_3_the_lock_comes_before_a_missing_code() {
    let desk = desk(1).await;
    let right = desk.prepared(1).await;
    desk.wait(6 * MINUTE);
    set_failures(&desk, 1, 100);
    assert_eq!(desk.apply_for_code(right).await, "003");
}

#[tokio::test]
async fn rows_3_and_4_a_missing_code_comes_before_a_wrong_one() {
    let desk = desk(1).await;
    desk.prepared(1).await;
    desk.wait(6 * MINUTE);
    let expired = ApplyRefusal::NoCode { reason: NoCodeReason::Expired };
    assert_eq!(desk.apply(application(1, "wrong")).await, ApplyOutcome::Refused(expired));
}

#[tokio::test]
async fn rows_4_and_5_a_wrong_code_comes_before_a_tenant() {
    let desk = desk(2).await;
    desk.join(1).await;
    desk.send(&phone(2)).await;
    assert_eq!(desk.apply_for_code(Application { email: email(1), ..application(2, "wrong") }).await, "002");
}

#[tokio::test]
async fn rows_5_and_6_a_tenant_comes_before_an_empty_pool() {
    let desk = desk(1).await;
    desk.join(1).await;
    assert_eq!(desk.apply_for_code(Application { email: email(1), ..desk.prepared(2).await }).await, "004");
}

#[tokio::test]
async fn rows_6_and_7_an_empty_pool_comes_before_the_threshold() {
    let desk = desk(0).await;
    let right = desk.prepared(1).await;
    set_threshold(&desk, 0);
    assert_eq!(desk.apply_for_code(right).await, "006");
}

#[tokio::test]
async fn within_row_5_the_phone_comes_before_the_address_and_that_before_the_company() {
    let desk = desk(9).await;
    for n in 1..4 {
        desk.join(n).await;
    }
    desk.wait(MINUTE);
    desk.send(&phone(1)).await;
    let all = Application { email: email(2), company: company(3), ..application(1, &desk.code_on(&phone(1))) };
    let two = Application { email: email(2), company: company(3), ..desk.prepared(4).await };
    for (application, field) in [(all, SharedField::Phone), (two, SharedField::Email)] {
        let outcome = desk.apply(application).await;
        let ApplyOutcome::Refused(ApplyRefusal::TenantExists { shared, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(shared, field);
    }
}
