//! Pages of listings and JSON replies.

use actix_web::HttpResponse;
use actix_web::http::header::HeaderValue;
use serde::Serialize;

use crate::parameters::Page;
use crate::problem::{Kind, Problem};

/// A page of a listing, newest first.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listing<T> {
    /// The items.
    items: Vec<T>,
    /// Value of `cursor` for the next page; null on the last one.
    next_cursor: Option<String>,
}

impl<T> Listing<T> {
    /// A page of rows that were queried with one more than it shows: an extra row means that more follow.
    pub(super) fn of<Row, Id>(
        page: &Page<Id>,
        mut rows: Vec<Row>,
        id: impl Fn(&Row) -> String,
        show: impl Fn(&Row) -> T,
    ) -> Self {
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| has_more).map(id);
        Self { items: rows.iter().map(show).collect(), next_cursor }
    }
}

/// The `limit` of the query: one row more than the page shows.
pub(super) fn one_more<Id>(page: &Page<Id>) -> u32 {
    page.limit.saturating_add(1)
}

/// 200 with this body.
pub(super) fn json(body: &impl Serialize) -> Result<HttpResponse, Problem> {
    let body = serde_json::to_vec(body).map_err(|error| {
        tracing::error!(%error, "a reply cannot be serialised");
        Problem::new(Kind::Unexpected)
    })?;
    Ok(HttpResponse::Ok().content_type(HeaderValue::from_static("application/json")).body(body))
}
