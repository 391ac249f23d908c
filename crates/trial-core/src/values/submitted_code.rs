//! The verification code that an applicant types.

use std::fmt;

use super::folding::{MAX_DIGITS_INPUT, fold_code};

/// The longest folded code that is compared, in characters.
const MAX_LENGTH: usize = 16;

/// The verification code as the applicant typed it, folded: 1 to 16 characters. `123 456`, `１２３４５６` and `"123456"` are
/// `123456`. One that cannot be right, such as letters, is a wrong code.
#[derive(Clone, PartialEq, Eq)]
pub struct SubmittedCode(String);

/// The reason for which a text cannot be a submitted code. The message contains the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmittedCodeError {
    /// Empty.
    #[error("is empty; give the code from the short message")]
    Empty,
    /// Over a limit, in characters: of the text, or of the folded code.
    #[error("is longer than {0} characters; give the code from the short message")]
    TooLong(usize),
}

impl SubmittedCode {
    /// Parses at most 64 characters, which fold to 1 to 16.
    ///
    /// # Errors
    /// [`SubmittedCodeError`], one variant for each fault.
    pub fn parse(text: &str) -> Result<Self, SubmittedCodeError> {
        if text.chars().nth(MAX_DIGITS_INPUT).is_some() {
            return Err(SubmittedCodeError::TooLong(MAX_DIGITS_INPUT));
        }
        let folded = fold_code(text);
        if folded.is_empty() {
            return Err(SubmittedCodeError::Empty);
        }
        if folded.chars().nth(MAX_LENGTH).is_some() {
            return Err(SubmittedCodeError::TooLong(MAX_LENGTH));
        }
        Ok(Self(folded))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Hidden, so that a code cannot reach a log by way of `{:?}`.
impl fmt::Debug for SubmittedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubmittedCode(***)")
    }
}

/// Digits of a verification code (NIST SP 800-63B-4 section 3.1.3.2 asks for at least 6).
pub const CODE_DIGITS: usize = 6;
