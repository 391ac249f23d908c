//! Codes and initial passwords are derived, not stored: a stolen database yields neither, and a resend yields the same
//! code.

use std::fmt;
use std::fmt::Write as _;

use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{Aead, Payload};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::values::{CODE_DIGITS, ChallengeId, Person, Phone, SubmittedCode, TenantId};

/// Letters and digits that are not taken for one another (Crockford's base 32 without its checks).
const PASSWORD_ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Characters of a password, 5 bits each: 80 bits, well over the 64 that NIST SP 800-63B-4 asks of a look-up secret.
const PASSWORD_LENGTH: usize = 16;
const PASSWORD_GROUP: usize = 4;

/// The purpose of a signature, which is invalid for any other purpose.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// A bot challenge.
    Challenge,
    /// A forgotten-password link.
    PortalLink,
    /// The person behind an attempt at the portal.
    PortalAttempt,
}

impl Purpose {
    const fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Challenge => b"trialgate altcha v1\0",
            Self::PortalLink => b"trialgate portal link v1\0",
            Self::PortalAttempt => b"trialgate portal try v1\0",
        }
    }
}

/// A 32-byte key with the id that stored rows name it by.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretKey {
    #[zeroize(skip)]
    id: String,
    key: [u8; 32],
}

/// The keys in force: the first derives, all verify, so that a key can be rotated while codes are in flight.
#[derive(Debug, Clone)]
pub struct Keyring(Vec<SecretKey>);

/// The reason for which keys cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// No key at all.
    #[error("there is no key; `trialgate secrets generate` prints one")]
    Empty,
    /// Two keys of one id.
    #[error("the key id {0:?} is given twice; ids are unique and never used again")]
    Duplicate(String),
    /// An id that is empty or long.
    #[error("the key id {0:?} is not 1 to 32 characters long")]
    Id(String),
    /// A key of another length.
    #[error("the key {id:?} has {length} bytes, not 32; `trialgate secrets generate` prints a good one")]
    Length {
        /// The id of the key.
        id: String,
        /// Its length, in bytes.
        length: usize,
    },
    /// A row was derived with a key that is no longer in the keyring.
    #[error("the key {0:?} is needed but not among `secrets.keys`; add it again after the current one")]
    Unknown(String),
    /// The stored value was not encrypted with the key of this id, or was changed since.
    #[error("the stored secret was not encrypted with the key {0:?}; was the key of this id replaced?")]
    Unsealable(String),
}

/// A code to be sent: six digits.
#[derive(Clone, PartialEq, Eq)]
pub struct VerificationCode([u8; CODE_DIGITS]);

/// An initial password, four groups of four characters.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct InitialPassword(String);

impl SecretKey {
    /// A key of exactly 32 bytes.
    ///
    /// # Errors
    /// [`KeyringError`] if the id or the key has a wrong length.
    pub fn new(id: &str, key: &[u8]) -> Result<Self, KeyringError> {
        if !(1..=32).contains(&id.chars().count()) {
            return Err(KeyringError::Id(id.to_owned()));
        }
        let key = key.try_into().map_err(|_| KeyringError::Length { id: id.to_owned(), length: key.len() })?;
        Ok(Self { id: id.to_owned(), key })
    }

    fn code(&self, challenge: ChallengeId, phone: &Phone) -> VerificationCode {
        let mac = self.mac(b"trialgate code v1\0", &[challenge.as_bytes(), phone.as_str().as_bytes()]);
        // 64 bits modulo a million: no digit is likelier than another by more than one in 10^13.
        let mut number = u64::from_be_bytes(first(&mac));
        let mut digits = [0; CODE_DIGITS];
        for digit in digits.iter_mut().rev() {
            *digit = b"0123456789"[usize::try_from(number % 10).unwrap_or(0)];
            number /= 10;
        }
        VerificationCode(digits)
    }

