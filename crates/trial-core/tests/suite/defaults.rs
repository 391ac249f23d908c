//! Section 2 of the contract: one test for each row that the core uses.

use std::time::Duration;

use rlibphonenumber::Region;
use trial_core::mails::MailRetry;
use trial_core::policy::{AddressLimits, MIN_LIFE_LEFT, Policy, REPLAY_WINDOW, UniqueBy};
use trial_core::values::CODE_DIGITS;
use trial_testkit::data::{application, foreign_phone, phone};

use crate::desks::{DAY, HOUR, MINUTE, ask, harness, secs};

#[tokio::test]
async fn a_code_has_6_digits_and_lives_5_minutes() {
    let harness = harness(0).await;
    let sent = harness.send(&phone(1)).await;
    assert_eq!(sent.code.reveal().len(), CODE_DIGITS);
    assert!(sent.code.reveal().bytes().all(|b| b.is_ascii_digit()));
    assert_eq!(CODE_DIGITS, 6);
    assert_eq!(sent.expires_at, harness.now() + 5 * MINUTE);
    assert_eq!(Policy::default().verification.code_ttl, 5 * MINUTE);
}

#[tokio::test]
async fn the_resend_interval_is_60_seconds_and_the_cap_10_minutes() {
    let rules = Policy::default().verification;
    assert_eq!((rules.resend_after, rules.code_cap, MIN_LIFE_LEFT), (secs(60), 10 * MINUTE, 2 * MINUTE));
    let harness = harness(0).await;
    ask(&harness, 1).await;
    assert_eq!(ask(&harness, 1).await, ("201", Some(60)));
}

#[tokio::test]
async fn sends_per_phone_are_5_per_hour_and_10_per_24_hours() {
    let limits = Policy::default().limits;
    assert_eq!((limits.phone_sends_per_hour, limits.phone_sends_per_day), (5, 10));
    let harness = harness(0).await;
    let mut sent_at = Vec::new();
    for minute in 0..24 * 60 {
        if ask(&harness, 1).await.0 == "200" {
            sent_at.push(minute);
        }
        harness.wait(MINUTE);
    }
    assert_eq!(sent_at, [0, 1, 2, 3, 4, 60, 61, 62, 63, 64]);
}

#[tokio::test]
async fn wrong_tries_per_code_are_5() {
    assert_eq!(Policy::default().verification.max_tries, 5);
    let harness = harness(0).await;
    ask(&harness, 1).await;
    for expected in ["002", "002", "002", "002", "002", "001"] {
        assert_eq!(harness.apply_for_code(application(1, "wrong")).await, expected);
    }
}

#[tokio::test]
async fn consecutive_wrong_tries_per_phone_are_100_over_all_codes() {
    assert_eq!(Policy::default().verification.max_failures, 100);
    let harness = harness(1).await;
    harness.try_wrong(1, 99).await;
    harness.wait(DAY);
    let right = harness.prepared(1).await;
    harness.try_wrong(1, 1).await;
    assert_eq!(harness.apply_for_code(right).await, "003");
    harness.wait(30 * DAY);
    assert_eq!(ask(&harness, 1).await.0, "202", "no time unlocks it");
}

#[test]
fn the_region_of_a_national_number_is_cn_and_so_are_the_countries_served() {
    let phone = Policy::default().phone;
    assert_eq!((phone.default_region, phone.countries.as_slice()), (Region::CN, [Region::CN].as_slice()));
    assert_eq!(phone.default_country_code(), 86);
}

#[tokio::test]
async fn the_sms_budget_is_10_000_in_all_and_50_for_a_foreign_country() {
    let limits = Policy::default().limits;
    assert_eq!((limits.sms_per_day, limits.sms_per_country_day), (10_000, 50));
    let harness = harness(0).await;
    for n in 0..50 {
        harness.ask(&foreign_phone(n)).await.unwrap();
    }
    assert!(harness.ask(&foreign_phone(50)).await.is_err());
    let day = harness.now().date_naive();
    harness.ledger.change(|state| state.sms_days.insert((day, 86), 9_949));
    assert_eq!(ask(&harness, 1).await.0, "200");
    assert_eq!(ask(&harness, 2).await.0, "204");
}

#[test]
fn a_client_address_has_30_code_requests_and_60_applications_per_hour() {
    assert_eq!(
        AddressLimits::default(),
        AddressLimits { codes_per_hour: 30, applications_per_hour: 60, failures_per_hour: 600 }
    );
}

#[test]
fn one_tenant_per_phone_email_and_company() {
    assert_eq!(Policy::default().trial.unique_by, UniqueBy { phone: true, email: true, company: true });
}

#[tokio::test]
async fn the_email_threshold_is_1_000_per_day_in_utc() {
    let quota = Policy::default().quota;
    assert_eq!((quota.threshold, quota.timezone), (1_000, chrono_tz::Tz::UTC));
    let harness = harness(2).await;
    let late = harness.prepared(2).await;
    let day = harness.now().date_naive();
    harness.ledger.change(|state| state.reserved.insert(day, 999));
    harness.join(1).await;
    assert_eq!(harness.apply_for_code(late).await, "205");
    harness.clock.set(day.succ_opt().unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc() - secs(1));
    assert_eq!(ask(&harness, 3).await.0, "205");
    harness.wait(secs(1));
    assert_eq!(ask(&harness, 3).await.0, "200");
}

#[tokio::test]
async fn the_day_of_the_threshold_follows_the_time_zone() {
    let harness = crate::desks::desk_by(2, |policy| {
        policy.quota.timezone = chrono_tz::Tz::Asia__Shanghai;
        policy.quota.threshold = 1;
    })
    .await;
    harness.join(1).await;
    assert_eq!(ask(&harness, 2).await.0, "205");
    harness.wait(8 * HOUR);
    assert_eq!(ask(&harness, 2).await.0, "200", "midnight in Shanghai is 16:00 UTC");
    assert_eq!(harness.apply_for_code(application(2, &harness.code_on(&phone(2)))).await, "000");
    let units = harness.ledger.state().mails.into_values().filter_map(|mail| mail.record.quota);
    let units: Vec<_> = units.map(|unit| (unit.day.to_string(), unit.unit, unit.threshold)).collect();
    assert_eq!(units, [("2026-03-02".to_owned(), 1, 1), ("2026-03-03".to_owned(), 1, 1)]);
}

#[tokio::test]
async fn a_trial_lasts_30_days() {
    let harness = harness(1).await;
    let tenant = harness.join(1).await;
    let kept = &harness.ledger.state().tenants[&tenant];
    assert_eq!(kept.trial_ends_at - kept.created_at, chrono::TimeDelta::days(30));
}

#[tokio::test]
async fn the_longest_free_access_code_is_given_first() {
    let harness = harness(2).await;
    let earlier = harness.now() - secs(1);
    let second = trial_testkit::data::voice(2);
    harness.ledger.change(|state| state.access_codes.get_mut(&second).unwrap().since = earlier);
    let tenant = harness.join(1).await;
    assert_eq!(harness.ledger.state().access_codes[&second].holder, Some(tenant));
}

#[test]
fn a_mail_is_tried_again_from_10_seconds_to_30_minutes_for_24_hours() {
    let retry = MailRetry::default();
    assert_eq!((retry.first, retry.cap, retry.give_up_after), (secs(10), 30 * MINUTE, DAY));
}

#[test]
fn the_same_application_is_answered_again_for_24_hours() {
    assert_eq!(REPLAY_WINDOW, Duration::from_hours(24));
}
