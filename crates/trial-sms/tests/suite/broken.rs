//! The conformance suite finds faults: gateways that break one rule each.

use async_trait::async_trait;
use trial_core::ports::SmsGateway;
use trial_core::sms::{GatewayReply, GatewayUnusable, SmsMessage};
use trial_core::values::Locale;
use trial_testkit::sms_conformance::{ArrivedSms, SmsBehaviour, SmsHarness, breaches};

use crate::sandbox::{Sandbox, sandbox};

/// Changes the gateway's input, its answer, or the view of it.
struct Broken {
    sandbox: Sandbox,
    given: fn(SmsMessage) -> SmsMessage,
    reply: fn(GatewayReply, &SmsMessage) -> GatewayReply,
    seen: fn(ArrivedSms) -> ArrivedSms,
    behaviour: fn(SmsBehaviour) -> SmsBehaviour,
}

fn broken() -> Broken {
    Broken {
        sandbox: sandbox(),
        given: |message| message,
        reply: |reply, _| reply,
        seen: |arrived| arrived,
        behaviour: |behaviour| behaviour,
    }
}

#[async_trait]
impl SmsGateway for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    async fn send(&self, message: &SmsMessage) -> GatewayReply {
        let given = (self.given)(message.clone());
        (self.reply)(self.sandbox.gateway.send(&given).await, message)
    }

    async fn check(&self) -> Result<(), GatewayUnusable> {
        self.sandbox.gateway.check().await
    }
}

#[async_trait]
impl SmsHarness for Broken {
    fn gateway(&self) -> &dyn SmsGateway {
        self
    }

    async fn set_behaviour(&self, behaviour: SmsBehaviour) {
        self.sandbox.behave((self.behaviour)(behaviour));
    }

    async fn arrived(&self) -> Vec<ArrivedSms> {
        self.sandbox.captured().into_iter().map(self.seen).collect()
    }
}

async fn expect_breach(broken: Broken, breach: &str) {
    let found = breaches(&broken).await;
    assert!(found.iter().any(|line| line.contains(breach)), "{breach:?} is not in {found:?}");
}

#[tokio::test]
async fn finds_a_lost_leading_zero() {
    let seen = |arrived: ArrivedSms| ArrivedSms { text: arrived.text.replace(" 00", " "), ..arrived };
    expect_breach(Broken { seen, ..broken() }, "leading zeros: the text does not hold the code").await;
}

#[tokio::test]
async fn finds_a_wrong_phone() {
    let seen = |arrived: ArrivedSms| ArrivedSms { to: arrived.to.replace('+', ""), ..arrived };
    expect_breach(Broken { seen, ..broken() }, "another phone").await;
}

#[tokio::test]
async fn finds_a_text_without_its_life() {
    let given = |message| SmsMessage { valid_minutes: 7, ..message };
    expect_breach(Broken { given, ..broken() }, "how long the code lives").await;
}

#[tokio::test]
async fn finds_a_language_without_a_code() {
    let seen = |arrived: ArrivedSms| {
        let text = if arrived.text.contains('【') { "您好".to_owned() } else { arrived.text };
        ArrivedSms { text, ..arrived }
    };
    expect_breach(Broken { seen, ..broken() }, Locale::ZhCn.as_str()).await;
}

#[tokio::test]
async fn finds_an_unknown_that_is_claimed_to_be_refused() {
    let reply = |reply, _: &SmsMessage| match reply {
        GatewayReply::Unknown { reason } => GatewayReply::Refused { reason },
        known => known,
    };
    expect_breach(Broken { reply, ..broken() }, "reply lost: the message counts as Refused").await;
}

#[tokio::test]
async fn finds_a_refused_message_that_arrives() {
    let behaviour = |behaviour| if behaviour == SmsBehaviour::Refuse { SmsBehaviour::Accept } else { behaviour };
    let reply = |_, _: &SmsMessage| GatewayReply::Refused { reason: "no".to_owned() };
    expect_breach(Broken { reply, behaviour, ..broken() }, "refused: the message arrived").await;
}

#[tokio::test]
async fn finds_an_unreached_message_that_arrives() {
    let behaviour = |behaviour| if behaviour == SmsBehaviour::Unreachable { SmsBehaviour::Accept } else { behaviour };
    let reply = |_, _: &SmsMessage| GatewayReply::Unreached { reason: "no".to_owned() };
    expect_breach(Broken { reply, behaviour, ..broken() }, "unreachable: the message arrived").await;
}

#[tokio::test]
async fn finds_a_reply_that_tells_the_phone() {
    let reply = |reply, message: &SmsMessage| match reply {
        GatewayReply::Refused { .. } => GatewayReply::Refused { reason: message.to.as_str().to_owned() },
        other => other,
    };
    expect_breach(Broken { reply, ..broken() }, "refused: the gateway's words hold the phone").await;
}
