//! Time and randomness, which the core gets from outside.

use chrono::{DateTime, Utc};

/// A clock.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Clock: Send + Sync {
    /// This instant. May go back.
    fn now(&self) -> DateTime<Utc>;
}

/// Randomness fit for keys and ids.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Entropy: Send + Sync {
    /// Fills the buffer with random bytes.
    fn fill(&self, buffer: &mut [u8]);
}
