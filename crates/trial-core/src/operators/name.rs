//! Names of operators and API clients, as the audit trail has them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::audit::ACTORS;

/// Reserved names besides [`ACTORS`]: the first part of `cli:USER`, and two that read like the service itself.
const RESERVED: [&str; 3] = ["cli", "sweep", "system"];

/// An actor's name: 1 to 64 letters, digits, `.`, `_` and `-`, a letter or digit first. Spellings that differ in case
/// alone are one name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperatorName(Arc<str>);

/// The reason for which a text is no name. The message contains the remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OperatorNameError {
    /// It has another form.
    #[error("must have 1 to 64 letters, digits, '.', '_' or '-', and begin with a letter or digit")]
    Malformed,
    /// The audit trail uses it for another actor.
    #[error("is reserved in the audit; choose another")]
    Reserved,
}

impl OperatorName {
    /// The longest name, in characters.
    pub const MAX_LENGTH: usize = 64;

    /// Parses a name that a person gave.
    ///
    /// # Errors
    /// [`OperatorNameError`] if it has another form or is reserved.
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

    /// The form under which names are compared.
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
