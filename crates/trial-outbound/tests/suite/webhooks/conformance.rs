//! The conformance suite on webhooks.

use async_trait::async_trait;
use trial_core::ports::TenantPlatform;
use trial_outbound::webhooks::WebhookPlatform;
use trial_testkit::platform_conformance::{ArrivedEvent, PlatformBehaviour, PlatformHarness, breaches};

use super::receiver::Receiver;
use super::webhook::platform;

struct Harness {
    platform: WebhookPlatform,
    receiver: Receiver,
}

#[async_trait]
impl PlatformHarness for Harness {
    fn platform(&self) -> &dyn TenantPlatform {
        &self.platform
    }

    async fn set_behaviour(&self, behaviour: PlatformBehaviour) {
        self.receiver.answer(&match behaviour {
            PlatformBehaviour::Accept => "204 No Content".to_owned(),
            PlatformBehaviour::Refuse => "500 Oops".to_owned(),
            PlatformBehaviour::AskForWait(seconds) => format!("429 Slow down\r\nRetry-After: {seconds}"),
            PlatformBehaviour::Gone => "410 Gone".to_owned(),
        });
    }

    async fn arrived(&self) -> Vec<ArrivedEvent> {
        let arrived = self.receiver.arrived().into_iter();
        arrived.map(|it| ArrivedEvent { id: it.headers["webhook-id"].clone(), payload: it.body }).collect()
    }
}

#[tokio::test]
async fn webhooks_conform() {
    let receiver = Receiver::start("204 No Content").await;
    let harness = Harness { platform: platform(&receiver), receiver };
    assert_eq!(breaches(&harness).await, Vec::<String>::new());
}
