//! The cloud's own Message & SMS service.
//!
//! Request, reply and error codes as in "Message & SMS API Reference", chapters "SMS Sending API" and "API Error Codes".

mod codes;
mod receipt;
mod reply;
mod wsse;

pub use receipt::huawei_receipts;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HOST};
use trial_core::ports::{Clock, Entropy, SmsGateway};
use trial_core::privacy::Redaction;
use trial_core::sms::{GatewayReply, GatewayUnusable, SmsMessage};
use trial_core::values::Locale;
use trial_signing::{AccessKey, RequestParts, sign};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::template::{Place, Template, TemplateError};
use crate::web::{UnusableGateway, WebClient, WebTimeouts, check_callback};

const PATH: &str = "/sms/batchSendSms/v1";
const FORM: &str = "application/x-www-form-urlencoded";
/// Variables of `template_params`.
const VARIABLES: &[&str] = &["code", "minutes"];

/// The configuration of the gateway.
#[derive(Clone)]
pub struct HuaweiSettings {
    /// Up to the host, `https://smsapi.cn-north-4.myhuaweicloud.com`.
    pub endpoint: String,
    /// The application's key and secret.
    pub key: AccessKey,
    /// The authentication of requests.
    pub auth: HuaweiAuth,
    /// The channel number, or the sender's id.
    pub sender: String,
    /// The template of messages.
    pub template_id: String,
    /// The template of messages in English, if it is another one.
    pub template_id_en: Option<String>,
    /// The values of the template's variables, themselves templates over `{{code}}` and `{{minutes}}`.
    pub template_params: Vec<String>,
    /// The signature's name, for templates without one of their own.
    pub signature: Option<String>,
    /// The address to which the service sends delivery receipts.
    pub status_callback: Option<String>,
    /// The time-outs of the service.
    pub timeouts: WebTimeouts,
}

/// Hides the callback, which may hold a secret.
impl fmt::Debug for HuaweiSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HuaweiSettings")
            .field("endpoint", &self.endpoint)
            .field("key", &self.key)
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}

/// The authentication of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HuaweiAuth {
    /// By `SDK-HMAC-SHA256`.
    AkSk,
    /// By `X-WSSE`.
    Wsse,
}

/// Sends by the cloud's Message & SMS service.
pub struct HuaweiGateway {
    settings: HuaweiSettings,
    params: Vec<Template>,
    url: Url,
    /// The host, as the client sends it.
    host: String,
    web: WebClient,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl HuaweiGateway {
    /// A gateway by these settings.
    ///
    /// # Errors
    /// The endpoint or the callback is no address, a parameter has an unknown variable or none has the code, or TLS cannot
    /// be used.
    pub fn new(
        settings: HuaweiSettings,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, UnusableGateway> {
        let params = settings.template_params.iter();
        let params = params.map(|param| Template::parse("template_params", param, Place::Plain, VARIABLES));
        let params = params.collect::<Result<Vec<_>, _>>()?;
        if !params.iter().any(|param| param.has(&["code"])) {
            let effect = "the message would come without the code";
            return Err(TemplateError::Without { part: "`template_params` has", needed: &["code"], effect }.into());
        }
        check_callback(settings.status_callback.as_deref())?;
        let url = Url::parse(&settings.endpoint).and_then(|url| url.join(PATH)).map_err(|_| UnusableGateway::Url)?;
        let web = WebClient::new(&url, settings.timeouts, Redaction::default().secret(settings.key.secret()))?;
        let host = url.host_str().unwrap_or_default();
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Ok(Self { settings, params, url, host, web, clock, entropy })
    }

    fn body(&self, message: &SmsMessage) -> String {
        let settings = &self.settings;
        let minutes = message.valid_minutes.to_string();
        let value_of = |name: &str| if name == "code" { message.code.reveal() } else { minutes.as_str() };
        // All are strings: a number would lose its leading zeros.
        let params = self.params.iter().map(|param| param.fill(value_of));
        let params = params.collect::<serde_json::Value>().to_string();
        let template = match (message.locale, &settings.template_id_en) {
            (Locale::En, Some(english)) => english,
            _ => &settings.template_id,
        };
        let mut form = Serializer::new(String::new());
        form.append_pair("from", &settings.sender)
            .append_pair("to", message.to.as_str())
            .append_pair("templateId", template)
            .append_pair("templateParas", &params);
        if let Some(signature) = &settings.signature {
            form.append_pair("signature", signature);
        }
        if let Some(callback) = &settings.status_callback {
            form.append_pair("statusCallback", callback);
        }
        form.finish()
    }

    fn authentication(&self, body: &str) -> Vec<(&'static str, String)> {
        let now = self.clock.now();
        match self.settings.auth {
            HuaweiAuth::Wsse => wsse::headers(&self.settings.key, now, &*self.entropy),
            HuaweiAuth::AkSk => {
                let headers = [(HOST.as_str(), self.host.as_bytes()), (CONTENT_TYPE.as_str(), FORM.as_bytes())];
                let body = body.as_bytes();
                let parts = RequestParts { method: "POST", path: PATH, query: &[], headers: &headers, body };
                // These headers name one host, nothing twice, and hold text.
                sign(&self.settings.key, &parts, now).unwrap_or_default()
            }
        }
    }
}

#[async_trait]
impl SmsGateway for HuaweiGateway {
    fn name(&self) -> &'static str {
        "huawei"
    }

    async fn send(&self, message: &SmsMessage) -> GatewayReply {
        let body = self.body(message);
        let mut request = self.web.client().post(self.url.clone()).header(CONTENT_TYPE, FORM);
        for (name, value) in self.authentication(&body) {
            request = request.header(name, value);
        }
        match self.web.exchange(request.body(body)).await {
            Ok(answer) => reply::read(&answer),
            Err(lost) => lost,
        }
    }

    async fn check(&self) -> Result<(), GatewayUnusable> {
        self.web.check().await
    }
}
