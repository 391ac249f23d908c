use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

/// Tries to sign in to one account within an hour, whether there is such an account or not.
pub const PORTAL_TRIES_PER_ACCOUNT: u32 = 20;
/// Tries to sign in from one client address within an hour.
pub const PORTAL_TRIES_PER_ADDRESS: u32 = 100;

/// One try to sign in, that is counted against an account and against an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortalTry {
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
    /// To this account.
    pub account: u32,
    /// From this address.
    pub address: u32,
}

impl PortalTry {
    /// A try to sign in to an account of this name from this address, both as they were given: names are kept as digests, so
    /// that what somebody types by mistake, such as a password, is not kept.
    pub fn new(account: &str, address: &str, now: DateTime<Utc>) -> Self {
        let digest = |kind: &[u8], text: &str| {
            let mut hash = Sha256::new();
            hash.update(kind);
            hash.update(text.as_bytes());
            hash.finalize().into()
        };
        let hour = now.timestamp().div_euclid(3_600);
        Self { account: digest(b"account\0", account), address: digest(b"address\0", address), hour }
    }
}

/// Whether so many tries are more than one may make in an hour.
pub fn is_one_too_many(tries: PortalTries) -> bool {
    tries.account > PORTAL_TRIES_PER_ACCOUNT || tries.address > PORTAL_TRIES_PER_ADDRESS
}
