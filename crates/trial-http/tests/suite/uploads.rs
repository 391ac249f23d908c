//! Bodies of unknown senders: how much of each is read, and how much may be held at once.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use actix_http::{Payload, Request};
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::test::{TestRequest, init_service};
use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt, future, poll, stream};
use trial_core::operators::Role;
use trial_core::ports::Clock as _;
use trial_http::{CallerParts, Site, SmsCallback};
use trial_testkit::data;

use crate::console::Guest;
use crate::ops::House;
use crate::support::{Answer, CODE_REQUEST, Fixture, SEND_CODE_PATH, call, call_from, post};

/// Bytes of any body that are read before its sender is known.
const MAX_BODY: usize = 16 * 1_024;
const CHUNK: usize = 4 * 1_024;
const FORM: &str = "application/x-www-form-urlencoded";

/// Every path as the router has it, with names for its variables, and some of those behind a wildcard.
fn paths() -> BTreeSet<String> {
    let source = include_str!("../../src/routes.rs");
    let patterns = source.split('"').filter(|text| text.starts_with('/') && !text.starts_with("//"));
    let mut paths: BTreeSet<String> = patterns
        .map(|pattern| pattern.replace("{gateway}", "huawei").replace("{page:(/.*)?}", "").replace(":.*", ""))
        .map(|pattern| {
            let parts = pattern.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
            parts.collect::<Vec<_>>().join("/")
        })
        .collect();
    for page in ["sign-in", "sign-out", "lost", "new-password", "password", "access-codes/import/", "settings/set", "x"]
    {
        paths.insert(format!("/console/{page}"));
        paths.insert(format!("/portal/{page}"));
    }
    assert!(paths.len() > 60, "{paths:?}");
    paths
}

/// Every part of the interface is enabled, and every secret in a path is known.
fn open() -> (Site, tempfile::TempDir) {
    let (mut fixture, directory, _) = Fixture::with_inbox();
    fixture.health.expect_dependencies().returning(Vec::new);
    let secret = "1".to_owned().into();
    fixture.callbacks = vec![SmsCallback { gateway: "huawei", secret, read: |_, _| Ok(Vec::new()) }];
    (fixture.site(), directory)
}

/// A request with an endless body, and the number of bytes that are read.
fn endless(request: TestRequest) -> (Request, Rc<Cell<usize>>) {
    let count = Rc::new(Cell::new(0));
    let counting = Rc::clone(&count);
    let body = stream::repeat_with(move || {
        counting.set(counting.get() + CHUNK);
        Ok::<_, PayloadError>(Bytes::from_static(&[b'a'; CHUNK]))
    });
    (with_body(request, body), count)
}

fn with_body(request: TestRequest, body: impl Stream<Item = Result<Bytes, PayloadError>> + 'static) -> Request {
    let peer = SocketAddr::from(([192, 0, 2, 1], 4711));
    let request = request.peer_addr(peer).to_request();
    let payload: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> = Box::pin(body);
    request.replace_payload(Payload::Stream { payload }).0
}

/// Sends an endless body to every path by every method, in both media types that an unknown client may send, and
/// returns the bytes read.
async fn read_of_all(site: &Site, length: Option<&str>) -> BTreeSet<(String, usize)> {
    let app = init_service(site.app()).await;
    let mut all = BTreeSet::new();
    for path in paths() {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"] {
            for media in ["application/json", FORM, "text/csv"] {
                let request = TestRequest::default().method(method.parse().unwrap()).uri(&path);
                let mut request =
                    request.insert_header(("content-type", media)).insert_header(("cookie", "trialgate_session=x"));
                if let Some(length) = length {
                    request = request.insert_header(("content-length", length));
                }
                let (request, count) = endless(request);
                let answer = app.call(request).await.unwrap();
                if count.get() > 0 {
                    assert!(answer.status().is_client_error(), "{method} {path}: {}", answer.status());
                    all.insert((format!("{method} {path}"), count.get()));
                }
            }
        }
    }
    all
}

