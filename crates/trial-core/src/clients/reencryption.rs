//! The re-encryption of API clients' secrets with the current key, so that an old key can be removed.

use super::{ApiClient, ApiClientChange, EncryptedSecret};
use crate::values::{Entropy, Keyring, KeyringError, named};

/// The state of a secret once all keys but the current one are removed. Of a client with two secrets, the worse counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EncryptionState {
    /// It is encrypted with the current key.
    Current,
    /// It is encrypted with another key, which is needed until the secret is re-encrypted.
    Older,
    /// No key decrypts it, so that it does not sign.
    Lost,
}

named!(EncryptionState, "state of an encrypted secret", { Current => "current", Older => "older", Lost => "lost" });

impl EncryptedSecret {
    fn seal_state(&self, access_key: &str, keyring: &Keyring) -> EncryptionState {
        match self.open(access_key, keyring) {
            Err(_) => EncryptionState::Lost,
            Ok(_) if self.key_id == keyring.current_id() => EncryptionState::Current,
            Ok(_) => EncryptionState::Older,
        }
    }

    /// The secret, re-encrypted with the current key if another one decrypts it.
    fn resealed(&self, access_key: &str, keyring: &Keyring, entropy: &dyn Entropy) -> Self {
        match self.open(access_key, keyring) {
            Ok(secret) if self.key_id != keyring.current_id() => {
                let mut nonce = [0; Keyring::NONCE];
                entropy.fill(&mut nonce);
                secret.seal(access_key, keyring, &nonce)
            }
            _ => self.clone(),
        }
    }
}

impl ApiClient {
    /// The state of its secrets once all keys but the current one are removed.
    pub fn seal_state(&self, keyring: &Keyring) -> EncryptionState {
        let states = self.secrets().map(|secret| secret.seal_state(&self.access_key, keyring));
        states.max().unwrap_or(EncryptionState::Current)
    }

    /// The error for the first of its secrets that cannot be decrypted, if any.
    pub fn lost_secret(&self, keyring: &Keyring) -> Option<KeyringError> {
        self.secrets().find_map(|secret| secret.open(&self.access_key, keyring).err())
    }

    /// The change that re-encrypts with the current key the secrets that another key decrypts; `None` if there are
    /// none. A secret that no key decrypts stays as it is.
    pub fn reseal(&self, keyring: &Keyring, entropy: &dyn Entropy) -> Option<ApiClientChange> {
        let before: Vec<_> = self.secrets().cloned().collect();
        let after: Vec<_> = before.iter().map(|secret| secret.resealed(&self.access_key, keyring, entropy)).collect();
        (before != after).then_some(ApiClientChange::Reseal { before, after })
    }
}
