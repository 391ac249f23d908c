//! Reads bodies within bounds of size, time and memory. Every handler takes its body as [`Payload`]: the size is
//! checked after the method and before any lookup, and an unwanted body is never read.

use std::future::{Ready, poll_fn, ready};
use std::net::IpAddr;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::error::{InternalError, PayloadError};
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::web::{Bytes, Data};
use actix_web::{FromRequest, HttpRequest, dev};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use crate::body_ledger::{BodyLedger, Full, HeldBytes};
use crate::problem::{Kind, Problem};
use crate::routes::Route;
use crate::server::Pace;
use crate::site::State;

/// Size limit of all routes but the imports, in bytes; no more of any body is read before its sender is known.
pub(crate) const MAX_BODY: usize = 16 * 1024;
/// Size limit of an import of access codes, in bytes: about 400,000 rows.
pub(crate) const MAX_IMPORT: usize = 8 * 1024 * 1024;

/// Bytes of a body that are allocated at once.
const GROWTH: usize = 1_024;

/// An `.xlsx` workbook.
pub(crate) const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Media type of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    Form,
    /// A form in any charset; its reader decodes it.
    ProviderForm,
    /// The encoding is detected from the bytes, as for a file.
    Csv,
    Workbook,
}

impl Media {
    const fn essence(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Form | Self::ProviderForm => "application/x-www-form-urlencoded",
            Self::Csv => "text/csv",
            Self::Workbook => WORKBOOK,
        }
    }
}

/// A body whose declared size is allowed, not read yet.
pub(crate) struct Payload {
    stream: dev::Payload,
    /// Copied: a chunk may be a few bytes of the connection's large buffer, and would keep all of it.
    received: Vec<u8>,
    is_complete: bool,
    /// The connection of HTTP/1.1, which reads the body on demand.
    pace: Option<Rc<Pace>>,
    limit: Duration,
    deadline: Instant,
    address: IpAddr,
    large: Arc<BodyLedger>,
    held: HeldBytes,
    held_large: Option<HeldBytes>,
}

/// A body that was read, counted against its client address until dropped.
pub(crate) struct Body {
    bytes: Bytes,
    _held: (HeldBytes, Option<HeldBytes>),
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl FromRequest for Payload {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, stream: &mut dev::Payload) -> Self::Future {
        ready(Self::of(request, stream).map_err(|problem| {
            let response = problem.response(request);
            InternalError::from_response("the body is refused unread", response).into()
        }))
    }
}

impl Payload {
    fn of(request: &HttpRequest, stream: &mut dev::Payload) -> Result<Self, Problem> {
        let max = request.app_data::<Route>().map_or(MAX_BODY, |route| route.max_body());
        let declared = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if declared.is_some_and(|length| length > max as u64) {
            return Err(too_large(max));
        }
        let state = request.app_data::<Data<State>>().ok_or_else(|| Problem::new(Kind::Unexpected))?;
        let address = state.client_of(request);
        Ok(Self {
            stream: stream.take(),
            received: Vec::new(),
            is_complete: false,
            pace: request.conn_data::<Rc<Pace>>().cloned(),
            limit: state.settings.body_timeout,
            deadline: Instant::now() + state.settings.body_timeout,
            address,
            large: Arc::clone(&state.imports.bodies),
            held: state.bodies.open(address),
            held_large: None,
        })
    }

    /// Reads a JSON body.
    pub(crate) async fn json(self, request: &HttpRequest) -> Result<Body, Problem> {
        self.read(Media::Json, request).await
    }

    /// Reads a body of this kind.
    pub(crate) async fn read(mut self, media: Media, request: &HttpRequest) -> Result<Body, Problem> {
        check_media_type(request.headers(), &[media])?;
        self.receive(MAX_BODY).await?;
        Ok(self.into_body())
    }

    /// Reads an optional body.
    pub(crate) async fn any(mut self) -> Result<Body, Problem> {
        self.receive(MAX_BODY).await?;
        Ok(self.into_body())
    }

