//! Waits with a bound.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// The longest wait for an event.
const DEADLINE: Duration = Duration::from_mins(1);
const PACE: Duration = Duration::from_millis(10);

/// Waits for a value, and returns it.
pub async fn until<T>(what: &str, probe: impl AsyncFnMut() -> Option<T>) -> T {
    look(Patience::new(what), probe).await
}

/// Polls for a value, within the bound.
pub(crate) async fn look<T>(patience: Patience<'_>, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        patience.look_again().await;
    }
}

/// Waits for an event that must come, and returns its value.
pub async fn within<F: IntoFuture>(what: &str, awaited: F) -> F::Output {
    timeout(DEADLINE, awaited).await.unwrap_or_else(|_| panic!("waited in vain until {what}"))
}

/// Waiting by the clock, the one place where tests do: nothing else tells of an event in another process.
pub(crate) struct Patience<'a> {
    what: &'a str,
    deadline: Instant,
}

impl<'a> Patience<'a> {
    pub(crate) fn new(what: &'a str) -> Self {
        Self::lasting(what, DEADLINE)
    }

    /// For a long event.
    pub(crate) fn lasting(what: &'a str, longest: Duration) -> Self {
        Self { what, deadline: Instant::now() + longest }
    }

    pub(crate) async fn look_again(&self) {
        assert!(Instant::now() < self.deadline, "waited in vain until {}", self.what);
        sleep(PACE).await;
    }
}
