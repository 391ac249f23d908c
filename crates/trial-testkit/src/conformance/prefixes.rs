//! Number ranges: counts, blocks, and the safe list.

use std::sync::Arc;
use std::time::Duration;

use trial_core::audit::AuditQuery;
use trial_core::error::LedgerError;
use trial_core::fraud_guard::{SafeOutcome, SafePrefix, SafeReason};
use trial_core::policy::{BreakerMode, Policy, SettingKey, SettingOrder, SettingOutcome, SettingValue};
use trial_core::ports::{AuditTrail, DataCare, Prefixes, SettingsStore, TrialLedger};
use trial_core::values::PhonePrefix;
use trial_core::verification::{BudgetScope, CodeRefusal};

use super::{LedgerFactory, assert_sound, desk};
use crate::Desk;
use crate::data::{application, phone, planner_with};

/// The time after which the current codes are unusable, and are judged.
const JUDGED: Duration = Duration::from_mins(16);
const HOUR: Duration = Duration::from_hours(1);

fn breaking(policy: &mut Policy) {
    policy.abuse.breaker.mode = BreakerMode::On;
    policy.abuse.breaker.min_sends = 4;
    policy.abuse.breaker.min_conversion = 50;
}

async fn breaking_desk<F: LedgerFactory>(factory: &F, pairs: u32) -> Desk<F::Ledger> {
    let mut desk = desk(factory, pairs).await;
    desk.set_planner(planner_with(breaking));
    desk
}

async fn blocked<L: TrialLedger>(desk: &Desk<L>, n: u32) -> (u32, u32, u32) {
    match desk.ask(&phone(n)).await {
        Err(CodeRefusal::PrefixBlocked(blocked)) => (blocked.sent, blocked.used, blocked.met),
        other => panic!("a block, not {other:?}"),
    }
}

async fn audited<L: AuditTrail + TrialLedger>(desk: &Desk<L>, prefix: PhonePrefix) -> Vec<(String, String)> {
    let query = AuditQuery { subject: Some(prefix.to_string()), limit: 10, ..AuditQuery::default() };
    desk.ledger.audit(query).await.unwrap().into_iter().map(|entry| (entry.action, entry.detail)).collect()
}

async fn make_safe<L: Prefixes + TrialLedger>(
    desk: &Desk<L>,
    prefix: PhonePrefix,
    reason: &str,
) -> Result<SafeOutcome, LedgerError> {
    let (by, reason) = (desk.operator(), SafeReason::parse(reason).unwrap());
    desk.ledger.add_safe_prefix(SafePrefix::added_by(&by, prefix, reason), by).await
}

/// 204 from the decision on that triggers the block, until it ends or is released; then later codes are counted.
pub async fn a_range_with_unused_codes_is_blocked<F: LedgerFactory>(factory: &F) {
    let desk = breaking_desk(factory, 1).await;
    let prefix = phone(1).prefix();
    for n in 1..4 {
        desk.send(&phone(n)).await;
    }
    desk.join(4).await;
    assert_eq!(desk.ledger.prefix_blocks(desk.now(), 9).await.unwrap(), []);
    desk.wait(JUDGED);
    let since = desk.now();
    assert_eq!(blocked(&desk, 5).await, (4, 1, 1));
    assert_eq!(blocked(&desk, 6).await, (4, 1, 2));
    desk.send(&phone(10_001)).await;
    let [listed] = desk.ledger.prefix_blocks(desk.now(), 9).await.unwrap()[..] else { panic!("one block") };
    assert_eq!((listed.prefix, listed.block.since, listed.block.until), (prefix, since, since + 12 * HOUR));
    assert_eq!((listed.block.sent, listed.block.used, listed.block.met), (4, 1, 2));
    assert_eq!(desk.ledger.prefix_blocks(desk.now() + 12 * HOUR, 9).await.unwrap(), []);
    assert_eq!(desk.ledger.prefix_blocks(desk.now(), 0).await.unwrap(), []);

    assert_eq!(desk.ledger.release_prefix(phone(10_001).prefix(), desk.operator()).await.unwrap(), None);
    assert_eq!(desk.ledger.release_prefix(prefix, desk.operator()).await.unwrap(), Some(listed));
    assert_eq!(desk.ledger.release_prefix(prefix, desk.operator()).await.unwrap(), None);
    let [(action, detail)] = &audited(&desk, prefix).await[..] else { panic!("one entry") };
    assert_eq!(action, "prefix.release");
    assert!(detail.contains("4 codes sent, 1 used"), "{detail}");
    desk.wait(5 * Duration::from_mins(1));
    for n in 5..9 {
        desk.send(&phone(n)).await;
    }
    desk.wait(JUDGED);
    assert_eq!(blocked(&desk, 9).await, (4, 0, 1));
    desk.wait(12 * HOUR);
    desk.send(&phone(9)).await;
    assert_sound(&*desk.ledger).await;
}

