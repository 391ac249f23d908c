//! The mailer of the sandbox.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use trial_core::mails::{DeliveryError, OutgoingMail};
use trial_core::ports::{Clock, Mailer};
use trial_sandbox::{CapturedMessage, Inbox, MailFault};

use crate::Templates;

/// Captures mails in an [`Inbox`] instead of sending them, with the inbox's current faults.
#[derive(Clone)]
pub struct SandboxMailer {
    inbox: Arc<Inbox>,
    templates: Templates,
    message_id_domain: String,
    clock: Arc<dyn Clock>,
}

impl SandboxMailer {
    /// A mailer into this inbox; `Message-ID` is `<{mail id}@{message_id_domain}>`.
    pub fn new(inbox: Arc<Inbox>, templates: Templates, message_id_domain: String, clock: Arc<dyn Clock>) -> Self {
        Self { inbox, templates, message_id_domain, clock }
    }

    fn refusal(&self) -> Option<DeliveryError> {
        match self.inbox.faults().mail {
            MailFault::None => None,
            MailFault::Transient => Some(DeliveryError::Transient("sandbox fault: refused for now".to_owned())),
            MailFault::Permanent => Some(DeliveryError::Permanent("sandbox fault: refused for good".to_owned())),
        }
    }
}

#[async_trait]
impl Mailer for SandboxMailer {
    /// Writes a few thousand bytes to a file, which is not worth another thread.
    async fn deliver(&self, mail: &OutgoingMail) -> Result<String, DeliveryError> {
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        let transient = |error: &dyn fmt::Display| DeliveryError::Transient(error.to_string());
        let written = self.templates.write(mail).map_err(|error| transient(&error))?;
        let captured = CapturedMessage::Mail {
            to: mail.to.as_str().to_owned(),
            subject: written.subject,
            text: written.text,
            html: written.html,
            at: self.clock.now(),
            message_id: format!("<{}@{}>", mail.id, self.message_id_domain),
        };
        self.inbox.capture(captured).map_err(|error| transient(&error))?;
        Ok("captured by the sandbox".to_owned())
    }

    /// A mail that is refused for good is the mail's fault, not the server's.
    async fn check(&self) -> Result<(), DeliveryError> {
        match self.refusal() {
            Some(refusal @ DeliveryError::Transient(_)) => Err(refusal),
            Some(DeliveryError::Permanent(_)) | None => Ok(()),
        }
    }
}

impl fmt::Debug for SandboxMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxMailer").field("inbox", &self.inbox).finish_non_exhaustive()
    }
}
