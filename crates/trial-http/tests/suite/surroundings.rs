//! Health, metrics, documentation.

use std::future::poll_fn;
use std::io::{self, Write};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::http::StatusCode;
use actix_web::test::{call_service, init_service};
use actix_web::web::Bytes;
use trial_core::operators::Role;
use trial_core::ports::{Clock as _, Dependency, Operators as _};
use trial_http::{Envelope, Site};
use trial_testkit::{SeededEntropy, data};

use crate::support::{APPLICATION, APPLY_PATH, Fixture, call, get, post};

fn dependency(name: &'static str, problem: Option<&str>, is_vital: bool) -> Dependency {
    Dependency { name, problem: problem.map(str::to_owned), is_vital }
}

#[actix_web::test]
async fn the_process_is_healthy_while_it_serves() {
    let answer = call(&Fixture::default().site(), get("/healthz")).await;
    insta::assert_snapshot!("healthz", answer.shown());
}

#[actix_web::test]
async fn readiness_is_decided_by_what_is_vital() {
    let cases = [
        ("ready", vec![dependency("storage", None, true), dependency("mail", None, false)], 200),
        (
            "ready_without_mail",
            vec![dependency("storage", None, true), dependency("mail", Some("it cannot be reached"), false)],
            200,
        ),
        (
            "not_ready",
            vec![dependency("storage", Some("the ledger is busy"), true), dependency("mail", None, false)],
            503,
        ),
    ];
    for (name, dependencies, status) in cases {
        let mut fixture = Fixture::default();
        fixture.health.expect_dependencies().times(1).return_once(move || dependencies);
        let answer = call(&fixture.site(), get("/readyz")).await;
        assert_eq!(answer.status.as_u16(), status, "{name}");
        insta::assert_snapshot!(name, answer.shown());
    }
}

/// A reason may quote a reply of a gateway or a mail server.
#[actix_web::test]
async fn why_something_is_not_ready_is_told_to_administrators_and_operators_alone() {
    let mut fixture = Fixture::default();
    let operator = data::operator(1, "ada", Role::Viewer, fixture.clock.now());
    let by = data::changed_by(fixture.clock.now(), &SeededEntropy::new(3));
    fixture.ledger.add_operator(operator, by).await.unwrap();
    let reason = "535 authentication failed";
    fixture.health.expect_dependencies().returning(|| vec![dependency("mail", Some(reason), false)]);
    let site = fixture.site();
    let (public, admin) = site.clone().split();
    let shows = |token: &str| get("/readyz").insert_header(("authorization", format!("Bearer {token}")));
    let (right, wrong) = (data::operator_token(1), data::operator_token(2));
    for (site, request, is_told) in [
        (&site, get("/readyz"), false),
        (&public, get("/readyz"), false),
        (&public, shows(wrong.as_str()), false),
        (&public, shows(right.as_str()), true),
        (&admin, get("/readyz"), true),
    ] {
        let answer = call(site, request).await;
        assert_eq!(answer.json()["dependencies"][0]["ready"], false);
        assert_eq!(answer.body.contains(reason), is_told, "{}", answer.body);
    }
}

#[actix_web::test]
async fn requests_are_measured_by_route_and_status() {
    let site = Fixture::agreeable().site();
    call(&site, post(APPLY_PATH, APPLICATION)).await;
    call(&site, post("/nowhere/16673280001", APPLICATION)).await;
    let answer = call(&site, get("/metrics")).await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let has = |line: &str| answer.body.lines().any(|given| given.starts_with(line));
    assert!(
        has(&format!("trialgate_http_requests_total{{route=\"{APPLY_PATH}\",status=\"200\"}} ")),
        "{}",
        answer.body
    );
    assert!(has("trialgate_http_requests_total{route=\"unknown\",status=\"404\"} "));
    assert!(has(&format!("trialgate_http_request_duration_seconds_bucket{{route=\"{APPLY_PATH}\",le=\"0.005\"}} ")));
    assert!(has("trialgate_http_requests_in_flight "));
    assert!(!answer.body.contains("16673280001"), "no path of a caller's making is a label");
}

/// The slices in which a reply is sent.
async fn slices(site: &Site, path: &str) -> Vec<Bytes> {
    let app = init_service(site.app()).await;
    let mut body = pin!(call_service(&app, get(path).to_request()).await.into_body());
    let mut slices = Vec::new();
    while let Some(slice) = poll_fn(|context| body.as_mut().poll_next(context)).await {
        slices.push(slice.unwrap());
    }
    slices
}

