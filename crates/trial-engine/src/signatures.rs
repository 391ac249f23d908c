//! Records signatures in groups: those that arrive while the ledger commits join its next commit, so that many signed
//! requests share one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use trial_core::clients::SeenSignature;
use trial_core::error::LedgerError;
use trial_core::ports::{ApiClients, Clock, ReplayGuard};

/// Signatures that may wait; the request of one more is rejected.
const QUEUE: usize = 4_096;
/// Signatures per commit, at most.
const BATCH: usize = 512;
/// The longest wait of a signature.
const WAIT: Duration = Duration::from_secs(5);

/// Records signatures while it or a clone of it exists.
#[derive(Clone)]
pub struct Signatures {
    asks: mpsc::Sender<Waiting>,
    callers: Arc<dyn ApiClients>,
}

struct Waiting {
    seen: SeenSignature,
    /// Dropped without an answer if the ledger cannot be used.
    answer: oneshot::Sender<bool>,
}

/// The signature was not recorded in time. The cause is logged.
#[derive(Debug, thiserror::Error)]
#[error("a signature could not be recorded")]
struct NotRemembered;

impl Signatures {
    /// Starts on the current runtime. The task records them: without it, each signed request is rejected.
    pub fn start(callers: Arc<dyn ApiClients>, clock: Arc<dyn Clock>) -> (Self, JoinHandle<()>) {
        let (asks, queue) = mpsc::channel(QUEUE);
        let task = tokio::spawn(remember(queue, Arc::clone(&callers), clock));
        (Self { asks, callers }, task)
    }
}

#[async_trait]
impl ReplayGuard for Signatures {
    async fn is_known(&self, seen: SeenSignature) -> Result<bool, LedgerError> {
        self.callers.knows_signature(seen.signature).await
    }

    async fn is_new(&self, seen: SeenSignature) -> Result<bool, LedgerError> {
        let not_remembered = || LedgerError::Unavailable(Box::new(NotRemembered));
        let (answer, said) = oneshot::channel();
        self.asks.try_send(Waiting { seen, answer }).map_err(|_| not_remembered())?;
        timeout(WAIT, said).await.map_err(|_| not_remembered())?.map_err(|_| not_remembered())
    }
}

async fn remember(mut queue: mpsc::Receiver<Waiting>, callers: Arc<dyn ApiClients>, clock: Arc<dyn Clock>) {
    let mut waiting = Vec::new();
    while queue.recv_many(&mut waiting, BATCH).await > 0 {
        waiting.retain(|one: &Waiting| !one.answer.is_closed());
        let seen: Vec<_> = waiting.iter().map(|one| one.seen).collect();
        if seen.is_empty() {
            continue;
        }
        match callers.remember_signatures(seen, clock.now()).await {
            Ok(news) => {
                for (one, is_new) in waiting.drain(..).zip(news) {
                    // A sender that gave up was rejected.
                    let _ = one.answer.send(is_new);
                }
            }
            Err(error) => {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, source, "signatures cannot be recorded; their requests are rejected");
                waiting.clear();
            }
        }
    }
}
