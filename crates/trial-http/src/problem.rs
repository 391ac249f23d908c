//! Every reply that is not a return code: RFC 9457 problems. None repeats what the client sent.

use std::borrow::Cow;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use serde::Serialize;
use trial_core::values::RequestId;

pub(crate) const CONTENT_TYPE_PROBLEM: &str = "application/problem+json";

/// The kind of problem, named by its `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The head contradicts itself.
    MalformedRequest,
    MalformedBody,
    InvalidFields,
    InvalidQuery,
    InvalidRows,
    Unauthorized,
    Forbidden,
    /// The client is known, but not entitled to this.
    NotEntitled,
    /// The client's signature is not accepted.
    SignatureRefused,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    Conflict,
    BodyTooLarge,
    HeadTooLarge,
    UnsupportedMediaType,
    RateLimited,
    Unexpected,
    Unavailable,
}

impl Kind {
    pub(crate) const fn uri(self) -> &'static str {
        match self {
            Self::MalformedRequest => "urn:trialgate:problem:malformed-request",
            Self::MalformedBody => "urn:trialgate:problem:malformed-body",
            Self::InvalidFields => "urn:trialgate:problem:invalid-fields",
            Self::InvalidQuery => "urn:trialgate:problem:invalid-query",
            Self::InvalidRows => "urn:trialgate:problem:invalid-rows",
            Self::Unauthorized => "urn:trialgate:problem:unauthorized",
            Self::Forbidden => "urn:trialgate:problem:forbidden",
            Self::NotEntitled => "urn:trialgate:problem:not-entitled",
            Self::SignatureRefused => "urn:trialgate:problem:signature-refused",
            Self::Conflict => "urn:trialgate:problem:conflict",
            Self::NotFound => "urn:trialgate:problem:not-found",
            Self::MethodNotAllowed => "urn:trialgate:problem:method-not-allowed",
            Self::RequestTimeout => "urn:trialgate:problem:request-timeout",
            Self::BodyTooLarge => "urn:trialgate:problem:body-too-large",
            Self::HeadTooLarge => "urn:trialgate:problem:head-too-large",
            Self::UnsupportedMediaType => "urn:trialgate:problem:unsupported-media-type",
            Self::RateLimited => "urn:trialgate:problem:rate-limited",
            Self::Unexpected => "urn:trialgate:problem:unexpected",
            Self::Unavailable => "urn:trialgate:problem:unavailable",
        }
    }

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::MalformedRequest => "The request contradicts itself",
            Self::MalformedBody => "The body cannot be read",
            Self::InvalidFields => "Some fields are missing or invalid",
            Self::InvalidQuery => "Some parameters are invalid",
            Self::InvalidRows => "Some rows are invalid; nothing was imported",
            Self::Unauthorized => "No valid token",
            Self::Forbidden => "Not allowed",
            Self::NotEntitled => "The API client is not entitled to this",
            Self::SignatureRefused => "The signature is not accepted",
            Self::Conflict => "Not possible in the current state",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "Method not allowed",
            Self::RequestTimeout => "The body took too long to arrive",
            Self::BodyTooLarge => "The body is too large",
            Self::HeadTooLarge => "The headers are too large",
            Self::UnsupportedMediaType => "Unsupported media type",
            Self::RateLimited => "Too many requests",
            Self::Unexpected => "Unexpected failure",
            Self::Unavailable => "Temporarily unavailable",
        }
    }

    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::MalformedRequest
            | Self::MalformedBody
            | Self::InvalidFields
            | Self::InvalidQuery
            | Self::InvalidRows => StatusCode::BAD_REQUEST,
            Self::Unauthorized | Self::NotEntitled => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::SignatureRefused => StatusCode::FORBIDDEN,
            Self::Conflict => StatusCode::CONFLICT,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Unexpected => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The challenge of the `WWW-Authenticate` header, if authentication would help.
    pub(crate) const fn challenge(self) -> Option<&'static str> {
        match self {
            Self::Unauthorized => Some("Bearer realm=\"trialgate\""),
            Self::NotEntitled => Some("SDK-HMAC-SHA256"),
            _ => None,
        }
    }

    /// Returns `true` if part of the body may still arrive, so that the connection cannot be reused.
    const fn leaves_body_unread(self) -> bool {
        matches!(self, Self::RequestTimeout | Self::BodyTooLarge | Self::HeadTooLarge)
    }
}

/// One offending part of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FieldError {
    /// Place in the body, as a JSON pointer in a URI fragment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pointer: Option<String>,
    /// The field of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<&'static str>,
    /// The parameter of the query or the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parameter: Option<&'static str>,
    /// The line of the file, or the row's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u64>,
    /// The fault, and what to give instead.
    pub(crate) detail: String,
}

impl FieldError {
    pub(crate) fn in_body(pointer: String, field: &'static str, detail: String) -> Self {
        Self { pointer: Some(pointer), field: Some(field), parameter: None, line: None, detail }
    }

    /// The parameter is `None` if it is unknown.
    pub(crate) fn in_query(parameter: Option<&'static str>, detail: String) -> Self {
        Self { pointer: None, field: None, parameter, line: None, detail }
    }

    pub(crate) fn in_line(line: u64, detail: String) -> Self {
        Self { pointer: None, field: None, parameter: None, line: Some(line), detail }
    }
}

/// A reply that is not a return code.
#[derive(Debug)]
pub(crate) struct Problem {
    kind: Kind,
    detail: Option<Cow<'static, str>>,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(rename = "requestId", skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, detail: None, errors: Vec::new(), retry_after: None }
    }

    pub(crate) fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::MalformedBody).detail(detail)
    }

    pub(crate) fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(crate) fn errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// Whole seconds to wait, if a retry makes sense.
    pub(crate) fn wait(&self) -> Option<u64> {
        self.retry_after.map(seconds_up)
    }

    /// The problem as JSON.
    pub(crate) fn body(&self, id: Option<&RequestId>) -> Vec<u8> {
        let body = Body {
            r#type: self.kind.uri(),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: self.detail.as_deref(),
            request_id: id.map(RequestId::as_str),
            errors: &self.errors,
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }

    pub(crate) fn response(&self, request: &HttpRequest) -> HttpResponse {
        let mut builder = HttpResponse::build(self.kind.status());
        builder.insert_header((CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE_PROBLEM)));
        if let Some(wait) = self.retry_after {
            builder.insert_header((RETRY_AFTER, whole_seconds(wait)));
        }
        if let Some(challenge) = self.kind.challenge() {
            builder.insert_header((WWW_AUTHENTICATE, HeaderValue::from_static(challenge)));
        }
        if self.kind.leaves_body_unread() {
            builder.force_close();
        }
        builder.body(self.body(request.extensions().get()))
    }
}

/// A wait as `Retry-After` has it.
pub(crate) fn whole_seconds(wait: Duration) -> HeaderValue {
    HeaderValue::from(seconds_up(wait))
}

/// Whole seconds, rounded up, so that a retry is never too early.
pub(crate) const fn seconds_up(wait: Duration) -> u64 {
    wait.as_secs() + (wait.subsec_nanos() > 0) as u64
}
