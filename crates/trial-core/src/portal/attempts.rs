//! Attempts at the portal, counted by account and by client address.

use chrono::{DateTime, Utc};

use crate::values::{Keyring, Purpose};

/// Sign-in attempts for one account within an hour, whether it exists or not.
pub const PORTAL_ATTEMPTS_PER_ACCOUNT: u32 = 20;
/// Sign-in attempts from one client address within an hour.
pub const PORTAL_ATTEMPTS_PER_ADDRESS: u32 = 100;
/// Forgotten-password requests for one account or e-mail address within an hour, whether it exists or not: each may be
/// a mail.
pub const PORTAL_LINKS_PER_ACCOUNT: u32 = 3;
/// Forgotten-password requests from one client address within an hour.
pub const PORTAL_LINKS_PER_ADDRESS: u32 = 20;

/// The kind of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptKind {
    /// A sign-in.
    SignIn,
    /// A check of the current password of a signed-in owner, counted apart from sign-ins by others.
    PresentPassword,
    /// A forgotten-password request.
    Link,
}

/// One attempt, counted against an account and against a client address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortalAttempt {
    /// The kind.
    pub kind: AttemptKind,
    /// The keyed hash of the account.
    pub account: [u8; 32],
    /// The keyed hash of the client address.
    pub address: [u8; 32],
    /// The whole hour since the epoch.
    pub hour: i64,
}

/// Attempts of an hour, including the one just counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortalAttempts {
    /// Attempts for this account; 0 if they are not counted because the client address has made too many.
    pub account: u32,
    /// Attempts from this client address.
    pub address: u32,
}

impl PortalAttempt {
    /// An attempt for an account of this name from this address, both as they were given. Only keyed hashes are stored:
    /// without the key, nobody can tell an address, a mailbox, or a password typed by mistake. A new current key
    /// restarts the counts.
    pub fn new(kind: AttemptKind, account: &str, address: &str, now: DateTime<Utc>, keyring: &Keyring) -> Self {
        let digest = |of: &[u8], text: &str| {
            let kind: &[u8] = match kind {
                AttemptKind::SignIn => b"sign in\0",
                AttemptKind::PresentPassword => b"present\0",
                AttemptKind::Link => b"link\0",
            };
            keyring.sign(Purpose::PortalAttempt, &[kind, of, text.as_bytes()].concat())
        };
        let hour = Self::hour_of(now);
        Self { kind, account: digest(b"account\0", account), address: digest(b"address\0", address), hour }
    }

    /// The whole hour since the epoch that an instant falls into.
    pub fn hour_of(now: DateTime<Utc>) -> i64 {
        now.timestamp().div_euclid(3_600)
    }

    /// The end of an hour since the epoch.
    pub fn end_of(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(hour.saturating_add(1).saturating_mul(3_600), 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Returns `true` if these exceed the hourly limits.
    pub fn is_one_too_many(&self, tries: PortalAttempts) -> bool {
        tries.account > self.limits().0 || !self.counts_for_account(tries.address)
    }

    /// Returns `true` if the nth attempt of an address counts against its account: one refused for its address must not
    /// lock the owner out.
    pub fn counts_for_account(&self, of_address: u32) -> bool {
        of_address <= self.limits().1
    }

    /// The hourly limits of the account and of the address.
    const fn limits(&self) -> (u32, u32) {
        match self.kind {
            AttemptKind::SignIn | AttemptKind::PresentPassword => {
                (PORTAL_ATTEMPTS_PER_ACCOUNT, PORTAL_ATTEMPTS_PER_ADDRESS)
            }
            AttemptKind::Link => (PORTAL_LINKS_PER_ACCOUNT, PORTAL_LINKS_PER_ADDRESS),
        }
    }
}
