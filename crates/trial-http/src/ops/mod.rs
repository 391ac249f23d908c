//! The operations interface, `/ops/v1/…`. Who asks is known by a token, and what that person may do is looked up in the core's
//! one table; no rule is decided here.

mod access_codes;
mod applications;
mod audit;
mod caller;
mod callers;
mod mails;
mod me;
mod openapi;
mod operators;
mod orders;
mod phones;
mod pool;
mod prefixes;
mod quota;
mod reply;
mod reveal;
mod routes;
mod search;
pub(crate) mod settings;
mod tenants;

use std::sync::Arc;
use std::time::Duration;

use trial_core::ports::{
    AuditTrail, Callers, Clock, Entropy, Operations, Operators, Prefixes, SettingsStore, TenantOrders, Upkeep,
};
use trial_core::{
    Access, FAILED_SIGN_INS_PER_HOUR, Keyring, LedgerError, OperatorId, PolicyInForce, REVEALS_PER_HOUR,
    SIGN_INS_PER_HOUR,
};

use crate::problem::{Kind, Problem};
use crate::rate_limit::{AddressLimiter, KnownLimiter};

pub(crate) use caller::is_operator;
pub(crate) use openapi::document as openapi_document;
pub use openapi::ops_openapi_json;
pub(crate) use reveal::Sight;
pub(crate) use routes::configure;
pub(crate) use search::{NotRecorded, Unrecorded};

/// When somebody who was told that the database cannot be used now may ask again.
const AGAIN: Duration = Duration::from_secs(5);

/// What the operations interface stands on.
#[derive(Clone)]
pub struct OpsParts {
    /// What operations ask and change.
    pub operations: Arc<dyn Operations>,
    /// Which number prefixes are blocked, and which never are.
    pub prefixes: Arc<dyn Prefixes>,
    /// Where orders about tenants are decided.
    pub orders: Arc<dyn TenantOrders>,
    /// Who operates the service.
    pub operators: Arc<dyn Operators>,
    /// Who signs requests.
    pub callers: Arc<dyn Callers>,
    /// What seals the secrets of callers.
    pub keyring: Arc<Keyring>,
    /// What was changed, by whom.
    pub audit: Arc<dyn AuditTrail>,
    /// What operations were warned of.
    pub upkeep: Arc<dyn Upkeep>,
    /// The numbers of the rules.
    pub policy: Arc<PolicyInForce>,
    /// Where they are changed.
    pub settings: Arc<dyn SettingsStore>,
}

/// What its handlers stand on.
pub(crate) struct Ops {
    pub(crate) parts: OpsParts,
    pub(crate) access: Access,
    pub(crate) clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// Requests whose token lets nobody in.
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
}

/// What an operator is told when the ledger cannot do what was asked.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn failed(error: LedgerError) -> Problem {
    let source = std::error::Error::source(&error).map(ToString::to_string);
    tracing::error!(%error, source, "an operator's request failed");
    match error {
        LedgerError::Corrupt(_) => Problem::new(Kind::Unexpected),
        LedgerError::Unavailable(_) | LedgerError::Contended(_) => Problem::new(Kind::Unavailable)
            .detail("the database cannot be used now; nothing was changed")
            .retry_after(AGAIN),
        LedgerError::CommitUnknown(_) => Problem::new(Kind::Unavailable)
            .detail("the database was lost at the commit; look whether the change was made before asking for it again")
            .retry_after(AGAIN),
    }
}
