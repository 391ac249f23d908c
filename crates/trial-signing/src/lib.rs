//! `SDK-HMAC-SHA256`: both ends of the scheme by which the cloud's public SDKs sign requests.
//!
//! A request is brought into one canonical form ([`RequestParts`]), hashed, and signed by HMAC-SHA256 with the secret
//! of an access key. [`sign`] makes the headers of an outgoing request, [`Signed::verify`] checks an incoming one. Both
//! follow the signer of the public Python SDK (`huaweicloudsdkcore`, `signer/signer.py`):
//!
//! - the path is percent-decoded and encoded again, everything but unreserved characters, and ends in `/`;
//! - the query is sorted by name and value and encoded alike: its pairs are signed, verified and served, so that no two
//!   parsers can read it differently;
//! - a body whose `Content-Type` is given and is not JSON is not part of the signature: the header
//!   `X-Sdk-Content-Sha256: UNSIGNED-PAYLOAD` says so.
//!
//! This crate has no clock and no I/O: the time is a parameter.

mod canonical;
mod key;
mod sign;
mod verify;

pub use canonical::{MAX_PAIRS, RequestParts, UNSIGNED_PAYLOAD, query_pairs};
pub use key::AccessKey;
pub use sign::{SignError, sign};
pub use verify::{MAX_SKEW, Signed, VerifyError};

/// The name of the scheme.
pub const ALGORITHM: &str = "SDK-HMAC-SHA256";
/// The header with the date of a request.
pub const DATE_HEADER: &str = "X-Sdk-Date";
/// The header with the hash of the payload, or the mark that it is not signed.
pub const CONTENT_HEADER: &str = "X-Sdk-Content-Sha256";
/// The form of the date, as `chrono` writes it.
const DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";