    /// Reads at least the first [`MAX_BODY`] bytes of a body of this kind, or all of a smaller one.
    pub(crate) async fn beginning(&mut self, media: Media, request: &HttpRequest) -> Result<&[u8], Problem> {
        check_media_type(request.headers(), &[media])?;
        while self.received.len() < MAX_BODY && self.receive_some(MAX_IMPORT).await? {}
        Ok(&self.received)
    }

    /// Reads an import in one of these media types; returns which.
    pub(crate) async fn import(mut self, media: &[Media], request: &HttpRequest) -> Result<(Media, Body), Problem> {
        let media = check_media_type(request.headers(), media)?;
        self.receive(MAX_IMPORT).await?;
        Ok((media, self.into_body()))
    }

    async fn receive(&mut self, max: usize) -> Result<(), Problem> {
        while self.receive_some(max).await? {}
        Ok(())
    }

    /// Reads one chunk within the bound; returns `false` at the end of the body.
    async fn receive_some(&mut self, max: usize) -> Result<bool, Problem> {
        if self.is_complete {
            return Ok(false);
        }
        let (stream, pace) = (&mut self.stream, &self.pace);
        let next = poll_fn(|context| {
            let next = stream.poll_next_unpin(context);
            if let Some(pace) = pace {
                pace.await_body(next.is_pending());
            }
            next
        });
        let Ok(next) = timeout_at(self.deadline, next).await else {
            let detail = format!("the body was not complete within {} s", self.limit.as_secs_f32());
            return Err(Problem::new(Kind::RequestTimeout).detail(detail));
        };
        let Some(chunk) = next else {
            self.is_complete = true;
            return Ok(false);
        };
        let chunk = chunk.map_err(|error| unreadable(&error, max))?;
        let length = self.received.len() + chunk.len();
        if length > max {
            return Err(too_large(max));
        }
        if length <= MAX_BODY {
            self.held.grow(chunk.len()).map_err(Full::problem)?;
        } else {
            let held = self.held_large.get_or_insert_with(|| self.large.open(self.address));
            held.grow(chunk.len()).map_err(Full::problem)?;
        }
        if length <= MAX_BODY && length > self.received.capacity() {
            // Doubled, it would hold more than is counted.
            self.received.reserve_exact(chunk.len().next_multiple_of(GROWTH));
        }
        self.received.extend_from_slice(&chunk);
        Ok(true)
    }

    fn into_body(self) -> Body {
        Body { bytes: self.received.into(), _held: (self.held, self.held_large) }
    }
}

pub(crate) fn too_large(max: usize) -> Problem {
    Problem::new(Kind::BodyTooLarge).detail(format!("a body may have at most {max} bytes"))
}

fn unreadable(error: &PayloadError, max: usize) -> Problem {
    match error {
        PayloadError::Overflow => too_large(max),
        _ => Problem::malformed("the body ended before it was complete"),
    }
}

fn check_media_type(headers: &HeaderMap, wanted: &[Media]) -> Result<Media, Problem> {
    let refused = |detail: String| Err(Problem::new(Kind::UnsupportedMediaType).detail(detail));
    let unsupported = |detail: &str| refused(detail.to_owned());
    let names = || wanted.iter().map(|media| media.essence()).collect::<Vec<_>>().join(" or ");
    let value = match headers.get(CONTENT_TYPE) {
        Some(value) => value.to_str().unwrap_or_default(),
        // The published page asks for no header.
        None if wanted.contains(&Media::Json) => Media::Json.essence(),
        None => return refused(format!("Content-Type is missing; give {}", names())),
    };
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let Some(media) = wanted.iter().find(|media| media.essence().eq_ignore_ascii_case(essence)) else {
        return refused(format!("Content-Type must be {}", names()));
    };
    let mut charsets = parts.filter_map(|parameter| parameter.split_once('='));
    let is_foreign = |(name, value): (&str, &str)| name.eq_ignore_ascii_case("charset") && !is_utf8(value);
    if matches!(media, Media::Json | Media::Form) && charsets.any(is_foreign) {
        return unsupported("the charset must be utf-8");
    }
    match headers.get(CONTENT_ENCODING) {
        Some(coding) if !coding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            unsupported("the body must not be compressed")
        }
        _ => Ok(*media),
    }
}

fn is_utf8(charset: &str) -> bool {
    let charset = charset.trim_matches('"');
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}
