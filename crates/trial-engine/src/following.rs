//! Learns what operations changed elsewhere. Decisions need not be told: each batch is loaded with what is in force.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use trial_core::ports::SettingsStore;
use trial_core::{LedgerError, PolicyInForce};

use crate::Died;
use crate::deciding::source_of;

/// How often it is asked what is in force.
const EVERY: Duration = Duration::from_secs(1);

/// Keeps a process's [`PolicyInForce`] up to date.
pub struct Following {
    closing: CancellationToken,
    task: JoinHandle<()>,
}

impl Following {
    /// Asks what is in force once a second, on the runtime that this is called on.
    pub fn start(store: Arc<dyn SettingsStore>, in_force: Arc<PolicyInForce>) -> Self {
        let closing = CancellationToken::new();
        let task = tokio::spawn(follow(store, in_force, closing.clone()));
        Self { closing, task }
    }

    /// Waits for an end that nobody asked for: of a fault of the program.
    pub async fn ended(&mut self) -> Died {
        let source = (&mut self.task).await.err();
        // Stopped later, it has nothing to wait for.
        self.task = tokio::spawn(async {});
        Died { part: "following settings", source }
    }

    /// Asks no more.
    ///
    /// # Errors
    /// It had died of a fault of the program.
    pub async fn stop(self) -> Result<(), JoinError> {
        self.closing.cancel();
        self.task.await
    }
}

/// Asks once what is in force.
///
/// # Errors
/// Whatever stands in the way; what was in force before stays so.
pub async fn follow_once(store: &dyn SettingsStore, in_force: &PolicyInForce) -> Result<(), LedgerError> {
    let settings = store.settings().await?;
    if in_force.take(&settings) {
        let changed = settings.overrides.iter().count();
        tracing::info!(number = settings.number, changed, "other settings are in force");
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
            // Once is enough: the ledger's own faults are told where they hurt.
            Err(error) if !is_deaf => {
                is_deaf = true;
                let (kind, source) = (error.kind(), source_of(&error));
                tracing::warn!(kind, source, "it cannot be told which settings are in force");
            }
            Err(_) => {}
        }
    }
}
