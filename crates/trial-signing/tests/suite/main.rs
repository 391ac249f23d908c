//! Both ends of the scheme, against what the public SDK computed and against each other.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod fuzz;

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
        let method = request.method.to_ascii_uppercase();
        let came = RequestParts { method: &method, headers: &headers, ..request };
        assert_eq!(Signed::parse(&came).unwrap().verify_as_sdks_sign(&came, &key(), now()), Ok(()));
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
        "SDK-HMAC-SHA256  Access=a, SignedHeaders=host, Signature=00",
        "SDK-HMAC-SHA256 Access=a,SignedHeaders=host,Signature=00",
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

/// Every other value of every byte of the method, the path, the query, each signed header, the authorization and the body, at
/// every place: none of them is accepted.
#[test]
fn no_byte_of_a_signed_request_can_be_another() {
    let body = r#"{"phone":"16673280001","名":"云"}"#;
    let given = [JSON, &[("X-Note", "a note")]].concat();
    let request = RequestParts {
        method: "POST",
        path: "/apiaccess/rest/ipccprovision/v1/applyTry/applyTenant",
        query: "a=1&b-c=x%20y&q=%E4%BA%91",
        headers: &given,
        body: body.as_bytes(),
    };
    let owned = signed(&request);
    let headers = borrowed(&owned);
    let good = RequestParts { headers: &headers, ..request };
    assert_eq!(judge(&good, now()), Ok(()));
    let mut refused = 0;
    let mut try_text = |text: &str, judge_with: &dyn Fn(&str) -> Result<(), VerifyError>| {
        for changed in changes(text.as_bytes()) {
            // What is no text does not get as far as this.
            let Ok(changed) = String::from_utf8(changed) else { continue };
            assert!(judge_with(&changed).is_err(), "{changed:?} in the place of {text:?}");
            refused += 1;
        }
    };
    try_text(good.method, &|method| judge(&RequestParts { method, ..good }, now()));
    try_text(good.path, &|path| judge(&RequestParts { path, ..good }, now()));
    // The digits of an escape, and the letters of a header's name, are the same in either case.
    let same = Err(VerifyError::Signature);
    let is_same = |query: &str| escapes_in_capitals(query) == escapes_in_capitals(good.query);
    try_text(good.query, &|query| if is_same(query) { same } else { judge(&RequestParts { query, ..good }, now()) });
    for (place, (name, value)) in headers.iter().enumerate() {
        let with = |name: &str, value: &str| {
            let kept = headers.iter().enumerate();
            let changed: Vec<_> = kept.map(|(at, kept)| if at == place { (name, value) } else { *kept }).collect();
            judge(&RequestParts { headers: &changed, ..good }, now())
        };
        try_text(value, &|value| with(name, value));
        try_text(name, &|other| if other.eq_ignore_ascii_case(name) { same } else { with(other, value) });
    }
    for body in changes(good.body) {
        assert!(judge(&RequestParts { body: &body, ..good }, now()).is_err());
        refused += 1;
    }
    assert!(refused > 40_000, "{refused}");
}

fn escapes_in_capitals(query: &str) -> String {
    let mut parts = query.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |whole, part| {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        format!("{whole}%{}{rest}", digits.to_ascii_uppercase())
    })
}

/// The text with each of its bytes replaced by each other value.
fn changes(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..text.len()).flat_map(move |place| {
        (0..=u8::MAX).filter(move |byte| *byte != text[place]).map(move |byte| {
            let mut changed = text.to_vec();
            changed[place] = byte;
            changed
        })
    })
}

proptest! {
    #[test]
    fn what_is_signed_is_accepted(
        method in "(GET|POST|DELETE)",
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
        let came = RequestParts { headers: &headers, ..request };
        let claim = Signed::parse(&came).unwrap();
        prop_assert_eq!(claim.verify_as_sdks_sign(&came, &key(), now()), Ok(()));
        let whole = if is_form { Err(VerifyError::Body) } else { Ok(()) };
        prop_assert_eq!(claim.verify(&came, &key(), now()), whole, "a body that is not signed is not taken");
    }
}
