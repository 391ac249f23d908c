use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Operator, SecretHash, Standing};
use crate::values::OperatorId;

/// How long a sign-in lasts at most.
pub const SESSION_LIFETIME: Duration = Duration::from_hours(12);
/// How long a sign-in lasts without being used.
pub const SESSION_IDLE: Duration = Duration::from_hours(1);
/// Requests without a valid token that one client address may make in an hour before it is told to wait.
pub const FAILED_SIGN_INS_PER_HOUR: u32 = 60;
/// Sign-ins of one operator within an hour, at each instance.
pub const SIGN_INS_PER_HOUR: u32 = 30;
/// Sessions of one operator; the oldest ends where one more begins.
pub const SESSIONS_PER_OPERATOR: u32 = 20;
/// The number of times that one operator may have phones and addresses shown in full within an hour, at each instance: a page at a time.
pub const REVEALS_PER_HOUR: u32 = 600;
/// How often it is written down that a session is used: not for every picture of a page.
const NOTED_EVERY: Duration = Duration::from_mins(1);

/// A sign-in to the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// The hash of its secret.
    pub secret: SecretHash,
    /// Whose it is.
    pub operator: OperatorId,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// When it was used last, to the minute.
    pub used_at: DateTime<Utc>,
    /// When it ends, however much it is used.
    pub expires_at: DateTime<Utc>,
}

impl Session {
    /// A sign-in that begins now. It ends with the operator's token, if that ends first.
    pub fn begin(secret: SecretHash, operator: &Operator, now: DateTime<Utc>) -> Self {
        let latest = now + SESSION_LIFETIME;
        let expires_at = operator.expires_at.map_or(latest, |end| end.min(latest));
        Self { secret, operator: operator.id, created_at: now, used_at: now, expires_at }
    }

    /// Whether it lets its operator in at this instant.
    pub fn lets_in(&self, operator: &Operator, now: DateTime<Utc>) -> bool {
        let is_idle = self.used_at + SESSION_IDLE <= now;
        now < self.expires_at && !is_idle && operator.standing(now) == Standing::Active
    }

    /// Whether it is to be written down that it is used.
    pub fn is_to_be_noted(&self, now: DateTime<Utc>) -> bool {
        self.used_at + NOTED_EVERY <= now
    }
}
