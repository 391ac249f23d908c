//! Sessions of operators at the console, and their limits.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Operator, SecretHash, Standing};
use crate::values::OperatorId;

/// The lifetime of a session.
pub const SESSION_LIFETIME: Duration = Duration::from_hours(12);
/// The lifetime of a session without use.
pub const SESSION_IDLE: Duration = Duration::from_hours(1);
/// Requests without a valid token that one client address may make in an hour before it has to wait.
pub const FAILED_SIGN_INS_PER_HOUR: u32 = 60;
/// Sign-ins of one operator within an hour, at each instance.
pub const SIGN_INS_PER_HOUR: u32 = 30;
/// Sessions of one operator; the oldest ends where one more begins.
pub const SESSIONS_PER_OPERATOR: u32 = 20;
/// Pages with phones and addresses in full that one operator may see within an hour, at each instance.
pub const REVEALS_PER_HOUR: u32 = 600;
/// The least interval between records of a session's use.
const NOTED_EVERY: Duration = Duration::from_mins(1);

/// A sign-in to the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// The hash of its secret.
    pub secret: SecretHash,
    /// The operator.
    pub operator: OperatorId,
    /// The start.
    pub created_at: DateTime<Utc>,
    /// When it was used last, to the minute.
    pub used_at: DateTime<Utc>,
    /// The expiry, however much it is used.
    pub expires_at: DateTime<Utc>,
}

impl Session {
    /// A session that begins now. It expires with the operator's token if that expires first.
    pub fn begin(secret: SecretHash, operator: &Operator, now: DateTime<Utc>) -> Self {
        let latest = now + SESSION_LIFETIME;
        let expires_at = operator.expires_at.map_or(latest, |end| end.min(latest));
        Self { secret, operator: operator.id, created_at: now, used_at: now, expires_at }
    }

    /// Returns `true` if it authenticates its operator at this instant.
    pub fn lets_in(&self, operator: &Operator, now: DateTime<Utc>) -> bool {
        let is_idle = self.used_at + SESSION_IDLE <= now;
        now < self.expires_at && !is_idle && operator.standing(now) == Standing::Active
    }

    /// Returns `true` if its use is to be recorded.
    pub fn is_to_be_noted(&self, now: DateTime<Utc>) -> bool {
        self.used_at + NOTED_EVERY <= now
    }
}
