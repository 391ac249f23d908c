//! The offset of each message in the file, 24 bytes each.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::message::{Channel, Filter, canonical_recipient};

/// A line of the file, without its line break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) offset: u64,
    pub(crate) length: u32,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    offset: u64,
    recipient: u64,
    length: u32,
    channel: Channel,
}

/// The messages of a file, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Index(Vec<Entry>);

impl Index {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn push(&mut self, line: Line, channel: Channel, to: &str) {
        let recipient = hash_of(&canonical_recipient(to));
        self.0.push(Entry { offset: line.offset, recipient, length: line.length, channel });
    }

    /// The lines that can match, newest first. Two recipients may share a hash, so a line is only a candidate, and none
    /// may be left out because of the limit when a recipient is given.
    pub(crate) fn candidates(&self, filter: &Filter) -> Vec<Line> {
        let recipient = filter.to.as_deref().map(|to| hash_of(&canonical_recipient(to)));
        let limit = if recipient.is_some() { usize::MAX } else { filter.bound() };
        self.0
            .iter()
            .rev()
            .filter(|entry| filter.channel.is_none_or(|channel| channel == entry.channel))
            .filter(|entry| recipient.is_none_or(|recipient| recipient == entry.recipient))
            .take(limit)
            .map(|entry| Line { offset: entry.offset, length: entry.length })
            .collect()
    }

    /// Removes all but the newest `keep` messages; returns the offset of the oldest that stays.
    pub(crate) fn keep_newest(&mut self, keep: usize) -> Option<u64> {
        self.0.drain(..self.0.len().saturating_sub(keep));
        self.0.shrink_to(keep);
        self.0.first().map(|entry| entry.offset)
    }

    /// Adjusts the lines to a file that begins where `start` was.
    pub(crate) fn rebase(&mut self, start: u64) {
        for entry in &mut self.0 {
            entry.offset -= start;
        }
    }
}

/// The same in every process, and used in none but its own.
fn hash_of(recipient: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    recipient.hash(&mut hasher);
    hasher.finish()
}
