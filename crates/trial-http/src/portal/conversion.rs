//! The wish to go on as a customer, which operations see.

use trial_core::{LifeOrder, LifeOutcome, Tenant, TenantOrder};

use super::visit::Visit;
use super::{Answer, failed, see};
use crate::fields::Fields;

/// Asks for conversion, or does so no more. To ask again changes nothing.
pub(super) async fn order(visit: &Visit<'_>, form: &Fields) -> Answer {
    let is_withdrawn = form.given("withdraw").is_some();
    let order = if is_withdrawn { LifeOrder::WithdrawConversion } else { LifeOrder::AskConversion };
    let tenant = visit.account.tenant.id;
    let order = TenantOrder { tenant, order, actor: Tenant::account_name(tenant) };
    Ok(match visit.state.ops.parts.orders.order(order).await.map_err(failed)? {
        LifeOutcome::Done(_) if is_withdrawn => see("/portal/?said=withdrawn"),
        LifeOutcome::Done(_) => see("/portal/?said=asked"),
        // Meanwhile it has become a customer's, or is over: the page says so.
        LifeOutcome::Refused(_) => see("/portal/"),
    })
}
