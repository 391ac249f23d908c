use std::fmt;
use std::sync::Arc;

use super::named;

/// The longest access code, in characters.
const MAX_LENGTH: usize = 64;

/// An access code: the number or identifier that customers of the contact centre dial or write to. Unique over all kinds.
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

named!(AccessCodeKind, "kind of access code (voice or multimedia)", { Voice => "voice", Multimedia => "multimedia" });

/// Why a text is not an access code. The message says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessCodeError {
    /// Nothing there.
    #[error("the code is empty")]
    Empty,
    /// Over the limit.
    #[error("the code is longer than {MAX_LENGTH} characters")]
    TooLong,
    /// A character that no dial plan or channel identifier has.
    #[error("the code may hold letters, digits and + * # - _ . only")]
    Malformed,
}

impl AccessCode {
    /// Takes 1 to 64 ASCII letters, digits and `+*#-_.`.
    ///
    /// # Errors
    /// Says what is wrong and what to give instead.
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
