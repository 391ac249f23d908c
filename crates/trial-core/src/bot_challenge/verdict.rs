//! The verdict of the bot challenge that the page passes before a code is sent.

use crate::error::LedgerError;

/// The verdict of a bot challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardVerdict {
    /// Let it through.
    Passed,
    /// Do not.
    Refused(ProofRefusal),
}

/// The reason why a proof is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofRefusal {
    /// There is none.
    Missing,
    /// It is not what a browser makes of a challenge of ours, or solves nothing.
    Wrong,
    /// It comes too late.
    Expired,
    /// It was taken before.
    Used,
}

impl GuardVerdict {
    /// As measurements name it.
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

/// The reason why a bot challenge cannot be judged; contains nothing of the visitor.
#[derive(Debug, thiserror::Error)]
pub enum GuardUnusable {
    /// The record of used proofs cannot be read or written.
    #[error(transparent)]
    Memory(#[from] LedgerError),
    /// The service that judges cannot be reached, or rejects our requests.
    #[error("{0}")]
    Judge(String),
}