/// A code counts as used once, whatever the answer; a message that a gateway refused was not sent.
pub async fn codes_are_counted_as_used_once<F: LedgerFactory>(factory: &F) {
    let desk = breaking_desk(factory, 0).await;
    for n in 1..5 {
        let application = desk.prepared(n).await;
        for _ in 0..if n == 1 { 3 } else { 1 } {
            assert_eq!(desk.apply_for_code(application.clone()).await, "006");
        }
    }
    for n in 5..9 {
        let sent = desk.ask(&phone(n)).await.unwrap();
        desk.report(&sent, trial_core::sms::GatewayReply::Refused { reason: "no".to_owned() }).await;
    }
    for n in 9..14 {
        desk.send(&phone(n)).await;
        assert_eq!(desk.apply_for_code(application(n, "wrong")).await, "002");
    }
    desk.wait(JUDGED);
    assert_eq!(blocked(&desk, 14).await, (9, 4, 1));
}

/// Several of one batch: the one that triggers the block, and those after it.
pub async fn a_block_holds_within_its_batch<F: LedgerFactory>(factory: &F) {
    let desk = breaking_desk(factory, 0).await;
    let ask = |n| trial_core::planner::Request::SendCode(crate::data::code_request(&phone(n)));
    desk.commit((1..5).map(ask)).await;
    desk.wait(JUDGED);
    let outcomes = desk.commit([ask(5), ask(10_001), ask(6)]).await;
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
    assert_eq!(blocked(&desk, 7).await, (4, 0, 3));
}

/// 204: messages of a day to a range; a changed limit holds for the next decision.
pub async fn the_messages_to_a_prefix_are_kept_by_day<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 0).await;
    for n in 1..3 {
        desk.send(&phone(n)).await;
    }
    let order = SettingOrder { key: SettingKey::SmsPerPrefixDay, value: Some(SettingValue::Count(3)), seen: None };
    let changed = desk.ledger.change_setting(order, Arc::new(Policy::default()), desk.operator()).await.unwrap();
    assert!(matches!(changed, SettingOutcome::Changed(_)));
    let refused = desk.ask(&phone(3)).await.unwrap();
    desk.report(&refused, trial_core::sms::GatewayReply::Refused { reason: "no".to_owned() }).await;
    desk.send(&phone(4)).await;
    let spent = CodeRefusal::BudgetSpent { scope: BudgetScope::Prefix(phone(1).prefix()), sent: 3 };
    assert_eq!(desk.ask(&phone(5)).await, Err(spent));
    desk.send(&phone(10_001)).await;
    desk.wait(24 * HOUR);
    desk.send(&phone(5)).await;
}

