//! The log of an instance: a bounded queue, whose reader may stop. Lines that find no place are dropped and counted.

use std::sync::{Arc, Mutex, MutexGuard};

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Lines that may wait.
const WAITING: u64 = 3;

/// A log. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Log {
    lines: Arc<Mutex<Lines>>,
    /// A deliberate bug: a line waits for its place, and the instance with it.
    waits: bool,
}

#[derive(Debug, Default)]
struct Lines {
    logged: u64,
    read: u64,
    waiting: u64,
    dropped: u64,
    is_blocked: bool,
    is_awaited: bool,
}

impl Log {
    pub(super) fn new(waits: bool) -> Self {
        Self { lines: Arc::default(), waits }
    }

    /// The reader stops, or reads everything that waits and goes on.
    pub(super) fn block(&self, is_blocked: bool) {
        let mut lines = self.lines();
        lines.is_blocked = is_blocked;
        if !is_blocked {
            lines.read += std::mem::take(&mut lines.waiting);
            lines.is_awaited = false;
        }
    }

    /// The instance waits for its log.
    pub(super) fn is_awaited(&self) -> bool {
        self.lines().is_awaited
    }

    /// Every line was read, waits, or was counted as dropped.
    pub(super) fn adds_up(&self) -> bool {
        let lines = self.lines();
        lines.logged == lines.read + lines.waiting + lines.dropped
    }

    fn add(&self) {
        let mut lines = self.lines();
        lines.logged += 1;
        if !lines.is_blocked {
            lines.read += 1;
        } else if lines.waiting < WAITING {
            lines.waiting += 1;
        } else if self.waits {
            lines.is_awaited = true;
        } else {
            lines.dropped += 1;
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().expect("no panic in here")
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, _event: &Event<'_>) {
        self.add();
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}
