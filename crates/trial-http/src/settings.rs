use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use trial_core::ports::{Clock, Entropy, Health, TrialService};
use trial_core::{AddressLimits, PhonePolicy};
use trial_sandbox::Inbox;

use crate::Metrics;

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
    /// Requests that one client address may make.
    pub address_limits: AddressLimits,
    /// How long a body may take to arrive, from its request's head on.
    pub body_timeout: Duration,
    /// Whose phones are served.
    pub phone: PhonePolicy,
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
    /// Captured messages; opens the sandbox's endpoints if given.
    pub inbox: Option<Arc<Inbox>>,
    /// What `/metrics` shows.
    pub metrics: Metrics,
}
