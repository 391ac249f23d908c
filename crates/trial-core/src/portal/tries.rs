use chrono::{DateTime, Utc};

use crate::values::{Keyring, Purpose};

/// Tries to sign in to one account within an hour, whether there is such an account or not.
pub const PORTAL_TRIES_PER_ACCOUNT: u32 = 20;
/// Tries to sign in from one client address within an hour.
pub const PORTAL_TRIES_PER_ADDRESS: u32 = 100;
/// Links to another password that are asked for within an hour for one account or address, whether there is such a one or not:
/// each may be a mail.
pub const PORTAL_LINKS_PER_ACCOUNT: u32 = 3;
/// Links to another password that are asked for from one client address within an hour.
pub const PORTAL_LINKS_PER_ADDRESS: u32 = 20;

/// What somebody tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryKind {
    /// To sign in.
    SignIn,
    /// To show the present password, by an owner who is signed in: strangers who try to sign in spend none of these.
    PresentPassword,
    /// To have a link mailed that leads to another password.
    Link,
}

/// One try, that is counted against an account and against an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortalTry {
    /// What is tried.
    pub kind: TryKind,
    /// What stands for the account.
    pub account: [u8; 32],
    /// What stands for the client address.
    pub address: [u8; 32],
    /// The whole hour since the epoch.
    pub hour: i64,
}

/// Tries of an hour, the one that was just counted among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortalTries {
    /// To this account; 0 for one that is not counted, because its address has had too many.
    pub account: u32,
    /// From this address.
    pub address: u32,
}

impl PortalTry {
    /// A try for an account of this name from this address, both as they were given. Keyed hashes of them are stored: nobody
    /// without the key can tell an address, a mailbox, or what somebody typed by mistake, such as a password. Counts begin anew
    /// with another current key.
    pub fn new(kind: TryKind, account: &str, address: &str, now: DateTime<Utc>, keyring: &Keyring) -> Self {
        let digest = |of: &[u8], text: &str| {
            let kind: &[u8] = match kind {
                TryKind::SignIn => b"sign in\0",
                TryKind::PresentPassword => b"present\0",
                TryKind::Link => b"link\0",
            };
            keyring.sign(Purpose::PortalTry, &[kind, of, text.as_bytes()].concat())
        };
        let hour = Self::hour_of(now);
        Self { kind, account: digest(b"account\0", account), address: digest(b"address\0", address), hour }
    }

    /// The whole hour since the epoch that an instant falls into.
    pub fn hour_of(now: DateTime<Utc>) -> i64 {
        now.timestamp().div_euclid(3_600)
    }

    /// When an hour since the epoch ends.
    pub fn end_of(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(hour.saturating_add(1).saturating_mul(3_600), 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Whether so many are more than one may make in an hour.
    pub fn is_one_too_many(&self, tries: PortalTries) -> bool {
        tries.account > self.limits().0 || !self.counts_for_account(tries.address)
    }

    /// Returns `true` if an attempt counts against its account, being the nth of its address: one that is refused for its address keeps no
    /// owner out.
    pub fn counts_for_account(&self, of_address: u32) -> bool {
        of_address <= self.limits().1
    }

    /// Of the account and of the address.
    const fn limits(&self) -> (u32, u32) {
        match self.kind {
            TryKind::SignIn | TryKind::PresentPassword => (PORTAL_TRIES_PER_ACCOUNT, PORTAL_TRIES_PER_ADDRESS),
            TryKind::Link => (PORTAL_LINKS_PER_ACCOUNT, PORTAL_LINKS_PER_ADDRESS),
        }
    }
}
