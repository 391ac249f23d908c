//! The operations interface, `/ops/v1/…`. A token authenticates the operator, and the core's table authorises them; no
//! rule is decided here.

mod access_codes;
mod applications;
mod audit;
mod callers;
mod disclosure;
mod mails;
mod me;
mod openapi;
mod operator;
mod operators;
mod orders;
mod phones;
mod pool;
mod prefixes;
mod quota;
mod reply;
mod requests;
mod routes;
mod search;
pub(crate) mod settings;
mod tenants;

use std::sync::Arc;
use std::time::Duration;

use trial_core::error::LedgerError;
use trial_core::operators::{FAILED_SIGN_INS_PER_HOUR, REVEALS_PER_HOUR, SIGN_INS_PER_HOUR};
use trial_core::policy::{Policy, PolicyInForce};
use trial_core::ports::{
    ApiClients, AuditTrail, Clock, Entropy, NumberRanges, Operations, Operators, SettingsStore, TenantCommands, Upkeep,
};
use trial_core::values::{Keyring, OperatorId};
use trial_engine::operations::Access;
use trial_engine::operations::timeline::TimelineParts;

use crate::problem::{Kind, Problem};
use crate::rate_limit::{AddressLimiter, KnownLimiter};

pub(crate) use disclosure::revealed;
pub(crate) use openapi::document as openapi_document;
pub use openapi::ops_openapi_json;
pub(crate) use operator::is_operator;
pub(crate) use routes::configure;
pub(crate) use search::{NotRecorded, Unrecorded};

/// `Retry-After` while the database cannot be used.
const AGAIN: Duration = Duration::from_secs(5);

/// Parts of the operations interface.
#[derive(Clone)]
pub struct OpsParts {
    /// Queries and commands.
    pub operations: Arc<dyn Operations>,
    /// Number ranges of the fraud guard.
    pub prefixes: Arc<dyn NumberRanges>,
    /// Commands on tenants.
    pub orders: Arc<dyn TenantCommands>,
    /// Operators.
    pub operators: Arc<dyn Operators>,
    /// API clients.
    pub callers: Arc<dyn ApiClients>,
    /// Encrypts the secrets of API clients.
    pub keyring: Arc<Keyring>,
    /// The audit.
    pub audit: Arc<dyn AuditTrail>,
    /// Warnings to operations.
    pub upkeep: Arc<dyn Upkeep>,
    /// Limits and durations in force.
    pub policy: Arc<PolicyInForce>,
    /// Runtime settings.
    pub settings: Arc<dyn SettingsStore>,
}

/// State of the handlers.
pub(crate) struct Ops {
    pub(crate) parts: OpsParts,
    pub(crate) access: Access,
    pub(crate) clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// Failed authentications by client address.
    pub(crate) strangers: AddressLimiter,
    pub(crate) sign_ins: KnownLimiter<OperatorId>,
    reveals: KnownLimiter<OperatorId>,
}

impl Ops {
    pub(crate) fn new(parts: OpsParts, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let access = Access::new(Arc::clone(&parts.operators), Arc::clone(&clock), Arc::clone(&entropy));
        let strangers = AddressLimiter::per_hour(FAILED_SIGN_INS_PER_HOUR);
        let (sign_ins, reveals) = (KnownLimiter::per_hour(SIGN_INS_PER_HOUR), KnownLimiter::per_hour(REVEALS_PER_HOUR));
        Self { parts, access, clock, entropy, strangers, sign_ins, reveals }
    }

    /// The ports that a timeline is built with.
    pub(crate) fn timeline_parts<'a>(&'a self, policy: &'a Policy) -> TimelineParts<'a> {
        let (operations, audit) = (&*self.parts.operations, &*self.parts.audit);
        TimelineParts { operations, audit, policy, now: self.clock.now() }
    }
}

/// The answer to an operator if the ledger failed.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn failed(error: LedgerError) -> Problem {
    let source = std::error::Error::source(&error).map(ToString::to_string);
    tracing::error!(%error, source, "an operator's request failed");
    match error {
        LedgerError::Corrupt(_) => Problem::new(Kind::Unexpected),
        LedgerError::Unavailable(_) | LedgerError::Contended(_) => Problem::new(Kind::Unavailable)
            .detail("the database is unavailable; nothing was changed")
            .retry_after(AGAIN),
        LedgerError::CommitUnknown(_) => Problem::new(Kind::Unavailable)
            .detail("the connection to the database was lost at the commit; check whether the change was made before you repeat it")
            .retry_after(AGAIN),
    }
}
