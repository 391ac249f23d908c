//! Fuzz targets through the serving extractors: no input is answered as a fault of ours.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::http::Uri;
use actix_web::http::header::HeaderValue;
use actix_web::rt::System;
use actix_web::test::{TestRequest, call_service, init_service};
use async_trait::async_trait;
use serde_json::Value;
use trial_core::clients::{ApiClientCredentials, SeenSignature};
use trial_core::error::LedgerError;
use trial_core::policy::Policy;
use trial_core::ports::{ApiClients as _, Clock as _, ReplayGuard};
use trial_core::values::{CompanyName, Email, Phone, SubmittedCode};
use trial_fuzz::Target;
use trial_http::{CallerParts, QUERY_TENANT_PATH, Site};
use trial_signing::{AccessKey, RequestParts, query_pairs, sign};
use trial_testkit::{FixedClock, SeededEntropy, data};

use crate::support::{APPLICATION, APPLY_PATH, Answer, Fixture, SEND_CODE_PATH, post, read};

/// One worker of a site, which answers one request after the other.
fn worker(site: impl Future<Output = Site>) -> impl Fn(TestRequest) -> Answer {
    let peer = SocketAddr::from(([192, 0, 2, 1], 4711));
    let system = System::new();
    let app = system.block_on(async { init_service(site.await.app()).await });
    move |request| system.block_on(async { read(call_service(&app, request.peer_addr(peer).to_request()).await).await })
}

/// Returns `true` if the value's own parser accepts the field.
fn is_right(name: &str, text: &str) -> bool {
    match name {
        "companyName" => CompanyName::parse(text).is_ok(),
        "phone" => Phone::parse(text, &Policy::default().phone).is_ok(),
        "phoneVerifyCode" => SubmittedCode::parse(text).is_ok(),
        _ => Email::parse(text).is_ok(),
    }
}

