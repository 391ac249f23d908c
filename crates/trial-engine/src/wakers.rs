use std::sync::Arc;

use tokio::sync::Notify;

/// Whom to tell that something may be due, so that nobody waits for the next look.
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
