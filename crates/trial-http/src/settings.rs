//! Settings and parts of the HTTP interfaces.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use trial_core::ports::{BotChallenge, Clock, Entropy, Health, Receipts, TrialService};
use trial_core::sms::{DeliveryReceipt, UnreadableReceipt};
use trial_core::values::{MailHosts, PhonePolicy};
use trial_sandbox::Inbox;
use zeroize::Zeroizing;

use crate::{CallerParts, ClientAddressHeader, Metrics, OpsParts, PortalParts, SiteSettings};

/// Place of the fields of request and reply: nested in an object as in the published table, or not, as in the published
/// example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Envelope {
    /// Either, as in each request; the reply has the same.
    #[default]
    Auto,
    /// The fields are at the top level.
    Flat,
    /// The request's fields are in `requestBody`, the reply's in `schema`.
    Schema,
}

/// Settings of the interface.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The place of the fields of request and reply.
    pub envelope: Envelope,
    /// Proxies that are trusted to name the client's address.
    pub trusted_proxies: Vec<IpNet>,
    /// Client addresses of back ends, without limits of code requests, applications and malformed requests.
    pub exempt_addresses: Vec<IpNet>,
    /// The header in which proxies name their client.
    pub client_address_header: ClientAddressHeader,
    /// `true` if browsers use TLS, to this service or to a proxy in front of it: cookies are `Secure` then.
    pub secure_cookies: bool,
    /// The origin of the service in browsers, if configured: scheme, host, and port unless it is the default one.
    pub public_origin: Option<String>,
    /// Time-out of a body, from the end of the request's head.
    pub body_timeout: Duration,
    /// The limits of connections.
    pub limits: ConnectionLimits,
    /// Duration for which browsers must use TLS (HSTS); sent over TLS only.
    pub hsts: Option<Duration>,
    /// Countries whose phones are served.
    pub phone: PhonePolicy,
    /// Hosts that applicants' mailboxes may have.
    pub mail_hosts: MailHosts,
    /// The sign-in address of tenants, if known.
    pub portal_url: Option<String>,
    /// The application page, if there is one.
    pub site: Option<SiteSettings>,
}

/// The number of connections and the time-outs of clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections in all; further ones wait until others close.
    pub connections: usize,
    /// Connections per client address (IPv6: per /64), 4 times that per /56, 16 times that per /48 or IPv4 /24; 0 for
    /// no limit. Trusted proxies and this machine have no limit.
    pub connections_per_address: usize,
    /// Concurrent requests per HTTP/2 connection.
    pub streams_per_connection: u32,
    /// Size limit of a request's head in bytes: target and headers.
    pub head_bytes: usize,
    /// Time-out of a request's head, and of a TLS handshake.
    pub head_timeout: Duration,
    /// Time-out of an idle connection.
    pub idle_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            connections_per_address: 256,
            streams_per_connection: 100,
            head_bytes: 16 * 1_024,
            head_timeout: Duration::from_secs(5),
            // Longer than the usual 60 s of load balancers, so that they close first.
            idle_timeout: Duration::from_secs(75),
        }
    }
}

/// Parses the receipts in a body that arrived at this time; the error describes a malformed body.
pub type ReceiptReader = fn(&[u8], DateTime<Utc>) -> Result<Vec<DeliveryReceipt>, UnreadableReceipt>;

/// The callback of an SMS provider for delivery receipts.
#[derive(Clone)]
pub struct SmsCallback {
    /// Name of the gateway in the path.
    pub gateway: &'static str,
    /// Secret after the name in the path: letters, digits, `-` and `_`.
    pub secret: Zeroizing<String>,
    /// Parses the provider's body.
    pub read: ReceiptReader,
}

/// The bot challenge that a visitor has to pass before a code is sent.
#[derive(Clone)]
pub struct PageGuard {
    /// Verifies proofs.
    pub guard: Arc<dyn BotChallenge>,
    /// The CAPTCHA widget of the page; without it, the page's own script computes proofs.
    pub widget: Option<CaptchaWidget>,
}

/// A third-party CAPTCHA script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptchaWidget {
    /// Address of the script.
    pub script: String,
    /// Sources that its content security policy needs: scripts, frames, styles and connections.
    pub sources: Vec<String>,
    /// Class of the element that becomes the widget.
    pub class: String,
    /// The form field into which it puts the proof.
    pub field: String,
    /// The script's object, whose `render` creates another widget.
    pub object: String,
    /// The site's public key at the provider.
    pub site_key: String,
}

/// The parts of the interface.
#[derive(Clone)]
pub struct HttpParts {
    /// Decides requests.
    pub service: Arc<dyn TrialService>,
    /// Reports whether the dependencies are usable.
    pub health: Arc<dyn Health>,
    /// Dates request ids.
    pub clock: Arc<dyn Clock>,
    /// Makes request ids unique.
    pub entropy: Arc<dyn Entropy>,
    /// Stores delivery receipts.
    pub receipts: Arc<dyn Receipts>,
    /// Providers that may send receipts; other paths are closed.
    pub callbacks: Vec<SmsCallback>,
    /// Parts for signed requests; without them, requests need no signature.
    pub callers: Option<CallerParts>,
    /// Parts of the portal, if there is one.
    pub portal: Option<PortalParts>,
    /// The bot challenge of the application page, if there is one.
    pub guard: Option<PageGuard>,
    /// Parts of the operations interface.
    pub ops: OpsParts,
    /// Captured messages; enables the sandbox's endpoints.
    pub inbox: Option<Arc<Inbox>>,
    /// Metrics shown at `/metrics`.
    pub metrics: Metrics,
}
