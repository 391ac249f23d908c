//! A mailer that passes mails to a command, as `sendmail` takes them.

use std::process::Stdio;

use async_trait::async_trait;
use lettre::Message;
use lettre::message::MultiPart;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use trial_core::mails::{DeliveryError, OutgoingMail};
use trial_core::ports::Mailer;
use trial_mail::Templates;

/// Exit statuses of `sysexits.h` for a permanent refusal of this mail or this recipient.
const REFUSED: [i32; 3] = [65, 67, 68];

pub(crate) struct CommandMailer {
    /// The program and its first arguments.
    pub(crate) command: Vec<String>,
    /// The sender's address.
    pub(crate) from: String,
    pub(crate) templates: Templates,
}

#[async_trait]
impl Mailer for CommandMailer {
    async fn deliver(&self, mail: &OutgoingMail) -> Result<String, DeliveryError> {
        // Our own faults are retried: once repaired, the mail is sent.
        let message = self.message(mail).map_err(|fault| DeliveryError::Transient(fault.to_string()))?;
        let status = self.hand_over(mail, &message).await;
        let status =
            status.map_err(|fault| DeliveryError::Transient(format!("the command cannot be used: {fault}")))?;
        match status {
            Some(0) => Ok("taken by the command".to_owned()),
            Some(code) if REFUSED.contains(&code) => {
                Err(DeliveryError::Permanent(format!("the command refused the mail with status {code}")))
            }
            Some(code) => Err(DeliveryError::Transient(format!("the command ended with status {code}"))),
            None => Err(DeliveryError::Transient("the command was killed".to_owned())),
        }
    }

    async fn check(&self) -> Result<(), DeliveryError> {
        Ok(())
    }
}

impl CommandMailer {
    /// The same mail gives the same `Message-ID`, `Date` and text.
    fn message(&self, mail: &OutgoingMail) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        let words = self.templates.write(mail)?;
        let domain = self.from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        let message = Message::builder()
            .from(self.from.parse()?)
            .to(mail.to.as_str().parse()?)
            .subject(words.subject)
            .message_id(Some(format!("<{}@{domain}>", mail.id)))
            .date(mail.created_at.into())
            .multipart(MultiPart::alternative_plain_html(words.text, words.html))?;
        Ok(message.formatted())
    }

    /// The exit status. Dropped before it is known, as after a time-out, it kills the command.
    async fn hand_over(&self, mail: &OutgoingMail, message: &[u8]) -> std::io::Result<Option<i32>> {
        let [program, arguments @ ..] = self.command.as_slice() else {
            return Err(std::io::ErrorKind::NotFound.into());
        };
        let mut child = Command::new(program)
            .args(arguments)
            .args(["-i", "-f", &self.from, "--", mail.to.as_str()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            // A command that refuses the recipient need not read the mail.
            let _ = input.write_all(message).await;
        }
        Ok(child.wait().await?.code())
    }
}
