//! Reads a body within its bounds of size and time.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt;

use crate::problem::{Kind, Problem};

/// The largest body that is read, in bytes.
pub(crate) const MAX_BODY: usize = 16 * 1024;

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    Form,
    /// A form whose charset, if it names one, is its reader's to find out.
    ProviderForm,
    Csv,
}

impl Media {
    const fn essence(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Form | Self::ProviderForm => "application/x-www-form-urlencoded",
            Self::Csv => "text/csv",
        }
    }
}

/// Reads a JSON body; refuses one that says it is something else or too large before reading any of it.
pub(crate) async fn read(request: &HttpRequest, payload: Payload, limit: Duration) -> Result<Bytes, Problem> {
    read_as(Media::Json, request, payload, limit).await
}

/// Reads what comes with a request that need not have a body.
pub(crate) async fn read_any(payload: Payload, limit: Duration) -> Result<Bytes, Problem> {
    within(limit, collect(payload, MAX_BODY)).await
}

/// As [`read`], for a body of this kind.
pub(crate) async fn read_as(
    media: Media,
    request: &HttpRequest,
    payload: Payload,
    limit: Duration,
) -> Result<Bytes, Problem> {
    read_one_of(&[media], MAX_BODY, request, payload, limit).await.map(|(_, body)| body)
}

/// Reads a body of one of these kinds, of at most so many bytes; says of which.
pub(crate) async fn read_one_of(
    media: &[Media],
    max: usize,
    request: &HttpRequest,
    payload: Payload,
    limit: Duration,
) -> Result<(Media, Bytes), Problem> {
    let media = check_media_type(request.headers(), media)?;
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > max as u64) {
        return Err(too_large(max));
    }
    Ok((media, within(limit, collect(payload, max)).await?))
}

async fn within(limit: Duration, read: impl Future<Output = Result<Bytes, Problem>>) -> Result<Bytes, Problem> {
    tokio::time::timeout(limit, read).await.unwrap_or_else(|_| {
        let detail = format!("the body was not complete within {} s", limit.as_secs_f32());
        Err(Problem::new(Kind::RequestTimeout).detail(detail))
    })
}

async fn collect(mut payload: Payload, max: usize) -> Result<Bytes, Problem> {
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| unreadable(&error, max))?;
        if first.len() + joined.len() + chunk.len() > max {
            return Err(too_large(max));
        }
        if first.is_empty() && joined.is_empty() {
            first = chunk;
        } else {
            joined.extend_from_slice(&std::mem::take(&mut first));
            joined.extend_from_slice(&chunk);
        }
    }
    Ok(if joined.is_empty() { first } else { joined.freeze() })
}

fn too_large(max: usize) -> Problem {
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
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return refused(format!("Content-Type is missing; give {}", names()));
    };
    let value = value.to_str().unwrap_or_default();
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let Some(media) = wanted.iter().find(|media| media.essence().eq_ignore_ascii_case(essence)) else {
        return refused(format!("Content-Type must be {}", names()));
    };
    let mut charsets = parts.filter_map(|parameter| parameter.split_once('='));
    let is_foreign = |(name, value): (&str, &str)| name.eq_ignore_ascii_case("charset") && !is_utf8(value);
    if !matches!(media, Media::ProviderForm) && charsets.any(is_foreign) {
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
