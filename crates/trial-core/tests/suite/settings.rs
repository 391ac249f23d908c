//! Runtime settings: their values, ranges and contradictions.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use trial_core::policy::{
    BreakerMode, Overrides, Policy, PolicyInForce, QuotaPolicy, SettingCommand, SettingKey, SettingRefusal,
    SettingValue, SettingsInForce,
};

fn count(count: u32) -> SettingValue {
    SettingValue::Count(count)
}

fn minutes(minutes: u64) -> SettingValue {
    SettingValue::SettingDuration(Duration::from_mins(minutes))
}

/// The settings after these changes, one after the other.
fn in_force(changes: &[(SettingKey, SettingValue)]) -> SettingsInForce {
    let overrides = changes.iter().fold(Overrides::default(), |all, (key, value)| all.with(*key, Some(*value)));
    SettingsInForce { number: changes.len() as u64, overrides }
}

#[test]
fn values_are_read_by_the_setting_that_they_are_for() {
    use SettingKey::{AddressCodesPerHour, CodeTtl, MaxTries, ResendAfter, TrialDuration};
    for (key, text, value) in [
        (MaxTries, "1", count(1)),
        (MaxTries, "1000", count(1_000)),
        (AddressCodesPerHour, "0", count(0)),
        (CodeTtl, "60s", minutes(1)),
        (CodeTtl, "24h", minutes(24 * 60)),
        (ResendAfter, "0s", minutes(0)),
        (TrialDuration, "30d", minutes(30 * 24 * 60)),
        (SettingKey::BreakerMode, "on", SettingValue::Mode(BreakerMode::On)),
        (SettingKey::OwnerMails, "0", count(0)),
        (SettingKey::OwnerMails, "threshold/20", SettingValue::ShareOfThreshold),
    ] {
        assert_eq!(key.parse(text), Ok(value), "{key} = {text}");
    }
    for (key, text, said) in [
        (MaxTries, "0", "0 is not from 1 to 1000"),
        (MaxTries, "1001", "1001 is not from 1 to 1000"),
        (MaxTries, "5m", "\"5m\" is not a whole number from 1 to 1000"),
        (MaxTries, "+5", "\"+5\" is not a whole number from 1 to 1000"),
        (MaxTries, "threshold/20", "\"threshold/20\" is not a whole number from 1 to 1000"),
        (MaxTries, "", "\"\" is not a whole number from 1 to 1000"),
        (MaxTries, "4294967296", "\"4294967296\" is not a whole number from 1 to 1000"),
        (CodeTtl, "59s", "59s is not from 1m to 1d"),
        (CodeTtl, "1441m", "1441m is not from 1m to 1d"),
        (CodeTtl, "5", "\"5\" is not a duration; write a whole number and its unit, such as 60s, 5m, 24h or 30d"),
        (SettingKey::BreakerMode, "loud", "\"loud\" is not a mode of the fraud guard; must be one of off, shadow, on"),
        (TrialDuration, "36501d", "\"36501d\" is longer than 36500d"),
    ] {
        assert_eq!(key.parse(text).unwrap_err().to_string(), said, "{key} = {text}");
    }
}

/// Mails that owners may cause follow the daily e-mail limit in force, until a number is set.
#[test]
fn owner_mails_are_a_twentieth_of_the_threshold_unless_they_are_set() {
    let mut quota = Policy::default().quota;
    let by = |quota: &QuotaPolicy| [0, 1, 20, 21, 1_000, u32::MAX].map(|threshold| quota.owner_mails_by(threshold));
    assert_eq!(by(&quota), [0, 1, 1, 2, 50, 214_748_365]);
    quota.owner_mails = Some(7);
    assert_eq!(by(&quota), [7; 6]);
}

/// Finds a setting that is written to another field than it is read from, or to none.
#[test]
fn each_setting_changes_itself_and_nothing_else() {
    let configured = Policy::default();
    for key in SettingKey::ALL {
        let (least, most) = key.range();
        let other = if key.of(&configured) == least { most } else { least };
        let policy = Overrides::default().with(*key, Some(other)).policy(&configured);
        let differing: Vec<_> = SettingKey::ALL.iter().filter(|key| key.of(&policy) != key.of(&configured)).collect();
        assert_eq!(differing, [key]);
        assert_eq!(key.of(&policy), other);
    }
    let told: BTreeSet<_> = SettingKey::ALL.iter().map(|key| key.what()).collect();
    assert_eq!(told.len(), SettingKey::ALL.len(), "each says something of its own");
}

