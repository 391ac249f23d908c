//! Parses query parameters so that every offending one is reported at once, and unknown ones are rejected.

use std::fmt;

use actix_web::web::Path;
use actix_web::{FromRequest, HttpRequest};
use chrono::{DateTime, Utc};
use trial_engine::operations::page::PAGE;
use trial_signing::query_pairs;

use crate::fields::MAX_FIELDS;
use crate::problem::{FieldError, Kind, Problem};
use crate::routes::nothing_here;

/// Longest page.
pub(crate) const MAX_PAGE: u32 = 200;
/// Longest search text, in characters.
const MAX_TEXT: usize = 256;

/// The parameters of a query.
pub(crate) struct Query {
    given: Vec<(String, String)>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl From<Vec<(String, String)>> for Query {
    fn from(given: Vec<(String, String)>) -> Self {
        Self { given, known: Vec::new(), errors: Vec::new() }
    }
}

impl Query {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let text = request.query_string();
        let wrong = |detail| Self { errors: vec![FieldError::in_query(None, detail)], ..Self::from(Vec::new()) };
        if text.split('&').filter(|pair| !pair.is_empty()).nth(MAX_FIELDS).is_some() {
            return wrong(format!("there may be at most {MAX_FIELDS} parameters"));
        }
        match query_pairs(text) {
            Some(given) => Self::from(given),
            None => wrong("the query is not UTF-8".to_owned()),
        }
    }

    /// Parses a parameter; `None` if it is missing, or invalid, which is recorded.
    pub(crate) fn take<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.known.push(name);
        let mut values = self.given.iter().filter(|(given, _)| given == name).map(|(_, value)| value);
        let (value, more) = (values.next()?, values.next());
        let wrong = match (more, parse(value)) {
            (Some(_), _) => format!("{name} is given more than once"),
            (None, Ok(value)) => return Some(value),
            (None, Err(error)) => format!("{name} {error}"),
        };
        self.errors.push(FieldError::in_query(Some(name), wrong));
        None
    }

    /// A text as it is.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.take(name, |text| {
            let is_sane = (1..=MAX_TEXT).contains(&text.chars().count()) && !text.chars().any(char::is_control);
            if is_sane {
                Ok(text.to_owned())
            } else {
                Err(format!("must have 1 to {MAX_TEXT} characters, none of control"))
            }
        })
    }

    /// `true` or `false`; `false` if missing.
    pub(crate) fn flag(&mut self, name: &'static str) -> bool {
        self.take(name, |text| text.parse::<bool>().map_err(|_| "must be true or false")).unwrap_or(false)
    }

    /// A whole number in this range.
    pub(crate) fn number(&mut self, name: &'static str, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let wrong = format!("must be a whole number from {} to {}", range.start(), range.end());
        self.take(name, |text| {
            let is_plain = text.bytes().all(|b| b.is_ascii_digit());
            text.parse().ok().filter(|number| is_plain && range.contains(number)).ok_or(wrong)
        })
    }

    /// An instant of RFC 3339.
    pub(crate) fn time(&mut self, name: &'static str) -> Option<DateTime<Utc>> {
        self.take(name, |text| {
            let read = DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&Utc)).ok();
            read.filter(|at| is_storable(*at)).ok_or("must be a time of RFC 3339, such as 2026-03-02T08:00:00Z")
        })
    }

    /// Page length and the id after which the page begins.
    pub(crate) fn page<Id: std::str::FromStr>(&mut self) -> Page<Id> {
        let limit = self.number("limit", 1..=MAX_PAGE).unwrap_or(PAGE);
        let cursor =
            self.take("cursor", |text| text.parse().map_err(|_| "must be the `nextCursor` of a previous page"));
        Page { limit, cursor }
    }

    /// Checks that every parameter was valid and known.
    ///
    /// # Errors
    /// The problem names every invalid or unknown parameter.
    pub(crate) fn end(mut self) -> Result<(), Problem> {
        if self.given.iter().any(|(name, _)| !self.known.contains(&name.as_str())) {
            let detail = if self.known.is_empty() {
                "this path has no parameters".to_owned()
            } else {
                format!("the parameters are {}", self.known.join(", "))
            };
            self.errors.push(FieldError::in_query(None, detail));
        }
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::new(Kind::InvalidQuery).errors(self.errors)) }
    }
}

/// The path segment that names one thing.
pub(crate) async fn segment(request: &HttpRequest) -> Result<String, Problem> {
    Path::<String>::extract(request).await.map(Path::into_inner).map_err(|_| nothing_here())
}

/// A page of a listing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page<Id> {
    pub(crate) limit: u32,
    pub(crate) cursor: Option<Id>,
}

/// Times are stored as microseconds since the epoch, and ids begin with milliseconds since then.
fn is_storable(at: DateTime<Utc>) -> bool {
    (0..=9999).contains(&chrono::Datelike::year(&at)) && at.timestamp() >= 0
}
