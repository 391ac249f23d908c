//! Access keys.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// An access key: its public id, and the secret that signs.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct AccessKey {
    #[zeroize(skip)]
    id: String,
    secret: String,
}

impl AccessKey {
    /// A key with this id and this secret.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { id: id.into(), secret: secret.into() }
    }

    /// The public id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The secret, for schemes that digest it differently.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// HMAC-SHA256 of the text by the secret.
    pub(crate) fn mac(&self, text: &str) -> [u8; 32] {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).expect("HMAC takes a key of any length");
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessKey({:?}, ***)", self.id)
    }
}
