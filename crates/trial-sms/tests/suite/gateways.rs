//! The gateways that speak HTTP, each to a provider of the test's own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use trial_core::ports::SmsGateway;
use trial_signing::AccessKey;
use trial_sms::{
    Accept, HttpGateway, HttpGatewaySettings, HuaweiAuth, HuaweiGateway, HuaweiSettings, TwilioGateway, TwilioSender,
    TwilioSettings, WebTimeouts, Wording,
};
use trial_testkit::sms_conformance::{ArrivedSms, SmsBehaviour, SmsHarness, breaches};
use trial_testkit::{FixedClock, SeededEntropy};

use crate::provider::{Nobody, Provider, Request, Script};

/// Long enough for any machine: no test waits for it except on purpose.
pub(crate) const PATIENT: WebTimeouts = WebTimeouts { connect: Duration::from_secs(30), reply: Duration::from_mins(1) };
/// For providers that do not answer.
pub(crate) const HASTY: WebTimeouts =
    WebTimeouts { connect: Duration::from_secs(30), reply: Duration::from_millis(200) };

pub(crate) fn huawei_settings(endpoint: String, timeouts: WebTimeouts) -> HuaweiSettings {
    HuaweiSettings {
        endpoint,
        key: AccessKey::new("app-key", "app-secret"),
        auth: HuaweiAuth::AkSk,
        sender: "8823040504797".to_owned(),
        template_id: "template-zh".to_owned(),
        template_id_en: None,
        template_params: vec!["{{code}}".to_owned(), "{{minutes}}".to_owned()],
        signature: None,
        status_callback: None,
        timeouts,
    }
}

pub(crate) fn huawei(settings: HuaweiSettings) -> HuaweiGateway {
    let entropy = Arc::new(SeededEntropy::new(7));
    HuaweiGateway::new(settings, Arc::new(FixedClock::default()), entropy).unwrap()
}

pub(crate) fn twilio_settings(base_url: String, timeouts: WebTimeouts) -> TwilioSettings {
    TwilioSettings {
        base_url,
        account_sid: "AC1".to_owned(),
        auth_token: "token".to_owned().into(),
        sender: TwilioSender::From("+15005550006".to_owned()),
        status_callback: None,
        wording: Wording::default(),
        timeouts,
    }
}

