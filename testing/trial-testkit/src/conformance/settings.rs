//! Runtime settings.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use trial_core::audit::AuditQuery;
use trial_core::policy::{
    Policy, SettingChange, SettingCommand, SettingKey, SettingOutcome, SettingRefusal, SettingValue, SettingsInForce,
};
use trial_core::ports::{AuditTrail, SettingsStore, TrialLedger};
use trial_core::verification::CodeRefusal;

use super::{LedgerFactory, harness, in_the_end};
use crate::LedgerHarness;
use crate::data::phone;

async fn change<L: TrialLedger + SettingsStore>(
    harness: &LedgerHarness<L>,
    key: SettingKey,
    value: Option<SettingValue>,
    seen: Option<u64>,
) -> SettingOutcome {
    let (order, configured) = (SettingCommand { key, value, seen }, Arc::new(Policy::default()));
    harness.ledger.change_setting(order, configured, harness.operator()).await.unwrap()
}

const fn count(count: u32) -> SettingValue {
    SettingValue::Count(count)
}

/// A change holds for the very next decision on any instance, and so does the configured value after a reset.
pub async fn a_changed_setting_is_in_force_at_once<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let (minute, key) = (Duration::from_mins(1), SettingKey::PhoneSendsPerHour);
    let asked = async || {
        harness.wait(minute);
        harness.ask(&phone(1)).await
    };
    for _ in 0..2 {
        asked().await.unwrap();
    }
    assert!(matches!(change(&harness, key, Some(count(2)), None).await, SettingOutcome::Changed(_)));
    assert!(matches!(asked().await, Err(CodeRefusal::HourlyLimit { .. })), "two were sent within the hour");
    assert!(matches!(change(&harness, key, Some(count(3)), None).await, SettingOutcome::Changed(_)));
    asked().await.unwrap();
    assert!(matches!(asked().await, Err(CodeRefusal::HourlyLimit { .. })));
    assert!(matches!(change(&harness, key, None, None).await, SettingOutcome::Changed(_)));
    for _ in 0..2 {
        asked().await.unwrap();
    }
    assert!(matches!(asked().await, Err(CodeRefusal::HourlyLimit { .. })), "five, as configured");
}

/// The audit entry has actor, time, and the values before and after; a change to the same value leaves no entry.
pub async fn a_changed_setting_is_remembered_and_audited<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let (first, day) = (harness.now(), Duration::from_hours(24));
    assert_eq!(harness.ledger.settings().await.unwrap(), SettingsInForce::default());
    change(&harness, SettingKey::TrialDuration, Some(SettingValue::SettingDuration(14 * day)), Some(0)).await;
    harness.wait(day);
    change(&harness, SettingKey::MaxTries, Some(count(3)), Some(1)).await;
    let again = change(&harness, SettingKey::MaxTries, Some(count(3)), Some(2)).await;
    let SettingOutcome::AlreadySo(in_force) = again else { panic!("{again:?}") };
    assert_eq!((in_force.number, in_force.overrides.iter().count()), (2, 2));
    let reset = change(&harness, SettingKey::TrialDuration, None, Some(2)).await;
    let SettingOutcome::Changed(in_force) = reset else { panic!("{reset:?}") };
    assert_eq!(harness.ledger.settings().await.unwrap(), in_force);
    assert_eq!(in_force.overrides.iter().collect::<Vec<_>>(), [(SettingKey::MaxTries, count(3))]);
    let actor = harness.operator().actor;
    let made = |number, key, value, at| SettingChange { number, key, value, at, actor: actor.clone() };
    let expected = [
        made(3, SettingKey::TrialDuration, None, harness.now()),
        made(2, SettingKey::MaxTries, Some(count(3)), harness.now()),
        made(1, SettingKey::TrialDuration, Some(SettingValue::SettingDuration(14 * day)), first),
    ];
    assert_eq!(harness.ledger.setting_changes(None, 10).await.unwrap(), expected);
    assert_eq!(harness.ledger.setting_changes(None, 2).await.unwrap(), expected[..2]);
    let of_one = harness.ledger.setting_changes(Some(SettingKey::TrialDuration), 1).await.unwrap();
    assert_eq!(of_one, expected[..1]);
    let query = AuditQuery { subject: Some("trial.duration".to_owned()), limit: 10, ..AuditQuery::default() };
    let written: Vec<_> = harness.ledger.audit(query).await.unwrap();
    let written: Vec<_> = written.iter().map(|entry| (entry.action.as_str(), entry.detail.as_str())).collect();
    let expected = [
        ("setting.reset", "before 14d, after 30d as configured"),
        ("setting.set", "before 30d as configured, after 14d"),
    ];
    assert_eq!(written, expected);
}

