//! Mails by SMTP.

mod dkim;
mod message;
mod session;
mod settings;
mod verdict;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use lettre::transport::smtp::response::Response;
use trial_core::ports::Mailer;
use trial_core::{DeliveryError, OutgoingMail, Redaction};

use crate::Templates;
pub use dkim::DkimSettings;
use dkim::Signer;
use session::{Failure, Sessions};
use settings::Mailboxes;
pub use settings::{SmtpSettings, SmtpSettingsError};
use verdict::verdict;

/// Hands mails to a mail server by SMTP, over a few connections that are kept open.
///
/// When the connection fails after the mail was handed over and before the server's reply, the mail may be on its way, and is
/// sent again all the same: the second copy has the `Message-ID` of the first.
pub struct SmtpMailer {
    sessions: Sessions,
    templates: Templates,
    mailboxes: Mailboxes,
    signer: Option<Signer>,
    timeout: Duration,
    /// Hides our login in the server's words.
    login: Redaction,
}

impl SmtpMailer {
    /// Takes the settings; connects to nothing yet.
    ///
    /// # Errors
    /// Says which setting cannot be used, and why.
    pub fn new(settings: SmtpSettings, templates: Templates) -> Result<Self, SmtpSettingsError> {
        if settings.timeout.is_zero() {
            return Err(SmtpSettingsError::Timeout);
        }
        let timeout = settings.timeout;
        let mailboxes = settings.mailboxes()?;
        let signer = settings.dkim.clone().map(DkimSettings::into_signer).transpose()?;
        let server = settings.into_server()?;
        let none = Redaction::default();
        let login = match &server.login {
            Some(login) => none.login(&login.user, &login.password),
            None => none,
        };
        let sessions = Sessions::new(server, timeout);
        Ok(Self { sessions, templates, mailboxes, signer, timeout, login })
    }

    async fn within_timeout<T>(
        &self,
        attempt: impl Future<Output = Result<T, Failure>>,
        redaction: &Redaction,
    ) -> Result<T, DeliveryError> {
        let result = tokio::time::timeout(self.timeout, attempt)
            .await
            .map_err(|_| DeliveryError::Transient(format!("the mail server took longer than {:?}", self.timeout)))?;
        result.map_err(|failure| verdict(&failure, redaction))
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn deliver(&self, mail: &OutgoingMail) -> Result<String, DeliveryError> {
        let to = message::recipient(&mail.to).ok_or_else(|| {
            DeliveryError::Permanent("the recipient's address cannot be given to a mail server".to_owned())
        })?;
        let unwritten =
            |error: &dyn fmt::Display| DeliveryError::Transient(format!("the mail cannot be written: {error}"));
        let written = self.templates.write(mail).map_err(|error| unwritten(&error))?;
        let mut message = message::formatted(mail, written, &self.mailboxes, &to).map_err(|error| unwritten(&error))?;
        if let Some(signer) = &self.signer {
            message = signer.signed(&message, mail.created_at).map_err(|error| unwritten(&error))?;
        }
        let redaction = mail.redaction().and(&self.login);
        let delivered = self.sessions.deliver(&self.mailboxes.envelope_from, &to, &message);
        let reply = self.within_timeout(delivered, &redaction).await?;
        Ok(redaction.redact(&words(&reply)))
    }

    async fn check(&self) -> Result<(), DeliveryError> {
        self.within_timeout(self.sessions.check(), &self.login).await
    }
}

fn words(reply: &Response) -> String {
    let lines: Vec<&str> = reply.message().collect();
    format!("{} {}", reply.code(), lines.join(" "))
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
