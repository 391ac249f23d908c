//! Replies to heads that actix-http cannot parse. It answers them itself, by a status alone.

use actix_web::http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};

use crate::problem::{CONTENT_TYPE_PROBLEM, Kind, Problem};
use crate::request_id::{self, X_REQUEST_ID};
use crate::site::State;
use crate::telemetry::{count_unparsed, finish_headers};

const MALFORMED: &str = "the head is not valid HTTP/1.1: give `Host` once, at most one of `Content-Length` and \
    `Transfer-Encoding`, and each header on one line, without control characters or a space before the colon";

/// The whole reply in place of what actix-http has written, if that is a bare status.
pub(crate) fn reply(state: &State, bare: &[u8]) -> Option<Vec<u8>> {
    let (line, lines) = std::str::from_utf8(bare).ok()?.strip_suffix("\r\n\r\n")?.split_once("\r\n")?;
    let is_bare = lines.split("\r\n").any(|line| line == "content-length: 0") && !lines.contains(X_REQUEST_ID.as_str());
    let problem = match line.strip_prefix("HTTP/1.1 ")?.get(..3)? {
        "400" if is_bare => Problem::new(Kind::MalformedRequest).detail(MALFORMED),
        "431" if is_bare => {
            let most = state.settings.limits.head_bytes;
            let detail =
                format!("a request may have at most 96 headers, and at most {most} bytes of target and headers");
            Problem::new(Kind::HeadTooLarge).detail(detail)
        }
        _ => return None,
    };
    let mut headers = HeaderMap::new();
    let id = request_id::of(&headers, &*state.clock, &*state.entropy);
    let body = problem.body(Some(&id));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE_PROBLEM));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    finish_headers(&mut headers, &id, state.hsts.as_ref());
    let date = lines.split("\r\n").find(|line| line.starts_with("date: "));
    let mut reply = Vec::new();
    for kept in [line].into_iter().chain(date) {
        reply.extend_from_slice(kept.as_bytes());
        reply.extend_from_slice(b"\r\n");
    }
    for (name, value) in &headers {
        reply.extend_from_slice(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    reply.extend_from_slice(&[b"\r\n", body.as_slice()].concat());
    count_unparsed(problem.kind().status(), &id);
    Some(reply)
}
