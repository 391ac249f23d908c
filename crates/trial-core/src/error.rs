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

    /// The error with its causes, for operators. The causes of inconsistent data are left out: they may quote a row.
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source().filter(|_| !matches!(self, Self::Corrupt(_)));
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_shown_unless_they_may_quote_a_row() {
        let cause = || LedgerError::Contended(Box::from("canceling statement due to lock timeout"));
        let shown = LedgerError::Unavailable(Box::new(cause())).with_causes();
        assert_eq!(
            shown,
            "the ledger cannot be reached: the database is held by another session; try again: canceling statement due \
             to lock timeout"
        );
        let row = LedgerError::Corrupt(Box::from("invalid input syntax: \"+8616673280001\""));
        assert_eq!(row.with_causes(), "the stored data is inconsistent");
    }
}
