use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// The time after which something that is waited for counts as never happening.
const DEADLINE: Duration = Duration::from_mins(1);
const PACE: Duration = Duration::from_millis(10);

/// Waits until there is something, and returns it.
pub async fn until<T>(what: &str, probe: impl AsyncFnMut() -> Option<T>) -> T {
    look(Patience::new(what), probe).await
}

/// Looks until there is something, or it counts as never happening.
pub(crate) async fn look<T>(patience: Patience<'_>, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        patience.look_again().await;
    }
}

/// Waits for something that must come, and returns it.
pub async fn within<F: IntoFuture>(what: &str, awaited: F) -> F::Output {
    timeout(DEADLINE, awaited).await.unwrap_or_else(|_| panic!("waited in vain until {what}"))
}

/// Waiting by the clock, the one place where tests do: there is nobody to be told by when something has happened in another
/// process.
pub(crate) struct Patience<'a> {
    what: &'a str,
    deadline: Instant,
}

impl<'a> Patience<'a> {
    pub(crate) fn new(what: &'a str) -> Self {
        Self::lasting(what, DEADLINE)
    }

    /// For what takes its time.
    pub(crate) fn lasting(what: &'a str, longest: Duration) -> Self {
        Self { what, deadline: Instant::now() + longest }
    }

    pub(crate) async fn look_again(&self) {
        assert!(Instant::now() < self.deadline, "waited in vain until {}", self.what);
        sleep(PACE).await;
    }
}
