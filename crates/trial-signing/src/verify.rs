//! Verifying a signed request.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::canonical::{RequestParts, UNSIGNED_PAYLOAD, hex};
use crate::{ALGORITHM, AccessKey, CONTENT_HEADER, DATE_FORMAT, DATE_HEADER};

/// The largest distance of a request's date from now, either way.
pub const MAX_SKEW: Duration = Duration::from_mins(15);
/// Headers covered by a signature, at most.
const MAX_SIGNED_HEADERS: usize = 64;

/// The claimed signature of a request and its key id: parsed, not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    access: String,
    headers: Vec<String>,
    signature: String,
    at: DateTime<Utc>,
}

/// The reason why a signature is not accepted. No variant reveals the right value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// There is no `Authorization` of this scheme, or it cannot be read.
    #[error("`Authorization` is missing or is not `SDK-HMAC-SHA256 Access=…, SignedHeaders=…, Signature=…`")]
    NotSigned,
    /// `X-Sdk-Date` is missing or cannot be read.
    #[error("`X-Sdk-Date` is missing or is not like 20261122T100000Z")]
    NoDate,
    /// The date is too far from now.
    #[error("`X-Sdk-Date` is more than 15 minutes from now")]
    Stale,
    /// A part that must be covered is not.
    #[error("`SignedHeaders` must name `host`, `x-sdk-date` and `x-sdk-content-sha256` where they are given")]
    NotCovered,
    /// The body was not signed, or is another one.
    #[error("`X-Sdk-Content-Sha256` is not the hash of the body")]
    Body,
    /// The signature is another one.
    #[error("the signature does not match")]
    Signature,
}

impl Signed {
    /// Reads the claimed signature of a request.
    ///
    /// # Errors
    /// [`VerifyError`] if the request is not signed by this scheme, or has no date.
    pub fn parse(request: &RequestParts<'_>) -> Result<Self, VerifyError> {
        let authorization = request.header("Authorization").ok_or(VerifyError::NotSigned)?;
        let (access, headers, signature) = fields(authorization).ok_or(VerifyError::NotSigned)?;
        let headers: Vec<String> = headers.split(';').map(str::to_owned).collect();
        let is_sane = headers.len() <= MAX_SIGNED_HEADERS
            && headers.iter().all(|name| !name.is_empty() && !name.bytes().any(|b| b.is_ascii_uppercase()))
            && headers.is_sorted_by(|a, b| a < b);
        if !is_sane {
            return Err(VerifyError::NotSigned);
        }
        let date = request.header(DATE_HEADER).ok_or(VerifyError::NoDate)?;
        let at = NaiveDateTime::parse_from_str(date, DATE_FORMAT).map_err(|_| VerifyError::NoDate)?.and_utc();
        Ok(Self { access: access.to_owned(), headers, signature: signature.to_owned(), at })
    }

    /// The identity of this signature, by which a repeated one is recognised.
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(&self.signature).into()
    }

    /// The claimed time of signing.
    pub fn signed_at(&self) -> DateTime<Utc> {
        self.at
    }

    /// The claimed id of the access key.
    pub fn access(&self) -> &str {
        &self.access
    }

    /// Verifies that this key signed the request, at most [`MAX_SKEW`] from `now`, and all of it: the body too.
    ///
    /// # Errors
    /// [`VerifyError`] with the first fault.
    pub fn verify(&self, request: &RequestParts<'_>, key: &AccessKey, now: DateTime<Utc>) -> Result<(), VerifyError> {
        let leaves_body_out = request.header(CONTENT_HEADER) == Some(UNSIGNED_PAYLOAD);
        let judgement = self.verify_as_sdks_sign(request, key, now);
        if leaves_body_out { judgement.and(Err(VerifyError::Body)) } else { judgement }
    }

    /// Returns `true` if its date is close enough to now, which can be checked without a key.
    pub fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        now.signed_duration_since(self.at).abs().to_std().is_ok_and(|skew| skew <= MAX_SKEW)
    }

    /// As [`Signed::verify`], but accepts a body that the SDKs leave unsigned: one that is not JSON.
    ///
    /// # Errors
    /// [`VerifyError`] with the first fault.
    pub fn verify_as_sdks_sign(
        &self,
        request: &RequestParts<'_>,
        key: &AccessKey,
        now: DateTime<Utc>,
    ) -> Result<(), VerifyError> {
        if !self.is_fresh(now) {
            return Err(VerifyError::Stale);
        }
        let covers = |name: &str| self.headers.iter().any(|signed| signed.eq_ignore_ascii_case(name));
        let is_given = |name: &str| request.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        if !covers("host") || !covers(DATE_HEADER) || (is_given(CONTENT_HEADER) && !covers(CONTENT_HEADER)) {
            return Err(VerifyError::NotCovered);
        }
        body_is_as_said(request)?;
        let expected = request.signature(key, &self.headers, self.at).ok_or(VerifyError::Signature)?;
        let is_right: bool = hex(&expected).as_bytes().ct_eq(self.signature.as_bytes()).into();
        if is_right && self.access == key.id() { Ok(()) } else { Err(VerifyError::Signature) }
    }
}

/// A given hash must be the body's; it may be absent only for bodies that the SDKs do not sign.
fn body_is_as_said(request: &RequestParts<'_>) -> Result<(), VerifyError> {
    let is_right = match request.header(CONTENT_HEADER) {
        None => true,
        Some(UNSIGNED_PAYLOAD) => !request.signs_body(),
        Some(said) => said.as_bytes().ct_eq(request.body_hash().as_bytes()).into(),
    };
    if is_right { Ok(()) } else { Err(VerifyError::Body) }
}

/// `SDK-HMAC-SHA256 Access=…, SignedHeaders=…, Signature=…`, to the byte.
fn fields(authorization: &str) -> Option<(&str, &str, &str)> {
    let rest = authorization.strip_prefix(ALGORITHM)?.strip_prefix(" Access=")?;
    let (access, rest) = rest.split_once(", SignedHeaders=")?;
    let (headers, signature) = rest.split_once(", Signature=")?;
    Some((access, headers, signature))
}