/// A setting that contradicts another in force, changed or configured, or the daily limit, is refused.
pub async fn an_absurd_setting_is_refused<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let minutes = |minutes| Some(SettingValue::SettingDuration(Duration::from_mins(minutes)));
    let refused = async |key, value| match change(&harness, key, value, None).await {
        SettingOutcome::Refused(SettingRefusal::Faulty(fault)) => fault.to_string(),
        other => panic!("{key} is refused, not {other:?}"),
    };
    let said = refused(SettingKey::CodeTtl, minutes(20)).await;
    assert_eq!(said, "`verification.code_cap` (10m) must be at least `verification.code_ttl` (20m)");
    assert!(matches!(change(&harness, SettingKey::CodeCap, minutes(30), None).await, SettingOutcome::Changed(_)));
    assert!(matches!(change(&harness, SettingKey::CodeTtl, minutes(20), None).await, SettingOutcome::Changed(_)));
    let said = refused(SettingKey::CodeCap, None).await;
    assert_eq!(said, "`verification.code_cap` (10m) must be at least `verification.code_ttl` (20m)");
    harness.set_threshold(50).await;
    let said = refused(SettingKey::KeptForResends, Some(count(50))).await;
    assert_eq!(said, "`quota.kept_for_resends` leaves nothing of `quota.threshold` to applications");
    assert_eq!(harness.ledger.setting_changes(None, 10).await.unwrap().len(), 3);
}

/// A change by an operator who has not seen the last one is refused, and changes nothing.
pub async fn a_change_that_was_not_seen_is_not_undone<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    change(&harness, SettingKey::MaxTries, Some(count(3)), Some(0)).await;
    let late = change(&harness, SettingKey::MaxTries, Some(count(4)), Some(0)).await;
    assert_eq!(late, SettingOutcome::Refused(SettingRefusal::Unseen(1)));
    let in_force = harness.ledger.settings().await.unwrap();
    assert_eq!((in_force.number, in_force.overrides.get(SettingKey::MaxTries)), (1, Some(count(3))));
    assert!(matches!(
        change(&harness, SettingKey::MaxTries, Some(count(4)), Some(1)).await,
        SettingOutcome::Changed(_)
    ));
}

/// Of two changes on top of the same state, one is stored.
pub async fn one_of_two_simultaneous_changes_of_settings_is_refused<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let configured = Arc::new(Policy::default());
    let attempt = async |key, value| {
        let order = SettingCommand { key, value, seen: Some(0) };
        in_the_end(|| harness.ledger.change_setting(order, Arc::clone(&configured), harness.operator())).await
    };
    let (one, other) =
        join(attempt(SettingKey::MaxTries, Some(count(3))), attempt(SettingKey::LowWater, Some(count(3)))).await;
    let made = [&one, &other].iter().filter(|outcome| matches!(outcome, SettingOutcome::Changed(_))).count();
    let told = [&one, &other].iter().filter(|outcome| matches!(outcome, SettingOutcome::Refused(_))).count();
    assert_eq!((made, told), (1, 1), "{one:?}, {other:?}");
    assert_eq!(harness.ledger.settings().await.unwrap().number, 1);
}