#[actix_web::test]
async fn no_route_reads_a_body_that_is_said_to_be_too_large() {
    let (site, _directory) = open();
    assert_eq!(read_of_all(&site, Some("8388609")).await, BTreeSet::new());
    // Routes with larger bodies read them from known senders only.
    assert_eq!(read_of_all(&site, Some("16385")).await, BTreeSet::new());
}

#[actix_web::test]
async fn of_an_unknown_sender_sixteen_kibibytes_are_read_and_only_where_nobody_can_be_known() {
    let (site, _directory) = open();
    let readers = [
        "POST /apiaccess/rest/ipccprovision/v1/applyTry/applyTenant",
        "POST /apiaccess/rest/ipccprovision/v1/applyTry/generateverifycode",
        "POST /apply",
        "POST /callbacks/sms/huawei/1",
        "POST /console/sign-in",
        "POST /portal/lost",
        "POST /portal/new-password",
        "POST /portal/sign-in",
        "PUT /sandbox/faults",
    ];
    let expected = readers.map(|reader| (reader.to_owned(), MAX_BODY + CHUNK));
    assert_eq!(read_of_all(&site, None).await, BTreeSet::from(expected));
}

#[actix_web::test]
async fn nothing_is_read_that_claims_no_signature() {
    let mut fixture = Fixture::default();
    fixture.health.expect_dependencies().returning(Vec::new);
    fixture.callers = Some(CallerParts {
        callers: std::sync::Arc::new(fixture.ledger.clone()),
        replays: std::sync::Arc::new(trial_core::ports::MockReplayGuard::new()),
        keyring: std::sync::Arc::new(data::keyring()),
    });
    let read = read_of_all(&fixture.site(), None).await;
    let signed: Vec<_> = read.iter().filter(|(path, _)| path.contains("/apiaccess/")).collect();
    assert!(signed.is_empty(), "{signed:?}");
}

/// Bytes read of an endless import of this guest whose form begins with this token, and the status.
async fn import(house: &House, guest: &Guest<'_>, csrf: &str) -> (u16, usize) {
    let app = init_service(house.site.app()).await;
    let request = TestRequest::post().uri("/console/access-codes/import");
    let request = request.insert_header(("content-type", FORM)).insert_header(("cookie", guest.cookie.as_str()));
    let count = Rc::new(Cell::new(0));
    let counting = Rc::clone(&count);
    let begin = format!("csrf={csrf}&rows=");
    let chunks = stream::once(future::ready(Ok(Bytes::from(begin))))
        .chain(stream::repeat_with(|| Ok(Bytes::from_static(&[b'a'; CHUNK]))));
    let request = with_body(request, chunks.inspect(move |_| counting.set(counting.get() + CHUNK)));
    let status = app.call(request).await.unwrap().status();
    (status.as_u16(), count.get())
}

#[actix_web::test]
async fn an_import_is_read_by_session_and_role_and_its_beginning_by_token() {
    let house = House::new().await;
    let viewer = Guest::of(&house, Role::Viewer).await;
    assert_eq!(import(&house, &viewer, &viewer.csrf).await, (403, 0));
    let operator = Guest::of(&house, Role::Operator).await;
    let (status, read) = import(&house, &operator, "x").await;
    assert_eq!(status, 403);
    assert!(read <= MAX_BODY + CHUNK, "{read}");
    let (status, read) = import(&house, &operator, &operator.csrf).await;
    assert_eq!(status, 413);
    assert!((8 << 20..(8 << 20) + 3 * CHUNK).contains(&read), "{read}");
}