#[test]
fn what_is_configured_by_default_makes_sense_and_may_be_set() {
    let policy = Policy::default();
    assert_eq!(policy.faults(), []);
    for key in SettingKey::ALL {
        let value = key.of(&policy);
        assert_eq!(key.parse(&value.to_string()), Ok(value), "{key}");
    }
}

#[test]
fn what_makes_no_sense_together_is_refused_and_names_both_keys() {
    use SettingKey::{CodeCap, CodeTtl, KeptForResends, ResendAfter, TrialDuration};
    let configured = Policy::default();
    for (before, key, value, said) in [
        (
            &[][..],
            CodeTtl,
            Some(minutes(11)),
            "`verification.code_cap` (10m) must be at least `verification.code_ttl` (11m)",
        ),
        (&[], CodeCap, Some(minutes(4)), "`verification.code_cap` (4m) must be at least `verification.code_ttl` (5m)"),
        (
            &[],
            ResendAfter,
            Some(minutes(11)),
            "`verification.resend_after` (11m) must be at most `verification.code_cap` (10m)",
        ),
        (
            &[(CodeCap, minutes(30)), (CodeTtl, minutes(20))],
            CodeCap,
            None,
            "`verification.code_cap` (10m) must be at least `verification.code_ttl` (20m)",
        ),
        (
            &[],
            TrialDuration,
            Some(minutes(7 * 24 * 60)),
            "`trial.reminders` has 7d, which is not shorter than `trial.duration` (7d)",
        ),
        (
            &[],
            KeptForResends,
            Some(count(1_000)),
            "`quota.kept_for_resends` leaves nothing of `quota.threshold` to applications",
        ),
    ] {
        let order = SettingCommand { key, value, seen: None };
        match order.decide(&in_force(before), &configured) {
            Err(SettingRefusal::Faulty(fault)) => assert_eq!(fault.to_string(), said),
            other => panic!("{key} to {value:?} is refused, not {other:?}"),
        }
    }
}

/// A fault of the configuration, or of a release before, prevents no other change.
#[test]
fn a_fault_that_is_there_prevents_no_other_change() {
    let configured = Policy::default();
    let before = in_force(&[(SettingKey::KeptForResends, count(100)), (SettingKey::Threshold, count(50))]);
    let order = |key, value| SettingCommand { key, value: Some(value), seen: None };
    assert!(matches!(order(SettingKey::MaxTries, count(3)).decide(&before, &configured), Ok(Some(_))));
    assert!(matches!(order(SettingKey::KeptForResends, count(10)).decide(&before, &configured), Ok(Some(_))));
    let worse = order(SettingKey::KeptForResends, count(99)).decide(&before, &configured);
    assert!(matches!(worse, Err(SettingRefusal::Faulty(_))), "{worse:?}");
}

/// Applications would get 205 while every page says that mails are left.
#[test]
fn a_limit_that_leaves_nothing_to_applications_is_refused_unless_it_is_0() {
    let configured = Policy::default();
    let before = in_force(&[(SettingKey::KeptForResends, count(100))]);
    let order = |threshold| SettingCommand { key: SettingKey::Threshold, value: Some(count(threshold)), seen: None };
    for threshold in [1, 50, 100] {
        let refused = order(threshold).decide(&before, &configured);
        assert!(matches!(refused, Err(SettingRefusal::Faulty(_))), "{threshold}: {refused:?}");
    }
    for threshold in [0, 101] {
        let wanted = order(threshold).decide(&before, &configured).unwrap().unwrap();
        let left = wanted.policy(&configured).quota.left(0);
        assert_eq!(left, threshold.saturating_sub(100));
    }
}

#[test]
fn a_change_on_top_of_another_that_was_not_seen_is_refused() {
    let (configured, before) = (Policy::default(), in_force(&[(SettingKey::MaxTries, count(3))]));
    let order = |seen| SettingCommand { key: SettingKey::MaxTries, value: None, seen };
    assert_eq!(order(Some(0)).decide(&before, &configured), Err(SettingRefusal::Unseen(1)));
    assert_eq!(order(Some(1)).decide(&before, &configured), Ok(Some(Overrides::default())));
    assert_eq!(order(None).decide(&before, &configured), Ok(Some(Overrides::default())));
    assert_eq!(order(None).decide(&SettingsInForce::default(), &configured), Ok(None), "it is so already");
}

