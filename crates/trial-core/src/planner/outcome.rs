//! Outcomes, with the fact that decided each. Refusals are data: none is an error.

use crate::applications::ApplyOutcome;
use crate::tenants::TenantOutcome;
use crate::verification::{CodeOutcome, CodeToSend};

/// The outcome of one request of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The outcome of a request for a code, with the code to send, if any.
    SendCode(CodeOutcome, Option<CodeToSend>),
    /// A gateway's report was recorded.
    SendReport,
    /// The outcome of an application.
    Apply(ApplyOutcome),
    /// The outcome of a command.
    Tenant(TenantOutcome),
}