pub(crate) fn http_settings(base: &str, timeouts: WebTimeouts) -> HttpGatewaySettings {
    HttpGatewaySettings {
        url: format!("{base}/send?to={{{{to}}}}").into(),
        method: "POST".to_owned(),
        headers: vec![("Content-Type".to_owned(), "application/json".to_owned().into())],
        body: Some(r#"{"to":"{{to}}","text":"{{text}}"}"#.to_owned().into()),
        accept: Accept {
            pointer: Some(("/result/status".to_owned(), "0".to_owned())),
            id: Some("/result/id".to_owned()),
            ..Accept::default()
        },
        wording: Wording::default(),
        timeouts,
    }
}

/// A gateway of this name, to a provider at this address.
pub(crate) fn gateway(name: &str, url: String, timeouts: WebTimeouts) -> Box<dyn SmsGateway> {
    match name {
        "huawei" => Box::new(huawei(huawei_settings(url, timeouts))),
        "twilio" => Box::new(TwilioGateway::new(twilio_settings(url, timeouts)).unwrap()),
        "http" => Box::new(HttpGateway::new(http_settings(&url, timeouts)).unwrap()),
        _ => panic!("{name} speaks no HTTP"),
    }
}

/// The answers of each provider that accept and that refuse a message.
fn scripts(name: &str) -> (Script, Script) {
    match name {
        "huawei" => (
            Script::Answer(
                200,
                r#"{"code":"000000","description":"Success","result":[{"smsMsgId":"1","status":"000000"}]}"#,
            ),
            Script::Answer(
                200,
                r#"{"code":"E000510","description":"to +8616673280004","result":[{"status":"E200028"}]}"#,
            ),
        ),
        "twilio" => (
            Script::Answer(201, r#"{"sid":"SM1","status":"queued","error_code":null}"#),
            Script::Answer(400, r#"{"code":29999,"message":"'To' number +86 166 7328 0004 is bad","status":400}"#),
        ),
        _ => (
            Script::Answer(200, r#"{"result":{"status":0,"id":"1"}}"#),
            Script::Answer(200, r#"{"result":{"status":"+8616673280004"}}"#),
        ),
    }
}

/// A gateway, its provider, and a gateway like it with an absent provider.
struct Harness {
    name: &'static str,
    provider: Provider,
    gateway: Box<dyn SmsGateway>,
    hasty: Box<dyn SmsGateway>,
    stranded: Box<dyn SmsGateway>,
    _nobody: Nobody,
    behaviour: std::sync::Mutex<SmsBehaviour>,
}

async fn harness(name: &'static str) -> Harness {
    let (provider, nobody) = (Provider::start(scripts(name).0).await, Nobody::new());
    Harness {
        name,
        gateway: gateway(name, provider.url(), PATIENT),
        hasty: gateway(name, provider.url(), HASTY),
        stranded: gateway(name, nobody.url(), PATIENT),
        provider,
        _nobody: nobody,
        behaviour: std::sync::Mutex::new(SmsBehaviour::Accept),
    }
}

#[async_trait]
impl SmsHarness for Harness {
    fn gateway(&self) -> &dyn SmsGateway {
        match *self.behaviour.lock().unwrap() {
            SmsBehaviour::Unreachable => &*self.stranded,
            SmsBehaviour::LoseReply => &*self.hasty,
            SmsBehaviour::Accept | SmsBehaviour::Refuse => &*self.gateway,
        }
    }

    async fn set_behaviour(&self, behaviour: SmsBehaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
        let (accept, refuse) = scripts(self.name);
        self.provider.set(match behaviour {
            SmsBehaviour::Accept | SmsBehaviour::Unreachable => accept,
            SmsBehaviour::Refuse => refuse,
            SmsBehaviour::LoseReply => Script::Silence,
        });
    }

    /// The messages that arrived, without those that the provider refused.
    async fn arrived(&self) -> Vec<ArrivedSms> {
        let refused = *self.behaviour.lock().unwrap() == SmsBehaviour::Refuse;
        let requests = self.provider.requests();
        let arrived = requests.iter().map(|request| seen(self.name, request));
        if refused { arrived.filter(|sms| !sms.to.ends_with('4')).collect() } else { arrived.collect() }
    }
}

fn seen(name: &str, request: &Request) -> ArrivedSms {
    match name {
        "huawei" => {
            let params: Vec<String> = serde_json::from_str(&request.field("templateParas")).unwrap();
            ArrivedSms { to: request.field("to"), text: params.join(" ") }
        }
        "twilio" => ArrivedSms { to: request.field("To"), text: request.field("Body") },
        _ => {
            let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
            let text = |key: &str| body[key].as_str().unwrap().to_owned();
            assert_eq!(request.field("to"), text("to"));
            ArrivedSms { to: text("to"), text: text("text") }
        }
    }
}

#[tokio::test]
async fn conform() {
    for name in ["huawei", "twilio", "http"] {
        assert_eq!(breaches(&harness(name).await).await, Vec::<String>::new(), "{name}");
    }
}

#[tokio::test]
async fn can_be_checked_without_a_message() {
    for name in ["huawei", "twilio", "http"] {
        let harness = harness(name).await;
        harness.provider.set(Script::Answer(404, ""));
        assert_eq!(harness.gateway.check().await, Ok(()));
        let requests = harness.provider.requests();
        assert_eq!((requests[0].method.as_str(), requests[0].target.as_str()), ("HEAD", "/"));
        let error = harness.stranded.check().await.unwrap_err().to_string();
        assert!(error.starts_with("no connection: "), "{error}");
    }
}
