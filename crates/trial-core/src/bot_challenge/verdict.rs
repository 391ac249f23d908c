//! The verdict of the bot challenge that the page passes before a code is sent.

use crate::error::LedgerError;

/// The verdict of a bot challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BotChallengeVerdict {
    /// The visitor may go on.
    Passed,
    /// The visitor may not go on.
    Refused(ProofRefusal),
}

/// The reason why a proof is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofRefusal {
    /// There is none.
    Missing,
    /// It is no answer to a challenge of ours, or no solution.
    Wrong,
    /// The challenge has expired.
    Expired,
    /// It was used before.
    Used,
}

impl BotChallengeVerdict {
    /// The name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Refused(ProofRefusal::Missing) => "missing",
            Self::Refused(ProofRefusal::Wrong) => "wrong",
            Self::Refused(ProofRefusal::Expired) => "expired",
            Self::Refused(ProofRefusal::Used) => "used",
        }
    }
}

/// The reason for which a bot challenge cannot be checked; contains nothing of the visitor.
#[derive(Debug, thiserror::Error)]
pub enum BotChallengeUnusable {
    /// The record of used proofs cannot be read or written.
    #[error(transparent)]
    Memory(#[from] LedgerError),
    /// The provider of the challenge cannot be reached, or rejects our requests.
    #[error("{0}")]
    Judge(String),
}
