//! The points at which instances of the simulation interleave.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::yield_now;

use super::dice::mix;

/// The gate that every call of an instance to the outside passes: it lets other tasks run first.
#[derive(Debug)]
pub(super) struct Gate {
    seed: u64,
    passed: AtomicU64,
}

impl Gate {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, passed: AtomicU64::new(0) }
    }

    /// One to three points at which other tasks may run first.
    pub(super) async fn pass(&self) {
        let points = mix(self.seed ^ self.passed.fetch_add(1, Ordering::Relaxed)) % 3;
        for _ in 0..=points {
            yield_now().await;
        }
    }
}
