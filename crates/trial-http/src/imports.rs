//! Parses imports of access codes away from the workers, a few at a time.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::block;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::body_ledger::{BodyLedger, Bounds};
use crate::problem::{Kind, Problem};

/// Imports that are parsed and stored at the same time.
const AT_ONCE: usize = 2;
/// Longest wait of an import for its turn.
const MAX_WAIT: Duration = Duration::from_secs(5);
/// `Retry-After` of an import that got no turn.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Limits imports over all workers.
pub(crate) struct Imports {
    pub(crate) bodies: Arc<BodyLedger>,
    turns: Arc<Semaphore>,
}

/// The permission to import, until dropped.
pub(crate) struct Turn(#[expect(dead_code, reason = "it is held, and not looked at")] OwnedSemaphorePermit);

/// The reason why an import was not parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotParsed {
    /// Other imports are in progress.
    Busy,
    /// A fault of the program.
    Failed,
}

impl From<NotParsed> for Problem {
    fn from(reason: NotParsed) -> Self {
        match reason {
            NotParsed::Busy => {
                let detail = "other imports are in progress; nothing was imported; try again in a moment";
                Self::new(Kind::Unavailable).detail(detail).retry_after(RETRY_AFTER)
            }
            NotParsed::Failed => Self::new(Kind::Unexpected),
        }
    }
}

impl Default for Imports {
    fn default() -> Self {
        Self { bodies: BodyLedger::new(Bounds::LARGE), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Imports {
    /// Parses an import on a thread of its own. Its turn lasts until the import is stored, or until the parser ends if
    /// the client is gone.
    pub(crate) async fn parse<T: Send + 'static>(
        &self,
        parser: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(T, Turn), NotParsed> {
        let Ok(Ok(turn)) = timeout(MAX_WAIT, Arc::clone(&self.turns).acquire_owned()).await else {
            return Err(NotParsed::Busy);
        };
        block(move || (parser(), Turn(turn))).await.map_err(|_| NotParsed::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_import_waits_for_its_turn_and_not_for_ever() {
        let imports = Imports::default();
        let mut turns = Vec::new();
        for number in 0..AT_ONCE {
            let (parsed, turn) = imports.parse(move || number).await.unwrap();
            assert_eq!(parsed, number);
            turns.push(turn);
        }
        assert_eq!(imports.parse(|| ()).await.map(|_| ()), Err(NotParsed::Busy));
        turns.pop();
        assert!(imports.parse(|| ()).await.is_ok());
    }
}
