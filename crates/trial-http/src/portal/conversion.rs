//! The owner's request for a conversion, shown to operations.

use trial_core::tenants::TenantAction;

use super::visit::Visit;
use super::{Answer, Reception, see};
use crate::fields::Fields;

/// Requests a conversion, or withdraws the request. A repeated request changes nothing.
pub(super) async fn order(visit: &Visit<'_>, form: &Fields) -> Answer {
    let is_withdrawn = form.given("withdraw").is_some();
    let order = if is_withdrawn { TenantAction::WithdrawConversion } else { TenantAction::AskConversion };
    Ok(match Reception::act(visit.state, visit.account.tenant.id, order).await? {
        true if is_withdrawn => see("/portal/?said=withdrawn"),
        true => see("/portal/?said=asked"),
        // The tenant was converted or closed meanwhile; the page shows it.
        false => see("/portal/"),
    })
}
