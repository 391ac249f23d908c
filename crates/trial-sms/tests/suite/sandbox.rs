//! The captured gateway.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use trial_core::ports::{Clock, SmsGateway};
use trial_sandbox::{CapturedMessage, Faults, Filter, Inbox, SmsFault};
use trial_sms::SandboxGateway;
use trial_testkit::sms_conformance::{ArrivedSms, SmsBehaviour, SmsHarness, breaches};

pub(crate) struct Epoch;

impl Clock for Epoch {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }
}

/// A gateway into an inbox of its own.
pub(crate) struct Sandbox {
    _directory: tempfile::TempDir,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) gateway: SandboxGateway,
}

pub(crate) fn sandbox() -> Sandbox {
    let directory = tempfile::tempdir().unwrap();
    let inbox = Arc::new(Inbox::open(&directory.path().join("inbox.jsonl")).unwrap());
    let gateway = SandboxGateway::new(Arc::clone(&inbox), Arc::new(Epoch));
    Sandbox { _directory: directory, inbox, gateway }
}

impl Sandbox {
    pub(crate) fn behave(&self, behaviour: SmsBehaviour) {
        let sms = match behaviour {
            SmsBehaviour::Accept => SmsFault::None,
            SmsBehaviour::Refuse => SmsFault::Refuse,
            SmsBehaviour::Unreachable => SmsFault::Unreachable,
            SmsBehaviour::LoseReply => SmsFault::Unknown,
        };
        self.inbox.set_faults(Faults { sms, ..Faults::default() });
    }

    pub(crate) fn captured(&self) -> Vec<ArrivedSms> {
        let listed = self.inbox.list(&Filter { limit: Some(1_000), ..Filter::default() }).unwrap();
        let arrived = listed.into_iter().rev().map(|message| match message {
            CapturedMessage::Sms { to, text, .. } => ArrivedSms { to, text },
            CapturedMessage::Mail { .. } => panic!("a gateway sends no mail"),
        });
        arrived.collect()
    }
}

#[async_trait]
impl SmsHarness for Sandbox {
    fn gateway(&self) -> &dyn SmsGateway {
        &self.gateway
    }

    async fn set_behaviour(&self, behaviour: SmsBehaviour) {
        self.behave(behaviour);
    }

    async fn arrived(&self) -> Vec<ArrivedSms> {
        self.captured()
    }
}

#[tokio::test]
async fn conforms() {
    assert_eq!(breaches(&sandbox()).await, Vec::<String>::new());
}

#[tokio::test]
async fn captures_a_message_whose_reply_is_lost() {
    let sandbox = sandbox();
    breaches(&sandbox).await;
    // Of the suite's messages: two languages, leading zeros, the lost reply, and one afterwards.
    assert_eq!(sandbox.captured().len(), 5);
}

#[tokio::test]
async fn captures_the_code_beside_the_text() {
    let sandbox = sandbox();
    breaches(&sandbox).await;
    for message in sandbox.inbox.list(&Filter::default()).unwrap() {
        let CapturedMessage::Sms { text, code, at, .. } = message else { panic!("a gateway sends no mail") };
        assert!(code.len() == 6 && text.contains(&code));
        assert_eq!(at, DateTime::UNIX_EPOCH);
    }
}
