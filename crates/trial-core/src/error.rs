//! Errors of the ledger.

use std::error::Error;

/// The errors of an operation on the ledger. A refusal by a rule is none.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The ledger cannot be reached or read; nothing was done.
    #[error("the ledger cannot be reached")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// Another session held it for longer than the bounded wait; nothing was done.
    #[error("the database is held by another session; try again")]
    Contended(#[source] Box<dyn Error + Send + Sync>),
    /// The connection was lost at the commit: it may have been done.
    #[error("it is not known whether the transaction was committed")]
    CommitUnknown(#[source] Box<dyn Error + Send + Sync>),
    /// The stored data is inconsistent; nothing was done.
    #[error("the stored data is inconsistent")]
    Corrupt(#[source] Box<dyn Error + Send + Sync>),
}

impl LedgerError {
    /// The name in metrics and logs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::Contended(_) => "contended",
            Self::CommitUnknown(_) => "commit_unknown",
            Self::Corrupt(_) => "corrupt",
        }
    }
}
