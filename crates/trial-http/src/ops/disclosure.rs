//! Reveals of phones and addresses: allowed by the role, limited by the hour, and recorded before anything is shown.

use trial_core::operators::Operator;
use trial_engine::operations::Disclosure;

use super::operator::AuthenticatedOperator;
use super::{NotRecorded, Ops};
use crate::problem::Problem;

impl AuthenticatedOperator<'_> {
    /// Masks personal data, or reveals them, if requested.
    ///
    /// # Errors
    /// The role does not allow it, the operator has reached the hourly limit, or the entry cannot be stored; nothing is
    /// shown then.
    pub(super) async fn disclosure(
        &self,
        reveal: bool,
        action: &'static str,
        subject: &str,
    ) -> Result<Disclosure, Problem> {
        self.may_see(reveal)?;
        if !reveal {
            return Ok(Disclosure::Masked);
        }
        Ok(revealed(self.ops, &self.operator, action, subject).await?)
    }
}

/// Records the reveal of a subject's personal data.
///
/// # Errors
/// The operator has reached the hourly limit, or the entry cannot be stored; nothing is shown then.
pub(crate) async fn revealed(
    ops: &Ops,
    operator: &Operator,
    action: &'static str,
    subject: &str,
) -> Result<Disclosure, NotRecorded> {
    let limit = ops.reveals.per_hour;
    let taken = ops.reveals.take(operator.id);
    taken.map_err(|retry_after| NotRecorded::TooManyReveals { limit, retry_after })?;
    let by = ops.access.changed_by(operator);
    Disclosure::reveal(&*ops.parts.audit, by, action, subject).await.map_err(NotRecorded::Failed)
}
