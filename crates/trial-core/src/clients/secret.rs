//! The secrets of API clients. Checking a signature takes the secret itself, so that it cannot be hashed: it is
//! encrypted with a key that the database does not hold.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::values::{Keyring, KeyringError};

/// Letters and digits of an access key; none of them means something in a header.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// The prefix of an access key, by which people and secret scanners recognise it.
const PREFIX: &str = "TGAK";

/// A secret that signs: 43 characters of 256 random bits.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ApiClientSecret(String);

/// A secret as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedSecret {
    /// The key that decrypts it.
    pub key_id: String,
    /// Nonce and ciphertext.
    pub sealed: Vec<u8>,
}

/// The credentials that an API client receives, once.
#[derive(Debug, Clone)]
pub struct ApiClientCredentials {
    /// The public half: `TGAK` and 16 letters and digits.
    pub access_key: String,
    /// The secret half.
    pub secret: ApiClientSecret,
}

impl ApiClientSecret {
    /// A secret of 32 random bytes.
    pub fn new(entropy: &[u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(entropy))
    }

    /// The text, for signing and checking.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Encrypts it with the current key, for this access key alone. The nonce is random and never used again.
    pub fn seal(&self, access_key: &str, keyring: &Keyring, nonce: &[u8; Keyring::NONCE]) -> EncryptedSecret {
        let (key_id, sealed) = keyring.seal(access_key.as_bytes(), self.0.as_bytes(), nonce);
        EncryptedSecret { key_id, sealed }
    }
}

impl EncryptedSecret {
    /// Decrypts it.
    ///
    /// # Errors
    /// [`KeyringError`] if the key is not in the keyring, or did not encrypt the secret for this access key.
    pub fn open(&self, access_key: &str, keyring: &Keyring) -> Result<ApiClientSecret, KeyringError> {
        let opened = keyring.open(&self.key_id, access_key.as_bytes(), &self.sealed)?;
        String::from_utf8(opened).map(ApiClientSecret).map_err(|_| KeyringError::Unsealable(self.key_id.clone()))
    }
}

impl ApiClientCredentials {
    /// An access key and a secret of random bytes.
    pub fn new(entropy: &[u8; 48]) -> Self {
        let (key, secret) = entropy.split_at(16);
        let letters = key.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        let access_key = PREFIX.chars().chain(letters).collect();
        Self { access_key, secret: ApiClientSecret(URL_SAFE_NO_PAD.encode(secret)) }
    }
}

/// Hidden, so that it cannot reach a log by way of `{:?}`.
impl fmt::Debug for ApiClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallerSecret(***)")
    }
}
