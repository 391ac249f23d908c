//! Console page of the audit.

use askama::Template;
use trial_core::audit::{AuditEntry, AuditQuery};
use trial_core::operators::Permission;
use trial_core::values::AuditId;

use super::visit::{Page, Visit};
use super::{Answer, failed, page as written};
use crate::ops::Unrecorded;

/// Rows of a page.
const ROWS: u32 = 50;

#[derive(Template)]
#[template(path = "console/audit.html")]
struct Audit {
    page: Page,
    actor: String,
    action: String,
    subject: String,
    rows: Vec<AuditEntry>,
    more: Option<AuditId>,
}

pub(super) async fn page(visit: &Visit<'_>) -> Answer {
    visit.may(Permission::Look)?;
    let given = |name| visit.query.given(name);
    let query = AuditQuery {
        actor: given("actor"),
        action: given("action"),
        subject: given("subject"),
        before: visit.query.parsed("before"),
        limit: ROWS + 1,
        ..AuditQuery::default()
    };
    let query = Unrecorded::new(query).record(visit.ops, &visit.operator, "audit").await?;
    let mut rows = visit.ops.parts.audit.audit(query).await.map_err(failed)?;
    let most = usize::try_from(ROWS).unwrap_or(usize::MAX);
    let has_more = rows.len() > most;
    rows.truncate(most);
    let more = rows.last().filter(|_| has_more).map(|last| last.id);
    let text = |name| visit.query.text(name);
    let (actor, action, subject) = (text("actor"), text("action"), text("subject"));
    written(&Audit { page: visit.page.clone(), actor, action, subject, rows, more })
}
