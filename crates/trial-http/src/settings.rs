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

/// Whether request and reply are nested in an object, as the published table has it, or not, as the published example has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Envelope {
    /// The fields are the body's own.
    #[default]
    Flat,
    /// The request's fields stand in `requestBody`, the reply's in `schema`.
    Schema,
}

/// What the interface is configured by.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Where the fields of request and reply stand.
    pub envelope: Envelope,
    /// Proxies whose word on the client's address is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Client addresses without a limit of code requests, applications and malformed requests: those of back ends.
    pub exempt_addresses: Vec<IpNet>,
    /// The one header in which they name their client.
    pub client_address_header: ClientAddressHeader,
    /// Whether browsers come by TLS, as far as this service or a proxy in front of it speaks it: cookies are `Secure` then.
    pub secure_cookies: bool,
    /// The origin that browsers know the service by, if it is configured: scheme, host, and port if it is not the usual one.
    pub public_origin: Option<String>,
    /// How long a body may take to arrive, from its request's head on.
    pub body_timeout: Duration,
    /// What one client may take up.
    pub limits: ConnectionLimits,
    /// How long browsers are to come by TLS alone, if requests come by it.
    pub hsts: Option<Duration>,
    /// Whose phones are served.
    pub phone: PhonePolicy,
    /// Where the mailboxes of applicants may be.
    pub mail_hosts: MailHosts,
    /// The sign-in address of tenants, if it is known.
    pub portal_url: Option<String>,
    /// The page to apply on, if there is one.
    pub site: Option<SiteSettings>,
}

/// What connections may take up, and how fast clients have to be.
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
    /// How long a request's head may take to arrive, and a handshake of TLS.
    pub head_timeout: Duration,
    /// How long a connection may idle between requests.
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

/// Where a provider of short messages tells what became of them.
#[derive(Clone)]
pub struct SmsCallback {
    /// The gateway's name in the path.
    pub gateway: &'static str,
    /// What stands after it: letters, digits, `-` and `_`.
    pub secret: Zeroizing<String>,
    /// Reads what the provider writes.
    pub read: ReceiptReader,
}

/// What stands before the page has a code sent.
#[derive(Clone)]
pub struct PageGuard {
    /// Judges.
    pub guard: Arc<dyn Guard>,
    /// What makes proofs in the page; without it, the page's own script does.
    pub widget: Option<CaptchaWidget>,
}

/// Somebody else's script that makes proofs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptchaWidget {
    /// Where it is.
    pub script: String,
    /// What the policy of the page has to permit for it: scripts, frames, styles and connections.
    pub sources: Vec<String>,
    /// The class of the element that becomes the widget.
    pub class: String,
    /// The field of the form that it puts the proof into.
    pub field: String,
    /// The object that the script makes, whose `render` makes another widget.
    pub object: String,
    /// Whose widget it is; known to everybody.
    pub site_key: String,
}

/// What the interface stands on.
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
    /// The providers that may tell; the path is closed to any other.
    pub callbacks: Vec<SmsCallback>,
    /// What signed requests are checked by; without it, anybody may call.
    pub callers: Option<CallerParts>,
    /// What the portal stands on, if there is one.
    pub portal: Option<PortalParts>,
    /// What stands before the page has a code sent, if anything does.
    pub guard: Option<PageGuard>,
    /// What the operations interface stands on.
    pub ops: OpsParts,
    /// Captured messages; opens the sandbox's endpoints if given.
    pub inbox: Option<Arc<Inbox>>,
    /// What `/metrics` shows.
    pub metrics: Metrics,
}