#[actix_web::test]
async fn a_large_import_is_taken_whole_and_one_that_is_too_large_is_told_so_on_a_page() {
    let house = House::new().await;
    let guest = Guest::of(&house, Role::Operator).await;
    let rows: Vec<_> = (0..10_000).map(|number| format!("voice,77{number:06}")).collect();
    let done = guest.post("/console/access-codes/import", &[("rows", &rows.join("\r\n"))]).await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, "/console/access-codes?said=imported"));
    let declared = TestRequest::post().uri("/console/access-codes/import").insert_header(("content-length", "8388609"));
    let refused = call(&house.site, declared.insert_header(("content-type", FORM))).await;
    assert_eq!((refused.status.as_u16(), refused.header("content-type")), (413, "text/html; charset=utf-8"));
    let looked = guest.get("/console/access-codes/import").await;
    assert_eq!((looked.status.as_u16(), looked.header("location")), (303, "/console/access-codes"));
}

#[actix_web::test]
async fn a_form_of_very_many_fields_is_refused() {
    let (site, _directory) = open();
    let fields = |count: usize| "a=&".repeat(count - 1) + "token=x";
    let send = |path: &str, count| {
        TestRequest::post().uri(path).insert_header(("content-type", FORM)).set_payload(fields(count))
    };
    for (path, otherwise) in [("/console/sign-in", 401), ("/portal/sign-in", 401), ("/apply", 400)] {
        let refused = call(&site, send(path, 65)).await;
        assert_eq!(refused.status.as_u16(), 400, "{path}");
        let read = call(&site, send(path, 64)).await;
        assert_eq!(read.status.as_u16(), otherwise, "{path}: {}", read.body);
    }
}

/// Sends all but the end of a body to an application, until dropped.
async fn held<S, B>(app: &S, bytes: usize) -> impl Future<Output = Result<S::Response, S::Error>>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    let request = TestRequest::post().uri(SEND_CODE_PATH).insert_header(("content-type", "application/json"));
    let body = stream::once(future::ready(Ok(Bytes::from(vec![b' '; bytes])))).chain(stream::pending());
    let mut answer = Box::pin(app.call(with_body(request, body)));
    assert!(poll!(&mut answer).is_pending());
    answer
}

#[actix_web::test]
async fn an_address_that_holds_its_share_is_refused_and_others_are_not() {
    let site = Fixture::agreeable().site();
    let app = init_service(site.app()).await;
    let mut all = Vec::new();
    for _ in 0..2 * 1_024 * 1_024 / MAX_BODY {
        all.push(held(&app, MAX_BODY).await);
    }
    let refused: Answer = call(&site, post(SEND_CODE_PATH, CODE_REQUEST)).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "5"), "{}", refused.body);
    let other = call_from(&site, "192.0.2.2", post(SEND_CODE_PATH, CODE_REQUEST)).await;
    assert_eq!(other.status.as_u16(), 200);
    drop(all);
    assert_eq!(call(&site, post(SEND_CODE_PATH, CODE_REQUEST)).await.status.as_u16(), 200);
}

/// HTTP/2 compresses heads of kibibytes into bytes: exchanges are counted from their head on, whatever their bodies.
#[actix_web::test]
async fn heads_of_exchanges_are_held_in_the_name_of_their_address() {
    let site = Fixture::agreeable().site();
    let app = init_service(site.app()).await;
    let exchange = || {
        let request = TestRequest::post().uri(SEND_CODE_PATH).insert_header(("content-type", "application/json"));
        let request = request.insert_header(("x-long", "x".repeat(12 * 1_024)));
        app.call(with_body(request, stream::pending()))
    };
    let (mut all, mut refused) = (Vec::new(), None);
    while refused.is_none() {
        let mut answer = Box::pin(exchange());
        match poll!(&mut answer) {
            Poll::Pending => all.push(answer),
            Poll::Ready(answered) => refused = Some(answered.unwrap()),
        }
        assert!(all.len() < 1_050, "24 MiB are not 1,050 heads of 12 KiB with what is around them");
    }
    let refused = refused.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers().get("retry-after").unwrap().as_bytes()), (429, &b"5"[..]));
    assert!(all.len() > 900, "{}", all.len());
    let whole = || post(SEND_CODE_PATH, CODE_REQUEST).insert_header(("x-long", "x".repeat(12 * 1_024)));
    assert_eq!(call(&site, whole()).await.status.as_u16(), 429);
    assert_eq!(call_from(&site, "192.0.2.2", whole()).await.status.as_u16(), 200);
    drop((all, refused));
    assert_eq!(call(&site, whole()).await.status.as_u16(), 200);
}

