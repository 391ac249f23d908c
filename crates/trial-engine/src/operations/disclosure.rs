//! Personal data in views: masked, or revealed after that is recorded.

use trial_core::audit::{AuditEntry, ChangedBy};
use trial_core::error::LedgerError;
use trial_core::mails::OutboxMail;
use trial_core::ports::AuditTrail;
use trial_core::values::{Email, Phone};

/// The redaction of phones and e-mail addresses in a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disclosure {
    /// Their last digits, or most of the name before `@`, are hidden.
    Masked,
    /// They are shown in full.
    Revealed,
}

impl Disclosure {
    /// Records that the data of `subject` are revealed, before anything is shown.
    ///
    /// # Errors
    /// [`LedgerError`] if the entry cannot be stored; nothing must be shown then.
    pub async fn reveal(
        audit: &dyn AuditTrail,
        by: ChangedBy,
        action: &'static str,
        subject: &str,
    ) -> Result<Self, LedgerError> {
        audit.append_entry(by.revealed(action, subject)).await?;
        Ok(Self::Revealed)
    }

    pub(super) fn phone(self, phone: &Phone) -> String {
        match self {
            Self::Masked => phone.masked(),
            Self::Revealed => phone.to_string(),
        }
    }

    pub(super) fn email(self, email: &Email) -> String {
        match self {
            Self::Masked => email.masked(),
            Self::Revealed => email.as_str().to_owned(),
        }
    }

    pub(super) fn recipient(self, mail: &OutboxMail) -> String {
        match self {
            Self::Masked => mail.masked_to(),
            Self::Revealed => mail.to.clone(),
        }
    }

    pub(super) fn subject(self, entry: &AuditEntry) -> String {
        match self {
            Self::Masked => entry.masked_subject(),
            Self::Revealed => entry.subject.clone(),
        }
    }
}
