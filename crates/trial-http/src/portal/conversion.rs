//! The wish to go on as a customer, which operations see.

use trial_core::LifeOrder;

use super::visit::Visit;
use super::{Answer, Reception, see};
use crate::fields::Fields;

/// Asks for conversion, or does so no more. To ask again changes nothing.
pub(super) async fn order(visit: &Visit<'_>, form: &Fields) -> Answer {
    let is_withdrawn = form.given("withdraw").is_some();
    let order = if is_withdrawn { LifeOrder::WithdrawConversion } else { LifeOrder::AskConversion };
    Ok(match Reception::act(visit.state, visit.account.tenant.id, order).await? {
        true if is_withdrawn => see("/portal/?said=withdrawn"),
        true => see("/portal/?said=asked"),
        // Meanwhile it has become a customer's, or is over: the page says so.
        false => see("/portal/"),
    })
}
