//! Outcomes as they are stored and shown to operations.

use std::time::Duration;

use serde_json::json;
use trial_core::applications::{ApplyRefusal, NoCodeReason};
use trial_core::tenants::{SharedField, TenantStatus};
use trial_core::values::{RequestId, TenantId, UnknownName};
use trial_core::verification::{BudgetScope, CodeRefusal};

/// These texts are stored: a change needs a migration.
#[test]
fn refusals_are_stored_as_they_always_were() {
    let retry_after = Duration::from_secs(7);
    let stored = [
        (json!(CodeRefusal::QuotaReached { threshold: 3 }), json!({"rule": "quota_reached", "threshold": 3})),
        (
            json!(CodeRefusal::TooSoon { retry_after }),
            json!({"rule": "too_soon", "retry_after": {"secs": 7, "nanos": 0}}),
        ),
        (
            json!(CodeRefusal::BudgetSpent { scope: BudgetScope::Country(852), sent: 50 }),
            json!({"rule": "budget_spent", "scope": {"country": 852}, "sent": 50}),
        ),
        (
            json!(ApplyRefusal::NoCode { reason: NoCodeReason::TooManyTries }),
            json!({"rule": "no_code", "reason": "too_many_tries"}),
        ),
        (
            json!(ApplyRefusal::TenantExists { tenant: TenantId::from_bytes([0; 16]), shared: SharedField::Email }),
            json!({"rule": "tenant_exists", "tenant": "00000000-0000-0000-0000-000000000000", "shared": "email"}),
        ),
        (
            json!(ApplyRefusal::PoolEmpty { voice: true, multimedia: false }),
            json!({"rule": "pool_empty", "voice": true, "multimedia": false}),
        ),
    ];
    for (refusal, expected) in stored {
        assert_eq!(refusal, expected);
    }
}

#[test]
fn refusals_come_back_from_storage() {
    let retry_after = Duration::from_millis(7_500);
    let refusals = [
        CodeRefusal::PhoneLocked { failures: 100 },
        CodeRefusal::HourlyLimit { retry_after },
        CodeRefusal::DailyLimit { retry_after },
        CodeRefusal::BudgetSpent { scope: BudgetScope::All, sent: 1 },
    ];
    for refusal in refusals {
        let stored = serde_json::to_string(&refusal).unwrap();
        assert_eq!(serde_json::from_str::<CodeRefusal>(&stored).unwrap(), refusal);
        assert!(!refusal.to_string().is_empty());
    }
    let refusals = [
        ApplyRefusal::PhoneLocked { failures: 100 },
        ApplyRefusal::KeyMissing { key_id: "k".to_owned() },
        ApplyRefusal::WrongCode { tries_left: 0 },
        ApplyRefusal::QuotaReached { threshold: 0 },
    ];
    for refusal in refusals {
        let stored = serde_json::to_string(&refusal).unwrap();
        assert_eq!(serde_json::from_str::<ApplyRefusal>(&stored).unwrap(), refusal);
        assert!(!refusal.to_string().is_empty());
    }
}

#[test]
fn an_empty_pool_says_what_is_missing() {
    let text = |voice, multimedia| ApplyRefusal::PoolEmpty { voice, multimedia }.to_string();
    assert_eq!(text(false, false), "no voice and no multimedia access code was free");
    assert_eq!(text(false, true), "no voice access code was free");
    assert_eq!(text(true, false), "no multimedia access code was free");
}

#[test]
fn stored_names_come_back() {
    for status in TenantStatus::ALL {
        assert_eq!(status.as_str().parse(), Ok(*status));
    }
    let error = "gone".parse::<TenantStatus>().unwrap_err();
    let names = "status of a tenant; must be one of trial, suspended, commercial, closed";
    assert_eq!(error, UnknownName("gone".to_owned(), names));
}

#[test]
fn a_callers_id_is_taken_over_if_it_is_sane() {
    for sane in ["a", "web-1_2.3:4", &"x".repeat(64)] {
        assert_eq!(RequestId::from_caller(sane).unwrap().as_str(), sane);
    }
    for odd in ["", "a b", "a\nb", "a\"b", "\u{e9}", "a/b", &"x".repeat(65)] {
        assert_eq!(RequestId::from_caller(odd), None, "{odd:?}");
    }
}
