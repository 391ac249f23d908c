//! Mails by SMTP.

mod dkim;
mod masking;
mod message;
mod session;
mod settings;
mod verdict;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use lettre::transport::smtp::response::Response;
use trial_core::ports::Mailer;
use trial_core::{DeliveryError, MailContent, OutgoingMail};
use zeroize::Zeroizing;

use crate::Templates;
pub use dkim::DkimSettings;
use dkim::Signer;
use masking::masked;
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
    /// Ours: no words of the server's are passed on with one of these in them.
    secrets: Vec<Zeroizing<String>>,
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
        let secrets = server.login.iter().flat_map(|login| [login.user.clone(), login.password.clone()]).collect();
        let sessions = Sessions::new(server, timeout);
        Ok(Self { sessions, templates, mailboxes, signer, timeout, secrets })
    }

    async fn within_timeout<T>(
        &self,
        attempt: impl Future<Output = Result<T, Failure>>,
        secrets: &[&str],
    ) -> Result<T, DeliveryError> {
        let result = tokio::time::timeout(self.timeout, attempt)
            .await
            .map_err(|_| DeliveryError::Transient(format!("the mail server took longer than {:?}", self.timeout)))?;
        result.map_err(|failure| verdict(&failure, secrets))
    }

    /// Ours and the mail's, longest first, so that none is left in pieces.
    fn secrets<'a>(&'a self, mail: &'a OutgoingMail) -> Vec<&'a str> {
        let address = mail.to.as_str();
        let local = address.rsplit_once('@').map_or(address, |(local, _)| local);
        let mut secrets: Vec<&str> = self.secrets.iter().map(|secret| secret.as_str()).collect();
        secrets.extend([address, local]);
        if let MailContent::Account(account) = &mail.content {
            secrets.push(account.initial_password.reveal());
        }
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets
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
        let secrets = self.secrets(mail);
        let delivered = self.sessions.deliver(&self.mailboxes.envelope_from, &to, &message);
        let reply = self.within_timeout(delivered, &secrets).await?;
        Ok(masked(&words(&reply), &secrets))
    }

    async fn check(&self) -> Result<(), DeliveryError> {
        let secrets: Vec<&str> = self.secrets.iter().map(|secret| secret.as_str()).collect();
        self.within_timeout(self.sessions.check(), &secrets).await
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
