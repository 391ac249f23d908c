//! The meaning of a receiver's answer.

use std::error::Error as _;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use trial_core::platform::PublishError;
use trial_core::privacy::Redaction;

/// The part of a body that is read and dropped, so that its connection can be reused, in bytes.
const MAX_BODY: usize = 16 * 1024;

/// 2xx is success, 410 means that the endpoint is gone, and everything else, redirections included, is to be retried.
/// The body is discarded: it may repeat what we sent.
pub(crate) async fn judge(response: Response, now: DateTime<Utc>) -> Result<String, PublishError> {
    let status = response.status();
    let retry_after = retry_after(response.headers(), now);
    drain(response).await;
    let reply = format!("status {}", status.as_u16());
    match status {
        StatusCode::GONE => Err(PublishError::Gone(reply)),
        status if status.is_success() => Ok(reply),
        _ => Err(PublishError::Transient { reason: reply, retry_after }),
    }
}

async fn drain(mut response: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read > MAX_BODY {
            return;
        }
    }
}

/// Seconds, or a date (RFC 9110 section 10.2.3).
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTime::parse_from_rfc2822(text).ok()?;
    (at.to_utc() - now).to_std().ok()
}

/// The error without an answer. Its own text could contain the address, and with it a secret: only its innermost cause
/// is given.
pub(crate) fn lost(error: &reqwest::Error, timeout: Duration, redaction: &Redaction) -> PublishError {
    if error.is_timeout() {
        return PublishError::transient(format!("no answer within {} s", timeout.as_secs()));
    }
    let mut cause = error.source();
    let mut text = "no more is known".to_owned();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    let what = if error.is_connect() { "no connection" } else { "the connection broke before the answer" };
    PublishError::transient(format!("{what}: {}", redaction.redact(&text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_asked_for_in_seconds_or_by_a_date() {
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let read = |text: &'static str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]), now);
        assert_eq!(read("120"), Some(Duration::from_mins(2)));
        assert_eq!(read("Sun, 22 Nov 2026 10:01:00 GMT"), Some(Duration::from_mins(1)));
        assert_eq!(read("Sun, 22 Nov 2026 09:59:00 GMT"), None, "it has passed");
        for nonsense in ["", "soon", "-1", "99999999999999999999999"] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
