//! Console page of phones that are locked after too many wrong codes.

use askama::Template;
use trial_core::values::Phone;
use trial_engine::operations::Disclosure;
use trial_engine::operations::Operation;
use trial_engine::operations::phones::{self, PhoneReport};

use super::visit::{Page, Visit};
use super::{Answer, Refused, failed, page as written, see};
use crate::fields::Fields;
use crate::ops::Unrecorded;

#[derive(Template)]
#[template(path = "console/phones.html")]
struct Phones {
    page: Page,
    find: String,
    wrong: Option<String>,
    found: Option<PhoneReport>,
}

pub(super) async fn page(visit: &Visit<'_>) -> Answer {
    visit.may(Operation::ShowPhone)?;
    let find = visit.query.text("find");
    let (wrong, found) = match find.as_str() {
        "" => (None, None),
        text => match Phone::parse(text, &visit.state.settings.phone) {
            Err(error) => (Some(error.to_string()), None),
            Ok(phone) => {
                let phone = Unrecorded::new(phone).record(visit.ops, &visit.operator, "phones").await?;
                let parts = &visit.ops.parts;
                let policy = parts.policy.now();
                let shown = phones::show(&*parts.operations, &policy, &phone, Disclosure::Masked).await;
                (None, Some(shown.map_err(failed)?))
            }
        },
    };
    written(&Phones { page: visit.page.clone(), find, wrong, found })
}

pub(super) async fn unlock(visit: &Visit<'_>, form: &Fields) -> Answer {
    visit.may(Operation::UnlockPhone)?;
    let phone = Phone::parse(&form.text("phone"), &visit.state.settings.phone)
        .map_err(|error| Refused::Wrong(format!("The phone {error}.")))?;
    let phone = Unrecorded::new(phone).record(visit.ops, &visit.operator, "phones").await?;
    let was_known = visit.ops.parts.operations.unlock_phone(phone, visit.changes()).await.map_err(failed)?;
    if was_known { see("/console/phones?said=unlocked") } else { Err(Refused::NotFound) }
}
