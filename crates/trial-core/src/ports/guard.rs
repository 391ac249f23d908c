//! The port of what keeps programs from having messages sent by the page.

use async_trait::async_trait;

use crate::bot_challenge::{GuardUnusable, GuardVerdict};

/// Stands before the page has a code sent, which costs money.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Guard: Send + Sync {
    /// A challenge for a visitor's browser, as JSON; nothing where the browser asks somebody else for it.
    fn challenge(&self) -> Option<String>;

    /// Judges a browser's answer to a challenge. Each answer is accepted once, across all instances.
    ///
    /// # Errors
    /// [`GuardUnusable`] if it cannot be judged; the visitor does not pass then.
    async fn judge(&self, proof: &str) -> Result<GuardVerdict, GuardUnusable>;

    /// Checks, without a visitor, that an answer could be judged.
    ///
    /// # Errors
    /// [`GuardUnusable`] if not.
    async fn check(&self) -> Result<(), GuardUnusable>;
}
