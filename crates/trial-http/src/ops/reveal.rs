use trial_core::{AuditRecord, ChangedBy, Email, Permission, Phone};

use super::caller::Caller;
use super::failed;
use crate::problem::Problem;

/// How much of phones and addresses an operator sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
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
        if !reveal {
            return Ok(Self::Masked);
        }
        if !caller.operator.role.may(Permission::Reveal) {
            return Err(caller.may_not(Permission::Reveal));
        }
        let ChangedBy { actor, at, audit } = caller.changes();
        let detail = "phones and addresses were shown in full".to_owned();
        let record = AuditRecord { id: audit, at, actor, action, subject: subject.to_owned(), detail };
        caller.ops.parts.audit.write_down(record).await.map_err(failed)?;
        Ok(Self::Plain)
    }

    pub(super) fn phone(self, phone: &Phone) -> String {
        match self {
            Self::Masked => phone.masked(),
            Self::Plain => phone.to_string(),
        }
    }

    pub(super) fn email(self, email: &Email) -> String {
        match self {
            Self::Masked => email.masked(),
            Self::Plain => email.as_str().to_owned(),
        }
    }
}
