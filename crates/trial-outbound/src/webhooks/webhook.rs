//! The client of webhooks.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};
use trial_core::platform::{PlatformEvent, PublishError};
use trial_core::ports::{Clock, TenantPlatform};
use trial_core::privacy::Redaction;
use url::{Host, Url};

use super::answer::{judge, lost};
use super::lookup::{Guard, Lookup};
use super::{SigningSecret, is_public};

/// Keys that sign at once: the old one and the new one, during a rotation.
const SIGNING: usize = 2;
/// The longest time of a connection, TLS included.
const CONNECT: Duration = Duration::from_secs(5);
/// The time that an idle connection is kept.
const IDLE: Duration = Duration::from_secs(10);

/// The configuration of the endpoint.
#[derive(Clone)]
pub struct WebhookSettings {
    /// Its address: `https://…`, or `http://…` where private addresses are allowed.
    pub url: String,
    /// The keys it knows; the first two sign.
    pub secrets: Vec<SigningSecret>,
    /// `true` if it may be in a private network, or on this machine.
    pub allow_private_addresses: bool,
    /// The longest wait for an answer; the specification suggests 15 to 30 s.
    pub timeout: Duration,
}

impl WebhookSettings {
    /// Checks the settings without creating a platform.
    ///
    /// # Errors
    /// [`UnusableWebhook`] if the address is invalid or private, or there is no key.
    pub fn check(&self) -> Result<(), UnusableWebhook> {
        checked(&self.url, self.allow_private_addresses)?;
        if self.secrets.is_empty() { Err(UnusableWebhook::NoSecret) } else { Ok(()) }
    }
}

/// Hides addresses, which may hold secrets.
impl fmt::Debug for WebhookSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSettings").field("secrets", &self.secrets.len()).finish_non_exhaustive()
    }
}

/// The reason why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UnusableWebhook {
    /// The address is none of a web server.
    #[error(
        "the address must begin with https:// and name a host; http:// takes `platform.webhook.allow_private_addresses`"
    )]
    Url,
    /// The address is a private one.
    #[error("the address is private; `platform.webhook.allow_private_addresses` allows it")]
    Private,
    /// There is no key.
    #[error("there is no secret to sign with")]
    NoSecret,
    /// TLS cannot be used.
    #[error("TLS cannot be used")]
    Tls(#[source] rustls::Error),
    /// The HTTP client cannot be created.
    #[error("the HTTP client cannot be created")]
    Client(#[source] reqwest::Error),
}

/// Delivers events by signed webhooks.
pub struct WebhookPlatform {
    client: Client,
    url: Url,
    secrets: Vec<SigningSecret>,
    timeout: Duration,
    clock: Arc<dyn Clock>,
    /// Hides possible secrets of the address.
    redaction: Redaction,
}

impl WebhookPlatform {
    /// A platform by these settings, with this resolver.
    ///
    /// # Errors
    /// The address is none, or a private one, there is no key, or TLS cannot be used.
    pub fn new(
        settings: WebhookSettings,
        clock: Arc<dyn Clock>,
        lookup: Arc<dyn Lookup>,
    ) -> Result<Self, UnusableWebhook> {
        settings.check()?;
        let WebhookSettings { url, mut secrets, allow_private_addresses: allows_private, timeout } = settings;
        let url = checked(&url, allows_private)?;
        secrets.truncate(SIGNING);
        let client = Client::builder()
            .tls_backend_preconfigured(trial_tls::client_config(url.scheme() == "https").map_err(UnusableWebhook::Tls)?)
            .dns_resolver(Arc::new(Guard { lookup, allows_private }))
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT.min(timeout))
            .timeout(timeout)
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(UnusableWebhook::Client)?;
        let redaction = redaction_of(&url);
        Ok(Self { client, url, secrets, timeout, clock, redaction })
    }

    /// Sends one message, signed at this instant.
    ///
    /// # Errors
    /// [`PublishError`] if it was not accepted.
    pub async fn send(&self, id: &str, payload: &str) -> Result<String, PublishError> {
        let timestamp = self.clock.now().timestamp();
        let signatures: Vec<_> = self.secrets.iter().map(|secret| secret.sign(id, timestamp, payload)).collect();
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signatures.join(" "))
            .body(payload.to_owned());
        self.exchange(request).await
    }

    async fn exchange(&self, request: RequestBuilder) -> Result<String, PublishError> {
        let request = request.header(USER_AGENT, "Trialgate");
        let response = request.send().await.map_err(|error| lost(&error, self.timeout, &self.redaction))?;
        judge(response, self.clock.now()).await
    }
}

#[async_trait]
impl TenantPlatform for WebhookPlatform {
    async fn tell(&self, event: &PlatformEvent) -> Result<String, PublishError> {
        self.send(&event.id.to_string(), &event.payload).await
    }

    /// Checks that the host answers, with any status.
    async fn check(&self) -> Result<(), PublishError> {
        let mut host = self.url.clone();
        host.set_path("/");
        host.set_query(None);
        match self.client.head(host).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(lost(&error, self.timeout, &self.redaction)),
        }
    }
}

/// Hides user and password, and each part of path and query.
fn redaction_of(url: &Url) -> Redaction {
    let parts = url.path_segments().into_iter().flatten().map(str::to_owned);
    let values = url.query_pairs().map(|(_, value)| value.into_owned());
    let login = Redaction::default().login(url.username(), url.password().unwrap_or_default());
    parts.chain(values).fold(login, |redaction, part| redaction.secret(&part))
}

/// An address in the URL itself is checked here: it is not resolved later.
fn checked(url: &str, allows_private: bool) -> Result<Url, UnusableWebhook> {
    let url = Url::parse(url).map_err(|_| UnusableWebhook::Url)?;
    let is_allowed = url.scheme() == "https" || (url.scheme() == "http" && allows_private);
    let address: Option<IpAddr> = match url.host().filter(|_| is_allowed).ok_or(UnusableWebhook::Url)? {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
    };
    if address.is_some_and(|address| !allows_private && !is_public(address)) {
        return Err(UnusableWebhook::Private);
    }
    Ok(url)
}
