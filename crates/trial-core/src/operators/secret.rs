//! The secrets of operators and their browsers. Each holds 256 random bits, so that a plain hash of it gives nothing
//! away: it cannot be guessed, and needs no slow hash.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Random bytes in a secret.
const ENTROPY: usize = 32;
/// Characters that these are written in.
const LENGTH: usize = 43;
/// The label under which a CSRF token is derived from a session's secret, so that nothing else has the same value.
const CSRF_LABEL: &[u8] = b"trialgate csrf 1";

/// The SHA-256 of a secret: all that is ever stored of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretHash([u8; 32]);

/// The token that a page of the console carries, so that no other site's page can act in the operator's name. Derived
/// from the session's secret, which no page ever contains; compared in constant time.
#[derive(Clone)]
pub struct CsrfToken(String);

macro_rules! secrets {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal;)+) => { $(
        $(#[$doc])*
        #[derive(Clone, Zeroize, ZeroizeOnDrop)]
        pub struct $name(String);

        impl $name {
            /// The prefix by which people and scanners for leaked secrets recognise it.
            pub const PREFIX: &'static str = $prefix;

            /// A secret of 32 random bytes.
            pub fn new(entropy: &[u8; ENTROPY]) -> Self {
                Self(format!("{}{}", Self::PREFIX, URL_SAFE_NO_PAD.encode(entropy)))
            }

            /// Parses a presented secret; `None` for a text that cannot be one.
            pub fn parse(text: &str) -> Option<Self> {
                let secret = text.strip_prefix(Self::PREFIX)?;
                let is_whole = secret.len() == LENGTH && URL_SAFE_NO_PAD.decode(secret).is_ok();
                is_whole.then(|| Self(text.to_owned()))
            }

            /// The text that the holder keeps.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The hash that is stored and looked up.
            pub fn hash(&self) -> SecretHash {
                SecretHash(Sha256::digest(self.0.as_bytes()).into())
            }
        }

        /// Hidden, so that it cannot reach a log by way of `{:?}`.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(***)"))
            }
        }
    )+ };
}

secrets! {
    /// The token that an operator sends with every request, or at the sign-in to the console: `tgo_` and 43 characters.
    OperatorToken, "tgo_";
    /// The secret of an operator's session, in a cookie of the browser: `tgs_` and 43 characters.
    SessionSecret, "tgs_";
    /// The secret of an owner's session at the portal, in a cookie of the browser: `tgp_` and 43 characters.
    PortalSecret, "tgp_";
}

impl SessionSecret {
    /// The token that the pages of this session carry.
    pub fn csrf(&self) -> CsrfToken {
        CsrfToken::of(&self.0)
    }
}

impl PortalSecret {
    /// The token that the pages of this session carry.
    pub fn csrf(&self) -> CsrfToken {
        CsrfToken::of(&self.0)
    }
}

impl CsrfToken {
    fn of(secret: &str) -> Self {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(CSRF_LABEL);
        Self(URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    /// The text that a form carries.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns `true` if it equals the token that a form sent back.
    pub fn is(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

impl SecretHash {
    /// Takes a hash back from storage, 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes that are stored.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns `true` if they are equal; compares in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// Hidden: a log must not link events by it.
impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(***)")
    }
}

impl fmt::Debug for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfToken(***)")
    }
}
