//! Console page of the access codes.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use trial_core::access_codes::{
    AccessCodeFile, AccessCodeFileError, AccessCodePage, AccessCodeState, FileHeader, PoolCommand, PoolOutcome,
    RefusedAccessCode, RepeatedAccessCode,
};
use trial_core::values::{AccessCode, AccessCodeKind};
use trial_engine::operations::Operation;
use trial_engine::operations::access_codes::{self, AccessCodeReport, KindStock};
use trial_engine::operations::page::PAGE;

use super::visit::{Page, Visit};
use super::{Answer, Refused, failed, finish, html, see};
use crate::body::{Body, MAX_IMPORT, Media, Payload, too_large};
use crate::fields::{Fields, first};
use crate::problem::Problem;
use crate::site::State;

/// Most bad or repeated rows that are listed.
const NAMED: usize = 100;

#[derive(Template)]
#[template(path = "console/access_codes.html")]
struct AccessCodes {
    page: Page,
    pool: Vec<KindStock>,
    kind: AccessCodeKind,
    state: AccessCodeState,
    rows: Vec<AccessCodeReport>,
    more: Option<String>,
    kinds: &'static [AccessCodeKind],
    states: &'static [AccessCodeState],
    pasted: String,
    import: Option<Import>,
    wrong: Option<String>,
}

/// Result of an import that was not stored.
pub(super) struct Import {
    bad: Vec<RefusedAccessCode>,
    more_bad: usize,
    repeated: Vec<RepeatedAccessCode>,
    added: usize,
    known: u64,
    dry_run: bool,
}

pub(super) async fn page(visit: &Visit<'_>, wrong: Option<String>) -> Answer {
    written(visit, String::new(), None, wrong).await
}

async fn written(visit: &Visit<'_>, pasted: String, import: Option<Import>, wrong: Option<String>) -> Answer {
    visit.may(Operation::ListAccessCodes)?;
    let parts = &visit.ops.parts;
    let kind = visit.query.parsed("kind").unwrap_or(AccessCodeKind::Voice);
    let state = visit.query.parsed("state").unwrap_or(AccessCodeState::Free);
    let after = visit.query.given("after").and_then(|code| AccessCode::parse(&code).ok());
    let asked = AccessCodePage { kind, state, after, limit: PAGE };
    let found = access_codes::list(&*parts.operations, asked).await.map_err(failed)?;
    let status = match (&import, &wrong) {
        (Some(import), _) if !import.bad.is_empty() => StatusCode::UNPROCESSABLE_ENTITY,
        (_, Some(_)) if !pasted.is_empty() => StatusCode::UNPROCESSABLE_ENTITY,
        (_, Some(_)) => StatusCode::CONFLICT,
        _ => StatusCode::OK,
    };
    let policy = parts.policy.now();
    let stock = access_codes::stock(&*parts.operations, &policy, visit.ops.clock.now());
    let shown = AccessCodes {
        page: visit.page.clone(),
        pool: stock.await.map_err(failed)?.stock,
        kind,
        state,
        rows: found.items,
        more: found.next_cursor,
        kinds: AccessCodeKind::ALL,
        states: AccessCodeState::ALL,
        pasted,
        import,
        wrong,
    };
    html(status, &shown)
}

/// `POST /console/access-codes/import`: pasted rows of kind and code, with an optional header line. All or nothing.
pub(super) async fn import(
    request: HttpRequest,
    payload: Result<Payload, actix_web::Error>,
    state: Data<State>,
) -> HttpResponse {
    let answer = match payload {
        Ok(payload) => imported(&request, payload, &state).await,
        Err(_) => Err(too_large(MAX_IMPORT).into()),
    };
    finish(&request, answer)
}

/// The form is larger than any other, so only its beginning is read before session, role and anti-forgery token are
/// checked. The token is the first field of our page and must be in the first 16 KiB.
async fn imported(request: &HttpRequest, mut payload: Payload, state: &State) -> Answer {
    let visit = &Visit::of(request, state).await?;
    visit.may(Operation::ImportAccessCodes)?;
    let beginning = payload.beginning(Media::Form, request).await?;
    visit.check(&first(beginning, "csrf"))?;
    let (_, form) = payload.import(&[Media::Form], request).await?;
    let (parsed, _turn) = state.imports.parse(move || Pasted::parse(form)).await.map_err(Problem::from)?;
    let Pasted { text, asked_dry, file } = parsed?;
    let file = match file {
        Ok(file) => file,
        Err(error) => return written(visit, text, None, Some(error.to_string())).await,
    };
    let is_rehearsal = asked_dry || !file.bad.is_empty();
    let operations = &visit.ops.parts.operations;
    let plan = operations.import_access_codes(file.import, is_rehearsal, visit.changes()).await.map_err(failed)?;
    let mut bad = file.bad;
    bad.extend(plan.refused);
    if bad.is_empty() && !asked_dry {
        return see("/console/access-codes?said=imported");
    }
    bad.sort_by_key(|row| row.line);
    let more_bad = bad.len().saturating_sub(NAMED);
    bad.truncate(NAMED);
    let mut repeated = plan.repeated;
    repeated.truncate(NAMED);
    let told = Import { bad, more_bad, repeated, added: plan.new.len(), known: plan.known, dry_run: asked_dry };
    written(visit, text, Some(told), None).await
}

/// Pasted text, parsed away from the worker.
struct Pasted {
    text: String,
    asked_dry: bool,
    file: Result<AccessCodeFile, AccessCodeFileError>,
}

impl Pasted {
    fn parse(form: Body) -> Result<Self, Problem> {
        let form = Fields::of(form)?;
        let asked_dry = form.text("dry_run") == "on";
        let text = form.text("rows");
        drop(form);
        let file = AccessCodeFile::read(text.as_bytes(), FileHeader::Optional);
        Ok(Self { text, asked_dry, file })
    }
}

pub(super) async fn order(visit: &Visit<'_>, code: &str, action: &str) -> Answer {
    let (operation, order) = match action {
        "retire" => (Operation::RetireAccessCode, PoolCommand::Retire),
        "release" => (Operation::ReleaseAccessCode, PoolCommand::Release),
        _ => return Err(Refused::NotFound),
    };
    visit.may(operation)?;
    let code = AccessCode::parse(code).map_err(|_| Refused::NotFound)?;
    let done = visit.ops.parts.operations.order_access_code(code, order, visit.changes()).await;
    match done.map_err(failed)? {
        PoolOutcome::Done { .. } => see("/console/access-codes?said=moved"),
        PoolOutcome::Refused(_) => {
            page(visit, Some(visit.page.t("The state of the access code does not allow this.").to_owned())).await
        }
        PoolOutcome::Unknown => Err(Refused::NotFound),
    }
}
