//! Number ranges: the daily messages to each, and the fraud guard.

use std::time::Duration;

use trial_core::error::LedgerError;
use trial_core::fraud_guard::{BlockedRange, MAX_SAFE_PREFIXES, SafeOutcome, SafeRange, SafeReason};
use trial_core::policy::{AbusePolicy, BreakerMode, Policy, TestNumber};
use trial_core::ports::{Clock as _, NumberRanges as _};
use trial_core::values::{NumberRange, VerificationCode};
use trial_core::verification::{BudgetScope, CodeRefusal, CodeToSend, SendState};
use trial_engine::operations::number_ranges;
use trial_testkit::FixedClock;
use trial_testkit::data::{application, phone};

use crate::desks::{HOUR, MINUTE, MemoryDesk, answer, ask, desk_by, reply, secs, set_threshold};

/// The time until the codes of now have expired, and the five minutes that they are counted with have passed.
const JUDGED: Duration = Duration::from_mins(16);

/// Blocks after 4 codes of which fewer than half were used.
fn breaking(mode: BreakerMode) -> impl FnOnce(&mut Policy) {
    move |policy| {
        policy.abuse.breaker.mode = mode;
        policy.abuse.breaker.min_sends = 4;
        policy.abuse.breaker.min_conversion = 50;
    }
}

async fn breaking_desk(pairs: u32) -> MemoryDesk {
    desk_by(pairs, breaking(BreakerMode::On)).await
}

/// The n-th phone of another block of 10,000 numbers.
fn elsewhere(n: u32) -> u32 {
    10_000 + n
}

async fn codes_to(harness: &MemoryDesk, phones: impl IntoIterator<Item = u32>) {
    for n in phones {
        assert_eq!(ask(harness, n).await.0, "200", "{n}");
    }
}

async fn block(harness: &MemoryDesk, n: u32) -> Result<CodeToSend, BlockedRange> {
    harness.ask(&phone(n)).await.map_err(|refusal| match refusal {
        CodeRefusal::PrefixBlocked(blocked) => blocked,
        other => panic!("a block, not {other}"),
    })
}

fn prefix_of(n: u32) -> NumberRange {
    phone(n).prefix()
}

#[test]
fn a_prefix_is_a_number_without_its_last_four_digits() {
    assert_eq!(phone(1).prefix().to_string(), "+861660000");
    assert_eq!(phone(9_999).prefix(), phone(0).prefix());
    assert_ne!(phone(10_000).prefix(), phone(0).prefix());
    let read = |text: &str| text.parse::<NumberRange>();
    assert_eq!(read("+861667328"), read("861667328"));
    assert_eq!(read("+861667328").unwrap().to_string(), "+861667328");
    assert!(read("+86166732800").is_ok());
    for text in ["", "+", "0861667328", "++86", "861667328 ", "8616-67328", "861667328001", "８６"] {
        assert!(read(text).is_err(), "{text:?}");
    }
    let stored = phone(1).prefix().as_stored();
    assert_eq!(NumberRange::from_stored(stored), Some(phone(1).prefix()));
    assert_eq!([0, -1, 100_000_000_000].map(NumberRange::from_stored), [None; 3]);
}

#[test]
fn a_prefix_covers_those_that_begin_with_it() {
    let covers = |one: &str, other: &str| one.parse::<NumberRange>().unwrap().covers(other.parse().unwrap());
    assert!(covers("+86", "+861667328") && covers("+861667328", "+861667328"));
    assert!(!covers("+861667328", "+86") && !covers("+87", "+861667328") && !covers("+6", "+861667328"));
}

#[tokio::test]
async fn the_messages_of_a_day_to_one_prefix_are_limited() {
    let harness = desk_by(0, |policy| {
        policy.limits.sms_per_prefix_day = 3;
        policy.abuse.breaker.mode = BreakerMode::Off;
    })
    .await;
    codes_to(&harness, 1..4).await;
    let spent = CodeRefusal::BudgetSpent { scope: BudgetScope::Prefix(prefix_of(1)), sent: 3 };
    assert_eq!(harness.ask(&phone(4)).await, Err(spent));
    codes_to(&harness, [elsewhere(1)]).await;
    harness.wait(16 * HOUR);
    codes_to(&harness, [4]).await;
}

