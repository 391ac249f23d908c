//! What was decided, with the fact that decided it. Refusals are data: nothing here is an error.

use crate::applications::ApplyOutcome;
use crate::tenants::LifeOutcome;
use crate::verification::{CodeOutcome, CodeToSend};

/// What was decided about one request of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// About a request for a code; the code to send, if one is.
    SendCode(CodeOutcome, Option<CodeToSend>),
    /// A gateway's word was taken down.
    SendReport,
    /// About an application.
    Apply(ApplyOutcome),
    /// About an order.
    Tenant(LifeOutcome),
}