/// A few bytes of a large buffer would keep all of it.
#[actix_web::test]
async fn a_chunk_is_copied_and_its_buffer_not_kept() {
    let app = init_service(Fixture::agreeable().site().app()).await;
    let buffer = Bytes::from(vec![b' '; 64 * 1_024]);
    let request = TestRequest::post().uri(SEND_CODE_PATH).insert_header(("content-type", "application/json"));
    let body = stream::once(future::ready(Ok(buffer.slice(..1)))).chain(stream::pending());
    let mut answer = Box::pin(app.call(with_body(request, body)));
    assert!(poll!(&mut answer).is_pending() && buffer.is_unique());
}

/// After an address sent too much that was not signed, nothing is read of a request whose access key is unknown, and
/// never of one that is too old.
#[actix_web::test]
async fn what_cannot_be_signed_is_not_read() {
    let mut fixture = Fixture::default();
    fixture.policy.limits.address.failures_per_hour = 1;
    let now = fixture.clock.now();
    fixture.callers = Some(CallerParts {
        callers: std::sync::Arc::new(fixture.ledger.clone()),
        replays: std::sync::Arc::new(trial_core::ports::MockReplayGuard::new()),
        keyring: std::sync::Arc::new(data::keyring()),
    });
    let app = init_service(fixture.site().app()).await;
    let claim = format!("{} Access=nobody, SignedHeaders=host;x-sdk-date, Signature=00", trial_signing::ALGORITHM);
    let read = async |at: chrono::DateTime<chrono::Utc>| {
        let request = TestRequest::post().uri(SEND_CODE_PATH).insert_header(("content-type", "application/json"));
        let date = at.format("%Y%m%dT%H%M%SZ").to_string();
        let request = request.insert_header(("authorization", claim.as_str())).insert_header(("x-sdk-date", date));
        let (request, count) = endless(request);
        let status = app.call(request).await.unwrap().status().as_u16();
        (status, count.get())
    };
    assert_eq!(read(now).await, (413, MAX_BODY + CHUNK));
    assert_eq!(read(now).await, (429, 0));
    assert_eq!(read(now - chrono::TimeDelta::hours(1)).await.1, 0);
}

#[actix_web::test]
async fn a_page_says_that_too_much_is_sent_at_once() {
    let site = Fixture::agreeable().site();
    let app = init_service(site.app()).await;
    let mut all = Vec::new();
    for _ in 0..2 * 1_024 * 1_024 / MAX_BODY {
        all.push(held(&app, MAX_BODY).await);
    }
    for path in ["/console/sign-in", "/portal/sign-in"] {
        let send = TestRequest::post().uri(path).insert_header(("content-type", FORM)).set_payload("token=x");
        let refused = call(&site, send).await;
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "5"), "{path}");
        assert!(refused.body.contains("Try again in a moment"), "{path}: {}", refused.body);
    }
}

#[actix_web::test]
async fn a_query_of_very_many_parameters_is_refused() {
    let (site, _directory) = open();
    let query = |count: usize| format!("/sandbox/messages?{}limit=1", "x=&".repeat(count - 1));
    let refused = call(&site, TestRequest::get().uri(&query(65))).await;
    assert_eq!(refused.status.as_u16(), 400);
    assert!(refused.body.contains("at most 64 parameters"), "{}", refused.body);
    let read = call(&site, TestRequest::get().uri(&query(64))).await;
    assert!(read.body.contains("the parameters are channel, to, limit"), "{}", read.body);
}
