//! Supervision of tasks that run until the stop: one that ends before it is a fault of the program.

use std::future::pending;

use futures_util::future::select_all;
use tokio::task::{JoinError, JoinHandle};

/// A task that runs until the stop, with its name in the log.
pub(crate) type Part = (&'static str, JoinHandle<()>);

/// A part of the service ended before the stop: by a panic, if there is a source.
#[derive(Debug, thiserror::Error)]
#[error("{part} ended by a fault of the program")]
pub struct Died {
    pub(crate) part: &'static str,
    pub(crate) source: Option<JoinError>,
}

/// Tasks of adapters, beside those of the engine.
#[derive(Debug, Default)]
pub struct Supervised(Vec<Part>);

impl Supervised {
    /// Adds a task; `part` is its name in the log.
    pub fn add(&mut self, part: &'static str, task: JoinHandle<()>) {
        self.0.push((part, task));
    }

    /// Waits for a task that ends before the stop. None should: without it, the process serves only in part.
    pub async fn ended(&mut self) -> Died {
        first_end(&mut self.0).await
    }

    /// Ends the tasks.
    pub fn stop(self) {
        for (_, task) in self.0 {
            task.abort();
        }
    }
}

/// Waits for the first of these parts that ends, and removes it.
pub(crate) async fn first_end(parts: &mut Vec<Part>) -> Died {
    if parts.is_empty() {
        return pending().await;
    }
    let all = select_all(parts.iter_mut().map(|(_, task)| task));
    let (ended, place, _) = all.await;
    let (part, _) = parts.swap_remove(place);
    Died { part, source: ended.err() }
}
