//! The captured mailer.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use trial_core::mails::{DeliveryError, OutgoingMail};
use trial_core::ports::{Clock, Mailer};
use trial_core::values::Locale;
use trial_mail::SandboxMailer;
use trial_sandbox::{CapturedMessage, Faults, Filter, Inbox, MailFault};
use trial_testkit::mail_conformance::{ArrivedMail, MailBehaviour, MailHarness, account_mail, breaches};

use crate::peer::templates;

struct Epoch;

impl Clock for Epoch {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }
}

/// A mailer into an inbox of its own.
pub(crate) struct Sandbox {
    _directory: tempfile::TempDir,
    inbox: Arc<Inbox>,
    pub(crate) mailer: SandboxMailer,
}

pub(crate) fn sandbox() -> Sandbox {
    let directory = tempfile::tempdir().unwrap();
    let inbox = Arc::new(Inbox::open(&directory.path().join("inbox.jsonl")).unwrap());
    let domain = "sender.example".to_owned();
    let mailer = SandboxMailer::new(Arc::clone(&inbox), templates(), domain, Arc::new(Epoch));
    Sandbox { _directory: directory, inbox, mailer }
}

impl Sandbox {
    pub(crate) fn behave(&self, behaviour: MailBehaviour) {
        let mail = match behaviour {
            MailBehaviour::Accept => MailFault::None,
            MailBehaviour::RefuseForNow => MailFault::Transient,
            MailBehaviour::RefuseForGood => MailFault::Permanent,
        };
        self.inbox.set_faults(Faults { mail, ..Faults::default() });
    }

    pub(crate) fn captured(&self) -> Vec<ArrivedMail> {
        let listed = self.inbox.list(&Filter::default()).unwrap();
        let arrived = listed.into_iter().rev().map(|message| match message {
            CapturedMessage::Mail { to, subject, text, html, message_id, .. } => {
                ArrivedMail { to, message_id, subject, text, html }
            }
            CapturedMessage::Sms { .. } => panic!("a mailer sends no short message"),
        });
        arrived.collect()
    }

    /// The mail as captured.
    pub(crate) async fn written(&self, mail: &OutgoingMail) -> ArrivedMail {
        self.mailer.deliver(mail).await.unwrap();
        self.captured().pop().unwrap()
    }
}

#[async_trait]
impl MailHarness for Sandbox {
    fn mailer(&self) -> &dyn Mailer {
        &self.mailer
    }

    async fn set_behaviour(&self, behaviour: MailBehaviour) {
        self.behave(behaviour);
    }

    async fn arrived(&self) -> Vec<ArrivedMail> {
        self.captured()
    }
}

#[tokio::test]
async fn conforms() {
    assert_eq!(breaches(&sandbox()).await, Vec::<String>::new());
}

#[tokio::test]
async fn derives_the_message_id() {
    let mail = account_mail(Locale::En);
    assert_eq!(sandbox().written(&mail).await.message_id, format!("<{}@sender.example>", mail.id));
}

#[tokio::test]
async fn is_ready_unless_mails_are_refused_for_now() {
    let sandbox = sandbox();
    sandbox.behave(MailBehaviour::RefuseForGood);
    assert_eq!(sandbox.mailer.check().await, Ok(()));
    sandbox.behave(MailBehaviour::RefuseForNow);
    assert!(matches!(sandbox.mailer.check().await, Err(DeliveryError::Transient(_))));
}
