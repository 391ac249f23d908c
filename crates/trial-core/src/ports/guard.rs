//! The port of what keeps programs from having messages sent by the page.

use async_trait::async_trait;

use crate::{GuardVerdict, LedgerError};

/// Stands before the page has a code sent, which costs money.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Guard: Send + Sync {
    /// A challenge for a visitor's browser, as JSON.
    fn challenge(&self) -> String;

    /// Judges what a browser made of a challenge. Each is good once, at whatever instance.
    ///
    /// # Errors
    /// Whatever stands in the way; nobody is let through then.
    async fn judge(&self, proof: &str) -> Result<GuardVerdict, LedgerError>;
}