    /// The cipher for encryption, with a key of its own, so that no key has two uses.
    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.mac(b"trialgate seal v1\0", &[]).into())
    }

    /// HMAC-SHA256 over a purpose and parts of fixed length or last place, so that no two inputs collide.
    fn mac(&self, purpose: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        mac.update(purpose);
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl Keyring {
    /// A keyring of these keys, the one that derives first.
    ///
    /// # Errors
    /// [`KeyringError`] if there is no key, or two have one id.
    pub fn new(keys: Vec<SecretKey>) -> Result<Self, KeyringError> {
        if keys.is_empty() {
            return Err(KeyringError::Empty);
        }
        for (place, key) in keys.iter().enumerate() {
            if keys[..place].iter().any(|earlier| earlier.id == key.id) {
                return Err(KeyringError::Duplicate(key.id.clone()));
            }
        }
        Ok(Self(keys))
    }

    /// The pseudonym of an erased person: it can be matched only with the phone or the address, and the keys.
    pub fn pseudonym(&self, person: &Person) -> String {
        self.pseudonym_of(person.as_str())
    }

    /// As [`Keyring::pseudonym`], of a phone, an address or a company in its canonical form.
    pub(crate) fn pseudonym_of(&self, text: &str) -> String {
        let mac = self.0[0].mac(b"pseudonym", &[text.as_bytes()]);
        mac.iter().take(16).fold("person-".to_owned(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The id of the key that derives new codes and passwords.
    pub fn current_id(&self) -> &str {
        &self.0[0].id
    }

    /// The code of a challenge.
    ///
    /// # Errors
    /// [`KeyringError`] if the key is not among these.
    pub fn code(&self, key_id: &str, challenge: ChallengeId, phone: &Phone) -> Result<VerificationCode, KeyringError> {
        Ok(self.key(key_id)?.code(challenge, phone))
    }

    /// The code of a new challenge, derived with the current key.
    pub fn current_code(&self, challenge: ChallengeId, phone: &Phone) -> VerificationCode {
        self.0[0].code(challenge, phone)
    }

    /// The initial password of a tenant's account; `issue` counts the times that one was given out, from 1.
    ///
    /// # Errors
    /// [`KeyringError`] if the key is not among these.
    pub fn password(&self, key_id: &str, tenant: TenantId, issue: u32) -> Result<InitialPassword, KeyringError> {
        let mac = self.key(key_id)?.mac(b"trialgate password v1\0", &[tenant.as_bytes(), &issue.to_be_bytes()]);
        let mut bits = u128::from_be_bytes(first(&mac));
        let mut password = String::with_capacity(PASSWORD_LENGTH + PASSWORD_LENGTH / PASSWORD_GROUP);
        for place in 0..PASSWORD_LENGTH {
            if place > 0 && place % PASSWORD_GROUP == 0 {
                password.push('-');
            }
            password.push(char::from(PASSWORD_ALPHABET[usize::try_from(bits & 31).unwrap_or(0)]));
            bits >>= 5;
        }
        Ok(InitialPassword(password))
    }

    /// Random bytes that an encryption takes.
    pub const NONCE: usize = 24;

    /// Encrypts with the current key, bound to `belongs_to`; returns the key's id, and the nonce with the ciphertext.
    pub fn seal(&self, belongs_to: &[u8], plain: &[u8], nonce: &[u8; Self::NONCE]) -> (String, Vec<u8>) {
        #[expect(clippy::expect_used, reason = "what is sealed is far shorter than the 256 GB that cannot be")]
        let sealed = self.0[0]
            .cipher()
            .encrypt(&(*nonce).into(), Payload { msg: plain, aad: belongs_to })
            .expect("what is sealed is short");
        (self.0[0].id.clone(), [nonce.as_slice(), &sealed].concat())
    }

    /// Decrypts what the key of this id encrypted.
    ///
    /// # Errors
    /// [`KeyringError`] if the key is not among these, or did not encrypt this for `belongs_to`.
    pub fn open(&self, key_id: &str, belongs_to: &[u8], sealed: &[u8]) -> Result<Vec<u8>, KeyringError> {
        let cipher = self.key(key_id)?.cipher();
        let not_ours = || KeyringError::Unsealable(key_id.to_owned());
        let (nonce, sealed) = sealed.split_first_chunk::<{ Self::NONCE }>().ok_or_else(not_ours)?;
        cipher.decrypt(&(*nonce).into(), Payload { msg: sealed, aad: belongs_to }).map_err(|_| not_ours())
    }

    /// Signs, with the current key, a claim that is handed out and not stored.
    pub(crate) fn sign(&self, purpose: Purpose, claim: &[u8]) -> [u8; 32] {
        self.0[0].mac(purpose.as_bytes(), &[claim])
    }

    /// Returns `true` if one of the keys signed this for this purpose; compares in constant time.
    pub(crate) fn has_signed(&self, purpose: Purpose, claim: &[u8], signature: &[u8; 32]) -> bool {
        self.0.iter().any(|key| key.mac(purpose.as_bytes(), &[claim]).ct_eq(signature).into())
    }

    fn key(&self, id: &str) -> Result<&SecretKey, KeyringError> {
        self.0.iter().find(|key| key.id == id).ok_or_else(|| KeyringError::Unknown(id.to_owned()))
    }
}

fn first<const N: usize>(mac: &[u8; 32]) -> [u8; N] {
    std::array::from_fn(|place| mac[place])
}

impl VerificationCode {
    /// A fixed code, for test numbers alone; `None` unless it is six digits.
    pub fn fixed(digits: &str) -> Option<Self> {
        let code = <[u8; CODE_DIGITS]>::try_from(digits.as_bytes()).ok()?;
        code.iter().all(u8::is_ascii_digit).then_some(Self(code))
    }

    /// Compares in constant time.
    pub fn matches(&self, submitted: &SubmittedCode) -> bool {
        self.0.ct_eq(submitted.as_bytes()).into()
    }

    /// The digits, for the text of the short message alone.
    pub fn reveal(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl InitialPassword {
    /// The password, for the text of the account mail alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns `true` if it equals the password shown; compares in constant time.
    pub fn matches(&self, shown: &str) -> bool {
        self.0.as_bytes().ct_eq(shown.as_bytes()).into()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({:?}, ***)", self.id)
    }
}

impl fmt::Debug for VerificationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerificationCode(***)")
    }
}

impl fmt::Debug for InitialPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InitialPassword(***)")
    }
}
