//! Operations interface: stock and import of access codes.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use trial_core::access_codes::{AccessCodeFile, RefusedAccessCode, RepeatedAccessCode};
use trial_engine::operations::Operation;
use trial_engine::operations::access_codes;
use trial_spreadsheet::read_access_codes;
use utoipa::ToSchema;

use super::failed;
use super::operator::AuthenticatedOperator;
use super::reply::json;
use crate::body::{Media, Payload};
use crate::parameters::Query;
use crate::problem::{FieldError, Kind, Problem};
use crate::site::State;

/// Most bad or repeated rows that are listed.
const NAMED: usize = 1_000;

/// Access codes to import.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ImportRows {
    rows: Vec<ImportRow>,
}

/// An access code to import.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ImportRow {
    /// voice or multimedia.
    #[schema(example = "voice")]
    kind: String,
    /// voice: 1 to 20 digits, with * and # among them and + in front; multimedia: 1 to 64 letters, digits and + * # - _ .
    #[schema(example = "95001")]
    code: String,
}

/// Result of an import.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Imported {
    /// `true` if nothing was changed.
    dry_run: bool,
    /// Number of rows.
    rows: usize,
    /// New codes.
    added: usize,
    /// Rows without effect: codes in the pool, and repeated rows.
    known: u64,
    /// Rows that repeat an earlier one, at most 1,000; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    repeated: Vec<Repeated>,
}

/// A row that repeats an earlier one.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Repeated {
    /// Line in the file, or position in the array, from 1.
    line: u64,
    /// Line of the first row with this code.
    first: u64,
    /// The code.
    code: String,
}

/// `GET /ops/v1/access-codes/stock`.
pub(super) async fn stock(
    request: HttpRequest,
    _payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::AccessCodeStock).await?;
    Query::of(&request).end()?;
    let parts = &caller.ops.parts;
    let (policy, now) = (parts.policy.now(), caller.ops.clock.now());
    json(&access_codes::stock(&*parts.operations, &policy, now).await.map_err(failed)?)
}

/// `POST /ops/v1/access-codes/import`.
pub(super) async fn import(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::ImportAccessCodes).await?;
    let mut query = Query::of(&request);
    let dry_run = query.flag("dryRun");
    query.end()?;
    let (media, body) = payload.import(&[Media::Csv, Media::Workbook, Media::Json], &request).await?;
    let (file, _turn) = state.imports.parse(move || parse(media, &body)).await.map_err(Problem::from)?;
    let file = file?;
    let rows = file.length();
    // One bad row stops the import; the other bad rows are reported in the same reply.
    let is_rehearsal = dry_run || !file.bad.is_empty();
    let operations = &caller.ops.parts.operations;
    let plan = operations.import_access_codes(file.import, is_rehearsal, caller.changes()).await.map_err(failed)?;
    let mut bad = file.bad;
    bad.extend(plan.refused);
    if !bad.is_empty() {
        return Err(refused(bad, rows));
    }
    let repeated = plan.repeated.into_iter().take(NAMED).map(Repeated::from).collect();
    json(&Imported { dry_run, rows, added: plan.new.len(), known: plan.known, repeated })
}

fn parse(media: Media, body: &[u8]) -> Result<AccessCodeFile, Problem> {
    let parsed = match media {
        Media::Csv | Media::Workbook | Media::Form | Media::ProviderForm => read_access_codes(body),
        Media::Json => {
            let asked: ImportRows = serde_json::from_slice(body).map_err(|_| {
                Problem::malformed("give an object with rows, an array of objects with a kind and a code, both strings")
            })?;
            AccessCodeFile::of_rows(asked.rows.iter().map(|row| (row.kind.as_str(), row.code.as_str())))
        }
    };
    parsed.map_err(|error| Problem::malformed(error.to_string()))
}

fn refused(mut bad: Vec<RefusedAccessCode>, rows: usize) -> Problem {
    bad.sort_by_key(|row| row.line);
    let detail = format!("bad rows: {} of {rows}", bad.len());
    bad.truncate(NAMED);
    let errors = bad.into_iter().map(|row| FieldError::in_line(row.line, row.reason)).collect();
    Problem::new(Kind::InvalidRows).detail(detail).errors(errors)
}

impl From<RepeatedAccessCode> for Repeated {
    fn from(row: RepeatedAccessCode) -> Self {
        Self { line: row.line, first: row.first, code: row.code.to_string() }
    }
}
