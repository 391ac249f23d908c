use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use trial_core::ports::{Clock, Entropy, Guard, Health, Receipts, TrialService};
use trial_core::{DeliveryReceipt, MailHosts, PhonePolicy, UnreadableReceipt};
use trial_sandbox::Inbox;
use zeroize::Zeroizing;

use crate::{CallerParts, ClientAddressHeader, Metrics, OpsParts, PortalParts, SiteSettings};

/// The place of the fields of request and reply: nested in an object, as in the published table, or not, as in the
/// published example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Envelope {
    /// The fields are the body's own.
    #[default]
    Flat,
    /// The request's fields are in `requestBody`, the reply's in `schema`.
    Schema,
}

/// The configuration of the interface.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The place of the fields of request and reply.
    pub envelope: Envelope,
    /// Proxies whose word on the client's address is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Client addresses without a limit of code requests, applications and malformed requests: those of back ends.
    pub exempt_addresses: Vec<IpNet>,
    /// The one header in which they name their client.
    pub client_address_header: ClientAddressHeader,
    /// `true` if browsers use TLS, to this service or to a proxy in front of it: cookies are `Secure` then.
    pub secure_cookies: bool,
    /// The origin that browsers know the service by, if it is configured: scheme, host, and port if it is not the usual one.
    pub public_origin: Option<String>,
    /// The time that a body may take to arrive, from the end of its request's head.
    pub body_timeout: Duration,
    /// The limits of connections.
    pub limits: ConnectionLimits,
    /// The time for which browsers are to use TLS alone (HSTS), sent if requests use TLS.
    pub hsts: Option<Duration>,
    /// The phones that are served.
    pub phone: PhonePolicy,
    /// The hosts at which applicants may have their mailboxes.
    pub mail_hosts: MailHosts,
    /// The sign-in address of tenants, if it is known.
    pub portal_url: Option<String>,
    /// The page to apply on, if there is one.
    pub site: Option<SiteSettings>,
}

/// The number of connections and the time-outs of clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections in all; further ones wait until others end.
    pub connections: usize,
    /// Connections of one client address (IPv6: of one /64), 4 times that of a /56, 16 times that of a /48 or of a /24 of IPv4; 0 is
    /// any number. Trusted proxies and this machine have no limit.
    pub connections_per_address: usize,
    /// Requests of one connection of HTTP/2 at the same time.
    pub streams_per_connection: u32,
    /// The size of a request's head in bytes: its target, and its headers.
    pub head_bytes: usize,
    /// The time that a request's head, or a TLS handshake, may take to arrive.
    pub head_timeout: Duration,
    /// The time that a connection may idle between requests.
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
            // Longer than the 60 s of the usual load balancers, so that they close first.
            idle_timeout: Duration::from_secs(75),
        }
    }
}

/// Reads the receipts in a body that arrived at this instant; says what is wrong with one that has none.
pub type ReceiptReader = fn(&[u8], DateTime<Utc>) -> Result<Vec<DeliveryReceipt>, UnreadableReceipt>;

/// The callback to which a provider of short messages sends delivery receipts.
#[derive(Clone)]
pub struct SmsCallback {
    /// The gateway's name in the path.
    pub gateway: &'static str,
    /// The secret after the name in the path: letters, digits, `-` and `_`.
    pub secret: Zeroizing<String>,
    /// Reads what the provider writes.
    pub read: ReceiptReader,
}

/// The bot challenge that a visitor has to pass before the page has a code sent.
#[derive(Clone)]
pub struct PageGuard {
    /// Judges.
    pub guard: Arc<dyn Guard>,
    /// The widget that makes proofs in the page; without it, the page's own script does.
    pub widget: Option<CaptchaWidget>,
}

/// Somebody else's script that makes proofs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptchaWidget {
    /// The address of the script.
    pub script: String,
    /// The sources that the content security policy has to permit for it: scripts, frames, styles and connections.
    pub sources: Vec<String>,
    /// The class of the element that becomes the widget.
    pub class: String,
    /// The field of the form that it puts the proof into.
    pub field: String,
    /// The object that the script makes, whose `render` makes another widget.
    pub object: String,
    /// The public key of the site at the provider of the widget.
    pub site_key: String,
}

/// The parts that the interface is built on.
#[derive(Clone)]
pub struct HttpParts {
    /// Decides requests.
    pub service: Arc<dyn TrialService>,
    /// Knows whether the parts can be used.
    pub health: Arc<dyn Health>,
    /// Dates request ids.
    pub clock: Arc<dyn Clock>,
    /// Makes request ids unique.
    pub entropy: Arc<dyn Entropy>,
    /// Keeps receipts of short messages.
    pub receipts: Arc<dyn Receipts>,
    /// The providers that may send receipts; the path is closed to any other.
    pub callbacks: Vec<SmsCallback>,
    /// The parts that check signed requests; without them, requests need no signature.
    pub callers: Option<CallerParts>,
    /// The parts that the portal is built on, if there is one.
    pub portal: Option<PortalParts>,
    /// The bot challenge before the page has a code sent, if there is one.
    pub guard: Option<PageGuard>,
    /// The parts that the operations interface is built on.
    pub ops: OpsParts,
    /// Captured messages; opens the sandbox's endpoints if given.
    pub inbox: Option<Arc<Inbox>>,
    /// The metrics that `/metrics` shows.
    pub metrics: Metrics,
}
