//! Mails by SMTP.

mod connection;
mod dkim;
mod hello;
mod message;
mod reply;
mod session;
mod settings;
mod verdict;

use std::fmt;

use async_trait::async_trait;
use trial_core::mails::{DeliveryError, OutgoingMail};
use trial_core::ports::Mailer;
use trial_core::privacy::Redaction;

use crate::Templates;
pub use dkim::DkimSettings;
use dkim::Signer;
pub use hello::{HelloName, HelloNameError};
use session::{Sessions, Waits};
use settings::Mailboxes;
pub use settings::{SmtpSettings, SmtpSettingsError};
use verdict::verdict;

/// Sends mails to a mail server by SMTP, over a few persistent connections.
///
/// A mail is sent if the server answers its final dot by 2xx, whatever the text after the digits. If the connection
/// fails between the final dot and the reply, the mail may be on its way, and is sent again all the same: the second
/// copy has the `Message-ID` of the first.
pub struct SmtpMailer {
    sessions: Sessions,
    templates: Templates,
    mailboxes: Mailboxes,
    signer: Option<Signer>,
    waits: Waits,
    /// Hides our login in the server's replies.
    login: Redaction,
}

impl SmtpMailer {
    /// Takes the settings; does not connect yet.
    ///
    /// # Errors
    /// [`SmtpSettingsError`] with the unusable setting and the reason.
    pub fn new(settings: SmtpSettings, templates: Templates) -> Result<Self, SmtpSettingsError> {
        if settings.timeout.is_zero() || settings.final_timeout.is_zero() {
            return Err(SmtpSettingsError::Timeout);
        }
        let waits = Waits { to_the_dot: settings.timeout, after_the_dot: settings.final_timeout };
        let mailboxes = settings.mailboxes()?;
        let signer = settings.dkim.clone().map(DkimSettings::into_signer).transpose()?;
        let server = settings.into_server()?;
        let none = Redaction::default();
        let login = match &server.login {
            Some(login) => none.login(&login.user, &login.password),
            None => none,
        };
        let sessions = Sessions::new(server, waits);
        Ok(Self { sessions, templates, mailboxes, signer, waits, login })
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
        let delivered = self.sessions.deliver(&self.mailboxes.envelope_from, &to, &message).await;
        delivered.map(|reply| redaction.redact(&reply.words())).map_err(|failure| verdict(&failure, &redaction))
    }

    async fn check(&self) -> Result<(), DeliveryError> {
        self.sessions.check().await.map_err(|failure| verdict(&failure, &self.login))
    }
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer").field("waits", &self.waits).finish_non_exhaustive()
    }
}