/// A chunk is copied whole for its connection, and kept until the client has received it.
#[actix_web::test]
async fn a_large_reply_is_handed_out_in_slices_of_one_copy() {
    let site = Fixture::default().site();
    for path in ["/docs/swagger-ui-bundle.js", "/ops/openapi.json"] {
        let (one, other) = (slices(&site, path).await, slices(&site, path).await);
        assert!(one.len() > 4 && one.iter().all(|slice| slice.len() <= 16 * 1_024), "{path}");
        assert_eq!(one.concat(), call(&site, get(path)).await.body.as_bytes(), "{path}");
        assert!(one.iter().zip(&other).all(|(one, other)| one.as_ptr() == other.as_ptr()), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn measurements_are_rendered_once_a_second() {
    let site = Fixture::default().site();
    let counted = |body: &str| body.contains("requests_total{route=\"/healthz\",status=\"200\"}");
    assert!(!counted(&call(&site, get("/metrics")).await.body));
    call(&site, get("/healthz")).await;
    tokio::time::advance(Duration::from_millis(999)).await;
    assert!(!counted(&call(&site, get("/metrics")).await.body));
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(counted(&call(&site, get("/metrics")).await.body));
}

#[actix_web::test]
async fn the_committed_document_has_everything_that_can_be_configured() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let document = trial_http::openapi_json();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(path, &document).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == document, "docs/openapi.json is out of date; run the tests with UPDATE_OPENAPI=1");
}

#[actix_web::test]
async fn the_document_that_is_served_describes_what_this_service_takes() {
    let served = async |fixture: Fixture| call(&fixture.site(), get("/openapi.json")).await.json();
    let of = |envelope| {
        let mut fixture = Fixture::default();
        fixture.settings.envelope = envelope;
        fixture
    };
    let name = |schema: &str| format!("#/components/schemas/{schema}");
    for path in [crate::support::SEND_CODE_PATH, APPLY_PATH] {
        let fields = if path == APPLY_PATH { "Application" } else { "CodeRequest" };
        for (envelope, prefix) in [(Envelope::Flat, ""), (Envelope::Schema, "Nested")] {
            let document = served(of(envelope)).await;
            let post = &document["paths"][path]["post"];
            let request = &post["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            let reply = &post["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
            assert_eq!(*request, name(&format!("{prefix}{fields}")), "{path} {envelope:?}");
            assert_eq!(*reply, name(&format!("{prefix}Reply")), "{path} {envelope:?}");
        }
        let document = served(of(Envelope::Auto)).await;
        let request = &document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(request["oneOf"][0]["$ref"], name(fields), "{path}");
        assert_eq!(request["oneOf"][1]["$ref"], name(&format!("Nested{fields}")), "{path}");
        let responses = document["paths"][path]["post"]["responses"].as_object().unwrap();
        assert!(!responses.contains_key("403") && !responses.contains_key("401"), "nobody signs here");
    }
    assert!(served(Fixture::default()).await["paths"].get("/sandbox/messages").is_none());
    let (sandbox, _directory, _inbox) = Fixture::with_inbox();
    assert!(served(sandbox).await["paths"].get("/sandbox/messages").is_some());
}

#[actix_web::test]
async fn the_document_has_an_example_of_every_return_code() {
    let document = call(&Fixture::default().site(), get("/openapi.json")).await.json();
    let examples = |path: &str| {
        let content = &document["paths"][path]["post"]["responses"]["200"]["content"]["application/json"];
        content["examples"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(examples(crate::support::SEND_CODE_PATH), ["200", "201", "202", "204", "205"]);
    assert_eq!(examples(APPLY_PATH), ["000", "001", "002", "003", "004", "005", "006", "205"]);
}

#[actix_web::test]
async fn the_documentation_loads_nothing_from_elsewhere() {
    let site = Fixture::default().site();
    let moved = call(&site, get("/docs")).await;
    assert_eq!((moved.status, moved.header("location")), (StatusCode::PERMANENT_REDIRECT, "/docs/"));
    let page = call(&site, get("/docs/")).await;
    assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, "text/html"));
    assert!(
        !page.body.contains("http:") && !page.body.contains("https:") && !page.body.contains("//"),
        "{}",
        page.body
    );
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("http"), "{policy}");
    let references: Vec<_> = page
        .body
        .split(['"', ' '])
        .filter_map(|part| part.strip_prefix("./").or((part == "index.css").then_some(part)))
        .collect();
    assert_eq!(references.len(), 7, "{references:?}");
    for reference in references {
        let file = call(&site, get(&format!("/docs/{reference}"))).await;
        assert_eq!(file.status, StatusCode::OK, "{reference}");
    }
    let start = call(&site, get("/docs/swagger-initializer.js")).await;
    assert!(
        start.body.contains("\"/openapi.json\"") && start.body.contains("\"validatorUrl\": \"none\""),
        "{}",
        start.body
    );
    assert!(!start.body.contains("http"), "{}", start.body);
    assert_eq!(call(&site, get("/docs/../Cargo.toml")).await.status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn the_first_page_leads_on() {
    assert!(!call(&Fixture::default().site(), get("/")).await.body.contains("/sandbox"));
    let (fixture, _directory, _inbox) = Fixture::with_inbox();
    insta::assert_snapshot!("home", call(&fixture.site(), get("/")).await.shown());
}

/// Captured log lines.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[actix_web::test]
async fn an_exchange_is_one_line_of_log_without_personal_data() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let request = post(&format!("{APPLY_PATH}?phone=16673280001"), APPLICATION);
    call(&Fixture::agreeable().site(), request.insert_header(("x-request-id", "order-7"))).await;
    drop(guard);

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert_eq!(lines[0]["target"], "trialgate::access");
    let fields = &lines[0]["fields"];
    assert_eq!((&fields["method"], &fields["route"]), (&"POST".into(), &APPLY_PATH.into()));
    assert_eq!((&fields["status"], &fields["request_id"]), (&200.into(), &"order-7".into()));
    assert!(fields["duration_ms"].is_f64());
    for personal in ["16673280001", "Example", "example.com", "123456", "192.0.2.1"] {
        assert!(!text.contains(personal), "{text}");
    }
}
