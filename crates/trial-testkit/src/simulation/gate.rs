use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::yield_now;

use super::dice::mix;

const ENDLESS: u64 = u64::MAX;

/// What every call of an instance into the world passes: it lets others go first, and ends the instance in the midst of
/// its calls. What does not get through waits for ever, and is dropped with the instance.
#[derive(Debug)]
pub(super) struct Gate {
    seed: u64,
    passed: AtomicU64,
    left: AtomicU64,
}

impl Gate {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, passed: AtomicU64::new(0), left: AtomicU64::new(ENDLESS) }
    }

    /// One to three points at which others may go first and the instance may end.
    pub(super) async fn pass(&self) {
        let points = mix(self.seed ^ self.passed.fetch_add(1, Ordering::Relaxed)) % 3;
        for _ in 0..=points {
            if !self.spend() {
                pending::<()>().await;
            }
            yield_now().await;
        }
        if self.is_dead() {
            pending::<()>().await;
        }
    }

    fn spend(&self) -> bool {
        match self.left.load(Ordering::Relaxed) {
            ENDLESS => true,
            0 => false,
            left => {
                self.left.store(left - 1, Ordering::Relaxed);
                true
            }
        }
    }

    /// The instance gets past so many points yet, and not past the next.
    pub(super) fn die_after(&self, points: u64) {
        self.left.store(points, Ordering::Relaxed);
    }

    pub(super) fn is_dead(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}
