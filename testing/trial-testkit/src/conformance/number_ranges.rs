//! Number ranges: counts, blocks, and the safe list.

use std::sync::Arc;
use std::time::Duration;

use trial_core::audit::AuditQuery;
use trial_core::error::LedgerError;
use trial_core::fraud_guard::{SafeOutcome, SafeRange, SafeReason};
use trial_core::policy::{BreakerMode, Policy, SettingCommand, SettingKey, SettingOutcome, SettingValue};
use trial_core::ports::{AuditTrail, NumberRanges, Privacy, SettingsStore, TrialLedger};
use trial_core::values::NumberRange;
use trial_core::verification::{BudgetScope, CodeRefusal};

use super::{LedgerFactory, assert_sound, harness};
use crate::LedgerHarness;
use crate::data::{application, phone, planner_with};

/// The time after which the current codes are unusable, and are judged.
const JUDGED: Duration = Duration::from_mins(16);
const HOUR: Duration = Duration::from_hours(1);

fn breaking(policy: &mut Policy) {
    policy.abuse.breaker.mode = BreakerMode::On;
    policy.abuse.breaker.min_sends = 4;
    policy.abuse.breaker.min_conversion = 50;
}

async fn breaking_desk<F: LedgerFactory>(factory: &F, pairs: u32) -> LedgerHarness<F::Ledger> {
    let mut harness = harness(factory, pairs).await;
    harness.set_planner(planner_with(breaking));
    harness
}

async fn blocked<L: TrialLedger>(harness: &LedgerHarness<L>, n: u32) -> (u32, u32, u32) {
    match harness.ask(&phone(n)).await {
        Err(CodeRefusal::PrefixBlocked(blocked)) => (blocked.sent, blocked.used, blocked.met),
        other => panic!("a block, not {other:?}"),
    }
}

async fn audited<L: AuditTrail + TrialLedger>(
    harness: &LedgerHarness<L>,
    prefix: NumberRange,
) -> Vec<(String, String)> {
    let query = AuditQuery { subject: Some(prefix.to_string()), limit: 10, ..AuditQuery::default() };
    harness.ledger.audit(query).await.unwrap().into_iter().map(|entry| (entry.action, entry.detail)).collect()
}

async fn make_safe<L: NumberRanges + TrialLedger>(
    harness: &LedgerHarness<L>,
    prefix: NumberRange,
    reason: &str,
) -> Result<SafeOutcome, LedgerError> {
    let (by, reason) = (harness.operator(), SafeReason::parse(reason).unwrap());
    harness.ledger.add_safe_prefix(SafeRange::added_by(&by, prefix, reason), by).await
}

/// 204 from the decision on that triggers the block, until it ends or is released; then later codes are counted.
pub async fn a_range_with_unused_codes_is_blocked<F: LedgerFactory>(factory: &F) {
    let harness = breaking_desk(factory, 1).await;
    let prefix = phone(1).prefix();
    for n in 1..4 {
        harness.send(&phone(n)).await;
    }
    harness.join(4).await;
    assert_eq!(harness.ledger.prefix_blocks(harness.now(), 9).await.unwrap(), []);
    harness.wait(JUDGED);
    let since = harness.now();
    assert_eq!(blocked(&harness, 5).await, (4, 1, 1));
    assert_eq!(blocked(&harness, 6).await, (4, 1, 2));
    harness.send(&phone(10_001)).await;
    let [listed] = harness.ledger.prefix_blocks(harness.now(), 9).await.unwrap()[..] else { panic!("one block") };
    assert_eq!((listed.prefix, listed.block.since, listed.block.until), (prefix, since, since + 12 * HOUR));
    assert_eq!((listed.block.sent, listed.block.used, listed.block.met), (4, 1, 2));
    assert_eq!(harness.ledger.prefix_blocks(harness.now() + 12 * HOUR, 9).await.unwrap(), []);
    assert_eq!(harness.ledger.prefix_blocks(harness.now(), 0).await.unwrap(), []);

    assert_eq!(harness.ledger.release_prefix(phone(10_001).prefix(), harness.operator()).await.unwrap(), None);
    assert_eq!(harness.ledger.release_prefix(prefix, harness.operator()).await.unwrap(), Some(listed));
    assert_eq!(harness.ledger.release_prefix(prefix, harness.operator()).await.unwrap(), None);
    let [(action, detail)] = &audited(&harness, prefix).await[..] else { panic!("one entry") };
    assert_eq!(action, "prefix.release");
    assert!(detail.contains("4 codes sent, 1 used"), "{detail}");
    harness.wait(5 * Duration::from_mins(1));
    for n in 5..9 {
        harness.send(&phone(n)).await;
    }
    harness.wait(JUDGED);
    assert_eq!(blocked(&harness, 9).await, (4, 0, 1));
    harness.wait(12 * HOUR);
    harness.send(&phone(9)).await;
    assert_sound(&*harness.ledger).await;
}

