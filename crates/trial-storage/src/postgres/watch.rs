//! Watches the preconditions of decisions between them: the server in use, and other writable ones.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::sleep;

use super::admission_lock::Turns;
use super::connect::Connector;
use super::guard;
use super::transaction::Kind;
use super::{PATIENCE, session::Writable};

/// The task that watches; it ends with this.
pub(super) struct Watch {
    abort: AbortHandle,
    /// `None` once it is supervised.
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Watch {
    pub(super) fn start(turns: Turns, connector: Connector, every: Duration) -> Self {
        let task = tokio::spawn(async move {
            loop {
                sleep(every).await;
                look(&turns, &connector).await;
            }
        });
        Self { abort: task.abort_handle(), task: Mutex::new(Some(task)) }
    }

    /// The task, at the first call.
    pub(super) fn task(&self) -> Option<JoinHandle<()>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn stop(&self) {
        self.abort.abort();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn look(turns: &Turns, connector: &Connector) {
    if connector.place().servers.len() > 1 {
        let used = turns.guard.server();
        turns.guard.set_rival(rival(connector, used.as_ref()).await);
    }
    // A refused server is logged by the guard, an unreachable one by its users.
    if turns.check().await.is_ok() {
        let pruned = turns.connections.transaction(Kind::Write, PATIENCE, |conn| guard::prune(conn).boxed()).await;
        if let Err(error) = pruned {
            tracing::warn!(%error, "rows of old batches cannot be removed");
        }
    }
}

/// The newest writable server besides the one in use.
async fn rival(connector: &Connector, used: Option<&Writable>) -> Option<(String, Writable)> {
    let used = used?;
    let mut others = writable(connector).await;
    others.retain(|(_, server)| server.started != used.started);
    let newest = others.into_iter().max_by(|(_, one), (_, other)| one.timeline.cmp(&other.timeline))?;
    tracing::error!(
        server = newest.0,
        timeline = newest.1.timeline,
        used = used.timeline,
        "two servers of the database can be written to; stop the one that is wrong"
    );
    Some(newest)
}

/// The writable servers, each once, by name.
pub(super) async fn writable(connector: &Connector) -> Vec<(String, Writable)> {
    let mut seen = BTreeSet::new();
    let mut servers = connector.writable().await;
    // A server named twice counts once.
    servers.retain(|(_, server)| seen.insert(server.started.clone()));
    servers.into_iter().map(|(place, server)| (connector.place().server(place), server)).collect()
}
