//! Follows runtime settings changed by other processes. Decisions need no notice: each batch loads the current
//! settings.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use trial_core::error::LedgerError;
use trial_core::policy::PolicyInForce;
use trial_core::ports::SettingsStore;

use crate::Died;
use crate::commit::group_committer::source_of;

/// The interval of the query.
const EVERY: Duration = Duration::from_secs(1);

/// Keeps a process's [`PolicyInForce`] up to date.
pub struct Following {
    closing: CancellationToken,
    task: JoinHandle<()>,
}

impl Following {
    /// Starts the query, once a second, on the current runtime.
    pub fn start(store: Arc<dyn SettingsStore>, in_force: Arc<PolicyInForce>) -> Self {
        let closing = CancellationToken::new();
        let task = tokio::spawn(follow(store, in_force, closing.clone()));
        Self { closing, task }
    }

    /// Waits for an unexpected end: a fault of the program.
    pub async fn ended(&mut self) -> Died {
        let source = (&mut self.task).await.err();
        // A later stop has nothing to wait for.
        self.task = tokio::spawn(async {});
        Died { part: "following settings", source }
    }

    /// Stops.
    ///
    /// # Errors
    /// The task had ended by a fault of the program.
    pub async fn stop(self) -> Result<(), JoinError> {
        self.closing.cancel();
        self.task.await
    }
}

/// Reads the current settings once.
///
/// # Errors
/// The store cannot be read; the previous settings stay in force.
pub async fn follow_once(store: &dyn SettingsStore, in_force: &PolicyInForce) -> Result<(), LedgerError> {
    let settings = store.settings().await?;
    if in_force.take(&settings) {
        let changed = settings.overrides.iter().count();
        tracing::info!(number = settings.number, changed, "settings changed");
    }
    Ok(())
}

async fn follow(store: Arc<dyn SettingsStore>, in_force: Arc<PolicyInForce>, closing: CancellationToken) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_deaf = false;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = closing.cancelled() => return,
        }
        match follow_once(&*store, &in_force).await {
            Ok(()) => is_deaf = false,
            // Logged once: the ledger's own faults are reported where they occur.
            Err(error) if !is_deaf => {
                is_deaf = true;
                let (kind, source) = (error.kind(), source_of(&error));
                tracing::warn!(kind, source, "the current settings cannot be read");
            }
            Err(_) => {}
        }
    }
}