#[tokio::test]
async fn a_message_that_was_not_sent_is_given_back_to_its_prefix() {
    let harness = desk_by(0, |policy| policy.limits.sms_per_prefix_day = 2).await;
    for n in 1..6 {
        answer(&harness, n, reply(SendState::Refused)).await;
    }
    codes_to(&harness, 6..8).await;
    assert_eq!(ask(&harness, 8).await.0, "204");
}

/// The count of a day that began before the limit was turned on is known, as long as any rule uses the counts.
#[tokio::test]
async fn the_limit_holds_for_the_day_that_it_is_turned_on_in() {
    let mut harness = breaking_desk(0).await;
    codes_to(&harness, 1..4).await;
    harness.set_planner(trial_testkit::data::planner_with(|policy| policy.limits.sms_per_prefix_day = 3));
    assert_eq!(ask(&harness, 4).await.0, "204");
}

#[tokio::test]
async fn nothing_is_loaded_and_nothing_counted_while_nothing_looks_at_it() {
    let harness = desk_by(1, |policy| policy.abuse.breaker.mode = BreakerMode::Off).await;
    let mut policy = Policy::default();
    let batch = harness.batch([trial_core::planner::Request::SendCode(trial_testkit::data::code_request(&phone(1)))]);
    assert_eq!(batch.fact_keys(&policy).prefixes, [prefix_of(1)].into(), "shadow looks");
    policy.abuse.breaker.mode = BreakerMode::Off;
    let keys = batch.fact_keys(&policy);
    assert!(keys.prefixes.is_empty() && keys.prefix_bounds.judged.is_none());
    harness.join(1).await;
    let state = harness.ledger.state();
    assert!(state.prefix_spans.is_empty());
    assert!(state.challenges.values().all(|challenge| challenge.proven_at.is_none()));
}

#[tokio::test]
async fn a_prefix_whose_codes_are_not_used_is_blocked_for_half_a_day() {
    let harness = breaking_desk(0).await;
    codes_to(&harness, 1..5).await;
    harness.wait(JUDGED);
    let until = harness.now() + 12 * HOUR;
    let expected = BlockedRange { prefix: prefix_of(1), sent: 4, used: 0, until, met: 1 };
    assert_eq!(block(&harness, 5).await, Err(expected));
    assert_eq!(block(&harness, 1).await, Err(BlockedRange { met: 2, ..expected }));
    assert_eq!(ask(&harness, 6).await.0, "204");
    codes_to(&harness, [elsewhere(1)]).await;
    harness.wait((12 * HOUR).checked_sub(secs(1)).unwrap());
    assert_eq!(ask(&harness, 7).await.0, "204");
    harness.wait(secs(1));
    codes_to(&harness, [7]).await;
    harness.wait(JUDGED);
    codes_to(&harness, [8]).await;
    let said = CodeRefusal::PrefixBlocked(expected).to_string();
    assert!(said.starts_with("number range +861660000: 4 codes sent, 0 used; blocked until 20"), "{said}");
    assert!(said.ends_with("release it by `trialgate prefixes release +861660000`"), "{said}");
}

#[tokio::test]
async fn fewer_codes_than_the_least_block_nothing() {
    let harness = breaking_desk(0).await;
    codes_to(&harness, 1..4).await;
    harness.wait(JUDGED);
    codes_to(&harness, [4]).await;
}

#[tokio::test]
async fn codes_that_may_still_be_used_are_not_judged() {
    let harness = breaking_desk(0).await;
    codes_to(&harness, 1..5).await;
    harness.wait(11 * MINUTE);
    codes_to(&harness, [5]).await;
}

