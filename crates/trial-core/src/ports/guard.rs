//! The port of what keeps programs from having messages sent by the page.

use async_trait::async_trait;

use crate::{GuardUnusable, GuardVerdict};

/// Stands before the page has a code sent, which costs money.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Guard: Send + Sync {
    /// A challenge for a visitor's browser, as JSON; nothing where the browser asks somebody else for it.
    fn challenge(&self) -> Option<String>;

    /// Judges what a browser made of a challenge. Each is good once, at whatever instance.
    ///
    /// # Errors
    /// Whatever stands in the way; nobody is let through then.
    async fn judge(&self, proof: &str) -> Result<GuardVerdict, GuardUnusable>;

    /// Whether it could judge, without a visitor.
    ///
    /// # Errors
    /// What stands in the way.
    async fn check(&self) -> Result<(), GuardUnusable>;
}
