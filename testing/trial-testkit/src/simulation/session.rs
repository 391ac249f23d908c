//! The memory of one instance, from its start to its end: of the database server, and of the batches that it formed.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use chrono::{DateTime, TimeDelta, Utc};
use trial_core::planner::Batch;

use super::server::Memory;

/// An instance as the ledger sees it. Each start is another.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) id: u64,
    memory: Mutex<Memory>,
    formed: Mutex<BTreeMap<DateTime<Utc>, Formed>>,
}

/// The instant at which a batch was formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Formed {
    /// The time that has really passed.
    pub(super) real: DateTime<Utc>,
    /// The distance of the instance's clock from it.
    pub(super) error: TimeDelta,
}

impl Session {
    pub(super) fn new(id: u64) -> Self {
        Self { id, ..Self::default() }
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().expect("no panic in here")
    }

    /// A batch is formed; its parts may be decided later.
    pub(super) fn form(&self, batch: &Batch, real: DateTime<Utc>) -> Formed {
        let mut formed = self.formed.lock().expect("no panic in here");
        *formed.entry(batch.now).or_insert(Formed { real, error: batch.now - real })
    }
}
