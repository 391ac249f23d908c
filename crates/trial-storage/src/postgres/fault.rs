//! The meaning of a database error. diesel passes on the kinds of some SQLSTATEs and the message of every one, but not
//! the SQLSTATE itself: an error without a kind is classified by its message, which is in English unless `lc_messages`
//! says otherwise (`trialgate doctor` checks it).

use diesel::result::{DatabaseErrorKind, Error};
use trial_core::error::LedgerError;

/// Messages about a bounded wait that ended: `lock_not_available`, `query_canceled`, `deadlock_detected`.
const WAITED: [&str; 3] = ["canceling statement due to", "deadlock detected", "could not obtain lock"];
/// Messages about a server that goes away, is not there yet, or is not writable.
const GONE: [&str; 5] = [
    "terminating connection",
    "the database system is",
    "connection closed",
    "cannot execute",
    "the connection was lost",
];
/// Messages about values that cannot be stored: the classes `data_exception` and `program_limit_exceeded`.
const UNFIT: [&str; 7] = [
    "invalid byte sequence",
    "has no equivalent in encoding",
    "invalid input syntax",
    "out of range",
    "value too long",
    "index row",
    "malformed",
];

/// The kind of an error, as far as it matters for the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// A bounded wait ended.
    Waited,
    /// The connection is gone or useless: another one may do.
    Gone,
    /// A value, stored or to be stored, is invalid.
    Unfit,
    /// The server refuses for a reason of its own, such as a full disk.
    Refused,
}

impl Fault {
    fn of(error: &Error) -> Self {
        use DatabaseErrorKind::{
            ClosedConnection, ReadOnlyTransaction, SerializationFailure, UnableToSendCommand, Unknown,
        };
        let Error::DatabaseError(kind, info) = error else {
            return if matches!(error, Error::BrokenTransactionManager) { Self::Gone } else { Self::Unfit };
        };
        let says = |words: &[&str]| words.iter().any(|word| info.message().contains(word));
        match kind {
            ClosedConnection | UnableToSendCommand | ReadOnlyTransaction => Self::Gone,
            SerializationFailure => Self::Waited,
            Unknown if says(&WAITED) => Self::Waited,
            Unknown if says(&GONE) => Self::Gone,
            Unknown if says(&UNFIT) => Self::Unfit,
            Unknown => Self::Refused,
            _ => Self::Unfit,
        }
    }
}

/// The reason why a transaction did not finish.
#[derive(Debug)]
pub(super) enum Trouble {
    Database(Error),
    /// Its answer was invalid.
    Ledger(LedgerError),
}

impl Trouble {
    /// Returns `true` if another connection may do.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Database(error) if Fault::of(error) == Fault::Gone)
    }

    /// Its meaning in place of the answer to a commit.
    pub(super) fn into_unknown(self) -> LedgerError {
        match self {
            Self::Database(error) => LedgerError::CommitUnknown(Box::new(error)),
            Self::Ledger(error) => error,
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<LedgerError> for Trouble {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

/// The error for the client. Nothing was stored.
impl From<Trouble> for LedgerError {
    fn from(trouble: Trouble) -> Self {
        let error = match trouble {
            Trouble::Ledger(error) => return error,
            Trouble::Database(error) => error,
        };
        match Fault::of(&error) {
            Fault::Waited => Self::Contended(Box::new(error)),
            Fault::Gone | Fault::Refused => Self::Unavailable(Box::new(error)),
            Fault::Unfit => Self::Corrupt(Box::new(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Replies of servers, each with its meaning for a request: a text that cannot be stored concerns that request
    /// alone.
    #[test]
    fn errors_of_the_server_are_classified() {
        for (said, meaning) in [
            (
                r#"character with byte sequence 0xf0 0x9f 0x9a 0x80 in encoding "UTF8" has no equivalent in encoding "LATIN1""#,
                Fault::Unfit,
            ),
            (r#"invalid byte sequence for encoding "UTF8": 0x00"#, Fault::Unfit),
            (r#"invalid byte sequence for encoding "EUC_CN": 0xf0 0x9f"#, Fault::Unfit),
            ("canceling statement due to lock timeout", Fault::Waited),
            ("terminating connection due to idle-in-transaction timeout", Fault::Gone),
            ("could not extend file \"base/5/16384\": No space left on device", Fault::Refused),
        ] {
            let error = Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(said.to_owned()));
            assert_eq!(Fault::of(&error), meaning, "{said}");
        }
    }
}
