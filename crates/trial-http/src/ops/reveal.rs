use trial_core::{ChangedBy, Email, LedgerError, Phone};

use super::caller::Caller;
use super::{Ops, failed};
use crate::problem::Problem;

/// How much of phones and addresses an operator sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    Masked,
    Plain,
}

impl Sight {
    /// Takes down who looks at what before anything is shown, if it is to be shown in full.
    ///
    /// # Errors
    /// The role does not allow it, or it cannot be written down; then nothing is shown.
    pub(super) async fn of(
        caller: &Caller<'_>,
        reveal: bool,
        action: &'static str,
        subject: &str,
    ) -> Result<Self, Problem> {
        caller.may_see(reveal)?;
        if !reveal {
            return Ok(Self::Masked);
        }
        Self::plain(caller.ops, caller.changes(), action, subject).await.map_err(failed)
    }

    /// Takes down who looks at what, and then shows it in full.
    ///
    /// # Errors
    /// It cannot be written down; then nothing is shown.
    pub(crate) async fn plain(
        ops: &Ops,
        by: ChangedBy,
        action: &'static str,
        subject: &str,
    ) -> Result<Self, LedgerError> {
        ops.parts.audit.write_down(by.revealed(action, subject)).await?;
        Ok(Self::Plain)
    }

    pub(crate) fn phone(self, phone: &Phone) -> String {
        match self {
            Self::Masked => phone.masked(),
            Self::Plain => phone.to_string(),
        }
    }

    pub(crate) fn email(self, email: &Email) -> String {
        match self {
            Self::Masked => email.masked(),
            Self::Plain => email.as_str().to_owned(),
        }
    }
}
