//! Redaction of phones and addresses, and recorded reveals.

use trial_core::operators::Operator;
use trial_core::values::{Email, Phone};

use super::operator::AuthenticatedOperator;
use super::{NotRecorded, Ops};
use crate::problem::Problem;

/// Redaction of phones and addresses in a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    Masked,
    Plain,
}

impl Sight {
    /// Records the reveal, if requested, before anything is shown.
    ///
    /// # Errors
    /// The role does not allow it, the operator has reached the hourly limit, or the entry cannot be stored; nothing is
    /// shown then.
    pub(super) async fn of(
        caller: &AuthenticatedOperator<'_>,
        reveal: bool,
        action: &'static str,
        subject: &str,
    ) -> Result<Self, Problem> {
        caller.may_see(reveal)?;
        if !reveal {
            return Ok(Self::Masked);
        }
        Ok(Self::plain(caller.ops, &caller.operator, action, subject).await?)
    }

    /// Records the reveal and shows everything in full.
    ///
    /// # Errors
    /// The operator has reached the hourly limit, or the entry cannot be stored; nothing is shown then.
    pub(crate) async fn plain(
        ops: &Ops,
        operator: &Operator,
        action: &'static str,
        subject: &str,
    ) -> Result<Self, NotRecorded> {
        let limit = ops.reveals.per_hour;
        let taken = ops.reveals.take(operator.id);
        taken.map_err(|retry_after| NotRecorded::TooManyReveals { limit, retry_after })?;
        let entry = ops.access.changed_by(operator).revealed(action, subject);
        ops.parts.audit.append_entry(entry).await.map_err(NotRecorded::Failed)?;
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
