//! The clock and the randomness of this machine.

use anyhow::bail;
use chrono::{DateTime, Utc};
use trial_core::ports::{Clock, Entropy};

use crate::output;

/// The clock of this machine, for certificates, signatures and a ledger in a file; all else asks `Ledger::clock`.
pub(crate) struct SystemClock;

/// The randomness of the operating system.
pub(crate) struct OsEntropy;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everyone else is handed")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

impl Entropy for OsEntropy {
    #[expect(clippy::disallowed_methods, reason = "this is the randomness that everyone else is handed")]
    #[expect(clippy::expect_used, reason = "without randomness there are no ids and no keys: nothing can go on")]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system gives randomness");
    }
}

/// Fails if the clock is before 1970, the epoch of ids, dates and time-outs.
///
/// # Errors
/// The clock is before 1970; the message says what to do.
pub(crate) fn check_clock(now: DateTime<Utc>) -> anyhow::Result<()> {
    if now < DateTime::UNIX_EPOCH {
        bail!("the clock of this machine says {}, which is before 1970; set it, then start again", output::time(now));
    }
    Ok(())
}
