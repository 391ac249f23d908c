//! Signed requests of API clients, on the runtime's paused clock.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderValue;
use actix_web::test::{TestRequest, call_service, init_service};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use trial_core::clients::{ApiClient, ApiClientCredentials, ApiClientSecret, EncryptedSecret, Scope, SeenSignature};
use trial_core::error::LedgerError;
use trial_core::operators::CLIENT_MISSES_PER_HOUR;
use trial_core::policy::AddressLimits;
use trial_core::ports::{ApiClients, Clock as _, MockApiClients, ReplayGuard};
use trial_core::return_codes::{CodeReply, SendCode};
use trial_core::tenants::{Tenant, TenantStatus};
use trial_core::values::{Keyring, Person, SecretKey, TenantId};
use trial_http::{CallerParts, QUERY_TENANT_PATH, Site};
use trial_signing::{AccessKey, RequestParts, query_pairs, sign};
use trial_testkit::{FixedClock, LedgerHarness, MemoryLedger, SeededEntropy, data};

use crate::support::{
    APPLICATION, APPLY_PATH, Answer, CODE_REQUEST, Fixture, SEND_CODE_PATH, call, call_from, get, post,
};

/// Remembers signatures in the ledger, as the engine does.
struct Remembers(MemoryLedger);

#[async_trait]
impl ReplayGuard for Remembers {
    async fn is_known(&self, seen: SeenSignature) -> Result<bool, LedgerError> {
        self.0.knows_signature(seen.signature).await
    }

    async fn is_new(&self, seen: SeenSignature) -> Result<bool, LedgerError> {
        Ok(self.0.remember_signatures(vec![seen], FixedClock::default().now()).await?.remove(0))
    }
}

fn now() -> DateTime<Utc> {
    FixedClock::default().now()
}

/// The first API client, with all scopes.
fn caller() -> ApiClient {
    data::caller(1, "site", now())
}

/// A site that accepts every signed request of this API client.
async fn site_of(caller: ApiClient) -> Site {
    site_with(caller, Fixture::agreeable()).await
}

async fn site_with(caller: ApiClient, mut fixture: Fixture) -> Site {
    let ledger = fixture.ledger.clone();
    ledger.add_caller(caller, data::changed_by(now(), &SeededEntropy::new(3))).await.unwrap();
    fixture.callers = Some(CallerParts {
        callers: Arc::new(ledger.clone()),
        replays: Arc::new(Remembers(ledger)),
        keyring: Arc::new(data::keyring()),
    });
    fixture.site()
}

/// Parts with which a request is signed and sent.
struct Draft<'a> {
    key: AccessKey,
    path: &'a str,
    body: &'a str,
    /// Distinguishes requests of the same second.
    id: &'a str,
    at: DateTime<Utc>,
}

impl Default for Draft<'_> {
    fn default() -> Self {
        let ApiClientCredentials { access_key, secret } = data::caller_credentials(1);
        let key = AccessKey::new(access_key, secret.reveal());
        Self { key, path: SEND_CODE_PATH, body: CODE_REQUEST, id: "1", at: now() }
    }
}

impl Draft<'_> {
    fn headers(&self) -> Vec<(String, String)> {
        let given =
            [("Host", "trialgate.example.com"), ("Content-Type", "application/json"), ("X-Request-Id", self.id)];
        let lines = given.map(|(name, value)| (name, value.as_bytes()));
        let parts =
            RequestParts { method: "POST", path: self.path, query: &[], headers: &lines, body: self.body.as_bytes() };
        let added = sign(&self.key, &parts, self.at).unwrap();
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        given.chain(added.into_iter().map(|(name, value)| (name.to_owned(), value))).collect()
    }

    fn request(&self) -> TestRequest {
        self.sent_as(self.path, self.body)
    }

    /// A request signed in one way and sent in another.
    fn sent_as(&self, path: &str, body: &str) -> TestRequest {
        let sent = TestRequest::post().uri(path).set_payload(body.to_owned());
        self.headers().into_iter().fold(sent, TestRequest::insert_header)
    }
}

async fn status(site: &Site, draft: &Draft<'_>) -> StatusCode {
    call(site, draft.request()).await.status
}

