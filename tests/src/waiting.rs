use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long anything is waited for before it counts as never happening.
const DEADLINE: Duration = Duration::from_mins(1);
const PACE: Duration = Duration::from_millis(10);

/// Waits until there is something, and returns it. The one place where tests wait by the clock: there is nobody to be told
/// by when something has happened in another process.
pub async fn until<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        sleep(PACE).await;
    }
}
