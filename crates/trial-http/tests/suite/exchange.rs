//! Ids, statuses and headers common to all requests.

use std::fmt::Write as _;

use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use trial_core::ports::Unexpected;
use trial_core::return_codes::ApplyReply;
use trial_core::values::RequestId;

use crate::support::{APPLICATION, APPLY_PATH, Answer, CODE_REQUEST, Fixture, SEND_CODE_PATH, call, get, post};

#[actix_web::test]
async fn a_sane_request_id_is_the_callers_own() {
    for given in ["a", "0-9_.:Z", &"x".repeat(RequestId::MAX_LENGTH)] {
        let request = post(SEND_CODE_PATH, CODE_REQUEST).insert_header(("x-request-id", given));
        assert_eq!(call(&Fixture::agreeable().site(), request).await.header("x-request-id"), given);
    }
}

#[actix_web::test]
async fn any_other_is_replaced() {
    let site = Fixture::agreeable().site();
    let mut seen = std::collections::HashSet::new();
    for given in ["", " ", "a b", "a\tb", "ü", "<x>", "a,b", &"x".repeat(RequestId::MAX_LENGTH + 1)] {
        let request = post(SEND_CODE_PATH, CODE_REQUEST).insert_header(("x-request-id", given.as_bytes()));
        let id = call(&site, request).await.header("x-request-id").to_owned();
        assert_eq!((id.len(), &id[14..15]), (36, "7"), "{given:?}: a UUID of version 7");
        assert!(seen.insert(id), "{given:?}: never given before");
    }
}

#[actix_web::test]
async fn every_other_status_is_a_problem_with_the_request_id() {
    // The awaited event is the same on a slow machine.
    tokio::time::pause();
    let mut limited = Fixture::agreeable();
    limited.policy.limits.address.codes_per_hour = 1;
    let limited = limited.site();
    call(&limited, post(SEND_CODE_PATH, CODE_REQUEST)).await;

    let mut failing = Fixture::default();
    failing.service.expect_apply().returning(|_| Err(Unexpected));
    let failing = failing.site();
    let site = Fixture::default().site();

    let mut shown = String::new();
    for (name, site, request, status) in [
        ("not found", &site, get("/nowhere"), 404),
        ("not found by POST", &site, post("/nowhere", "{}"), 404),
        ("method not allowed", &site, get(SEND_CODE_PATH), 405),
        ("too many requests", &limited, post(SEND_CODE_PATH, CODE_REQUEST), 429),
        ("unexpected", &failing, post(APPLY_PATH, APPLICATION), 500),
    ] {
        let answer = call(site, request.insert_header(("x-request-id", "order-7"))).await;
        assert_eq!(answer.status.as_u16(), status, "{name}");
        assert_eq!(answer.json()["requestId"], "order-7", "{name}");
        assert_eq!(answer.header("x-request-id"), "order-7", "{name}");
        writeln!(shown, "# {name}\n{}", answer.shown()).unwrap();
    }
    insta::assert_snapshot!("problems", shown);
}

#[actix_web::test]
async fn every_reply_has_the_headers_that_all_have() {
    let (fixture, _directory, _inbox) = Fixture::with_inbox();
    let site = fixture.site();
    for path in [
        "/",
        "/healthz",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/docs/",
        "/docs/nothing",
        "/sandbox",
        "/sandbox/messages",
        "/sandbox/faults",
        "/sandbox/messages?limit=0",
        "/nowhere",
        "/callbacks/sms/huawei/secret",
        SEND_CODE_PATH,
        APPLY_PATH,
    ] {
        let answer = call(&site, get(path)).await;
        assert_eq!(answer.header("x-request-id").len(), 36, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        let cache = answer.header("cache-control");
        assert!(cache == "no-store" || path.starts_with("/docs/") && cache == "max-age=3600", "{path}: {cache}");
    }
}

#[actix_web::test]
async fn other_methods_are_told_which_there_are() {
    let (mut fixture, _directory, _inbox) = Fixture::with_inbox();
    fixture.health.expect_dependencies().returning(Vec::new);
    let site = fixture.site();
    let with = async |method: Method, path: &str| -> Answer {
        call(&site, TestRequest::default().method(method).uri(path)).await
    };
    for path in [SEND_CODE_PATH, APPLY_PATH, "/callbacks/sms/huawei/secret"] {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::PATCH, Method::DELETE, Method::TRACE] {
            let answer = with(method.clone(), path).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(answer.header("allow"), "POST, OPTIONS", "{method} {path}");
        }
        let answer = with(Method::OPTIONS, path).await;
        assert_eq!((answer.status, answer.header("allow")), (StatusCode::NO_CONTENT, "POST, OPTIONS"));
    }
    for path in ["/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs/", "/sandbox", "/sandbox/messages"] {
        let answer = with(Method::POST, path).await;
        assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD, OPTIONS"));
        assert_eq!(with(Method::HEAD, path).await.status, StatusCode::OK, "{path}");
        assert_eq!(with(Method::OPTIONS, path).await.status, StatusCode::NO_CONTENT, "{path}");
    }
    assert_eq!(with(Method::DELETE, "/sandbox/faults").await.header("allow"), "GET, HEAD, PUT, OPTIONS");
}

#[actix_web::test]
async fn a_panic_behind_the_port_is_an_unexpected_failure() {
    let mut fixture = Fixture::default();
    fixture.service.expect_apply().returning(|_| panic!("on purpose"));
    fixture.service.expect_send_code().returning(|_| panic!("on purpose"));
    let site = fixture.site();
    for (path, body) in [(APPLY_PATH, APPLICATION), (SEND_CODE_PATH, CODE_REQUEST)] {
        let answer = call(&site, post(path, body)).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(answer.json().get("detail").is_none(), "the request id and nothing else");
    }
}

#[actix_web::test]
async fn a_path_is_taken_as_it_is_written() {
    let site = Fixture::default().site();
    for path in
        [format!("{APPLY_PATH}/"), APPLY_PATH.to_lowercase(), format!("/{APPLY_PATH}"), format!("{APPLY_PATH}x")]
    {
        assert_eq!(call(&site, post(&path, APPLICATION)).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let with_query = format!("{APPLY_PATH}?phone=1&x=%00");
    assert_eq!(call(&Fixture::agreeable().site(), post(&with_query, APPLICATION)).await.status, StatusCode::OK);
}

/// 005 has a wait of a whole minute; a fraction of a second is rounded up elsewhere, never down to 0.
#[actix_web::test]
async fn a_wait_is_given_in_whole_seconds() {
    let mut fixture = Fixture::default();
    fixture.service.expect_apply().returning(|_| Ok(ApplyReply::CONFLICT));
    assert_eq!(call(&fixture.site(), post(APPLY_PATH, APPLICATION)).await.header("retry-after"), "60");
}