/// A code counts as used once, whatever the answer; a message that a gateway refused was not sent.
pub async fn codes_are_counted_as_used_once<F: LedgerFactory>(factory: &F) {
    let harness = breaking_desk(factory, 0).await;
    for n in 1..5 {
        let application = harness.prepared(n).await;
        for _ in 0..if n == 1 { 3 } else { 1 } {
            assert_eq!(harness.apply_for_code(application.clone()).await, "006");
        }
    }
    for n in 5..9 {
        let sent = harness.ask(&phone(n)).await.unwrap();
        harness.report(&sent, trial_core::sms::GatewayReply::Refused { reason: "no".to_owned() }).await;
    }
    for n in 9..14 {
        harness.send(&phone(n)).await;
        assert_eq!(harness.apply_for_code(application(n, "wrong")).await, "002");
    }
    harness.wait(JUDGED);
    assert_eq!(blocked(&harness, 14).await, (9, 4, 1));
}

/// Several of one batch: the one that triggers the block, and those after it.
pub async fn a_block_holds_within_its_batch<F: LedgerFactory>(factory: &F) {
    let harness = breaking_desk(factory, 0).await;
    let ask = |n| trial_core::planner::Request::SendCode(crate::data::code_request(&phone(n)));
    harness.commit((1..5).map(ask)).await;
    harness.wait(JUDGED);
    let outcomes = harness.commit([ask(5), ask(10_001), ask(6)]).await;
    let met: Vec<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            trial_core::planner::Outcome::SendCode(
                trial_core::verification::CodeOutcome::Refused(CodeRefusal::PrefixBlocked(blocked)),
                None,
            ) => blocked.met,
            _ => 0,
        })
        .collect();
    assert_eq!(met, [1, 0, 2]);
    assert_eq!(blocked(&harness, 7).await, (4, 0, 3));
}

/// 204: messages of a day to a range; a changed limit holds for the next decision.
pub async fn the_messages_to_a_prefix_are_kept_by_day<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    for n in 1..3 {
        harness.send(&phone(n)).await;
    }
    let order = SettingCommand { key: SettingKey::SmsPerPrefixDay, value: Some(SettingValue::Count(3)), seen: None };
    let changed = harness.ledger.change_setting(order, Arc::new(Policy::default()), harness.operator()).await.unwrap();
    assert!(matches!(changed, SettingOutcome::Changed(_)));
    let refused = harness.ask(&phone(3)).await.unwrap();
    harness.report(&refused, trial_core::sms::GatewayReply::Refused { reason: "no".to_owned() }).await;
    harness.send(&phone(4)).await;
    let spent = CodeRefusal::BudgetSpent { scope: BudgetScope::Prefix(phone(1).prefix()), sent: 3 };
    assert_eq!(harness.ask(&phone(5)).await, Err(spent));
    harness.send(&phone(10_001)).await;
    harness.wait(24 * HOUR);
    harness.send(&phone(5)).await;
}