#[tokio::test]
async fn codes_of_more_than_a_day_ago_are_not_judged() {
    let harness = breaking_desk(0).await;
    codes_to(&harness, 1..5).await;
    harness.wait(24 * HOUR);
    codes_to(&harness, [5]).await;
}

#[tokio::test]
async fn where_half_of_the_codes_are_used_nothing_is_blocked() {
    let harness = breaking_desk(2).await;
    codes_to(&harness, 1..3).await;
    for n in 3..5 {
        harness.join(n).await;
    }
    harness.wait(JUDGED);
    codes_to(&harness, [5]).await;
}

#[tokio::test]
async fn where_fewer_are_used_it_is_blocked_and_says_how_many_were() {
    let harness = breaking_desk(2).await;
    codes_to(&harness, 1..4).await;
    harness.join(4).await;
    harness.wait(JUDGED);
    let blocked = block(&harness, 5).await.unwrap_err();
    assert_eq!((blocked.sent, blocked.used), (4, 1));
}

/// An empty pool, a reached e-mail limit or a customer who applies twice is no pumping.
#[tokio::test]
async fn a_right_code_counts_whatever_came_of_it() {
    let harness = breaking_desk(0).await;
    for n in 1..5 {
        assert_eq!(harness.apply_for_code(harness.prepared(n).await).await, "006");
    }
    harness.wait(JUDGED);
    codes_to(&harness, [5]).await;
}

#[tokio::test]
async fn a_code_counts_once_however_often_it_is_submitted_and_sent() {
    let harness = breaking_desk(0).await;
    codes_to(&harness, 1..4).await;
    let right = harness.prepared(4).await;
    for _ in 0..4 {
        assert_eq!(harness.apply_for_code(right.clone()).await, "006");
    }
    harness.wait(MINUTE);
    codes_to(&harness, 1..4).await;
    harness.wait(JUDGED);
    let blocked = block(&harness, 5).await.unwrap_err();
    assert_eq!((blocked.sent, blocked.used), (4, 1));
}

#[tokio::test]
async fn a_wrong_code_is_no_use() {
    let harness = breaking_desk(0).await;
    codes_to(&harness, 1..5).await;
    for n in 1..5 {
        assert_eq!(harness.apply_for_code(application(n, "wrong")).await, "002");
    }
    harness.wait(JUDGED);
    assert_eq!(block(&harness, 5).await.unwrap_err().used, 0);
}

/// A gateway's failure is no sign of pumping.
#[tokio::test]
async fn a_code_that_never_left_is_not_judged() {
    for state in [SendState::Refused, SendState::Unreached] {
        let harness = breaking_desk(0).await;
        for n in 1..9 {
            answer(&harness, n, reply(state)).await;
        }
        harness.wait(JUDGED);
        codes_to(&harness, [9]).await;
    }
}

#[tokio::test]
async fn the_shadow_says_what_would_be_blocked_and_blocks_nothing() {
    let harness = desk_by(0, breaking(BreakerMode::Shadow)).await;
    codes_to(&harness, 1..5).await;
    harness.wait(JUDGED);
    let until = harness.now() + 12 * HOUR;
    for (n, met) in [(5, 1), (6, 2)] {
        let would_block = harness.ask(&phone(n)).await.unwrap().would_block;
        assert_eq!(would_block, Some(BlockedRange { prefix: prefix_of(1), sent: 4, used: 0, until, met }));
    }
    assert_eq!(harness.ask(&phone(elsewhere(1))).await.unwrap().would_block, None);
    let policy = trial_testkit::data::planner_with(breaking(BreakerMode::Shadow)).policy().clone();
    let outlook = number_ranges::list(&*harness.ledger, &policy, harness.now()).await.unwrap();
    assert_eq!((outlook.mode, outlook.blocked.len(), outlook.blocked[0].met), ("shadow", 1, 2));
}

