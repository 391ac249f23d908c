//! The canonical form of a request, computed by both ends.

use std::borrow::Cow;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest, Sha256};

use crate::{ALGORITHM, AccessKey, CONTENT_HEADER, DATE_FORMAT};

/// The value of `X-Sdk-Content-Sha256` for a body that is not signed.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
/// Everything but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The parts of an HTTP request that a signature covers.
#[derive(Debug, Clone, Copy)]
pub struct RequestParts<'a> {
    /// The method of the request line.
    pub method: &'a str,
    /// The path of the request line, without the query.
    pub path: &'a str,
    /// The parameters of the query from [`query_pairs`]: the server must use these, and not parse the text again.
    pub query: &'a [(String, String)],
    /// Every header line, with its name in any case and its raw value: one that is not text still counts.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body.
    pub body: &'a [u8],
}

impl<'a> RequestParts<'a> {
    /// The value of a header, without the spaces around it; `None` if it is missing, repeated, or not visible ASCII.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        let mut values = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let (Some((_, value)), None) = (values.next(), values.next()) else { return None };
        let is_text = value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
        std::str::from_utf8(value).ok().filter(|_| is_text).map(|text| text.trim_matches([' ', '\t']))
    }

    /// Returns `true` if the SDKs sign the body: that of JSON, or of no type at all.
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

    /// The header's value, if there is a body and the header, as in the SDKs; else the body's own hash.
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

/// Encoded between its slashes, where an encoded slash counts as one, and with a slash at its end.
fn canonical_path(path: &str) -> String {
    let decoded: Vec<u8> = percent_decode_str(path).collect();
    let segments = decoded.split(|byte| *byte == b'/');
    let mut path = segments.map(|segment| percent_encode(segment, ENCODED).to_string()).collect::<Vec<_>>().join("/");
    if !path.ends_with('/') {
        path.push('/');
    }
    path
}

/// Parameters of a query, at most.
pub const MAX_PAIRS: usize = 64;

/// The parameters of a query of a request line, without its question mark: by the rules of forms, where `+` is a space.
/// `None` if one of them is not UTF-8, or if there are more than [`MAX_PAIRS`], none of which is decoded then.
pub fn query_pairs(query: &str) -> Option<Vec<(String, String)>> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8().map(Cow::into_owned).ok()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    if pairs.clone().nth(MAX_PAIRS).is_some() {
        return None;
    }
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(name, value)| Some((decode(name)?, decode(value)?))).collect()
}

/// Sorted by decoded names and values, not by spelling.
fn canonical_query(pairs: &[(String, String)]) -> String {
    let mut pairs: Vec<_> = pairs.iter().collect();
    pairs.sort_unstable();
    let encode = |text: &str| percent_encode(text.as_bytes(), ENCODED).to_string();
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
            ("a=+%2B", "a=%20%2B"),
            ("&&a=%zz&", "a=%25zz"),
        ] {
            assert_eq!(canonical_query(&query_pairs(query).unwrap()), canonical, "{query}");
        }
        assert_eq!(query_pairs("a=1&b=%ff"), None, "without UTF-8 the meaning is ambiguous");
        let most = "a=1&&".repeat(MAX_PAIRS);
        assert_eq!(query_pairs(&most).map(|pairs| pairs.len()), Some(MAX_PAIRS));
        assert_eq!(query_pairs(&format!("{most}&b")), None);
    }
}
