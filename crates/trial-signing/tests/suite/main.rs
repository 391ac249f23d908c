//! Both ends of the scheme, against results of the public SDK and against each other.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod fuzz;

use std::time::Duration;

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use trial_signing::{AccessKey, MAX_SKEW, RequestParts, SignError, Signed, VerifyError, query_pairs, sign};

type Owned = Vec<(String, String)>;

fn now() -> DateTime<Utc> {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn key() -> AccessKey {
    AccessKey::new("app-key", "app-secret")
}

fn borrowed(headers: &Owned) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}

fn pairs(query: &str) -> Vec<(String, String)> {
    query_pairs(query).unwrap()
}

/// The headers with those of the signature.
fn signed(request: &RequestParts<'_>) -> Owned {
    let added = sign(&key(), request, now()).unwrap();
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
    let given = request.headers.iter().map(|(name, value)| ((*name).to_owned(), text(value)));
    given.chain(added.into_iter().map(|(name, value)| (name.to_owned(), value))).collect()
}

fn judge(request: &RequestParts<'_>, now: DateTime<Utc>) -> Result<(), VerifyError> {
    Signed::parse(request)?.verify(request, &key(), now)
}

/// Header lines as received.
type Lines<'a> = &'a [(&'a str, &'a [u8])];

const JSON: Lines<'_> = &[("Host", b"example.com"), ("Content-Type", b"application/json")];
const FORM: Lines<'_> = &[("Host", b"example.com"), ("Content-Type", b"application/x-www-form-urlencoded")];

/// The lines, and one more after them.
fn and<'a>(lines: &[(&'a str, &'a [u8])], name: &'a str, value: &'a [u8]) -> Vec<(&'a str, &'a [u8])> {
    lines.iter().copied().chain([(name, value)]).collect()
}

fn post<'a>(headers: Lines<'a>, body: &'a [u8]) -> RequestParts<'a> {
    RequestParts { method: "POST", path: "/sms/batchSendSms/v1", query: &[], headers, body }
}