/// The ranges found in shadow mode are blocked as soon as the mode is on.
#[tokio::test]
async fn what_would_be_blocked_is_blocked_once_the_breaker_is_turned_on() {
    let mut harness = desk_by(0, breaking(BreakerMode::Shadow)).await;
    codes_to(&harness, 1..5).await;
    harness.wait(JUDGED);
    codes_to(&harness, [5]).await;
    harness.set_planner(trial_testkit::data::planner_with(breaking(BreakerMode::On)));
    assert_eq!(block(&harness, 6).await.unwrap_err().met, 2);
    harness.set_planner(trial_testkit::data::planner_with(breaking(BreakerMode::Off)));
    codes_to(&harness, [6]).await;
}

#[tokio::test]
async fn safe_prefixes_are_never_blocked() {
    let configured = desk_by(0, |policy| {
        breaking(BreakerMode::On)(policy);
        policy.abuse.safe_prefixes = vec!["+8616".parse().unwrap()];
    })
    .await;
    codes_to(&configured, 1..5).await;
    configured.wait(JUDGED);
    codes_to(&configured, [5]).await;

    let harness = breaking_desk(0).await;
    codes_to(&harness, 1..5).await;
    harness.wait(JUDGED);
    assert_eq!(ask(&harness, 5).await.0, "204");
    assert_eq!(make_safe(&harness, prefix_of(1)).await.unwrap(), SafeOutcome::Added);
    codes_to(&harness, [5]).await;
    let outlook = number_ranges::list(&*harness.ledger, &Policy::default(), harness.now()).await.unwrap();
    assert_eq!((outlook.blocked.len(), outlook.safe.len()), (0, 1), "what is safe is not listed as blocked");
    assert!(harness.ledger.remove_safe_prefix(prefix_of(1), harness.operator()).await.unwrap());
    assert_eq!(ask(&harness, 6).await.0, "204");
}

async fn make_safe(harness: &MemoryDesk, prefix: NumberRange) -> Result<SafeOutcome, LedgerError> {
    let by = harness.operator();
    let reason = SafeReason::parse("ours").unwrap();
    harness.ledger.add_safe_prefix(SafeRange { prefix, reason, at: by.at, actor: by.actor.clone() }, by).await
}

#[tokio::test]
async fn the_safe_list_is_bounded() {
    let harness = breaking_desk(0).await;
    let nth = |n: usize| NumberRange::from_stored(i64::try_from(861_000_000 + n).unwrap()).unwrap();
    for n in 0..MAX_SAFE_PREFIXES {
        assert_eq!(make_safe(&harness, nth(n)).await.unwrap(), SafeOutcome::Added);
    }
    assert_eq!(make_safe(&harness, nth(0)).await.unwrap(), SafeOutcome::AlreadySafe);
    assert_eq!(make_safe(&harness, nth(MAX_SAFE_PREFIXES)).await.unwrap(), SafeOutcome::Full);
}

#[test]
fn a_reason_says_something() {
    assert_eq!(SafeReason::parse("  load tests ").unwrap().as_str(), "load tests");
    for text in ["", "  ", "a\nb", &"x".repeat(201)] {
        assert!(SafeReason::parse(text).is_err(), "{text:?}");
    }
}

/// A release restarts the count: the codes that led to the block do not lead to the next one.
#[tokio::test]
async fn a_released_prefix_is_judged_by_what_comes_after() {
    let harness = breaking_desk(0).await;
    codes_to(&harness, 1..5).await;
    harness.wait(JUDGED);
    assert_eq!(ask(&harness, 5).await.0, "204");
    let released = harness.ledger.release_prefix(prefix_of(1), harness.operator()).await.unwrap().unwrap();
    assert_eq!((released.block.sent, released.block.met), (4, 1));
    assert_eq!(harness.ledger.release_prefix(prefix_of(1), harness.operator()).await.unwrap(), None);
    codes_to(&harness, [5]).await;
    harness.wait(6 * MINUTE);
    codes_to(&harness, 6..9).await;
    harness.wait(JUDGED);
    codes_to(&harness, [9]).await;
    harness.wait(JUDGED);
    assert_eq!(block(&harness, 10).await.unwrap_err().sent, 4, "6 to 9; 5 was in the same five minutes as the release");
}