/// The day's messages are limited independently of the fraud guard, which knows of no block while it is off.
pub async fn messages_to_a_prefix_are_limited_without_the_breaker<F: LedgerFactory>(factory: &F) {
    let mut harness = breaking_desk(factory, 0).await;
    for n in 1..5 {
        harness.send(&phone(n)).await;
    }
    harness.wait(JUDGED);
    assert_eq!(blocked(&harness, 5).await, (4, 0, 1));
    harness.set_planner(planner_with(|policy| {
        policy.abuse.breaker.mode = BreakerMode::Off;
        policy.limits.sms_per_prefix_day = 5;
    }));
    harness.send(&phone(5)).await;
    let spent = CodeRefusal::BudgetSpent { scope: BudgetScope::Prefix(phone(1).prefix()), sent: 5 };
    assert_eq!(harness.ask(&phone(6)).await, Err(spent));
}

/// Safe from the next decision on, audited, and no longer so when it is removed.
pub async fn a_safe_prefix_is_never_blocked<F: LedgerFactory>(factory: &F) {
    let harness = breaking_desk(factory, 0).await;
    let (prefix, country) = (phone(1).prefix(), "+86".parse::<NumberRange>().unwrap());
    for n in 1..5 {
        harness.send(&phone(n)).await;
    }
    harness.wait(JUDGED);
    assert_eq!(make_safe(&harness, country, "a test of the load").await.unwrap(), SafeOutcome::Added);
    assert_eq!(make_safe(&harness, country, "again").await.unwrap(), SafeOutcome::AlreadySafe);
    assert_eq!(make_safe(&harness, prefix, "a customer").await.unwrap(), SafeOutcome::Added);
    harness.send(&phone(5)).await;
    let listed = harness.ledger.safe_prefixes().await.unwrap();
    let shown: Vec<_> = listed.iter().map(|safe| (safe.prefix, safe.reason.as_str(), safe.at)).collect();
    assert_eq!(shown, [(country, "a test of the load", harness.now()), (prefix, "a customer", harness.now())]);
    assert!(harness.ledger.remove_safe_prefix(country, harness.operator()).await.unwrap());
    assert!(!harness.ledger.remove_safe_prefix(country, harness.operator()).await.unwrap());
    harness.send(&phone(6)).await;
    assert!(harness.ledger.remove_safe_prefix(prefix, harness.operator()).await.unwrap());
    assert_eq!(blocked(&harness, 7).await.1, 0);
    assert_eq!(harness.ledger.safe_prefixes().await.unwrap(), []);
    let entries = audited(&harness, country).await;
    let actions: Vec<_> = entries.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(actions, ["prefix.safe_remove", "prefix.safe_add"]);
    assert!(entries.iter().all(|(_, detail)| detail.contains("reason: a test of the load")), "{entries:?}");
}

/// Counts are removed when nothing needs them any more, and blocks as long after their end.
pub async fn counts_of_ranges_are_removed<F: LedgerFactory>(factory: &F) {
    let harness = breaking_desk(factory, 0).await;
    for n in 1..5 {
        harness.send(&phone(n)).await;
    }
    harness.send(&phone(10_001)).await;
    harness.wait(JUDGED);
    assert_eq!(blocked(&harness, 5).await, (4, 0, 1));
    harness.wait(47 * HOUR);
    assert_eq!(harness.ledger.expire_prefixes(harness.now()).await.unwrap(), 0);
    harness.wait(HOUR);
    assert_eq!(harness.ledger.expire_prefixes(harness.now()).await.unwrap(), 2, "the counts of two prefixes");
    harness.wait(12 * HOUR);
    assert_eq!(harness.ledger.expire_prefixes(harness.now()).await.unwrap(), 0, "the block ended not long ago");
    harness.wait(Duration::from_secs(1));
    assert_eq!(harness.ledger.expire_prefixes(harness.now()).await.unwrap(), 1, "the block");
    assert_eq!(harness.ledger.expire_prefixes(harness.now()).await.unwrap(), 0);
    harness.send(&phone(5)).await;
}
