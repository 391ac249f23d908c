//! The signing secrets of webhooks.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The prefix of a secret.
const PREFIX: &str = "whsec_";
/// The length of a key, in bytes (Standard Webhooks, "Signature scheme").
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// A key that events are signed by, shared with the receiver.
#[derive(Clone)]
pub struct SigningSecret(Zeroizing<Vec<u8>>);

/// The error for a text that is not a secret. Contains nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be `whsec_` and the base64 of 24 to 64 bytes")]
pub struct SecretError;

impl SigningSecret {
    /// Reads `whsec_` and the base64 of 24 to 64 bytes.
    ///
    /// # Errors
    /// [`SecretError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(SecretError)?;
        let key = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| SecretError)?);
        LENGTHS.contains(&key.len()).then_some(Self(key)).ok_or(SecretError)
    }

    /// The signature of a message in `webhook-signature`: `v1,` and the base64 of an HMAC-SHA256.
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    pub fn sign(&self, id: &str, timestamp: i64, payload: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("every length will do");
        mac.update(format!("{id}.{timestamp}.{payload}").as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// Hides the key.
impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningSecret").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn it_signs_as_the_specification_does() {
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn anything_but_a_secret_is_refused_and_never_shown() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        for good in [of(24), of(64), format!(" {}\n", of(32))] {
            let secret = SigningSecret::parse(&good).unwrap();
            assert_eq!(format!("{secret:?}"), "SigningSecret { .. }");
        }
        for bad in [of(23), of(65), of(32).replace("whsec_", ""), "whsec_%%%".to_owned(), String::new()] {
            assert_eq!(SigningSecret::parse(&bad).unwrap_err(), SecretError, "{bad}");
        }
    }
}
