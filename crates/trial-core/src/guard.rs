//! What is said by whatever stands before the page has a code sent.

use crate::LedgerError;

/// What a guard says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardVerdict {
    /// Let it through.
    Passed,
    /// Do not.
    Refused(ProofRefusal),
}

/// Why a proof is not taken.
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

/// Why a guard cannot say anything; holds nothing of the visitor.
#[derive(Debug, thiserror::Error)]
pub enum GuardUnusable {
    /// Whether a proof was taken before cannot be told.
    #[error(transparent)]
    Memory(#[from] LedgerError),
    /// Whoever judges cannot be asked, or says that we may not ask.
    #[error("{0}")]
    Judge(String),
}
