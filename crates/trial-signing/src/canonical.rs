//! The one form that both ends bring a request into.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest, Sha256};

use crate::{ALGORITHM, AccessKey, CONTENT_HEADER, DATE_FORMAT};

/// What `X-Sdk-Content-Sha256` says of a body that is not signed.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
/// Everything but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The parts of an HTTP request that a signature covers.
#[derive(Debug, Clone, Copy)]
pub struct RequestParts<'a> {
    /// The method as it stands in the request line.
    pub method: &'a str,
    /// The path as it stands in the request line, without the query.
    pub path: &'a str,
    /// The query as it stands in the request line, without its question mark.
    pub query: &'a str,
    /// Names, in any case, and values.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

impl<'a> RequestParts<'a> {
    /// The value of a header, without the spaces around it; `None` if it is missing or given more than once.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        let mut values = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let value = values.next()?.1.trim();
        values.next().is_none().then_some(value)
    }

    /// Whether the SDKs sign the body: that of JSON, or of no type at all.
    pub(crate) fn signs_body(&self) -> bool {
        self.header("Content-Type")
            .is_none_or(|kind| kind.starts_with("application/json") || kind.starts_with("application/bson"))
    }

    /// The signature over these headers, whose names are in lower case and sorted; `None` if one of them is missing.
    pub(crate) fn signature(&self, key: &AccessKey, signed: &[String], at: DateTime<Utc>) -> Option<[u8; 32]> {
        let canonical = self.canonical(signed)?;
        let date = at.format(DATE_FORMAT);
        Some(key.mac(&format!("{ALGORITHM}\n{date}\n{}", hex(&Sha256::digest(canonical)))))
    }

    fn canonical(&self, signed: &[String]) -> Option<String> {
        let mut headers = String::new();
        for name in signed {
            let _ = writeln!(headers, "{name}:{}", self.header(name)?);
        }
        let parts = [
            self.method,
            &canonical_path(self.path),
            &canonical_query(self.query),
            &headers,
            &signed.join(";"),
            &self.payload_hash(),
        ];
        Some(parts.join("\n"))
    }

    /// What the header says, if there is a body and the header, as the SDKs have it; the body's own hash else.
    fn payload_hash(&self) -> String {
        match self.header(CONTENT_HEADER) {
            Some(said) if !self.body.is_empty() => said.to_owned(),
            _ => self.body_hash(),
        }
    }

    pub(crate) fn body_hash(&self) -> String {
        hex(&Sha256::digest(self.body))
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Encoded between its slashes, where a slash that is encoded counts as one, and with a slash at its end.
fn canonical_path(path: &str) -> String {
    let decoded: Vec<u8> = percent_decode_str(path).collect();
    let segments = decoded.split(|byte| *byte == b'/');
    let mut path = segments.map(|segment| percent_encode(segment, ENCODED).to_string()).collect::<Vec<_>>().join("/");
    if !path.ends_with('/') {
        path.push('/');
    }
    path
}

/// Sorted by what the names and values are, not by how they are spelled.
fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (percent_decode_str(name).collect(), percent_decode_str(value).collect()))
        .collect();
    pairs.sort_unstable();
    let encode = |bytes: &[u8]| percent_encode(bytes, ENCODED).to_string();
    pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_form() {
        for (path, canonical) in [
            ("/a/b", "/a/b/"),
            ("/a/b/", "/a/b/"),
            ("/", "/"),
            ("", "/"),
            ("/a b+~", "/a%20b%2B~/"),
            ("/a%20b%2b%7E", "/a%20b%2B~/"),
            ("/%E4%B8%AD", "/%E4%B8%AD/"),
        ] {
            assert_eq!(canonical_path(path), canonical, "{path}");
        }
    }

    #[test]
    fn queries_have_one_form() {
        for (query, canonical) in [
            ("", ""),
            ("b=2&a=1", "a=1&b=2"),
            ("a=2&a=10&a", "a=&a=10&a=2"),
            ("a=%7E*%2f", "a=~%2A%2F"),
            ("a-b=1&a=1", "a=1&a-b=1"),
        ] {
            assert_eq!(canonical_query(query), canonical, "{query}");
        }
    }
}
