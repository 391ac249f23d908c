//! The counts by number range, and the two rules that use them: the daily message limit and the fraud guard.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::world::World;
use super::{Moment, Planner};
use crate::fraud_guard::{BlockedRange, CountSpan, RangeBlock, RangeBlockRecord, RangeCount, RangeCounts};
use crate::planner::{Effects, RangeFacts, RangesFacts};
use crate::policy::BreakerMode;
use crate::values::{NumberRange, Phone};
use crate::verification::{BudgetScope, Challenge, CodeRefusal};

/// The facts about number ranges, as changed by the requests decided so far, and the part of them that has to be
/// stored.
pub(super) struct Prefixes {
    facts: RangesFacts,
    more: BTreeMap<(NumberRange, CountSpan), RangeCounts>,
    changed_blocks: BTreeSet<NumberRange>,
}

impl Prefixes {
    pub(super) fn new(facts: RangesFacts) -> Self {
        Self { facts, more: BTreeMap::new(), changed_blocks: BTreeSet::new() }
    }

    fn of(&self, prefix: NumberRange) -> RangeFacts {
        self.facts.known.get(&prefix).copied().unwrap_or_default()
    }

    fn is_safe(&self, planner: &Planner, prefix: NumberRange) -> bool {
        planner.policy.abuse.is_safe(prefix, &self.facts.safe)
    }

    /// Counts, in the facts and in the effects.
    fn count(&mut self, prefix: NumberRange, span: CountSpan, more: RangeCounts) {
        let stored = self.more.entry((prefix, span)).or_default();
        stored.messages += more.messages;
        stored.sent += more.sent;
        stored.used += more.used;
        let bounds = self.facts.bounds;
        let known = self.facts.known.entry(prefix).or_default();
        if bounds.is_today(span) {
            known.messages += more.messages;
        }
        if bounds.is_judged(span, known.block.as_ref()) {
            known.sent += more.sent;
            known.used += more.used;
        }
    }

    /// Blocks the range; codes of judged spans are not judged again.
    fn block(&mut self, prefix: NumberRange, block: RangeBlock) {
        self.changed_blocks.insert(prefix);
        let known = self.facts.known.entry(prefix).or_default();
        *known = RangeFacts { sent: 0, used: 0, block: Some(block), ..*known };
    }

    /// One more request meets the block.
    fn meet(&mut self, prefix: NumberRange, block: RangeBlock) -> BlockedRange {
        let block = RangeBlock { met: block.met.saturating_add(1), ..block };
        self.changed_blocks.insert(prefix);
        self.facts.known.entry(prefix).or_default().block = Some(block);
        RangeBlockRecord { prefix, block }.met()
    }

    pub(super) fn store(self, effects: &mut Effects) {
        let Self { facts, more, changed_blocks } = self;
        let count = |((prefix, span), more)| RangeCount { prefix, span, more };
        effects.prefix_counts.extend(more.into_iter().map(count));
        let block = |prefix: NumberRange| Some(RangeBlockRecord { prefix, block: facts.known.get(&prefix)?.block? });
        effects.prefix_blocks.extend(changed_blocks.into_iter().filter_map(block));
    }
}

impl Planner {
    /// 204: the day's messages to the number range.
    pub(super) fn prefix_budget_is_left(&self, world: &World, prefix: NumberRange) -> Result<(), CodeRefusal> {
        let limit = self.policy.limits.sms_per_prefix_day;
        let sent = u32::try_from(world.prefixes.of(prefix).messages.max(0)).unwrap_or(u32::MAX);
        if limit > 0 && sent >= limit {
            return Err(CodeRefusal::BudgetSpent { scope: BudgetScope::Prefix(prefix), sent });
        }
        Ok(())
    }

    /// 204: hardly any of the codes sent to the number range is used. If blocks are only reported, returns the one that
    /// would have refused. A test number, which gets no message, is never blocked.
    pub(super) fn prefix_is_not_blocked(
        &self,
        world: &mut World,
        moment: Moment,
        phone: &Phone,
    ) -> Result<Option<BlockedRange>, CodeRefusal> {
        let (rules, prefix, now) = (&self.policy.abuse.breaker, phone.prefix(), moment.now);
        let prefixes = &mut world.prefixes;
        if rules.mode == BreakerMode::Off || self.is_test(phone, now) || prefixes.is_safe(self, prefix) {
            return Ok(None);
        }
        let known = prefixes.of(prefix);
        let in_force = known.block.filter(|block| block.is_in_force(now));
        let block = match in_force {
            Some(block) => block,
            None if rules.trips(known.sent, known.used) => {
                let block = rules.block(now, known.sent, known.used);
                prefixes.block(prefix, block);
                block
            }
            None => return Ok(None),
        };
        let blocked = prefixes.meet(prefix, block);
        if rules.mode == BreakerMode::On { Err(CodeRefusal::PrefixBlocked(blocked)) } else { Ok(Some(blocked)) }
    }

    /// Counts a message to the phone, with a code that is new or repeated.
    pub(super) fn count_message(&self, world: &mut World, now: DateTime<Utc>, phone: &Phone, is_new: bool) {
        self.count_of(world, phone, now, RangeCounts { messages: 1, sent: i64::from(is_new), used: 0 });
    }

    /// Reverts the count of a message of this instant that was not sent.
    pub(super) fn give_back_message(&self, world: &mut World, sent_at: DateTime<Utc>, phone: &Phone) {
        self.count_of(world, phone, sent_at, RangeCounts { messages: -1, ..RangeCounts::default() });
    }

    /// Reverts the count of a code that was never sent. One that was submitted nevertheless did arrive.
    pub(super) fn give_back_code(&self, world: &mut World, challenge: &Challenge) {
        if challenge.proven_at.is_none() {
            let back = RangeCounts { sent: -1, ..RangeCounts::default() };
            self.count_of(world, &challenge.phone, challenge.made_at, back);
        }
    }

    /// Counts a right code as used, once, and returns its challenge.
    pub(super) fn proven(&self, world: &mut World, now: DateTime<Utc>, challenge: Challenge) -> Challenge {
        if challenge.proven_at.is_some() || !self.policy.counts_prefixes() {
            return challenge;
        }
        let used = RangeCounts { used: 1, ..RangeCounts::default() };
        self.count_of(world, &challenge.phone, challenge.made_at, used);
        let proven = Challenge { proven_at: Some(now), ..challenge };
        world.update_challenge(proven.clone());
        proven
    }

    fn count_of(&self, world: &mut World, phone: &Phone, at: DateTime<Utc>, more: RangeCounts) {
        if self.policy.counts_prefixes() && !self.is_test(phone, at) {
            world.prefixes.count(phone.prefix(), CountSpan::of(at), more);
        }
    }

    fn is_test(&self, phone: &Phone, at: DateTime<Utc>) -> bool {
        self.policy.test_code(phone, at).is_some()
    }
}
