//! Proof of work by the ALTCHA protocol, version 2 (<https://altcha.org/docs/v2/proof-of-work/>): before a code is
//! sent, the browser searches for a counter whose derived key begins as required. Checking takes one derivation, the
//! search some hundred. The challenge is signed, so that nothing is stored until it is solved.

use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::bot_challenge::ProofRefusal;
use crate::clients::SeenSignature;
use crate::policy::CLOCK_SKEW;
use crate::values::{Keyring, Purpose};

/// The lifetime of a challenge, from its creation to its return. A slow phone needs some ten seconds to solve one.
pub const CHALLENGE_LIVES: Duration = Duration::from_mins(5);
/// The default cost: a second or less in a browser, a millisecond or two here.
pub const ALTCHA_COST: AltchaCost = AltchaCost(NonZeroU32::new(2_000).unwrap());
/// Beyond this, checking would cost more than the challenge saves.
const MAX_COST: u32 = 20_000;
const ALGORITHM: &str = "PBKDF2/SHA-256";
const KEY_LENGTH: usize = 32;
/// One of 256 keys begins so.
const KEY_PREFIX: &str = "00";

/// Rounds of PBKDF2 for each counter, 1 to 20,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AltchaCost(NonZeroU32);

/// A challenge, as the browser is given it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AltchaChallenge {
    parameters: Parameters,
    /// Of the parameters, in hexadecimal.
    signature: String,
}

/// The parameters of the work. The protocol signs them with their names in alphabetical order, as they are here.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Parameters {
    algorithm: String,
    cost: u32,
    /// In seconds since 1970.
    expires_at: i64,
    key_length: usize,
    key_prefix: String,
    /// In hexadecimal, like the salt.
    nonce: String,
    salt: String,
}

/// The payload that the widget sends back.
#[derive(Deserialize)]
struct Payload {
    challenge: AltchaChallenge,
    solution: Solution,
}

/// The derived key that the browser sends with it is not trusted: it is derived again.
#[derive(Deserialize)]
struct Solution {
    counter: u32,
}

impl AltchaCost {
    /// A cost of 1 to 20,000 rounds; `None` for any other number.
    pub fn new(rounds: u32) -> Option<Self> {
        NonZeroU32::new(rounds).filter(|_| rounds <= MAX_COST).map(Self)
    }

    /// As a number.
    pub const fn rounds(self) -> u32 {
        self.0.get()
    }
}

impl AltchaChallenge {
    /// Random bytes that a challenge takes.
    pub const ENTROPY: usize = 32;

    /// A challenge of this instant.
    pub fn new(cost: AltchaCost, now: DateTime<Utc>, entropy: &[u8; Self::ENTROPY], keyring: &Keyring) -> Self {
        let (nonce, salt) = entropy.split_at(Self::ENTROPY / 2);
        let parameters = Parameters {
            algorithm: ALGORITHM.to_owned(),
            cost: cost.rounds(),
            expires_at: (now + CHALLENGE_LIVES).timestamp(),
            key_length: KEY_LENGTH,
            key_prefix: KEY_PREFIX.to_owned(),
            nonce: hexadecimal(nonce),
            salt: hexadecimal(salt),
        };
        let signature = hexadecimal(&keyring.sign(Purpose::Challenge, &parameters.signed()));
        Self { parameters, signature }
    }

    /// As the browser is given it.
    pub fn to_json(&self) -> String {
        json(self)
    }

    /// Checks a proof of work against the challenges that we signed, and returns the challenge's signature, which may
    /// be accepted only once. A proof is base64 of JSON, as the protocol's widgets send it.
    ///
    /// # Errors
    /// [`ProofRefusal`] if the proof is missing, wrong or expired.
    pub fn check(proof: &str, now: DateTime<Utc>, keyring: &Keyring) -> Result<SeenSignature, ProofRefusal> {
        if proof.is_empty() {
            return Err(ProofRefusal::Missing);
        }
        let json = BASE64_STANDARD.decode(proof).map_err(|_| ProofRefusal::Wrong)?;
        let Payload { challenge, solution } = serde_json::from_slice(&json).map_err(|_| ProofRefusal::Wrong)?;
        let parameters = challenge.parameters;
        let signature = bytes_of(&challenge.signature).and_then(|bytes| bytes.try_into().ok());
        // A signed challenge is ours, and its parameters are sound.
        let signature = signature
            .filter(|signature| keyring.has_signed(Purpose::Challenge, &parameters.signed(), signature))
            .ok_or(ProofRefusal::Wrong)?;
        let expires_at = DateTime::from_timestamp(parameters.expires_at, 0).ok_or(ProofRefusal::Wrong)?;
        if expires_at <= now {
            return Err(ProofRefusal::Expired);
        }
        if !parameters.are_met_by(solution.counter) {
            return Err(ProofRefusal::Wrong);
        }
        // Clocks of instances differ.
        Ok(SeenSignature { signature, expires_at: expires_at + 2 * CLOCK_SKEW })
    }
}

impl Parameters {
    fn signed(&self) -> Vec<u8> {
        json(self).into_bytes()
    }

    fn are_met_by(&self, counter: u32) -> bool {
        let (Some(nonce), Some(salt)) = (bytes_of(&self.nonce), bytes_of(&self.salt)) else { return false };
        let password = [nonce.as_slice(), &counter.to_be_bytes()].concat();
        let key: [u8; KEY_LENGTH] = pbkdf2::pbkdf2_hmac_array::<Sha256, KEY_LENGTH>(&password, &salt, self.cost);
        hexadecimal(&key).starts_with(&self.key_prefix)
    }
}

/// Serialises texts and numbers, which cannot fail.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn bytes_of(hexadecimal: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        hexadecimal.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let (pairs, []) = digits.as_deref()?.as_chunks::<2>() else { return None };
    Some(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