/// Invalid fields, by a parser that keeps the last of repeated fields.
fn wrong(body: &Value, names: &[&'static str]) -> BTreeSet<String> {
    let wrong = names.iter().filter(|name| !body[**name].as_str().is_some_and(|text| is_right(name, text)));
    wrong.map(|name| (*name).to_owned()).collect()
}

fn assert_answered(answer: &Answer, body: &[u8], names: &[&'static str]) {
    assert!(!answer.header("x-request-id").is_empty());
    let parsed = serde_json::from_slice::<Value>(body).ok().filter(Value::is_object);
    let said = answer.json();
    if answer.status == 200 {
        let parsed = parsed.unwrap();
        assert_eq!(wrong(&parsed, names), BTreeSet::new(), "what is taken is right");
        assert_eq!((&said["retCode"], &said["retMsg"]), (&said["returnCode"], &said["returnMsg"]));
        return;
    }
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    match said["type"].as_str() {
        Some("urn:trialgate:problem:malformed-body") => assert!(parsed.is_none(), "{}", answer.body),
        Some("urn:trialgate:problem:invalid-fields") => {
            let told: BTreeSet<_> = answer.fields().into_iter().collect();
            let wrong = wrong(&parsed.unwrap(), names);
            assert!(!told.is_empty() && wrong.is_subset(&told), "{wrong:?} are wrong: {}", answer.body);
            let repeated = |name: &String| answer.body.contains(&format!("{name} is given more than once"));
            assert!(told.difference(&wrong).all(repeated), "{wrong:?} are wrong: {}", answer.body);
        }
        other => panic!("an answer of kind {other:?}"),
    }
}

/// The first byte selects the interface; the rest is the body.
#[test]
fn body() {
    let answer_of = worker(async { Fixture::agreeable().site() });
    Target::new("body").makes(1_000).check(|input| {
        let Some((which, body)) = input.split_first() else { return };
        let (path, names) = match which % 2 {
            0 => (SEND_CODE_PATH, vec!["phone"]),
            _ => (APPLY_PATH, vec!["companyName", "phone", "phoneVerifyCode", "email"]),
        };
        assert_answered(&answer_of(post(path, body.to_vec())), body, &names);
    });
}

/// Remembers no signature, so that only the signature itself decides.
struct Forgets;

#[async_trait]
impl ReplayGuard for Forgets {
    async fn is_known(&self, _seen: SeenSignature) -> Result<bool, LedgerError> {
        Ok(false)
    }

    async fn is_new(&self, _seen: SeenSignature) -> Result<bool, LedgerError> {
        Ok(true)
    }
}

async fn signed_site() -> Site {
    let mut fixture = Fixture::agreeable();
    let ledger = fixture.ledger.clone();
    let now = FixedClock::default().now();
    let caller = trial_core::clients::ApiClient { rate: 0, ..data::caller(1, "site", now) };
    ledger.add_caller(caller, data::changed_by(now, &SeededEntropy::new(3))).await.unwrap();
    fixture.callers =
        Some(CallerParts { callers: Arc::new(ledger), replays: Arc::new(Forgets), keyring: Arc::new(data::keyring()) });
    fixture.site()
}

/// Parts of an application that an API client signed.
fn signed_application() -> Vec<(String, String)> {
    let ApiClientCredentials { access_key, secret } = data::caller_credentials(1);
    let given = [("Host", "trialgate.example.com"), ("Content-Type", "application/json")];
    let body = APPLICATION.as_bytes();
    let lines = given.map(|(name, value)| (name, value.as_bytes()));
    let request = RequestParts { method: "POST", path: APPLY_PATH, query: &[], headers: &lines, body };
    let added = sign(&AccessKey::new(access_key, secret.reveal()), &request, FixedClock::default().now()).unwrap();
    let own = [("", APPLY_PATH), (" ", APPLICATION)].into_iter().chain(given);
    own.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .chain(added.into_iter().map(|(name, value)| (name.to_owned(), value)))
        .collect()
}

/// The first byte selects the part to change, the second the place, the third the length to cut; the rest is inserted
/// there.
fn changed(part: &str, change: &[u8]) -> Option<String> {
    let [place, gone, rest @ ..] = change else { return None };
    let place = usize::from(*place) % (part.len() + 1);
    let end = (place + usize::from(*gone)).min(part.len());
    Some([&part[..place], std::str::from_utf8(rest).ok()?, &part[end..]].concat())
}

/// The query that an API client signed, and the headers of its request.
const QUERY: &str = "phone=%2B8616673280001";

fn signed_query() -> Vec<(String, String)> {
    let ApiClientCredentials { access_key, secret } = data::caller_credentials(1);
    let (lines, query) = ([("Host", b"trialgate.example.com".as_slice())], query_pairs(QUERY).unwrap());
    let request = RequestParts { method: "GET", path: QUERY_TENANT_PATH, query: &query, headers: &lines, body: b"" };
    let added = sign(&AccessKey::new(access_key, secret.reveal()), &request, FixedClock::default().now()).unwrap();
    let host = ("Host", "trialgate.example.com".to_owned());
    added.into_iter().chain([host]).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The verified query is the served one: another one is accepted only if an independent parser reads the same
/// parameters.
fn is_served_as_signed(answer_of: &impl Fn(TestRequest) -> Answer, headers: &[(String, String)], change: &[u8]) {
    let Some(sent) = changed(QUERY, change) else { return };
    let target = format!("{QUERY_TENANT_PATH}?{sent}");
    let Ok(uri) = target.parse::<Uri>() else { return };
    if uri.path() != QUERY_TENANT_PATH {
        return;
    }
    let pairs = |query: &str| {
        let mut pairs = actix_web::web::Query::<Vec<(String, String)>>::from_query(query).unwrap().into_inner();
        pairs.sort();
        pairs
    };
    let request = TestRequest::get().uri(&target);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.insert_header((name.as_str(), value.as_str())));
    let answer = answer_of(request);
    let is_same = pairs(uri.query().unwrap_or_default()) == pairs(QUERY);
    assert_eq!(answer.status == 404, is_same, "{sent:?}: {}", answer.body);
    assert_eq!(answer.status == 403, !is_same, "{sent:?}: {}", answer.body);
}

/// A signed request with one part replaced; the first byte selects the part.
#[test]
fn signed_exchange() {
    let answer_of = worker(signed_site());
    let (parts, query) = (signed_application(), signed_query());
    Target::new("signed_exchange").makes(1_000).check(|input| {
        let Some((which, change)) = input.split_first() else { return };
        is_served_as_signed(&answer_of, &query, change);
        let which = usize::from(*which) % parts.len();
        let (name, signed) = &parts[which];
        let Some(sent) = changed(signed, change) else { return };
        let mut request = TestRequest::post();
        for (name, value) in parts.iter().map(|(other, value)| (other, if other == name { &sent } else { value })) {
            request = match name.as_str() {
                "" => match value.starts_with('/').then(|| value.parse::<Uri>()) {
                    Some(Ok(_)) => request.uri(value),
                    _ => return,
                },
                " " => request.set_payload(value.clone()),
                _ => match HeaderValue::from_str(value) {
                    Ok(value) => request.insert_header((name.as_str(), value)),
                    Err(_) => return,
                },
            };
        }
        let answer = answer_of(request);
        let is_same = sent.trim() == signed && (name != " " || sent == *signed);
        // Empty parts of a query and a fragment are ignored.
        let said = sent.split('#').next().unwrap_or_default().replace(['?', '&'], "");
        let is_same = is_same || (name.is_empty() && said == *signed);
        assert!(is_same || answer.status != 200, "{name} was {sent:?}: {}", answer.body);
        assert!(answer.status.as_u16() < 500, "{}", answer.body);
        if sent == *signed {
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
    });
}
