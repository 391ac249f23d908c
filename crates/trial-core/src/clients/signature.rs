//! Accepted signatures, which are stored so that none is accepted twice.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::policy::CLOCK_SKEW;

/// The retention of a signature after its date: as long as any instance's clock could accept it.
pub const SIGNATURE_KEEPS: Duration = Duration::from_secs(15 * 60 + 2 * CLOCK_SKEW.as_secs());

/// A signature that was accepted once and is rejected from then on. It is an HMAC, so it discloses nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenSignature {
    /// The signature, 32 bytes.
    pub signature: [u8; 32],
    /// The time from which it is too old to be accepted.
    pub expires_at: DateTime<Utc>,
}

impl SeenSignature {
    /// A signature of a request of this date.
    pub fn new(signature: [u8; 32], signed_at: DateTime<Utc>) -> Self {
        Self { signature, expires_at: signed_at + SIGNATURE_KEEPS }
    }
}