/// The day's messages are limited independently of the fraud guard, which knows of no block while it is off.
pub async fn messages_to_a_prefix_are_limited_without_the_breaker<F: LedgerFactory>(factory: &F) {
    let mut desk = breaking_desk(factory, 0).await;
    for n in 1..5 {
        desk.send(&phone(n)).await;
    }
    desk.wait(JUDGED);
    assert_eq!(blocked(&desk, 5).await, (4, 0, 1));
    desk.set_planner(planner_with(|policy| {
        policy.abuse.breaker.mode = BreakerMode::Off;
        policy.limits.sms_per_prefix_day = 5;
    }));
    desk.send(&phone(5)).await;
    let spent = CodeRefusal::BudgetSpent { scope: BudgetScope::Prefix(phone(1).prefix()), sent: 5 };
    assert_eq!(desk.ask(&phone(6)).await, Err(spent));
}

/// Safe from the next decision on, audited, and no longer so when it is removed.
pub async fn a_safe_prefix_is_never_blocked<F: LedgerFactory>(factory: &F) {
    let desk = breaking_desk(factory, 0).await;
    let (prefix, country) = (phone(1).prefix(), "+86".parse::<PhonePrefix>().unwrap());
    for n in 1..5 {
        desk.send(&phone(n)).await;
    }
    desk.wait(JUDGED);
    assert_eq!(make_safe(&desk, country, "a test of the load").await.unwrap(), SafeOutcome::Added);
    assert_eq!(make_safe(&desk, country, "again").await.unwrap(), SafeOutcome::AlreadySafe);
    assert_eq!(make_safe(&desk, prefix, "a customer").await.unwrap(), SafeOutcome::Added);
    desk.send(&phone(5)).await;
    let listed = desk.ledger.safe_prefixes().await.unwrap();
    let shown: Vec<_> = listed.iter().map(|safe| (safe.prefix, safe.reason.as_str(), safe.at)).collect();
    assert_eq!(shown, [(country, "a test of the load", desk.now()), (prefix, "a customer", desk.now())]);
    assert!(desk.ledger.remove_safe_prefix(country, desk.operator()).await.unwrap());
    assert!(!desk.ledger.remove_safe_prefix(country, desk.operator()).await.unwrap());
    desk.send(&phone(6)).await;
    assert!(desk.ledger.remove_safe_prefix(prefix, desk.operator()).await.unwrap());
    assert_eq!(blocked(&desk, 7).await.1, 0);
    assert_eq!(desk.ledger.safe_prefixes().await.unwrap(), []);
    let entries = audited(&desk, country).await;
    let actions: Vec<_> = entries.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(actions, ["prefix.safe_remove", "prefix.safe_add"]);
    assert!(entries.iter().all(|(_, detail)| detail.contains("reason: a test of the load")), "{entries:?}");
}

/// Counts are removed when nothing needs them any more, and blocks as long after their end.
pub async fn counts_of_ranges_are_removed<F: LedgerFactory>(factory: &F) {
    let desk = breaking_desk(factory, 0).await;
    for n in 1..5 {
        desk.send(&phone(n)).await;
    }
    desk.send(&phone(10_001)).await;
    desk.wait(JUDGED);
    assert_eq!(blocked(&desk, 5).await, (4, 0, 1));
    desk.wait(47 * HOUR);
    assert_eq!(desk.ledger.expire_prefixes(desk.now()).await.unwrap(), 0);
    desk.wait(HOUR);
    assert_eq!(desk.ledger.expire_prefixes(desk.now()).await.unwrap(), 2, "the counts of two prefixes");
    desk.wait(12 * HOUR);
    assert_eq!(desk.ledger.expire_prefixes(desk.now()).await.unwrap(), 0, "the block ended not long ago");
    desk.wait(Duration::from_secs(1));
    assert_eq!(desk.ledger.expire_prefixes(desk.now()).await.unwrap(), 1, "the block");
    assert_eq!(desk.ledger.expire_prefixes(desk.now()).await.unwrap(), 0);
    desk.send(&phone(5)).await;
}
