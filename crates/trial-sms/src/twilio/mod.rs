//! Twilio's Programmable Messaging, or any service with the same interface.
//!
//! Request and reply as in "Messages resource"; codes as in "Error and Warning Dictionary".

mod codes;
mod receipt;
mod reply;

pub use receipt::twilio_receipts;

use std::fmt;

use async_trait::async_trait;
use reqwest::header::CONTENT_TYPE;
use trial_core::ports::SmsGateway;
use trial_core::privacy::Redaction;
use trial_core::sms::{GatewayReply, GatewayUnusable, SmsMessage};
use url::Url;
use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

use crate::text::Wording;
use crate::web::{UnusableGateway, WebClient, WebTimeouts, check_callback};

/// The configuration of the gateway.
#[derive(Clone)]
pub struct TwilioSettings {
    /// Up to the host; [`TwilioSettings::BASE_URL`] is the provider's.
    pub base_url: String,
    /// The account.
    pub account_sid: String,
    /// Its secret.
    pub auth_token: Zeroizing<String>,
    /// The sender of the message.
    pub sender: TwilioSender,
    /// The address to which the provider sends delivery receipts.
    pub status_callback: Option<String>,
    /// The text of messages.
    pub wording: Wording,
    /// The time-outs of the provider.
    pub timeouts: WebTimeouts,
}

/// The sender of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TwilioSender {
    /// A number or a sender's id.
    From(String),
    /// A service that chooses one.
    MessagingService(String),
}

impl TwilioSettings {
    /// The provider's address.
    pub const BASE_URL: &str = "https://api.twilio.com";
}

impl fmt::Debug for TwilioSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioSettings")
            .field("base_url", &self.base_url)
            .field("account_sid", &self.account_sid)
            .finish_non_exhaustive()
    }
}

/// Sends by Twilio's Programmable Messaging.
pub struct TwilioGateway {
    settings: TwilioSettings,
    url: Url,
    web: WebClient,
}

impl TwilioGateway {
    /// A gateway by these settings.
    ///
    /// # Errors
    /// The address, the callback or the sender is none, or TLS cannot be used.
    pub fn new(settings: TwilioSettings) -> Result<Self, UnusableGateway> {
        check_callback(settings.status_callback.as_deref())?;
        if let TwilioSender::From(from) = &settings.sender
            && !is_sender(from)
        {
            return Err(UnusableGateway::Sender);
        }
        let mut url = Url::parse(&settings.base_url).map_err(|_| UnusableGateway::Url)?;
        url.path_segments_mut().map_err(|()| UnusableGateway::Url)?.pop_if_empty().extend([
            "2010-04-01",
            "Accounts",
            &settings.account_sid,
            "Messages.json",
        ]);
        let credentials = Redaction::default().login(&settings.account_sid, &settings.auth_token);
        let web = WebClient::new(&url, settings.timeouts, credentials)?;
        Ok(Self { settings, url, web })
    }

    fn body(&self, message: &SmsMessage) -> String {
        let mut form = Serializer::new(String::new());
        form.append_pair("To", message.to.as_str());
        match &self.settings.sender {
            TwilioSender::From(from) => form.append_pair("From", from),
            TwilioSender::MessagingService(sid) => form.append_pair("MessagingServiceSid", sid),
        };
        form.append_pair("Body", &self.settings.wording.text(message));
        if let Some(callback) = &self.settings.status_callback {
            form.append_pair("StatusCallback", callback);
        }
        form.finish()
    }
}

/// Returns `true` for a number as in E.164, a short code, and a name as in "Alphanumeric Sender ID",
/// <https://support.twilio.com/hc/en-us/articles/223181348>.
fn is_sender(from: &str) -> bool {
    let are_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let is_number = |number: &str| (7..=15).contains(&number.len()) && are_digits(number) && !number.starts_with('0');
    let is_short_code = (3..=8).contains(&from.len()) && are_digits(from);
    let is_name = from.len() <= 11
        && from.bytes().any(|b| b.is_ascii_alphabetic())
        && from.bytes().all(|b| b.is_ascii_alphanumeric() || b" -_+&".contains(&b));
    from.strip_prefix('+').is_some_and(is_number) || is_short_code || is_name
}

#[async_trait]
impl SmsGateway for TwilioGateway {
    fn name(&self) -> &'static str {
        "twilio"
    }

    async fn send(&self, message: &SmsMessage) -> GatewayReply {
        let request = self
            .web
            .client()
            .post(self.url.clone())
            .basic_auth(&self.settings.account_sid, Some(self.settings.auth_token.as_str()))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(self.body(message));
        match self.web.exchange(request).await {
            Ok(answer) => reply::read(&answer),
            Err(lost) => lost,
        }
    }

    async fn check(&self) -> Result<(), GatewayUnusable> {
        self.web.check().await
    }
}
