//! The outside: the gateway, the mail server, the platform.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;
use trial_core::mails::{DeliveryError, OutgoingMail};
use trial_core::platform::{PlatformEvent, PublishError};
use trial_core::ports::{Mailer, SmsGateway, TenantPlatform};
use trial_core::sms::{GatewayReply, GatewayUnusable, SmsMessage};

use super::gate::Gate;
use super::step::Fate;
use super::world::World;

/// Everything outside, as one instance meets it.
#[derive(Clone)]
pub(super) struct Outside {
    pub(super) world: Arc<World>,
    pub(super) gate: Arc<Gate>,
}

/// The end of a call, if an answer came.
enum Met {
    Taken,
    Unsaid,
    Refused,
    Throttled,
    Unreached,
}

impl Outside {
    /// Waits as long as that fate says; calls `take` if it accepts.
    async fn meet(&self, fate: Option<Fate>, take: impl FnOnce() + Send) -> Met {
        self.gate.pass().await;
        let met = match fate {
            None => {
                take();
                Met::Taken
            }
            Some(Fate::Late(seconds)) => {
                sleep(Duration::from_secs(seconds.into())).await;
                take();
                Met::Taken
            }
            Some(Fate::TakenUnsaid) => {
                take();
                Met::Unsaid
            }
            Some(Fate::TakenSilent) => {
                take();
                pending().await
            }
            Some(Fate::Silent) => pending().await,
            Some(Fate::Refused) => Met::Refused,
            Some(Fate::Throttled) => Met::Throttled,
            Some(Fate::Unreached) => Met::Unreached,
        };
        self.gate.pass().await;
        met
    }
}

#[async_trait]
impl SmsGateway for Outside {
    fn name(&self) -> &'static str {
        "simulated"
    }

    async fn send(&self, message: &SmsMessage) -> GatewayReply {
        let fate = self.world.fate_of_sms(message);
        let reason = || "simulated".to_owned();
        match self.meet(fate, || self.world.sms_arrives(message)).await {
            Met::Taken => GatewayReply::Accepted { provider_id: None },
            Met::Unsaid => GatewayReply::Unknown { reason: reason() },
            Met::Refused => GatewayReply::Refused { reason: reason() },
            Met::Throttled => GatewayReply::Throttled { reason: reason() },
            Met::Unreached => GatewayReply::Unreached { reason: reason() },
        }
    }

    async fn check(&self) -> Result<(), GatewayUnusable> {
        Ok(())
    }
}

#[async_trait]
impl Mailer for Outside {
    async fn deliver(&self, mail: &OutgoingMail) -> Result<String, DeliveryError> {
        let fate = self.world.fate_of_mail(mail);
        let reason = || "simulated".to_owned();
        match self.meet(fate, || self.world.mail_arrives(mail)).await {
            Met::Taken => Ok("250 OK".to_owned()),
            Met::Unsaid | Met::Throttled | Met::Unreached => Err(DeliveryError::Transient(reason())),
            Met::Refused => Err(DeliveryError::Permanent(reason())),
        }
    }

    async fn check(&self) -> Result<(), DeliveryError> {
        Ok(())
    }
}

#[async_trait]
impl TenantPlatform for Outside {
    async fn tell(&self, event: &PlatformEvent) -> Result<String, PublishError> {
        let fate = self.world.fate_of_event(event);
        match self.meet(fate, || self.world.event_arrives(event)).await {
            Met::Taken => Ok("status 204".to_owned()),
            _ => Err(PublishError::transient("simulated")),
        }
    }

    async fn check(&self) -> Result<(), PublishError> {
        Ok(())
    }
}
