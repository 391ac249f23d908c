//! Console pages of applications: search, and one with its timeline.

use askama::Template;
use trial_core::applications::{ApplicationQuery, ApplicationSearch, ApplicationView};
use trial_core::operators::Permission;
use trial_core::return_codes::{ApplyCode, ApplyReply};
use trial_core::timeline::TimelineEntry;
use trial_core::values::{CompanyName, Email, MailHosts, Phone, RequestId, TenantId};
use trial_engine::operations::timeline_sources;

use super::visit::{Page, Visit};
use super::{Answer, Refused, failed, page as written};
use crate::ops::{Sight, Unrecorded};

/// Rows of a page.
const ROWS: u32 = 50;

#[derive(Template)]
#[template(path = "console/applications.html")]
struct List {
    page: Page,
    find: String,
    code: String,
    wrong: Option<String>,
    rows: Vec<Row>,
    more: Option<String>,
    codes: Vec<&'static str>,
}

struct Row {
    id: String,
    at: String,
    phone: String,
    email: String,
    company: String,
    code: &'static str,
}

#[derive(Template)]
#[template(path = "console/application.html")]
struct One {
    page: Page,
    row: Row,
    request_id: String,
    tenant: Option<TenantId>,
    is_plain: bool,
    story: Vec<TimelineEntry>,
}

/// The query of the search box; the search is recorded before it runs.
pub(super) fn query(text: &str, visit: &Visit<'_>) -> Result<Unrecorded<Option<ApplicationQuery>>, String> {
    let typed = if text.is_empty() { None } else { Some(customer(text, visit)?) };
    Ok(Unrecorded::new(typed))
}

/// A phone, an e-mail address, a request id, or else a company name.
fn customer(text: &str, visit: &Visit<'_>) -> Result<ApplicationQuery, String> {
    if text.contains(['@', '＠', '﹫']) {
        let email = Email::parse_at(MailHosts::Any, text);
        return email.map(|email| ApplicationQuery::Email(email.key().clone())).map_err(|error| error.to_string());
    }
    if let Ok(phone) = Phone::parse(text, &visit.state.settings.phone) {
        return Ok(ApplicationQuery::Phone(phone));
    }
    let is_id = text.len() >= 32 && !text.contains(' ');
    if let Some(id) = RequestId::from_caller(text).filter(|_| is_id) {
        return Ok(ApplicationQuery::RequestId(id));
    }
    CompanyName::parse(text).map(|company| ApplicationQuery::Company(company.key().clone())).map_err(|e| e.to_string())
}

impl Row {
    fn of(view: &ApplicationView, sight: Sight) -> Self {
        Self {
            id: view.id.to_string(),
            at: view.at.format("%Y-%m-%d %H:%M:%S").to_string(),
            phone: sight.phone(&view.phone),
            email: sight.email(&view.email),
            company: view.company.clone(),
            code: ApplyReply::from(&view.outcome).code.as_str(),
        }
    }
}

pub(super) async fn list(visit: &Visit<'_>) -> Answer {
    visit.may(Permission::Look)?;
    let find = visit.query.text("find");
    let code = visit.query.text("code");
    let (wrong, mut found) = match query(&find, visit) {
        Err(wrong) => (Some(wrong), Vec::new()),
        Ok(by) => {
            let search = ApplicationSearch {
                by: by.record(visit.ops, &visit.operator, "applications").await?,
                return_code: ApplyCode::ALL.iter().copied().find(|known| known.as_str() == code),
                since: None,
                until: None,
                before: visit.query.parsed("before"),
                limit: ROWS + 1,
            };
            (None, visit.ops.parts.operations.search_applications(search).await.map_err(failed)?)
        }
    };
    let has_more = found.len() > usize::try_from(ROWS).unwrap_or(usize::MAX);
    found.truncate(usize::try_from(ROWS).unwrap_or(usize::MAX));
    let more = found.last().filter(|_| has_more).map(|last| last.id.to_string());
    written(&List {
        page: visit.page.clone(),
        find,
        code,
        wrong,
        rows: found.iter().map(|view| Row::of(view, Sight::Masked)).collect(),
        more,
        codes: ApplyCode::ALL.iter().map(|code| code.as_str()).collect(),
    })
}

pub(super) async fn show(visit: &Visit<'_>, id: &str, reveal: bool) -> Answer {
    visit.may(Permission::Look)?;
    let id = id.parse().map_err(|_| Refused::NotFound)?;
    let parts = &visit.ops.parts;
    let view = parts.operations.application(id).await.map_err(failed)?.ok_or(Refused::NotFound)?;
    let sight = visit.sight(reveal, "application.reveal", &id.to_string()).await?;
    let policy = parts.policy.now();
    let sources = timeline_sources(&*parts.operations, &*parts.audit, &policy, &view, visit.ops.clock.now());
    let story = sources.await.map_err(failed)?;
    written(&One {
        page: visit.page.clone(),
        row: Row::of(&view, sight),
        request_id: view.request_id.to_string(),
        tenant: view.tenant(),
        is_plain: sight == Sight::Plain,
        story: story.tell(),
    })
}
