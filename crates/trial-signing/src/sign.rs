//! Signing a request.

use chrono::{DateTime, Utc};

use crate::canonical::{RequestParts, UNSIGNED_PAYLOAD, hex};
use crate::{ALGORITHM, AccessKey, CONTENT_HEADER, DATE_FORMAT, DATE_HEADER};

/// The reason why a request cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// `Host` is not among the headers, or twice.
    #[error("the request has no `Host`, or more than one")]
    NoHost,
    /// A header is given twice, which no signature can cover.
    #[error("the header `{0}` is given more than once")]
    Repeated(String),
    /// The value of a header is not visible ASCII, which no signature can cover.
    #[error("a header has a value that is not visible ASCII")]
    NotText,
}

/// Signs a request at this instant, with all of its headers. Returns the headers to add: the date, the mark of an
/// unsigned body if it applies, and `Authorization`.
///
/// # Errors
/// [`SignError`] if there is no `Host`, a header is repeated, or its value is not visible ASCII.
pub fn sign(
    key: &AccessKey,
    request: &RequestParts<'_>,
    at: DateTime<Utc>,
) -> Result<Vec<(&'static str, String)>, SignError> {
    request.header("Host").ok_or(SignError::NoHost)?;
    let mut added = vec![(DATE_HEADER, at.format(DATE_FORMAT).to_string())];
    if !request.signs_body() {
        added.push((CONTENT_HEADER, UNSIGNED_PAYLOAD.to_owned()));
    }
    let mut headers = request.headers.to_vec();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
    let method = request.method.to_ascii_uppercase();
    let whole = RequestParts { method: &method, headers: &headers, ..*request };
    // The SDKs leave out names with an underscore, which proxies drop.
    let mut signed: Vec<String> =
        headers.iter().map(|(name, _)| name.to_ascii_lowercase()).filter(|name| !name.contains('_')).collect();
    signed.sort_unstable();
    if let Some(twins) = signed.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(SignError::Repeated(twins[0].clone()));
    }
    let signature = whole.signature(key, &signed, at).ok_or(SignError::NotText)?;
    let (id, signed) = (key.id(), signed.join(";"));
    let authorization = format!("{ALGORITHM} Access={id}, SignedHeaders={signed}, Signature={}", hex(&signature));
    added.push(("Authorization", authorization));
    Ok(added)
}
