//! `SDK-HMAC-SHA256`: the scheme that the cloud's public SDKs sign requests by, both ends of it.
//!
//! A request is brought into one canonical form ([`RequestParts`]), hashed, and signed by HMAC-SHA256 with the secret of an
//! access key. [`sign`] makes the headers of a request that is sent, [`Signed::verify`] judges one that has come. Both follow the
//! signer of the public Python SDK (`huaweicloudsdkcore`, `signer/signer.py`):
//!
//! - the path is percent-decoded and encoded again, everything but unreserved characters, and ends in `/`;
//! - the query is sorted by name and value and encoded alike: its pairs are what is signed, verified and served, so that no two
//!   parsers can read it differently;
//! - a body whose `Content-Type` is given and is not JSON is not part of the signature: the header
//!   `X-Sdk-Content-Sha256: UNSIGNED-PAYLOAD` says so.
//!
//! This crate has no clock and no I/O: the instant is handed in.

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
/// The header that dates a request.
pub const DATE_HEADER: &str = "X-Sdk-Date";
/// The header that says what the payload hashes to, or that it is not signed.
pub const CONTENT_HEADER: &str = "X-Sdk-Content-Sha256";
/// The form of the date, as `chrono` writes it.
const DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";
