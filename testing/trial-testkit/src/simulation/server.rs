//! The database servers of the simulation: a fail-over puts a stale replica in place of the one in use, and back.

use std::cmp::Ordering;
use std::collections::{BTreeSet, VecDeque};
use std::mem;

use trial_core::error::LedgerError;

use super::monitor::Monitor;
use super::mutation::Mutation;
use super::session::Session;
use super::world::{Seen, World};
use crate::MemoryState;

/// The most batches that a stale replica lacks.
pub(super) const LAG: usize = 4;

/// The bookkeeping of a server, besides the rows of the ledger.
#[derive(Debug, Clone, Default)]
pub(super) struct Server {
    batches: BTreeSet<u64>,
    is_halted: bool,
    confirmed: u32,
}

/// The memory that an instance has of the server.
#[derive(Debug, Default)]
pub(super) struct Memory {
    last: Option<u64>,
    was_halted: bool,
    confirmed: u32,
}

/// A server that is not in use, and what had been seen of it.
struct Replica {
    server: Server,
    state: MemoryState,
    monitor: Monitor,
}

/// All servers.
#[derive(Default)]
pub(super) struct Servers {
    used: Server,
    /// The server in use before each of its last batches, oldest first.
    past: VecDeque<Replica>,
    former: Option<Replica>,
    /// States that were left by fail-overs.
    left: Vec<MemoryState>,
    batches: u64,
}

/// A batch that was stored by a server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    batch: u64,
    confirmed: u32,
}

#[derive(Debug, thiserror::Error)]
#[error("the database lacks acknowledged work, or is halted")]
struct Refused;

impl Memory {
    /// Compares the server with this memory, as each decision does. A lost batch halts the server for every instance.
    fn judge(&mut self, server: &mut Server) -> Result<(), LedgerError> {
        let is_kept = self.last.is_none_or(|last| match server.confirmed.cmp(&self.confirmed) {
            Ordering::Less => false,
            Ordering::Equal => server.batches.contains(&last),
            Ordering::Greater => self.was_halted || server.batches.contains(&last),
        });
        self.was_halted = server.is_halted || !is_kept;
        if self.was_halted {
            server.is_halted = true;
            return Err(LedgerError::Unavailable(Box::new(Refused)));
        }
        if server.confirmed > self.confirmed {
            self.last = None;
        }
        self.confirmed = server.confirmed;
        Ok(())
    }

    /// Remembers a batch that was acknowledged.
    pub(super) fn acknowledge(&mut self, stored: Stored) {
        if stored.confirmed == self.confirmed {
            self.last = self.last.max(Some(stored.batch));
        }
    }
}

impl Servers {
    /// The number of the next batch, which the server in use stores; `before` is the state that it changes.
    pub(super) fn store(&mut self, before: MemoryState, monitor: Monitor) -> Stored {
        if self.past.len() == LAG {
            self.past.pop_front();
        }
        self.past.push_back(Replica { server: self.used.clone(), state: before, monitor });
        self.batches += 1;
        self.used.batches.insert(self.batches);
        Stored { batch: self.batches, confirmed: self.used.confirmed }
    }

    /// The server stopped the service until an operator confirms it.
    pub(super) fn is_halted(&self) -> bool {
        self.used.is_halted
    }
}

impl World {
    /// Compares the server in use with the memory of an instance.
    pub(super) fn judge(&self, seen: &mut Seen, session: &Session) -> Result<(), LedgerError> {
        if self.has(Mutation::LostBatchIgnored) { Ok(()) } else { session.memory().judge(&mut seen.servers.used) }
    }

    /// A replica that lacks the last batches takes the place of the server.
    pub(super) fn fail_over(&self, lost: usize) {
        let mut seen = self.seen();
        let place = seen.servers.past.len().checked_sub(lost);
        if let Some(replica) = place.and_then(|place| seen.servers.past.remove(place)) {
            self.swap(&mut seen, replica);
        }
    }

    /// The former server comes back, without what was stored since.
    pub(super) fn fail_back(&self) {
        let mut seen = self.seen();
        if let Some(former) = seen.servers.former.take() {
            self.swap(&mut seen, former);
        }
    }

    fn swap(&self, seen: &mut Seen, next: Replica) {
        let state = self.ledger.change(|state| mem::replace(state, next.state));
        let mut monitor = mem::replace(&mut seen.monitor, next.monitor);
        seen.monitor.go_on_from(&mut monitor);
        let servers = &mut seen.servers;
        servers.left.push(state.clone());
        servers.past.clear();
        servers.former = Some(Replica { server: mem::replace(&mut servers.used, next.server), state, monitor });
    }

    /// Operators accept the server as it is.
    pub(super) fn confirm_server(&self) {
        let seen = &mut *self.seen();
        if mem::take(&mut seen.servers.used.is_halted) {
            seen.servers.used.confirmed += 1;
            seen.acknowledged.clear();
        }
    }

    /// Something holds in the state in use, or in one that a fail-over left.
    pub(super) fn held_ever(&self, seen: &Seen, holds: impl Fn(&MemoryState) -> bool) -> bool {
        self.ledger.change(|state| holds(state)) || seen.servers.left.iter().any(holds)
    }
}