#[test]
fn a_process_takes_what_is_news_and_never_goes_back() {
    let policy = PolicyInForce::new(Arc::new(Policy::default()));
    let tries = || policy.now().verification.max_tries;
    let first = in_force(&[(SettingKey::MaxTries, count(3))]);
    let second = SettingsInForce { number: 2, overrides: Overrides::default() };
    assert!(policy.take(&first) && tries() == 3);
    assert!(!policy.take(&first) && tries() == 3);
    assert!(policy.take(&second) && tries() == 5, "what is configured, again");
    assert!(!policy.take(&first) && tries() == 5, "an answer that comes late");
    assert_eq!(policy.configured().verification.max_tries, 5);
}

#[test]
fn a_setting_that_cannot_be_read_is_as_configured_and_is_stored_again() {
    let (configured, known) = (Policy::default(), in_force(&[(SettingKey::LowWater, count(3))]).overrides);
    for pair in
        ["limits.of_tomorrow=9", "verification.max_tries", "verification.max_tries=", "verification.max_tries=5m"]
    {
        let read = Overrides::from(format!("{pair} {known}").as_str());
        assert_eq!(read.policy(&configured), known.policy(&configured), "{pair}");
        assert_eq!(read.unreadable().collect::<Vec<_>>(), [pair]);
        assert_eq!(Overrides::from(read.with(SettingKey::LowWater, None).to_string().as_str()).unreadable().count(), 1);
    }
}

#[test]
fn a_value_that_cannot_be_read_is_reset() {
    let now = SettingsInForce { number: 1, overrides: Overrides::from("verification.max_tries=soon") };
    let order = |value| SettingCommand { key: SettingKey::MaxTries, value, seen: None };
    assert_eq!(order(None).decide(&now, &Policy::default()), Ok(Some(Overrides::default())));
    let set = order(Some(count(3))).decide(&now, &Policy::default()).unwrap().unwrap();
    assert_eq!(set, in_force(&[(SettingKey::MaxTries, count(3))]).overrides);
}

fn changes() -> impl Strategy<Value = Vec<(SettingKey, Option<SettingValue>)>> {
    let value = |key: SettingKey| match key.range() {
        (SettingValue::Count(least), SettingValue::Count(most)) => (least..=most).prop_map(SettingValue::Count).boxed(),
        (SettingValue::SettingDuration(least), SettingValue::SettingDuration(most)) => (least.as_millis()
            ..=most.as_millis())
            .prop_map(|ms| SettingValue::SettingDuration(Duration::from_millis(u64::try_from(ms).unwrap())))
            .boxed(),
        (SettingValue::Mode(_), SettingValue::Mode(_)) => {
            prop::sample::select(BreakerMode::ALL).prop_map(SettingValue::Mode).boxed()
        }
        other => unreachable!("{other:?}"),
    };
    let change = prop::sample::select(SettingKey::ALL)
        .prop_flat_map(move |key| (Just(key), prop::option::weighted(0.8, value(key))));
    prop::collection::vec(change, 0..40)
}

proptest! {
    /// After any commands, the settings in force have no fault, are read as they were written, and are empty once all
    /// are reset.
    #[test]
    fn no_order_of_changes_makes_nonsense(changes in changes()) {
        let configured = Policy::default();
        let mut now = SettingsInForce::default();
        for (key, value) in changes {
            let order = SettingCommand { key, value, seen: Some(now.number) };
            if let Ok(Some(overrides)) = order.decide(&now, &configured) {
                prop_assert_eq!(overrides.get(key), value);
                now = SettingsInForce { number: now.number + 1, overrides };
            }
            prop_assert_eq!(now.overrides.policy(&configured).faults(), []);
            prop_assert_eq!(Overrides::from(now.overrides.to_string().as_str()), now.overrides.clone());
        }
        let reset = SettingKey::ALL.iter().fold(now.overrides, |all, key| all.with(*key, None));
        prop_assert!(reset.is_empty());
        prop_assert_eq!(reset.policy(&configured), configured);
    }
}
