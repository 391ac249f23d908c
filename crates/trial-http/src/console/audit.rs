//! Console page of the audit.

use askama::Template;
use trial_core::audit::AuditQuery;
use trial_engine::operations::Disclosure;
use trial_engine::operations::Operation;
use trial_engine::operations::audit::{self, AuditReport};
use trial_engine::operations::page::PAGE;

use super::visit::{Page, Visit};
use super::{Answer, failed, page as written};
use crate::ops::Unrecorded;

#[derive(Template)]
#[template(path = "console/audit.html")]
struct Audit {
    page: Page,
    actor: String,
    action: String,
    subject: String,
    rows: Vec<AuditReport>,
    more: Option<String>,
}

pub(super) async fn page(visit: &Visit<'_>) -> Answer {
    visit.may(Operation::ListAudit)?;
    let given = |name| visit.query.given(name);
    let query = AuditQuery {
        actor: given("actor"),
        action: given("action"),
        subject: given("subject"),
        before: visit.query.parsed("before"),
        limit: PAGE,
        ..AuditQuery::default()
    };
    let query = Unrecorded::new(query).record(visit.ops, &visit.operator, "audit").await?;
    let found = audit::list(&*visit.ops.parts.audit, query, Disclosure::Masked).await.map_err(failed)?;
    let (rows, more) = (found.items, found.next_cursor);
    let text = |name| visit.query.text(name);
    let (actor, action, subject) = (text("actor"), text("action"), text("subject"));
    written(&Audit { page: visit.page.clone(), actor, action, subject, rows, more })
}
