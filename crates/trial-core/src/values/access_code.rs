//! Access codes and their two kinds.

use std::fmt;
use std::sync::Arc;

use super::{UnknownName, named};

/// The longest access code, in characters.
const MAX_LENGTH: usize = 64;
/// The most keys that a voice code is dialled by. ITU-T E.164 has 15 digits; prefixes and feature codes come on top.
const MAX_KEYS: usize = 20;

/// An access code: the number or identifier that customers of the contact centre dial or write to. Unique over all
/// kinds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessCode(Arc<str>);

/// The two kinds of access code; a trial needs one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessCodeKind {
    /// For calls.
    Voice,
    /// For chat and messaging.
    Multimedia,
}

named!(AccessCodeKind, "kind of access code", { Voice => "voice", Multimedia => "multimedia" });

/// The reason for which a text is not an access code. The message contains the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessCodeError {
    /// Empty.
    #[error("the code is empty")]
    Empty,
    /// Over the limit.
    #[error("the code is longer than {MAX_LENGTH} characters")]
    TooLong,
    /// A character that no dial plan or channel identifier has.
    #[error("the code may hold letters, digits and + * # - _ . only")]
    Malformed,
    /// A voice code that no telephone can dial.
    #[error(
        "a voice code is dialled: it may hold 1 to {MAX_KEYS} digits, with * and # among them and + in front, and nothing else"
    )]
    NotDialled,
}

impl AccessCodeKind {
    /// Parses the word that people write for a kind, in any case, English or Chinese.
    ///
    /// # Errors
    /// [`UnknownName`] if it is no such word.
    pub fn from_written(word: &str) -> Result<Self, UnknownName> {
        match word.to_lowercase().as_str() {
            "语音" | "語音" => Ok(Self::Voice),
            "多媒体" | "多媒體" => Ok(Self::Multimedia),
            lower => lower.parse().map_err(|error: UnknownName| UnknownName(word.to_owned(), error.1)),
        }
    }
}

impl AccessCode {
    /// Parses 1 to 64 ASCII letters, digits and `+*#-_.`.
    ///
    /// # Errors
    /// [`AccessCodeError`], one variant for each fault.
    pub fn parse(text: &str) -> Result<Self, AccessCodeError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AccessCodeError::Empty);
        }
        if text.chars().nth(MAX_LENGTH).is_some() {
            return Err(AccessCodeError::TooLong);
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+*#-_.".contains(&b)) {
            return Err(AccessCodeError::Malformed);
        }
        Ok(Self(text.into()))
    }

    /// As [`Self::parse`], for a code that is new in the pool: customers have to dial one of kind `voice`.
    ///
    /// # Errors
    /// [`AccessCodeError`], one variant for each fault.
    pub fn parse_as(kind: AccessCodeKind, text: &str) -> Result<Self, AccessCodeError> {
        // A voice code has the stricter alphabet of a telephone, which the error names.
        let code = Self::parse(text).map_err(|error| match (kind, error) {
            (AccessCodeKind::Voice, AccessCodeError::Malformed) => AccessCodeError::NotDialled,
            (_, error) => error,
        })?;
        let keys = code.0.strip_prefix('+').unwrap_or(&code.0);
        let is_dialled = keys.len() <= MAX_KEYS
            && keys.bytes().all(|key| key.is_ascii_digit() || b"*#".contains(&key))
            && keys.bytes().any(|key| key.is_ascii_digit());
        if kind == AccessCodeKind::Voice && !is_dialled {
            return Err(AccessCodeError::NotDialled);
        }
        Ok(code)
    }

    /// Takes a code back from storage.
    pub fn from_stored(code: &str) -> Self {
        Self(code.into())
    }

    /// The code itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccessCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
