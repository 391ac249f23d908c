//! The forgotten-password link of a tenant's owner. Nothing of it is stored: it contains the account, the issue of the
//! password and the time of its creation, and is signed. Any later change of the password ends it.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::values::{Keyring, Purpose, TenantId};

/// The lifetime of a link.
pub const PORTAL_LINK_LIVES: Duration = Duration::from_mins(30);
/// Bytes of the content of a link: a tenant, an issue, and milliseconds.
const CLAIM: usize = 16 + 4 + 8;
const SIGNATURE: usize = 32;

/// The token of a link.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct PortalLink(String);

/// The content of a link whose signature is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortalLinkClaim {
    /// The tenant that the account belongs to.
    pub tenant: TenantId,
    /// The issue of the password that was in force.
    pub issue: u32,
    /// The time of the request, to the millisecond.
    pub made_at: DateTime<Utc>,
}

impl PortalLink {
    /// The end of the link's URL, for the text of the mail alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// A link that leads nowhere, for examples.
    pub fn example() -> Self {
        Self("example".to_owned())
    }
}

/// Hidden, so that it cannot reach a log by way of `{:?}`.
impl fmt::Debug for PortalLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PortalLink(***)")
    }
}

impl PortalLinkClaim {
    /// Signs it with the current key.
    pub fn sign(&self, keyring: &Keyring) -> PortalLink {
        let claim = self.to_bytes();
        PortalLink(URL_SAFE_NO_PAD.encode([claim.as_slice(), &keyring.sign(Purpose::PortalLink, &claim)].concat()))
    }

    /// Reads the token of a link; `None` unless it was signed by one of the keys.
    pub fn read(text: &str, keyring: &Keyring) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (claim, signature) = bytes.split_first_chunk::<CLAIM>()?;
        let signature: &[u8; SIGNATURE] = signature.try_into().ok()?;
        if !keyring.has_signed(Purpose::PortalLink, claim, signature) {
            return None;
        }
        let (tenant, rest) = claim.split_first_chunk::<16>()?;
        let (issue, made_at) = rest.split_first_chunk::<4>()?;
        Some(Self {
            tenant: TenantId::from_bytes(*tenant),
            issue: u32::from_be_bytes(*issue),
            made_at: DateTime::from_timestamp_millis(i64::from_be_bytes(made_at.try_into().ok()?))?,
        })
    }

    fn to_bytes(self) -> [u8; CLAIM] {
        let parts = [
            self.tenant.as_bytes().as_slice(),
            &self.issue.to_be_bytes(),
            &self.made_at.timestamp_millis().to_be_bytes(),
        ];
        let mut bytes = [0; CLAIM];
        for (byte, of) in bytes.iter_mut().zip(parts.concat()) {
            *byte = of;
        }
        bytes
    }
}
