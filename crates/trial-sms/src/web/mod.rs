//! One bounded HTTP exchange with a provider.

mod encoding;

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode};
use trial_core::privacy::Redaction;
use trial_core::sms::{GatewayReply, GatewayUnusable};
use url::Url;

use crate::charset;
use crate::json::Json;
use crate::refusal::Refusal;

/// The part of a reply that is read, in bytes, compressed or not; every provider's is well below.
const MAX_REPLY: usize = 64 * 1024;
/// Digits of a provider's own code, at most. Phones are longer.
const MAX_CODE: usize = 6;
/// The time that an idle connection is kept: shorter than the providers' own.
const IDLE: Duration = Duration::from_secs(10);

/// The time-outs of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebTimeouts {
    /// For the connection, TLS included; after that the message is definitely not on its way.
    pub connect: Duration,
    /// For the whole exchange; after that the outcome is unknown. Longer than `connect`.
    pub reply: Duration,
}

impl Default for WebTimeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), reply: Duration::from_secs(8) }
    }
}

/// The reason why the settings of a gateway cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UnusableGateway {
    /// The address is none of HTTP.
    #[error("the address must begin with https:// or http:// and name a host")]
    Url,
    /// TLS cannot be used.
    #[error("TLS cannot be used")]
    Tls(#[source] rustls::Error),
    /// The HTTP client cannot be created.
    #[error("the HTTP client cannot be created")]
    Client(#[source] reqwest::Error),
    /// The address of callbacks is none of the web.
    #[error("`status_callback` must begin with https:// or http:// and name a host")]
    Callback,
    /// The sender has none of the provider's forms.
    #[error(
        "`from` must be a number such as +15005550006, a short code of 3 to 8 digits, or a name of at most 11 letters, \
         digits, spaces and `-`, `_`, `+`, `&`, with a letter in it"
    )]
    Sender,
    /// The host is none.
    #[error("`host` {0}")]
    Host(&'static str),
    /// A value is too long for the protocol, or has characters outside its alphabet.
    #[error("`{0}` cannot be used: SMPP 3.4 has ASCII there, and at most {1} characters")]
    Text(&'static str, usize),
    /// A template is invalid.
    #[error(transparent)]
    Template(#[from] crate::TemplateError),
}

/// An HTTP client to one provider.
pub(crate) struct WebClient {
    client: Client,
    origin: Url,
    timeouts: WebTimeouts,
    /// Hides our credentials, and numbers, in the provider's text.
    redaction: Redaction,
}

/// The answer of the provider.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The body, decompressed; `None` if it is longer than what is read.
    pub(crate) body: Option<Vec<u8>>,
    /// The encoding that its type names.
    charset: Option<String>,
    redaction: Redaction,
}

impl WebClient {
    /// A client to the host of this address, with these credentials.
    pub(crate) fn new(url: &Url, timeouts: WebTimeouts, credentials: Redaction) -> Result<Self, UnusableGateway> {
        let origin = url.join("/").ok().filter(|_| is_web(url)).ok_or(UnusableGateway::Url)?;
        let client = Client::builder()
            .tls_backend_preconfigured(trial_tls::client_config(url.scheme() == "https").map_err(UnusableGateway::Tls)?)
            .default_headers([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))].into_iter().collect())
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.reply)
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(UnusableGateway::Client)?;
        Ok(Self { client, origin, timeouts, redaction: credentials.numbers() })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Sends the request; without an answer, the reply says whether it may have arrived.
    pub(crate) async fn exchange(&self, request: RequestBuilder) -> Result<Answer, GatewayReply> {
        let mut response = request.send().await.map_err(|error| self.lost(&error))?;
        let status = response.status();
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let charset = content_type.and_then(charset_of);
        let mut answer = Answer { status, body: None, charset, redaction: self.redaction.clone() };
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.lost(&error))? {
            if body.len() + chunk.len() > MAX_REPLY {
                return Ok(answer);
            }
            body.extend_from_slice(&chunk);
        }
        answer.body = encoding::decoded(body, MAX_REPLY);
        Ok(answer)
    }

    /// Checks that the provider answers at all, with any status, to a request that sends nothing.
    pub(crate) async fn check(&self) -> Result<(), GatewayUnusable> {
        match self.exchange(self.client.head(self.origin.clone())).await {
            Ok(_) => Ok(()),
            Err(reply) => Err(GatewayUnusable(reply.detail().unwrap_or_default().to_owned())),
        }
    }

    /// The error's own text could contain the address, and with it the phone: only its innermost cause is given.
    fn lost(&self, error: &reqwest::Error) -> GatewayReply {
        if error.is_builder() {
            return GatewayReply::Unreached { reason: "the request cannot be made of its template".to_owned() };
        }
        if error.is_connect() {
            let cause = if error.is_timeout() {
                format!("none within {} s", self.timeouts.connect.as_secs())
            } else {
                self.innermost(error)
            };
            return GatewayReply::Unreached { reason: format!("no connection: {cause}") };
        }
        let reason = if error.is_timeout() {
            format!("no reply within {} s", self.timeouts.reply.as_secs())
        } else {
            format!("the connection broke before the reply: {}", self.innermost(error))
        };
        GatewayReply::Unknown { reason }
    }

    fn innermost(&self, error: &reqwest::Error) -> String {
        let mut cause = error.source();
        let mut text = None;
        while let Some(inner) = cause {
            text = Some(inner.to_string());
            cause = inner.source();
        }
        text.map_or_else(|| "no more is known".to_owned(), |text| self.redaction.redact(&text))
    }
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "https" | "http") && url.has_host()
}

