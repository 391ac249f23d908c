use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::audit::ACTORS;

/// Names that the audit does not use for operators, beside [`ACTORS`]: the first part of `cli:USER`, and two that read like the
/// service itself.
const RESERVED: [&str; 3] = ["cli", "sweep", "system"];

/// An operator's name as the audit has it: 1 to 64 letters, digits, `.`, `_` and `-`, a letter or digit first. Spellings that
/// differ in case alone are one name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperatorName(Arc<str>);

/// Why a text is no name. The message says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OperatorNameError {
    /// It has another form.
    #[error("must have 1 to 64 letters, digits, '.', '_' or '-', and begin with a letter or digit")]
    Malformed,
    /// The audit uses it for somebody else.
    #[error("is reserved in the audit; choose another")]
    Reserved,
}

impl OperatorName {
    /// The longest name, in characters.
    pub const MAX_LENGTH: usize = 64;

    /// Takes a name that a person gave.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, OperatorNameError> {
        let bytes = text.as_bytes();
        let first_is_good = bytes.first().is_some_and(u8::is_ascii_alphanumeric);
        let all_are_good = bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b));
        if !first_is_good || !all_are_good || bytes.len() > Self::MAX_LENGTH {
            return Err(OperatorNameError::Malformed);
        }
        if ACTORS.iter().chain(&RESERVED).any(|reserved| reserved.eq_ignore_ascii_case(text)) {
            return Err(OperatorNameError::Reserved);
        }
        Ok(Self(text.into()))
    }

    /// Takes a name back from storage.
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What names are compared by.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for OperatorName {
    type Err = OperatorNameError;

    fn from_str(text: &str) -> Result<Self, OperatorNameError> {
        Self::parse(text)
    }
}

impl fmt::Display for OperatorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
