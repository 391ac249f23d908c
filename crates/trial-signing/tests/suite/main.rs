//! Both ends of the scheme, against what the public SDK computed and against each other.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use std::time::Duration;

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use trial_signing::{AccessKey, MAX_SKEW, RequestParts, SignError, Signed, VerifyError, sign};

type Owned = Vec<(String, String)>;

fn now() -> DateTime<Utc> {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn key() -> AccessKey {
    AccessKey::new("app-key", "app-secret")
}

fn borrowed(headers: &Owned) -> Vec<(&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// The headers with those of the signature.
fn signed(request: &RequestParts<'_>) -> Owned {
    let added = sign(&key(), request, now()).unwrap();
    let given = request.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    given.chain(added.into_iter().map(|(name, value)| (name.to_owned(), value))).collect()
}

fn judge(request: &RequestParts<'_>, now: DateTime<Utc>) -> Result<(), VerifyError> {
    Signed::parse(request)?.verify(request, &key(), now)
}

const JSON: &[(&str, &str)] = &[("Host", "example.com"), ("Content-Type", "application/json")];
const FORM: &[(&str, &str)] = &[("Host", "example.com"), ("Content-Type", "application/x-www-form-urlencoded")];

fn post<'a>(headers: &'a [(&'a str, &'a str)], body: &'a [u8]) -> RequestParts<'a> {
    RequestParts { method: "POST", path: "/sms/batchSendSms/v1", query: "", headers, body }
}

/// Signatures that the signer of `huaweicloudsdkcore` computed over these requests.
#[test]
fn signs_as_the_public_sdk_does() {
    let odd = [("Host", "example.com"), ("X-Note", " spaced ")];
    let query = "b=x%20y~%2A/&a=2&a=1&a-b=%2B";
    for (request, signature) in [
        (post(FORM, b"from=1&to=%2B86"), "86cde756f54379d85028823a5f2476fb8844fa058182ca3824a6f26268f79270"),
        (post(JSON, br#"{"phone":"16673280001"}"#), "814d51dfd804f2a329eaa2471e7d547dd297b2ab72b99a19e7071436d5705412"),
        (
            RequestParts { method: "get", path: "/a%20b/%E4%B8%AD~*", query, headers: &odd, body: b"" },
            "10bd8a029d0f70ce66b520816aac56d26c88381417a95cbd8bc7f7840b96d200",
        ),
    ] {
        let headers = signed(&request);
        let authorization = &headers.last().unwrap().1;
        assert!(authorization.ends_with(&format!("Signature={signature}")), "{authorization}");
        let headers = borrowed(&headers);
        assert_eq!(judge(&RequestParts { headers: &headers, ..request }, now()), Ok(()));
    }
}

#[test]
fn what_was_changed_is_not_accepted() {
    let request = RequestParts { query: "a=1", ..post(JSON, b"{}") };
    let headers = signed(&request);
    let headers = borrowed(&headers);
    let good = RequestParts { headers: &headers, ..request };
    assert_eq!(judge(&good, now()), Ok(()));
    for changed in [
        RequestParts { method: "PUT", ..good },
        RequestParts { path: "/sms/batchSendSms/v2", ..good },
        RequestParts { query: "a=2", ..good },
        RequestParts { body: b"{ }", ..good },
    ] {
        assert_eq!(judge(&changed, now()), Err(VerifyError::Signature));
    }
    let mut other_host = headers.clone();
    other_host[0].1 = "example.org";
    assert_eq!(judge(&RequestParts { headers: &other_host, ..good }, now()), Err(VerifyError::Signature));
    let twice = [headers.as_slice(), &[("Host", "example.org")]].concat();
    assert_eq!(judge(&RequestParts { headers: &twice, ..good }, now()), Err(VerifyError::Signature));
    let other_key = AccessKey::new("app-key", "other");
    assert_eq!(Signed::parse(&good).unwrap().verify(&good, &other_key, now()), Err(VerifyError::Signature));
    let other_id = AccessKey::new("other", "app-secret");
    assert_eq!(Signed::parse(&good).unwrap().verify(&good, &other_id, now()), Err(VerifyError::Signature));
}

#[test]
fn a_date_counts_for_a_quarter_of_an_hour_either_way() {
    let request = post(JSON, b"{}");
    let headers = signed(&request);
    let headers = borrowed(&headers);
    let request = RequestParts { headers: &headers, ..request };
    for (now, judgement) in [
        (now() + MAX_SKEW, Ok(())),
        (now() - MAX_SKEW, Ok(())),
        (now() + MAX_SKEW + Duration::from_secs(1), Err(VerifyError::Stale)),
        (now() - MAX_SKEW - Duration::from_secs(1), Err(VerifyError::Stale)),
    ] {
        assert_eq!(judge(&request, now), judgement);
    }
}

#[test]
fn a_body_of_json_cannot_be_left_out() {
    let unsigned = [JSON, &[("X-Sdk-Content-Sha256", "UNSIGNED-PAYLOAD")]].concat();
    let request = post(&unsigned, b"{}");
    let headers = signed(&request);
    let headers = borrowed(&headers);
    assert_eq!(judge(&RequestParts { headers: &headers, ..request }, now()), Err(VerifyError::Body));

    let hash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let said = [JSON, &[("X-Sdk-Content-Sha256", hash)]].concat();
    let request = post(&said, b"{}");
    let headers = signed(&request);
    let headers = borrowed(&headers);
    assert_eq!(judge(&RequestParts { headers: &headers, ..request }, now()), Ok(()));
    let other = RequestParts { headers: &headers, ..post(JSON, b"[]") };
    assert_eq!(judge(&other, now()), Err(VerifyError::Body));
}

#[test]
fn what_cannot_be_read_or_covers_too_little_is_named() {
    let request = post(JSON, b"{}");
    let headers = signed(&request);
    let with = |name: &str, value: &'static str| {
        let mut changed = borrowed(&headers);
        changed.retain(|(other, _)| *other != name);
        if !value.is_empty() {
            changed.push((name, value));
        }
        judge(&RequestParts { headers: &changed, ..request }, now()).unwrap_err()
    };
    assert_eq!(judge(&request, now()), Err(VerifyError::NotSigned));
    for authorization in [
        "",
        "Bearer x",
        "SDK-HMAC-SHA256",
        "SDK-HMAC-SHA256 Access=a",
        "SDK-HMAC-SHA256 Access=a, SignedHeaders=x-sdk-date;host, Signature=00",
        "SDK-HMAC-SHA256 Access=a, SignedHeaders=host;host, Signature=00",
        "SDK-HMAC-SHA256 Access=a, SignedHeaders=Host, Signature=00",
        "SDK-HMAC-SHA256 Access=a, SignedHeaders=, Signature=00",
    ] {
        assert_eq!(with("Authorization", authorization), VerifyError::NotSigned, "{authorization}");
    }
    for covered in ["host", "x-sdk-date"] {
        let authorization = format!("SDK-HMAC-SHA256 Access=app-key, SignedHeaders={covered}, Signature=00");
        assert_eq!(with("Authorization", authorization.leak()), VerifyError::NotCovered);
    }
    let uncovered = "SDK-HMAC-SHA256 Access=app-key, SignedHeaders=accept;host;x-sdk-date, Signature=00";
    assert_eq!(with("Authorization", uncovered), VerifyError::Signature);
    for date in ["", "now", "2026-11-22T10:00:00Z"] {
        assert_eq!(with("X-Sdk-Date", date), VerifyError::NoDate);
    }
}

#[test]
fn what_cannot_be_signed_is_named() {
    assert_eq!(sign(&key(), &post(&[], b""), now()), Err(SignError::NoHost));
    let twice = [("Host", "a"), ("X", "1"), ("x", "2")];
    assert_eq!(sign(&key(), &post(&twice, b""), now()), Err(SignError::Repeated("x".to_owned())));
}

#[test]
fn a_secret_is_never_printed() {
    assert_eq!(format!("{:?}", key()), "AccessKey(\"app-key\", ***)");
}

proptest! {
    #[test]
    fn what_is_signed_is_accepted(
        method in "(GET|post|Delete)",
        path in "(/[ -~&&[^?#]]{0,8}){0,4}",
        query in "[ -~&&[^#]]{0,24}",
        value in "[ -~]{0,16}",
        body in proptest::collection::vec(any::<u8>(), 0..64),
        is_form in any::<bool>(),
    ) {
        let kind = if is_form { FORM } else { JSON };
        let headers = [kind, &[("X-Note", value.as_str()), ("X_Odd", "1")]].concat();
        let request = RequestParts { method: &method, path: &path, query: &query, headers: &headers, body: &body };
        let headers = signed(&request);
        let headers = borrowed(&headers);
        prop_assert_eq!(judge(&RequestParts { headers: &headers, ..request }, now()), Ok(()));
    }
}