/// A test number gets no message, so it is never blocked.
#[tokio::test]
async fn test_numbers_are_neither_counted_nor_blocked() {
    let harness = desk_by(0, |policy| {
        breaking(BreakerMode::On)(policy);
        let until = FixedClock::default().now() + 48 * HOUR;
        let number = |n| TestNumber { phone: phone(n), code: VerificationCode::fixed("123456").unwrap(), until };
        policy.test_numbers = (1..6).map(number).collect();
    })
    .await;
    codes_to(&harness, 1..5).await;
    harness.wait(JUDGED);
    codes_to(&harness, 6..10).await;
    harness.wait(JUDGED);
    assert_eq!(block(&harness, 10).await.unwrap_err().sent, 4);
    codes_to(&harness, [5]).await;
}

/// A block that begins in the future dates from before the clock was set back: it could last for years.
#[tokio::test]
async fn a_clock_that_was_set_back_blocks_nobody_for_long() {
    let harness = breaking_desk(0).await;
    codes_to(&harness, 1..5).await;
    harness.wait(JUDGED);
    assert_eq!(ask(&harness, 5).await.0, "204");
    harness.clock.set(harness.now() - HOUR);
    codes_to(&harness, 6..10).await;
    harness.wait(JUDGED);
    assert_eq!(ask(&harness, 10).await.0, "204", "it is judged by the clock that there is");
}

#[tokio::test]
async fn the_limit_of_the_prefix_comes_before_the_breaker_and_after_the_budget() {
    let harness = desk_by(0, |policy| {
        breaking(BreakerMode::On)(policy);
        policy.limits.sms_per_prefix_day = 4;
        policy.limits.sms_per_day = 5;
    })
    .await;
    codes_to(&harness, 1..5).await;
    harness.wait(JUDGED);
    let of_prefix = CodeRefusal::BudgetSpent { scope: BudgetScope::Prefix(prefix_of(1)), sent: 4 };
    assert_eq!(harness.ask(&phone(5)).await, Err(of_prefix));
    codes_to(&harness, [elsewhere(1)]).await;
    let of_all = CodeRefusal::BudgetSpent { scope: BudgetScope::All, sent: 5 };
    assert_eq!(harness.ask(&phone(5)).await, Err(of_all));
    set_threshold(&harness, 0);
    assert_eq!(ask(&harness, 5).await.0, "205");
}

#[test]
fn what_makes_no_sense_is_a_fault() {
    let faults = |change: fn(&mut AbusePolicy)| {
        let mut policy = Policy::default();
        change(&mut policy.abuse);
        policy.faults().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(faults(|_| {}), Vec::<String>::new());
    assert_eq!(faults(|abuse| abuse.breaker.min_sends = 0), ["`abuse.breaker.min_sends` must be at least 1"]);
    assert_eq!(
        faults(|abuse| abuse.breaker.min_conversion = 101),
        ["`abuse.breaker.min_conversion` must be at most 100 (percent)"]
    );
    assert_eq!(
        faults(|abuse| abuse.breaker.block_for = Duration::ZERO),
        ["`abuse.breaker.block_for` must be longer than 0s"]
    );
}

/// Every day begins with a span of its own, even if the clock is put forward at midnight.
#[test]
fn a_day_begins_at_midnight_of_its_zone() {
    let start = |zone: &str, day: &str| {
        let mut quota = Policy::default().quota;
        quota.timezone = zone.parse().unwrap();
        quota.start_of(day.parse().unwrap()).to_rfc3339()
    };
    assert_eq!(start("UTC", "2026-03-29"), "2026-03-29T00:00:00+00:00");
    assert_eq!(start("Asia/Kathmandu", "2026-03-29"), "2026-03-28T18:15:00+00:00");
    assert_eq!(start("Asia/Beirut", "2026-03-29"), "2026-03-28T22:00:00+00:00", "there is no midnight on that day");
}
