//! The warnings to operations, and their conditions.

use chrono::{DateTime, NaiveDate};
use trial_core::access_codes::{AccessCodeStock, PoolOutlook};
use trial_core::mails::RefusedMail;
use trial_core::policy::{Policy, QuotaPolicy};
use trial_core::quota::{BudgetView, QuotaDay, QuotaView};
use trial_core::values::AccessCodeKind;
use trial_core::warnings::{refusal_warnings, warnings};

fn quota(threshold: u32, reserved: u32, by_owners: u32) -> QuotaView {
    quota_under(&policy(), threshold, reserved, by_owners)
}

fn quota_under(policy: &Policy, threshold: u32, reserved: u32, by_owners: u32) -> QuotaView {
    let owners = BudgetView { reserved: by_owners, sent: 0, failed: 0 };
    let used = QuotaDay { day: NaiveDate::default(), reserved, sent: 0, failed: 0, owners };
    used.under(&QuotaPolicy { threshold, ..policy.quota.clone() })
}

fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.trial.low_water = 20;
    policy
}

fn names(free: u64, reserved: u32, threshold: u32) -> Vec<String> {
    let kind = AccessCodeKind::Voice;
    let stock = AccessCodeStock { kind, free, leased: 0, quarantined: 0, retired: 0 };
    let pool = [PoolOutlook { stock, taken: 28, next_rest_ends_at: None }];
    warnings(&pool, &quota(threshold, reserved, 0), &policy(), DateTime::UNIX_EPOCH)
        .into_iter()
        .map(|warning| warning.name)
        .collect()
}

#[test]
fn each_level_has_its_name() {
    for (free, reserved, threshold, expected) in [
        (21, 0, 1000, &[][..]),
        (20, 0, 1000, &["pool.voice.low"]),
        (0, 0, 1000, &["pool.voice.empty"]),
        (21, 699, 1000, &[]),
        (21, 700, 1000, &["quota.70"]),
        (21, 900, 1000, &["quota.90"]),
        (21, 1000, 1000, &["quota.100"]),
        (21, 5, 3, &["quota.100"]),
        (21, 0, 0, &["quota.100"]),
    ] {
        assert_eq!(names(free, reserved, threshold), expected, "{free} {reserved} {threshold}");
    }
}

/// The mails that owners may cause are a twentieth of the daily e-mail limit by default.
#[test]
fn mails_of_owners_are_warned_of_by_their_own_limit() {
    for (set, threshold, by_owners, expected) in [
        (None, 1000, 34, &[][..]),
        (None, 1000, 35, &["owner_mails.70"]),
        (None, 1000, 45, &["owner_mails.90"]),
        (None, 1000, 50, &["owner_mails.100"]),
        (Some(10), 1000, 9, &["owner_mails.90"]),
        (Some(0), 1000, 0, &[]),
    ] {
        let mut policy = policy();
        policy.quota.owner_mails = set;
        let told = warnings(&[], &quota_under(&policy, threshold, 0, by_owners), &policy, DateTime::UNIX_EPOCH);
        let names: Vec<_> = told.iter().map(|warning| warning.name.as_str()).collect();
        assert_eq!(names, expected, "{set:?} {by_owners}");
    }
    let told = warnings(&[], &quota(1000, 0, 45), &policy(), DateTime::UNIX_EPOCH);
    assert_eq!(told[0].words, "mails caused by owners: 45 of 50 used today");
}

#[test]
fn the_words_say_how_long_it_lasts() {
    let stock = AccessCodeStock { kind: AccessCodeKind::Multimedia, free: 3, leased: 9, quarantined: 0, retired: 0 };
    let pool = [PoolOutlook { stock, taken: 28, next_rest_ends_at: None }];
    let told = warnings(&pool, &quota(10, 0, 0), &policy(), DateTime::UNIX_EPOCH);
    assert_eq!(told[0].words, "multimedia access codes: 3 free, enough for 1.5 days");
    assert_eq!(pool[0].days_until_empty(), Some(1.5));
}

#[test]
fn refusals_with_the_same_words_are_one_warning() {
    let refused = |to: usize, reply: String| RefusedMail { to: format!("a{to}@example.com"), reply };
    let quota = |n: usize| {
        refused(
            n,
            format!(
                "the mail server refused the recipient: 550 5.4.5 Daily user sending limit exceeded <***> {n}f83a4c-2e - gsmtp"
            ),
        )
    };
    let named = |refused: &[RefusedMail]| {
        refusal_warnings(refused, NaiveDate::default(), DateTime::UNIX_EPOCH)
            .into_iter()
            .map(|warning| (warning.name, warning.words))
            .collect::<Vec<_>>()
    };
    assert_eq!(named(&(0..2).map(quota).collect::<Vec<_>>()), []);
    let twice = [quota(1), quota(1), quota(1)];
    assert_eq!(named(&twice), [], "one recipient alone");
    let words = "mails to 3 recipients are refused with the same reply: the mail server refused the recipient: 550 5.4.5 Daily user sending limit exceeded - gsmtp";
    assert_eq!(named(&(0..3).map(quota).collect::<Vec<_>>()), [("mails.refused.550".to_owned(), words.to_owned())]);
    let unreached =
        |n: usize| refused(n, "no session with the mail server: Connection refused (os error 111)".to_owned());
    let both: Vec<_> = (0..4).map(quota).chain((0..3).map(unreached)).collect();
    let all: Vec<_> = named(&both).into_iter().map(|(name, _)| name).collect();
    assert_eq!(all, ["mails.refused.550", "mails.refused.unreached"]);
    let apart = (0..5).map(|n| refused(n, format!("550 no such user {}", ["a", "b", "c", "d", "e"][n])));
    assert_eq!(named(&apart.collect::<Vec<_>>()), [], "each in its own words");
}