#[tokio::test(start_paused = true)]
async fn what_a_caller_signed_comes_in_whatever_its_address() {
    let mut fixture = Fixture::agreeable();
    fixture.policy.limits.address =
        AddressLimits { codes_per_hour: 1, applications_per_hour: 1, failures_per_hour: 600 };
    let site = site_with(caller(), fixture).await;
    for id in ["1", "2", "3"] {
        assert_eq!(status(&site, &Draft { id, ..Draft::default() }).await, StatusCode::OK);
        let applies = Draft { path: APPLY_PATH, body: APPLICATION, id, ..Draft::default() };
        assert_eq!(status(&site, &applies).await, StatusCode::OK);
    }
    for minutes in [-15, 15] {
        let at = now() + chrono::TimeDelta::minutes(minutes);
        assert_eq!(status(&site, &Draft { at, ..Draft::default() }).await, StatusCode::OK, "{minutes}");
    }
}

/// A request without a valid signature never reaches the service, and the answer does not give the reason.
#[tokio::test(start_paused = true)]
async fn what_is_not_signed_is_refused_alike() {
    let mut fixture = Fixture::default();
    fixture.service.expect_send_code().once().returning(|_| Ok(CodeReply { code: SendCode::Sent, retry_after: None }));
    let site = site_with(caller(), fixture).await;
    let good = Draft::default();
    assert_eq!(status(&site, &good).await, StatusCode::OK);
    let key = |id: &str, secret: &str| AccessKey::new(id, secret);
    let ApiClientCredentials { access_key, secret } = data::caller_credentials(1);
    let late = now() - chrono::TimeDelta::seconds(15 * 60 + 1);
    let soon = now() + chrono::TimeDelta::seconds(15 * 60 + 1);
    let id = "2";
    let other_body = CODE_REQUEST.replace('1', "2");
    let unsigned_body = ("X-Sdk-Content-Sha256", "UNSIGNED-PAYLOAD");
    let refused = [
        ("comes again", good.request()),
        ("is not signed", post(SEND_CODE_PATH, CODE_REQUEST)),
        ("has an unknown key", Draft { key: key("TGAKNOBODY", secret.reveal()), id, ..Draft::default() }.request()),
        ("has another secret", Draft { key: key(&access_key, "other"), id, ..Draft::default() }.request()),
        ("is too old", Draft { at: late, ..Draft::default() }.request()),
        ("is of the future", Draft { at: soon, ..Draft::default() }.request()),
        ("has another body", Draft { id, ..Draft::default() }.sent_as(SEND_CODE_PATH, &other_body)),
        ("has another path", Draft { id, ..Draft::default() }.sent_as(APPLY_PATH, CODE_REQUEST)),
        ("has a query", Draft { id, ..Draft::default() }.sent_as(&format!("{SEND_CODE_PATH}?a=1"), CODE_REQUEST)),
        ("says that the body is left out", Draft { id, ..Draft::default() }.request().insert_header(unsigned_body)),
    ];
    let mut said = None;
    for (what, request) in refused {
        let answer = call(&site, request).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{what}: {}", answer.body);
        let mut body = answer.json();
        body["requestId"].take();
        assert_eq!(said.get_or_insert_with(|| body.clone()), &body, "{what}");
    }
    assert_eq!(said.unwrap()["type"], "urn:trialgate:problem:signature-refused");
}

/// Rejected requests per hour and address are limited. A correctly signed request is never affected.
#[tokio::test(start_paused = true)]
async fn requests_that_are_not_signed_are_limited_by_address_and_shut_nobody_out() {
    let mut fixture = Fixture::agreeable();
    fixture.policy.limits.address.failures_per_hour = 2;
    let site = site_with(caller(), fixture).await;
    let wrong = Draft { key: AccessKey::new(caller().access_key, "other"), ..Draft::default() };
    let old = Draft { at: now() - chrono::TimeDelta::hours(1), ..Draft::default() };
    assert_eq!(status(&site, &wrong).await, StatusCode::FORBIDDEN);
    assert_eq!(status(&site, &old).await, StatusCode::FORBIDDEN);
    for request in [wrong.request(), old.request(), post(APPLY_PATH, APPLICATION)] {
        let refused = call(&site, request).await;
        assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "1800"));
        assert!(refused.body.contains("without a valid signature"), "{}", refused.body);
    }
    let elsewhere = call_from(&site, "192.0.2.7", wrong.request()).await;
    assert_eq!(elsewhere.status, StatusCode::FORBIDDEN, "another address has its own hour");
    assert_eq!(status(&site, &Draft::default()).await, StatusCode::OK, "a right signature of the same address");
    assert_eq!(status(&site, &Draft::default()).await, StatusCode::TOO_MANY_REQUESTS, "not when it comes again");
    tokio::time::advance(Duration::from_mins(30)).await;
    assert_eq!(status(&site, &wrong).await, StatusCode::FORBIDDEN);
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_0_counts_no_failures() {
    let mut fixture = Fixture::agreeable();
    fixture.policy.limits.address.failures_per_hour = 0;
    let site = site_with(caller(), fixture).await;
    for _ in 0..1_000 {
        assert_eq!(call(&site, post(SEND_CODE_PATH, CODE_REQUEST)).await.status, StatusCode::FORBIDDEN);
    }
}

