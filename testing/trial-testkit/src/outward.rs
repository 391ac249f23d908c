//! Fakes of everything outside the process, which store what they are sent.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use trial_core::mails::{DeliveryError, OutgoingMail};
use trial_core::platform::{PlatformEvent, PublishError};
use trial_core::ports::{Mailer, SmsGateway, TenantPlatform};
use trial_core::sms::{GatewayReply, GatewayUnusable, SmsMessage};

/// A gateway that stores its messages and answers by a script, "accepted" once that is used up.
#[derive(Debug, Default)]
pub struct ScriptedGateway {
    replies: Mutex<VecDeque<GatewayReply>>,
    messages: Mutex<Vec<SmsMessage>>,
}

impl ScriptedGateway {
    /// A gateway that answers by this script.
    pub fn new(replies: impl IntoIterator<Item = GatewayReply>) -> Self {
        Self { replies: Mutex::new(replies.into_iter().collect()), messages: Mutex::default() }
    }

    /// Every message passed to it, whatever the answer.
    pub fn messages(&self) -> Vec<SmsMessage> {
        self.messages.lock().expect("no panic in here").clone()
    }
}

#[async_trait]
impl SmsGateway for ScriptedGateway {
    fn name(&self) -> &'static str {
        "scripted"
    }

    async fn send(&self, message: &SmsMessage) -> GatewayReply {
        self.messages.lock().expect("no panic in here").push(message.clone());
        let reply = self.replies.lock().expect("no panic in here").pop_front();
        reply.unwrap_or(GatewayReply::Accepted { provider_id: None })
    }

    async fn check(&self) -> Result<(), GatewayUnusable> {
        Ok(())
    }
}

/// A mailer that stores its mails and answers by a script, "taken" once that is used up.
#[derive(Debug, Default)]
pub struct RecordingMailer {
    failures: Mutex<VecDeque<Option<DeliveryError>>>,
    mails: Mutex<Vec<OutgoingMail>>,
}

impl RecordingMailer {
    /// A mailer with these faults for its first mails; `None` is taken.
    pub fn new(failures: impl IntoIterator<Item = Option<DeliveryError>>) -> Self {
        Self { failures: Mutex::new(failures.into_iter().collect()), mails: Mutex::default() }
    }

    /// Every mail passed to it, whatever the answer.
    pub fn mails(&self) -> Vec<OutgoingMail> {
        self.mails.lock().expect("no panic in here").clone()
    }
}

#[async_trait]
impl Mailer for RecordingMailer {
    async fn deliver(&self, mail: &OutgoingMail) -> Result<String, DeliveryError> {
        self.mails.lock().expect("no panic in here").push(mail.clone());
        match self.failures.lock().expect("no panic in here").pop_front().flatten() {
            Some(failure) => Err(failure),
            None => Ok("250 OK".to_owned()),
        }
    }

    async fn check(&self) -> Result<(), DeliveryError> {
        Ok(())
    }
}

/// A platform that stores its events and answers by a script, "taken" once that is used up.
#[derive(Debug, Default)]
pub struct RecordingPlatform {
    failures: Mutex<VecDeque<Option<PublishError>>>,
    events: Mutex<Vec<PlatformEvent>>,
}

impl RecordingPlatform {
    /// A platform with these faults for its first events; `None` is taken.
    pub fn new(failures: impl IntoIterator<Item = Option<PublishError>>) -> Self {
        Self { failures: Mutex::new(failures.into_iter().collect()), events: Mutex::default() }
    }

    /// Every event that was published, whatever the answer.
    pub fn events(&self) -> Vec<PlatformEvent> {
        self.events.lock().expect("no panic in here").clone()
    }
}

#[async_trait]
impl TenantPlatform for RecordingPlatform {
    async fn tell(&self, event: &PlatformEvent) -> Result<String, PublishError> {
        self.events.lock().expect("no panic in here").push(event.clone());
        match self.failures.lock().expect("no panic in here").pop_front().flatten() {
            Some(failure) => Err(failure),
            None => Ok("status 204".to_owned()),
        }
    }

    async fn check(&self) -> Result<(), PublishError> {
        Ok(())
    }
}
