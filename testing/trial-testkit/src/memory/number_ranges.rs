//! Number ranges in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::fraud_guard::{
    CountSpan, PREFIX_COUNTS_KEEP, RangeBlockRecord, RangeBounds, RangeCounts, SafeOutcome, SafeRange,
};
use trial_core::planner::{FactKeys, RangeFacts, RangesFacts};
use trial_core::ports::NumberRanges;
use trial_core::values::NumberRange;

use super::{MemoryLedger, MemoryState};

impl MemoryState {
    pub(super) fn prefixes_facts(&self, keys: &FactKeys) -> RangesFacts {
        let bounds = keys.prefix_bounds;
        let is_judged = bounds.judged.is_some() && !keys.prefixes.is_empty();
        let safe = self.safe_prefixes.keys().copied().filter(|_| is_judged);
        let known = keys.prefixes.iter().map(|prefix| (*prefix, self.prefix_facts(*prefix, &bounds)));
        RangesFacts { bounds, known: known.collect(), safe: safe.collect() }
    }

    fn prefix_facts(&self, prefix: NumberRange, bounds: &RangeBounds) -> RangeFacts {
        let block = self.prefix_blocks.get(&prefix).copied().filter(|block| bounds.knows(block));
        let mut facts = RangeFacts { block, ..RangeFacts::default() };
        let spans = self.prefix_spans.iter().filter(|((of, _), _)| *of == prefix);
        for ((_, span), RangeCounts { messages, sent, used }) in spans {
            if bounds.is_today(*span) {
                facts.messages += messages;
            }
            if bounds.is_judged(*span, block.as_ref()) {
                facts.sent += sent;
                facts.used += used;
            }
        }
        facts
    }

    pub(super) fn expire_prefixes(&mut self, now: DateTime<Utc>) -> usize {
        let rows = |state: &Self| state.prefix_spans.len() + state.prefix_blocks.len();
        let before = rows(self);
        self.prefix_spans.retain(|(_, span), _| *span >= CountSpan::kept_from(now));
        self.prefix_blocks.retain(|_, block| block.until >= now - PREFIX_COUNTS_KEEP);
        before - rows(self)
    }
}

#[async_trait]
impl NumberRanges for MemoryLedger {
    async fn prefix_blocks(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<RangeBlockRecord>, LedgerError> {
        let state = self.lock();
        let blocks =
            state.prefix_blocks.iter().map(|(prefix, block)| RangeBlockRecord { prefix: *prefix, block: *block });
        let mut blocks: Vec<_> = blocks.filter(|record| record.block.until > now).collect();
        blocks.sort_by_key(|record| (std::cmp::Reverse(record.block.until), record.prefix));
        blocks.truncate(usize::try_from(limit).expect("fits"));
        Ok(blocks)
    }

    async fn safe_prefixes(&self) -> Result<Vec<SafeRange>, LedgerError> {
        Ok(self.lock().safe_prefixes.values().cloned().collect())
    }

    async fn release_prefix(
        &self,
        prefix: NumberRange,
        by: ChangedBy,
    ) -> Result<Option<RangeBlockRecord>, LedgerError> {
        let mut state = self.lock();
        let Some(block) = state.prefix_blocks.get(&prefix).copied() else { return Ok(None) };
        let Some(released) = block.released(by.at) else { return Ok(None) };
        state.prefix_blocks.insert(prefix, released);
        let before = RangeBlockRecord { prefix, block };
        state.audit.push(before.release_entry(by));
        Ok(Some(before))
    }

    async fn add_safe_prefix(&self, safe: SafeRange, by: ChangedBy) -> Result<SafeOutcome, LedgerError> {
        let mut state = self.lock();
        let on_the_list: Vec<_> = state.safe_prefixes.keys().copied().collect();
        let outcome = safe.decide(&on_the_list);
        if outcome == SafeOutcome::Added {
            state.audit.push(safe.added_entry(by));
            state.safe_prefixes.insert(safe.prefix, safe);
        }
        Ok(outcome)
    }

    async fn remove_safe_prefix(&self, prefix: NumberRange, by: ChangedBy) -> Result<bool, LedgerError> {
        let mut state = self.lock();
        let removed = state.safe_prefixes.remove(&prefix);
        state.audit.extend(removed.as_ref().map(|safe| safe.removed_entry(by)));
        Ok(removed.is_some())
    }
}