/// A request that is invalid by its date alone costs no database query.
#[tokio::test(start_paused = true)]
async fn nobody_is_looked_up_for_what_is_too_old() {
    let mut callers = MockApiClients::new();
    callers.expect_caller_by_key().times(0);
    let callers = CallerParts {
        callers: Arc::new(callers),
        replays: Arc::new(Remembers(MemoryLedger::default())),
        keyring: Arc::new(data::keyring()),
    };
    let site = Fixture { callers: Some(callers), ..Fixture::default() }.site();
    let old = Draft { at: now() - chrono::TimeDelta::seconds(15 * 60 + 1), ..Draft::default() };
    assert_eq!(status(&site, &old).await, StatusCode::FORBIDDEN);
    assert_eq!(call(&site, post(SEND_CODE_PATH, CODE_REQUEST)).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_signed_as_none_is_refused() {
    let site = site_of(caller()).await;
    let draft = Draft::default();
    let given = [
        ("Host", "trialgate.example.com"),
        ("Content-Type", "application/json"),
        ("X-Sdk-Content-Sha256", "UNSIGNED-PAYLOAD"),
    ];
    let body = draft.body.as_bytes();
    let lines = given.map(|(name, value)| (name, value.as_bytes()));
    let parts = RequestParts { method: "POST", path: SEND_CODE_PATH, query: &[], headers: &lines, body };
    let added = sign(&draft.key, &parts, draft.at).unwrap();
    let sent = TestRequest::post().uri(SEND_CODE_PATH).set_payload(draft.body.to_owned());
    let sent = given.into_iter().fold(sent, TestRequest::insert_header);
    let sent = added.into_iter().fold(sent, TestRequest::insert_header);
    assert_eq!(call(&site, sent).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_may_not_is_told_so() {
    let suspended = site_of(ApiClient { suspended_at: Some(now()), ..caller() }).await;
    let answer = call(&suspended, Draft::default().request()).await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (StatusCode::UNAUTHORIZED, "SDK-HMAC-SHA256"));
    assert!(answer.body.contains("suspended"), "{}", answer.body);

    let applies = Draft { path: APPLY_PATH, body: APPLICATION, ..Draft::default() };
    let codes_only = site_of(ApiClient { scopes: [Scope::VerifyCodes].into(), ..caller() }).await;
    assert_eq!(status(&codes_only, &Draft::default()).await, StatusCode::OK);
    assert_eq!(status(&codes_only, &applies).await, StatusCode::UNAUTHORIZED);
    let apply_only = site_of(ApiClient { scopes: [Scope::Apply].into(), ..caller() }).await;
    assert_eq!(status(&apply_only, &applies).await, StatusCode::OK);
    assert_eq!(status(&apply_only, &Draft::default()).await, StatusCode::UNAUTHORIZED);

    let removed = site_of(ApiClient { removed_at: Some(now()), ..caller() }).await;
    assert_eq!(status(&removed, &Draft::default()).await, StatusCode::FORBIDDEN);
    let wrong = Draft { key: AccessKey::new(caller().access_key, "other"), ..Draft::default() };
    assert_eq!(status(&suspended, &wrong).await, StatusCode::FORBIDDEN, "who did not sign learns nothing");
}

#[tokio::test(start_paused = true)]
async fn either_of_two_secrets_signs() {
    let newer = ApiClientSecret::new(&[9; 32]);
    let next: EncryptedSecret = newer.seal(&caller().access_key, &data::keyring(), &[9; Keyring::NONCE]);
    let site = site_of(ApiClient { next_secret: Some(next), ..caller() }).await;
    assert_eq!(status(&site, &Draft::default()).await, StatusCode::OK);
    let by_newer = Draft { key: AccessKey::new(caller().access_key, newer.reveal()), ..Draft::default() };
    assert_eq!(status(&site, &by_newer).await, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_caller_has_a_rate_of_its_own() {
    let site = site_of(ApiClient { rate: 2, ..caller() }).await;
    for id in ["1", "2"] {
        assert_eq!(status(&site, &Draft { id, ..Draft::default() }).await, StatusCode::OK);
    }
    let refused = call(&site, Draft { id: "3", ..Draft::default() }.request()).await;
    assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "30"));
    let wrong = Draft { key: AccessKey::new(caller().access_key, "other"), ..Draft::default() };
    assert_eq!(status(&site, &wrong).await, StatusCode::FORBIDDEN);
    tokio::time::advance(Duration::from_secs(30)).await;
    let again = Draft { id: "3", ..Draft::default() };
    assert_eq!(status(&site, &again).await, StatusCode::OK, "the same request gets its answer");
    assert_eq!(status(&site, &again).await, StatusCode::FORBIDDEN, "once");

    let site = site_of(ApiClient { rate: 0, ..caller() }).await;
    for n in 0..200 {
        assert_eq!(status(&site, &Draft { id: &n.to_string(), ..Draft::default() }).await, StatusCode::OK);
    }
}

/// A repeated signature is counted by its address at every instance; the client keeps its rate at each.
#[tokio::test(start_paused = true)]
async fn a_replay_uses_up_the_address_of_whoever_sends_it_and_not_the_rate_of_the_client() {
    let ledger = MemoryLedger::default();
    ledger
        .add_caller(ApiClient { rate: 2, ..caller() }, data::changed_by(now(), &SeededEntropy::new(3)))
        .await
        .unwrap();
    let instance = || {
        let mut fixture = Fixture::agreeable();
        fixture.policy.limits.address.failures_per_hour = 5;
        fixture.callers = Some(CallerParts {
            callers: Arc::new(ledger.clone()),
            replays: Arc::new(Remembers(ledger.clone())),
            keyring: Arc::new(data::keyring()),
        });
        fixture.site()
    };
    let (one, other) = (instance(), instance());
    let captured = Draft::default();
    let honest = |id: &'static str| Draft { id, ..Draft::default() };
    assert_eq!(status(&one, &captured).await, StatusCode::OK);
    for site in [&one, &other] {
        for n in 0..8 {
            let replayed = call_from(site, "198.51.100.66", captured.request()).await.status;
            let counted = if n < 5 { StatusCode::FORBIDDEN } else { StatusCode::TOO_MANY_REQUESTS };
            assert_eq!(replayed, counted, "{n}");
        }
    }
    assert_eq!(status(&one, &honest("2")).await, StatusCode::OK, "one of two was used, by the client itself");
    assert_eq!(status(&other, &honest("3")).await, StatusCode::OK);
    assert_eq!(status(&other, &honest("4")).await, StatusCode::OK);
    assert_eq!(status(&other, &honest("5")).await, StatusCode::TOO_MANY_REQUESTS);
}

/// A captured request reveals nothing about the client's present state.
#[tokio::test(start_paused = true)]
async fn a_replay_is_told_nothing_of_the_client() {
    let fixture = Fixture::agreeable();
    let ledger = fixture.ledger.clone();
    let site = site_with(caller(), fixture).await;
    assert_eq!(status(&site, &Draft::default()).await, StatusCode::OK);
    ledger.change(|state| state.callers.values_mut().for_each(|caller| caller.suspended_at = Some(now())));
    assert_eq!(status(&site, &Draft::default()).await, StatusCode::FORBIDDEN);
    assert_eq!(status(&site, &Draft { id: "2", ..Draft::default() }).await, StatusCode::UNAUTHORIZED);
}

/// A client that is not entitled, or over its rate, writes nothing.
#[tokio::test(start_paused = true)]
async fn a_refused_proof_is_not_recorded() {
    for (refused, expected) in [
        (ApiClient { suspended_at: Some(now()), ..caller() }, [StatusCode::UNAUTHORIZED; 3]),
        (ApiClient { scopes: [Scope::Query].into(), ..caller() }, [StatusCode::UNAUTHORIZED; 3]),
        (
            ApiClient { rate: 1, ..caller() },
            [StatusCode::OK, StatusCode::TOO_MANY_REQUESTS, StatusCode::TOO_MANY_REQUESTS],
        ),
    ] {
        let fixture = Fixture::agreeable();
        let ledger = fixture.ledger.clone();
        let site = site_with(refused, fixture).await;
        for (id, expected) in ["1", "2", "3"].into_iter().zip(expected) {
            assert_eq!(status(&site, &Draft { id, ..Draft::default() }).await, expected);
        }
        let accepted = expected.iter().filter(|status| **status == StatusCode::OK).count();
        assert_eq!(ledger.state().caller_signatures.len(), accepted);
    }
}

/// A malformed body is counted against its address; a correctly signed request is never rejected for it.
#[tokio::test(start_paused = true)]
async fn a_malformed_body_counts_against_the_address_of_whoever_sends_it() {
    let mut fixture = Fixture::agreeable();
    fixture.policy.limits.address.failures_per_hour = 3;
    let site = site_with(caller(), fixture).await;
    let nobodys = |id| Draft { key: AccessKey::new("nobody", "x"), id, ..Draft::default() };
    let text = |draft: &Draft<'_>| draft.request().insert_header(("content-type", "text/plain"));
    for id in ["1", "2", "3"] {
        assert_eq!(call(&site, text(&nobodys(id))).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    for path in [SEND_CODE_PATH, APPLY_PATH] {
        let refused = call(&site, text(&Draft { path, ..nobodys("4") })).await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "unread: {}", refused.body);
    }
    assert_eq!(call_from(&site, "192.0.2.2", nobodys("5").request()).await.status, StatusCode::FORBIDDEN);
    assert_eq!(status(&site, &Draft::default()).await, StatusCode::OK);
}

/// Each search is recorded as a keyed hash, and guessing is limited.
#[tokio::test(start_paused = true)]
async fn what_a_client_asks_is_recorded_and_how_often_it_finds_nobody_is_bound() {
    let fixture = Fixture::default();
    let harness = LedgerHarness::new(fixture.ledger.clone()).with_access_codes(2).await;
    let tenant = harness.join(1).await;
    let ledger = fixture.ledger.clone();
    let phone = ledger.state().tenants[&tenant].phone.clone();
    let site = site_with(ApiClient { rate: 0, ..caller() }, fixture).await;
    let found = format!("phone={}", phone.as_str().replace('+', "%2B"));
    assert_eq!(ask(&site, &found).await.status, StatusCode::OK);
    let entry = ledger.state().audit.pop().unwrap();
    let hash = data::keyring().pseudonym(&Person::Phone(phone.clone()));
    assert_eq!((entry.actor.as_str(), entry.action, entry.subject), ("caller:site", "person.search", hash));
    let app = init_service(site.app()).await;
    for n in 0..=CLIENT_MISSES_PER_HOUR {
        let asked = asking(&format!("email=nobody{n}@example.com"));
        let answered = call_service(&app, asked.to_request()).await;
        let is_over = n == CLIENT_MISSES_PER_HOUR;
        assert_eq!(answered.status().as_u16(), if is_over { 429 } else { 404 }, "{n}");
    }
    let recorded = ledger.state().audit.len();
    // Other spellings, since a signature is accepted once.
    let national = &phone.as_str()[3..];
    let refused = ask(&site, &format!("phone={national}")).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "whoever it asks about");
    assert_eq!(ledger.state().audit.len(), recorded, "what is refused is not recorded");
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(ask(&site, &format!("phone=0086{national}")).await.status, StatusCode::OK);
}

/// The second value is not a text but a second value, before or after the first.
#[tokio::test(start_paused = true)]
async fn a_header_that_comes_twice_is_refused_whatever_it_holds() {
    let site = site_of(caller()).await;
    let draft = Draft::default();
    for name in ["x-sdk-date", "authorization", "x-sdk-content-sha256"] {
        for second in [b"\xff\xfe".as_slice(), "云".as_bytes(), b"other"] {
            for is_first in [true, false] {
                let mut request = TestRequest::post().uri(draft.path).set_payload(draft.body.to_owned());
                let line = || (name, HeaderValue::from_bytes(second).unwrap());
                if is_first {
                    request = request.append_header(line());
                }
                request = draft.headers().into_iter().fold(request, TestRequest::append_header);
                if !is_first {
                    request = request.append_header(line());
                }
                let answer = call(&site, request).await;
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name} {second:?} {is_first}: {}", answer.body);
            }
        }
    }
    assert_eq!(status(&site, &draft).await, StatusCode::OK);
}

/// A signature over `%2B` does not cover `+`, which is read as a space.
#[tokio::test(start_paused = true)]
async fn the_parameters_that_are_signed_are_those_that_are_served() {
    let fixture = Fixture::default();
    let harness = LedgerHarness::new(fixture.ledger.clone()).with_access_codes(2).await;
    let tenant = harness.join(1).await;
    let phone = fixture.ledger.state().tenants[&tenant].phone.as_str().trim_start_matches('+').to_owned();
    let site = site_with(caller(), fixture).await;
    let signed = format!("phone=%2B{phone}");
    for sent in [
        format!("phone=+{phone}"),
        format!("phone=%20{phone}"),
        format!("phone=%252B{phone}"),
        format!("{signed}&phone=%2B{phone}"),
        format!("{signed}&a=%ff"),
    ] {
        assert_eq!(ask_as(&site, &signed, &sent).await.status, StatusCode::FORBIDDEN, "{sent}");
    }
    assert_eq!(ask_as(&site, &signed, &format!("&%70hone=%2b{phone}")).await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn nobody_comes_in_while_it_cannot_be_told_who_signed() {
    let mut callers = MockApiClients::new();
    callers.expect_caller_by_key().returning(|_| Err(LedgerError::Unavailable("gone".into())));
    let callers = CallerParts {
        callers: Arc::new(callers),
        replays: Arc::new(Remembers(MemoryLedger::default())),
        keyring: Arc::new(data::keyring()),
    };
    let fixture = Fixture { callers: Some(callers), ..Fixture::default() };
    let site = fixture.site();
    let answer = call(&site, Draft::default().request()).await;
    assert_eq!(answer.json()["returnCode"], "202");
    let applies = Draft { path: APPLY_PATH, body: APPLICATION, ..Draft::default() };
    assert_eq!(call(&site, applies.request()).await.json()["returnCode"], "003");
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_no_key_opens_is_a_fault_of_ours() {
    let mut fixture = Fixture::default();
    let ledger = fixture.ledger.clone();
    ledger.add_caller(caller(), data::changed_by(now(), &SeededEntropy::new(3))).await.unwrap();
    let stranger = SecretKey::new("other", &[5; 32]).unwrap();
    fixture.callers = Some(CallerParts {
        callers: Arc::new(ledger.clone()),
        replays: Arc::new(Remembers(ledger)),
        keyring: Arc::new(Keyring::new(vec![stranger]).unwrap()),
    });
    let answer = call(&fixture.site(), Draft::default().request()).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!answer.body.contains("key"), "{}", answer.body);
}

/// A removed key disables the secret that it encrypts, and nothing after the client is removed.
#[tokio::test(start_paused = true)]
async fn a_secret_that_no_key_opens_bars_no_other() {
    let sealed = |byte: u8, key: &str| {
        let ApiClientCredentials { access_key, .. } = data::caller_credentials(1);
        let keyring = Keyring::new(vec![SecretKey::new(key, &[byte; 32]).unwrap()]).unwrap();
        ApiClientSecret::new(&[byte; 32]).seal(&access_key, &keyring, &[byte; Keyring::NONCE])
    };
    let rotated = ApiClient { secret: sealed(8, "gone"), next_secret: Some(caller().secret), ..caller() };
    let site = site_of(rotated).await;
    assert_eq!(status(&site, &Draft::default()).await, StatusCode::OK);
    let access_key = data::caller_credentials(1).access_key;
    let other = Draft { key: AccessKey::new(access_key, "other"), id: "2", ..Draft::default() };
    assert_eq!(status(&site, &other).await, StatusCode::INTERNAL_SERVER_ERROR, "it may have been the one that is lost");
    let removed = ApiClient { secret: sealed(8, "gone"), removed_at: Some(now()), ..caller() };
    assert_eq!(status(&site_of(removed).await, &Draft::default()).await, StatusCode::FORBIDDEN);
}

/// Queries the status of a trial, signed by the first API client.
async fn ask(site: &Site, query: &str) -> Answer {
    ask_as(site, query, query).await
}

fn asking(query: &str) -> TestRequest {
    asking_as(query, query)
}

/// Signed for one query, and sent with another.
async fn ask_as(site: &Site, query: &str, sent: &str) -> Answer {
    call(site, asking_as(query, sent)).await
}

fn asking_as(query: &str, sent: &str) -> TestRequest {
    let given = [("Host", "trialgate.example.com")];
    let (lines, pairs) = (given.map(|(name, value)| (name, value.as_bytes())), query_pairs(query).unwrap());
    let parts = RequestParts { method: "GET", path: QUERY_TENANT_PATH, query: &pairs, headers: &lines, body: b"" };
    let added = sign(&Draft::default().key, &parts, now()).unwrap();
    let sent = get(&format!("{QUERY_TENANT_PATH}?{sent}"));
    let added = added.iter().map(|(name, value)| (*name, value.as_str()));
    given.into_iter().chain(added).fold(sent, TestRequest::insert_header)
}

#[tokio::test(start_paused = true)]
async fn a_caller_asks_how_a_trial_stands_and_is_told_what_it_gave() {
    let fixture = Fixture::default();
    let harness = LedgerHarness::new(fixture.ledger.clone()).with_access_codes(2).await;
    let tenant = harness.join(1).await;
    let ledger = fixture.ledger.clone();
    let site = site_with(caller(), fixture).await;
    let kept = ledger.state().tenants[&tenant].clone();
    let phone = kept.phone.as_str().replace('+', "%2B");
    let found = ask(&site, &format!("phone={phone}")).await;
    let mut expected = serde_json::json!({
        "createDate": kept.created_at.timestamp_millis(), "expiryDate": kept.trial_ends_at.timestamp_millis(),
        "company": "C***", "email": "a***@example.com", "mobilePhone": kept.phone.masked(),
        "tenantSpaceStatus": "trial", "portalUrl": "https://portal.example.com/",
    });
    assert_eq!((found.status, found.json()), (StatusCode::OK, expected.clone()));
    ledger.change(|state| {
        let tenant = state.tenants.get_mut(&tenant).unwrap();
        tenant.status = TenantStatus::Commercial;
        tenant.converted_at = Some(now());
    });
    expected["tenantSpaceStatus"] = "commercial".into();
    expected["expiryDate"].take();
    let found = ask(&site, &format!("email={}", kept.email.as_str())).await;
    let by_email = serde_json::json!({"email": kept.email.as_str()});
    let told = [&expected, &by_email].iter().flat_map(|part| part.as_object().unwrap().clone()).collect();
    assert_eq!((found.status, found.json()), (StatusCode::OK, serde_json::Value::Object(told)));
    let newer = TenantId::new(now() + Duration::from_secs(1), [1; 10]);
    let closed = Tenant { id: newer, status: TenantStatus::Closed, closed_at: Some(now()), ..kept.clone() };
    ledger.change(|state| drop(state.tenants.insert(newer, closed)));
    // Another query, since a signature is accepted once.
    let found = ask(&site, &format!("phone={}", &kept.phone.as_str()[3..])).await;
    assert_eq!(found.json(), expected, "one in use goes before a newer one that is closed");
    assert_eq!(ask(&site, "email=nobody@example.com").await.status, StatusCode::NOT_FOUND);
    for wrong in ["", "phone=12", "email=a@example.com&phone=16673280001", "who=1"] {
        let answer = ask(&site, wrong).await;
        assert_eq!(answer.json()["type"], "urn:trialgate:problem:invalid-query", "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_else_asks_how_a_trial_stands() {
    let query = "phone=16673280001";
    let unsigned = || get(&format!("{QUERY_TENANT_PATH}?{query}"));
    let open = Fixture::default().site();
    let site = site_of(caller()).await;
    for site in [&open, &site] {
        assert_eq!(call(site, unsigned()).await.status, StatusCode::FORBIDDEN);
    }
    let other = site_of(ApiClient { scopes: [Scope::Apply, Scope::VerifyCodes].into(), ..caller() }).await;
    assert_eq!(ask(&other, query).await.status, StatusCode::UNAUTHORIZED);
    let wrong_query = ask(&site, query).await;
    assert_eq!(wrong_query.status, StatusCode::NOT_FOUND, "there is no such tenant");
}
