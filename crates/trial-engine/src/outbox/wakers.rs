//! Wakes the deliveries when their outbox has a new entry.

use std::sync::Arc;

use tokio::sync::Notify;

/// The tasks to wake when something may be due, so that nothing waits for the next poll.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wakers {
    pub(crate) mails: Arc<Notify>,
    pub(crate) events: Arc<Notify>,
}

impl Wakers {
    pub(crate) fn wake(&self) {
        self.mails.notify_one();
        self.events.notify_one();
    }
}