/// Signatures that the signer of `huaweicloudsdkcore` computed over these requests.
#[test]
fn signs_as_the_public_sdk_does() {
    let odd: Lines<'_> = &[("Host", b"example.com"), ("X-Note", b" spaced ")];
    let query = &pairs("b=x%20y~%2A/&a=2&a=1&a-b=%2B");
    for (request, signature) in [
        (post(FORM, b"from=1&to=%2B86"), "86cde756f54379d85028823a5f2476fb8844fa058182ca3824a6f26268f79270"),
        (post(JSON, br#"{"phone":"16673280001"}"#), "814d51dfd804f2a329eaa2471e7d547dd297b2ab72b99a19e7071436d5705412"),
        (
            RequestParts { method: "get", path: "/a%20b/%E4%B8%AD~*", query, headers: odd, body: b"" },
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
fn changed_requests_are_not_accepted() {
    let request = RequestParts { query: &pairs("a=1"), ..post(JSON, b"{}") };
    let headers = signed(&request);
    let headers = borrowed(&headers);
    let good = RequestParts { headers: &headers, ..request };
    assert_eq!(judge(&good, now()), Ok(()));
    for changed in [
        RequestParts { method: "PUT", ..good },
        RequestParts { path: "/sms/batchSendSms/v2", ..good },
        RequestParts { query: &pairs("a=2"), ..good },
        RequestParts { body: b"{ }", ..good },
    ] {
        assert_eq!(judge(&changed, now()), Err(VerifyError::Signature));
    }
    let mut other_host = headers.clone();
    other_host[0].1 = b"example.org";
    assert_eq!(judge(&RequestParts { headers: &other_host, ..good }, now()), Err(VerifyError::Signature));
    let twice = and(&headers, "Host", b"example.org");
    assert_eq!(judge(&RequestParts { headers: &twice, ..good }, now()), Err(VerifyError::Signature));
    let other_key = AccessKey::new("app-key", "other");
    assert_eq!(Signed::parse(&good).unwrap().verify(&good, &other_key, now()), Err(VerifyError::Signature));
    let other_id = AccessKey::new("other", "app-secret");
    assert_eq!(Signed::parse(&good).unwrap().verify(&good, &other_id, now()), Err(VerifyError::Signature));
}

/// A line that is not text still counts: lines are counted before any is left out.
#[test]
fn no_header_that_comes_twice_is_accepted_whatever_it_holds() {
    let given = and(JSON, "X-Note", b"a note");
    let request = post(&given, b"{}");
    let headers = signed(&request);
    let headers = borrowed(&headers);
    for name in ["Host", "X-Sdk-Date", "Authorization", "Content-Type", "X-Note"] {
        let first = headers.iter().find(|(other, _)| *other == name).unwrap().1;
        for second in [first, b"other", b"\xff", "云".as_bytes(), b""] {
            let mut before = headers.clone();
            before.insert(0, (name, second));
            for twice in [and(&headers, name, second), before] {
                let came = RequestParts { headers: &twice, ..request };
                assert!(judge(&came, now()).is_err(), "{name}: {second:?}");
            }
        }
    }
    assert_eq!(judge(&RequestParts { headers: &headers, ..request }, now()), Ok(()));
}

/// The verified parameters are the served ones: a form's, where `+` is a space.
#[test]
fn a_parameter_is_signed_as_it_is_served() {
    let signed_pairs = pairs("phone=%2B8616673280001");
    let request = RequestParts { query: &signed_pairs, ..post(JSON, b"") };
    let headers = signed(&request);
    let headers = borrowed(&headers);
    for (sent, judgement) in [
        ("phone=%2B8616673280001", Ok(())),
        ("%70hone=%2b8616673280001&", Ok(())),
        ("phone=+8616673280001", Err(VerifyError::Signature)),
        ("phone=%208616673280001", Err(VerifyError::Signature)),
        ("phone=%252B8616673280001", Err(VerifyError::Signature)),
        ("phone=%2B8616673280001&phone=%2B8616673280001", Err(VerifyError::Signature)),
    ] {
        let query = pairs(sent);
        assert_eq!(judge(&RequestParts { query: &query, headers: &headers, ..request }, now()), judgement, "{sent}");
    }
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
    let unsigned = and(JSON, "X-Sdk-Content-Sha256", b"UNSIGNED-PAYLOAD");
    let request = post(&unsigned, b"{}");
    let headers = signed(&request);
    let headers = borrowed(&headers);
    assert_eq!(judge(&RequestParts { headers: &headers, ..request }, now()), Err(VerifyError::Body));

    let hash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let said = and(JSON, "X-Sdk-Content-Sha256", hash.as_bytes());
    let request = post(&said, b"{}");
    let headers = signed(&request);
    let headers = borrowed(&headers);
    assert_eq!(judge(&RequestParts { headers: &headers, ..request }, now()), Ok(()));
    let other = RequestParts { headers: &headers, ..post(JSON, b"[]") };
    assert_eq!(judge(&other, now()), Err(VerifyError::Body));
}

#[test]
fn unreadable_and_insufficient_signatures_are_named() {
    let request = post(JSON, b"{}");
    let headers = signed(&request);
    let with = |name: &str, value: &'static str| {
        let mut changed = borrowed(&headers);
        changed.retain(|(other, _)| *other != name);
        if !value.is_empty() {
            changed.push((name, value.as_bytes()));
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
fn requests_that_cannot_be_signed_are_named() {
    assert_eq!(sign(&key(), &post(&[], b""), now()), Err(SignError::NoHost));
    let twice: Lines<'_> = &[("Host", b"a"), ("X", b"1"), ("x", b"2")];
    assert_eq!(sign(&key(), &post(twice, b""), now()), Err(SignError::Repeated("x".to_owned())));
    let no_text: Lines<'_> = &[("Host", b"a"), ("X", "云".as_bytes())];
    assert_eq!(sign(&key(), &post(no_text, b""), now()), Err(SignError::NotText));
}

#[test]
fn a_secret_is_never_printed() {
    assert_eq!(format!("{:?}", key()), "AccessKey(\"app-key\", ***)");
}

/// Every other value of every byte of the method, the path, the query, each signed header, the authorization and the
/// body, at every place: none of them is accepted.
#[test]
fn no_byte_of_a_signed_request_can_be_another() {
    let body = r#"{"phone":"16673280001","名":"云"}"#;
    let given = and(JSON, "X-Note", b"a note");
    let query = "a=1&b-c=x%20y&q=%E4%BA%91";
    let request = RequestParts {
        method: "POST",
        path: "/apiaccess/rest/ipccprovision/v1/applyTry/applyTenant",
        query: &pairs(query),
        headers: &given,
        body: body.as_bytes(),
    };
    let owned = signed(&request);
    let headers = borrowed(&owned);
    let good = RequestParts { headers: &headers, ..request };
    assert_eq!(judge(&good, now()), Ok(()));
    let (mut refused, mut values) = (0, 0);
    let mut try_text = |text: &str, judge_with: &dyn Fn(&str) -> Result<(), VerifyError>| {
        for changed in changes(text.as_bytes()) {
            // Anything but text is refused earlier.
            let Ok(changed) = String::from_utf8(changed) else { continue };
            assert!(judge_with(&changed).is_err(), "{changed:?} in the place of {text:?}");
            refused += 1;
        }
    };
    try_text(good.method, &|method| judge(&RequestParts { method, ..good }, now()));
    try_text(good.path, &|path| judge(&RequestParts { path, ..good }, now()));
    // The digits of an escape, and the letters of a header's name, are the same in either case.
    let same = Err(VerifyError::Signature);
    let is_same = |other: &str| escapes_in_capitals(other) == escapes_in_capitals(query);
    try_text(query, &|other| match query_pairs(other) {
        Some(pairs) if !is_same(other) => judge(&RequestParts { query: &pairs, ..good }, now()),
        _ => same,
    });
    for (place, (name, value)) in headers.iter().enumerate() {
        let with = |name: &str, value: &[u8]| {
            let kept = headers.iter().enumerate();
            let changed: Vec<_> = kept.map(|(at, kept)| if at == place { (name, value) } else { *kept }).collect();
            judge(&RequestParts { headers: &changed, ..good }, now())
        };
        for changed in changes(value) {
            assert!(with(name, &changed).is_err(), "{changed:?} as the value of {name}");
            values += 1;
        }
        try_text(name, &|other| if other.eq_ignore_ascii_case(name) { same } else { with(other, value) });
    }
    for body in changes(good.body) {
        assert!(judge(&RequestParts { body: &body, ..good }, now()).is_err());
        refused += 1;
    }
    assert!(refused + values > 40_000, "{refused}, {values}");
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
    fn signed_requests_are_accepted(
        method in "(GET|POST|DELETE)",
        path in "(/[ -~&&[^?#]]{0,8}){0,4}",
        query in "([ -~&&[^#%]]|%[0-7][0-9A-Fa-f]){0,24}",
        value in "[ -~]{0,16}",
        body in proptest::collection::vec(any::<u8>(), 0..64),
        is_form in any::<bool>(),
    ) {
        let kind = if is_form { FORM } else { JSON };
        let headers = and(&and(kind, "X-Note", value.as_bytes()), "X_Odd", b"1");
        let query = pairs(&query);
        let request = RequestParts { method: &method, path: &path, query: &query, headers: &headers, body: &body };
        let headers = signed(&request);
        let headers = borrowed(&headers);
        let came = RequestParts { headers: &headers, ..request };
        let claim = Signed::parse(&came).unwrap();
        prop_assert_eq!(claim.verify_as_sdks_sign(&came, &key(), now()), Ok(()));
        let whole = if is_form { Err(VerifyError::Body) } else { Ok(()) };
        prop_assert_eq!(claim.verify(&came, &key(), now()), whole, "an unsigned body is not accepted");
    }
}
