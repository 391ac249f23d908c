use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::policy::CLOCK_SKEW;

/// The time that a signature is remembered after its date: as long as it could be accepted, on clocks that differ.
pub const SIGNATURE_KEEPS: Duration = Duration::from_secs(15 * 60 + 2 * CLOCK_SKEW.as_secs());

/// A signature that was accepted once, and is not again. It is an HMAC: nothing can be learnt from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenSignature {
    /// The signature, 32 bytes.
    pub signature: [u8; 32],
    /// From when on it is too old to be accepted anyway.
    pub expires_at: DateTime<Utc>,
}

impl SeenSignature {
    /// A signature of a request of this date.
    pub fn new(signature: [u8; 32], signed_at: DateTime<Utc>) -> Self {
        Self { signature, expires_at: signed_at + SIGNATURE_KEEPS }
    }
}
