//! Any provider that takes a message by one HTTP request: method, address, headers and body are templates.

mod accept;

use std::fmt;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use trial_core::ports::SmsGateway;
use trial_core::privacy::Redaction;
use trial_core::sms::{GatewayReply, GatewayUnusable, SmsMessage};
use url::Url;
use zeroize::Zeroizing;

use crate::template::{Place, Template, TemplateError};
use crate::text::Wording;
use crate::web::{UnusableGateway, WebClient, WebTimeouts};
pub use accept::Accept;

/// Variables of the templates.
const VARIABLES: &[&str] = &["to", "text", "code"];

/// The configuration of the gateway. Address, header values and body are templates over `{{to}}`, `{{text}}` and
/// `{{code}}`, each written as its place requires.
#[derive(Clone)]
pub struct HttpGatewaySettings {
    /// The address; values are percent-encoded in it.
    pub url: Zeroizing<String>,
    /// The method, in capitals.
    pub method: String,
    /// Names and values.
    pub headers: Vec<(String, Zeroizing<String>)>,
    /// The body. Values are escaped by the header `Content-Type`: as JSON, as a form, as XML, or not at all.
    pub body: Option<Zeroizing<String>>,
    /// The sign of acceptance.
    pub accept: Accept,
    /// The text of messages.
    pub wording: Wording,
    /// The time-outs of the provider.
    pub timeouts: WebTimeouts,
}

/// Hides addresses, headers and bodies, which hold passwords.
impl fmt::Debug for HttpGatewaySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpGatewaySettings").field("method", &self.method).finish_non_exhaustive()
    }
}

/// Sends by one HTTP request to any provider.
pub struct HttpGateway {
    url: Template,
    method: Method,
    headers: Vec<(HeaderName, Template)>,
    body: Option<Template>,
    accept: Accept,
    wording: Wording,
    web: WebClient,
}

impl HttpGateway {
    /// A gateway by these settings.
    ///
    /// # Errors
    /// A template is invalid, the address is none, or TLS cannot be used.
    pub fn new(settings: HttpGatewaySettings) -> Result<Self, UnusableGateway> {
        let url = Template::parse("url", &settings.url, Place::Url, VARIABLES)?;
        let example = Url::parse(&url.example()).map_err(|_| UnusableGateway::Url)?;
        let method = settings.method.parse().map_err(|_| TemplateError::Method)?;
        let headers: Vec<_> = settings.headers.iter().map(header).collect::<Result<_, _>>()?;
        let content_type = headers.iter().find(|(name, _)| name == CONTENT_TYPE).map(|(_, value)| value.example());
        let place = Place::of_content_type(content_type.as_deref().unwrap_or_default());
        let body = settings.body.as_ref().map(|body| Template::parse("body", body, place, VARIABLES)).transpose()?;
        let templates: Vec<_> = [&url].into_iter().chain(headers.iter().map(|(_, value)| value)).chain(&body).collect();
        for (needed, effect) in [
            (&["to"][..], "the provider would not know the phone"),
            (&["text", "code"], "the message would come without the code"),
        ] {
            if !templates.iter().any(|template| template.has(needed)) {
                let part = "the request (`url`, `headers`, `body`) has";
                return Err(TemplateError::Without { part, needed, effect }.into());
            }
        }
        let words = templates.iter().flat_map(|template| template.words());
        let credentials = words.fold(Redaction::default(), Redaction::secret);
        let web = WebClient::new(&example, settings.timeouts, credentials)?;
        settings.accept.check()?;
        Ok(Self { url, method, headers, body, accept: settings.accept, wording: settings.wording, web })
    }
}

fn header((name, value): &(String, Zeroizing<String>)) -> Result<(HeaderName, Template), TemplateError> {
    let parsed = HeaderName::try_from(name).map_err(|_| TemplateError::Header(name.clone()))?;
    let template = Template::parse("headers", value, Place::Header, VARIABLES)?;
    HeaderValue::from_str(&template.example()).map_err(|_| TemplateError::Header(name.clone()))?;
    Ok((parsed, template))
}

#[async_trait]
impl SmsGateway for HttpGateway {
    fn name(&self) -> &'static str {
        "http"
    }

    async fn send(&self, message: &SmsMessage) -> GatewayReply {
        let text = self.wording.text(message);
        let value_of = |name: &str| match name {
            "to" => message.to.as_str(),
            "text" => text.as_str(),
            _ => message.code.reveal(),
        };
        let mut request = self.web.client().request(self.method.clone(), self.url.fill(value_of));
        for (name, value) in &self.headers {
            request = request.header(name, value.fill(value_of).into_bytes());
        }
        if let Some(body) = &self.body {
            request = request.body(body.fill(value_of));
        }
        match self.web.exchange(request).await {
            Ok(answer) => self.accept.judge(&answer),
            Err(lost) => lost,
        }
    }

    async fn check(&self) -> Result<(), GatewayUnusable> {
        self.web.check().await
    }
}