/// Refuses a callback to which nobody can send receipts.
pub(crate) fn check_callback(callback: Option<&str>) -> Result<(), UnusableGateway> {
    let url = callback.map(Url::parse).transpose().map_err(|_| UnusableGateway::Callback)?;
    if url.is_none_or(|url| is_web(&url)) { Ok(()) } else { Err(UnusableGateway::Callback) }
}

/// The parameter `charset` of a media type.
fn charset_of(content_type: &str) -> Option<String> {
    let mut parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let charset = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    charset.map(|(_, value)| value.trim().trim_matches('"').to_owned())
}

impl Answer {
    /// The reply by the status alone, for a message that was not accepted. By RFC 9110, 4xx means not accepted; 5xx may
    /// come from something between us and a provider that did accept it. Of 4xx, only 401, 402 and 407 mean our
    /// account: others are used for numbers too.
    pub(crate) fn by_status(&self) -> GatewayReply {
        let refusal = match self.status {
            StatusCode::TOO_MANY_REQUESTS => Refusal::Throttled,
            StatusCode::UNAUTHORIZED | StatusCode::PAYMENT_REQUIRED | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                Refusal::Account
            }
            StatusCode::REQUEST_TIMEOUT => Refusal::Open,
            status if status.is_client_error() => Refusal::Message,
            _ => Refusal::Open,
        };
        refusal.reply(format!("status {}", self.status.as_u16()))
    }

    /// The provider's text in a form that may be stored.
    pub(crate) fn said(&self, words: &str) -> String {
        self.redaction.redact(words)
    }

    /// A value that says the outcome: a short number as it is, for the code and the phone of the message are removed from
    /// each reply afterwards; anything else in a form that may be stored.
    pub(crate) fn code(&self, value: &str) -> String {
        let digits = value.strip_prefix('-').unwrap_or(value);
        let is_number = digits.len() <= MAX_CODE && digits.bytes().all(|octet| octet.is_ascii_digit());
        if is_number { value.to_owned() } else { self.said(value) }
    }

    /// The body as JSON; `None` if it is none.
    pub(crate) fn json(&self) -> Option<Json> {
        let body = self.body.as_deref()?;
        let json = Json::of(&charset::decode(body, self.charset.as_deref()));
        json.or_else(|| Json::of(&charset::decode_chinese(body)?))
    }

    /// The reply if the status means success and the body cannot be understood.
    pub(crate) fn not_understood(&self) -> GatewayReply {
        let what = if self.body.is_some() { "cannot be understood" } else { "is too long" };
        GatewayReply::Unknown { reason: format!("status {}, and the reply {what}", self.status.as_u16()) }
    }
}
