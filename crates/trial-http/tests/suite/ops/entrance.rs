//! The role that each operation requires, and the rejection of everybody else.

use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use trial_core::operators::Role;
use trial_core::ports::Clock as _;
use trial_testkit::data;

use super::{House, shown};
use crate::support::{call, call_from, get};

const NOBODY: &str = "019aa6f2-7c3e-7f00-8000-000000000000";

/// Every operation with the lowest role that it requires, and its answer to that role.
fn operations(house: &House) -> Vec<(Method, String, Option<&'static str>, Role, u16)> {
    let (tenant, mail) = (house.tenant, house.failed_mail);
    let get = |path: &str, role, status| (Method::GET, path.to_owned(), None, role, status);
    let post = |path: &str, body, role, status| (Method::POST, path.to_owned(), body, role, status);
    vec![
        get("/ops/v1/me", Role::Viewer, 200),
        get("/ops/v1/tenants", Role::Viewer, 200),
        get("/ops/v1/tenants?reveal=true", Role::Operator, 200),
        get(&format!("/ops/v1/tenants/{tenant}"), Role::Viewer, 200),
        get(&format!("/ops/v1/tenants/{tenant}?reveal=true"), Role::Operator, 200),
        post(&format!("/ops/v1/tenants/{tenant}/convert"), None, Role::Operator, 200),
        post(&format!("/ops/v1/tenants/{tenant}/extend"), Some(r#"{"days":30}"#), Role::Operator, 200),
        post(&format!("/ops/v1/tenants/{tenant}/suspend"), None, Role::Operator, 200),
        post(&format!("/ops/v1/tenants/{tenant}/resume"), None, Role::Operator, 409),
        post(&format!("/ops/v1/tenants/{tenant}/close"), None, Role::Operator, 200),
        post(&format!("/ops/v1/tenants/{tenant}/reopen"), None, Role::Operator, 409),
        post(&format!("/ops/v1/tenants/{tenant}/resend-mail"), None, Role::Operator, 200),
        get("/ops/v1/requests", Role::Viewer, 200),
        get("/ops/v1/requests?reveal=true", Role::Operator, 200),
        get(&format!("/ops/v1/requests/{}", house.application), Role::Viewer, 200),
        get(&format!("/ops/v1/requests/{}?reveal=true", house.application), Role::Operator, 200),
        get("/ops/v1/applications", Role::Viewer, 200),
        get("/ops/v1/applications?reveal=true", Role::Operator, 200),
        get(&format!("/ops/v1/applications/{}", house.application), Role::Viewer, 200),
        get(&format!("/ops/v1/applications/{}?reveal=true", house.application), Role::Operator, 200),
        get("/ops/v1/access-codes", Role::Viewer, 200),
        post(&format!("/ops/v1/access-codes/{}/retire", house.free_code), None, Role::Operator, 200),
        post(&format!("/ops/v1/access-codes/{}/release", house.free_code), None, Role::Operator, 409),
        get("/ops/v1/access-codes/stock", Role::Viewer, 200),
        post("/ops/v1/access-codes/import", Some(r#"{"rows":[{"kind":"voice","code":"97009"}]}"#), Role::Operator, 200),
        get("/ops/v1/email-quota", Role::Viewer, 200),
        (Method::PUT, "/ops/v1/email-quota".to_owned(), Some(r#"{"threshold":7}"#), Role::Operator, 200),
        get("/ops/v1/settings", Role::Viewer, 200),
        (Method::PUT, "/ops/v1/settings/pool.low_water".to_owned(), Some(r#"{"value":"7"}"#), Role::Admin, 200),
        (Method::DELETE, "/ops/v1/settings/pool.low_water".to_owned(), None, Role::Admin, 200),
        get("/ops/v1/mails", Role::Viewer, 200),
        get("/ops/v1/mails?reveal=true", Role::Operator, 200),
        post("/ops/v1/mails/retry", Some(r#"{"since":"2999-01-01T00:00:00Z"}"#), Role::Operator, 200),
        post(&format!("/ops/v1/mails/{mail}/retry"), None, Role::Operator, 200),
        get("/ops/v1/phones/+8616600000001", Role::Viewer, 200),
        get("/ops/v1/phones/+8616600000001?reveal=true", Role::Operator, 200),
        post("/ops/v1/phones/+8616600000001/unlock", None, Role::Operator, 200),
        get("/ops/v1/prefixes", Role::Viewer, 200),
        post("/ops/v1/prefixes/+861660000/release", None, Role::Operator, 200),
        (Method::PUT, "/ops/v1/prefixes/+8617/safe".to_owned(), Some(r#"{"reason":"ours"}"#), Role::Operator, 200),
        (Method::DELETE, "/ops/v1/prefixes/+8618/safe".to_owned(), None, Role::Operator, 200),
        get("/ops/v1/callers", Role::Viewer, 200),
        post("/ops/v1/callers/site/suspend", None, Role::Operator, 200),
        post("/ops/v1/callers/site/resume", None, Role::Operator, 409),
        post("/ops/v1/callers/site/limits", Some(r#"{"rate":60}"#), Role::Admin, 200),
        post("/ops/v1/callers/site/remove", None, Role::Admin, 200),
        get("/ops/v1/audit", Role::Viewer, 200),
        get("/ops/v1/audit?reveal=true", Role::Operator, 200),
        get("/ops/v1/operators", Role::Admin, 200),
        post("/ops/v1/operators", Some(r#"{"name":"new-one","role":"admin"}"#), Role::Admin, 200),
        post("/ops/v1/operators/viewer-one/revoke", None, Role::Admin, 204),
    ]
}

fn request(method: &Method, path: &str, body: Option<&'static str>) -> TestRequest {
    let request = TestRequest::default().method(method.clone()).uri(path);
    match body {
        Some(body) => request.insert_header(("content-type", "application/json")).set_payload(body),
        None => request,
    }
}

#[actix_web::test]
async fn each_operation_takes_its_role() {
    let count = operations(&House::new().await).len();
    for place in 0..count {
        let house = House::new().await;
        let (method, path, body, least, status) = operations(&house).remove(place);
        let audited = house.audited();
        let stranger = call(&house.site, request(&method, &path, body)).await;
        assert_eq!(stranger.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        for role in Role::ALL {
            let answer = house.ask(*role, request(&method, &path, body)).await;
            if *role >= least {
                assert_eq!(answer.status.as_u16(), status, "{method} {path} as {role}: {}", answer.body);
                break;
            }
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path} as {role}");
            assert_eq!(house.audited(), audited, "{method} {path} as {role} changed something");
        }
    }
}

/// The table above has every operation of the document.
#[actix_web::test]
async fn no_operation_is_forgotten() {
    let house = House::new().await;
    let document: serde_json::Value = serde_json::from_str(&trial_http::ops_openapi_json()).unwrap();
    let tried = operations(&house);
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let fits = |asked: &str| {
                let asked = asked.split('?').next().unwrap();
                let mut pairs = path.split('/').zip(asked.split('/'));
                path.split('/').count() == asked.split('/').count()
                    && pairs.all(|(known, given)| (known.starts_with('{') && given != "stock") || known == given)
            };
            let is_tried = tried.iter().any(|(m, p, ..)| m.as_str().eq_ignore_ascii_case(method) && fits(p));
            assert!(is_tried, "{method} {path}");
        }
    }
}

#[actix_web::test]
async fn whoever_is_not_let_in_is_not_told_why() {
    let house = House::new().await;
    let ask = async |authorization: Option<String>| {
        let request = get("/ops/v1/me").insert_header(("x-request-id", "asked"));
        let request = match authorization {
            Some(value) => request.insert_header(("authorization", value)),
            None => request,
        };
        call(&house.site, request).await.shown()
    };
    let none = ask(None).await;
    insta::assert_snapshot!("unauthorized", none);
    let token = data::operator_token(1);
    let token = token.as_str();
    let unknown = data::operator_token(9);
    for wrong in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        token.to_owned(),
        format!("Basic {token}"),
        format!("Bearer {token}x"),
        format!("Bearer {} {token}", unknown.as_str()),
        format!("Bearer {}", unknown.as_str()),
        "Bearer tgo_ü".to_owned(),
    ] {
        assert_eq!(ask(Some(wrong.clone())).await, none, "{wrong}");
    }
    let now = house.clock.now();
    house.change_operator(Role::Viewer, |operator| operator.expires_at = Some(now));
    assert_eq!(ask(Some(format!("Bearer {token}"))).await, none, "expired");
    house.change_operator(Role::Viewer, |operator| operator.revoked_at = Some(now));
    assert_eq!(ask(Some(format!("Bearer {token}"))).await, none, "revoked");
}

#[actix_web::test]
async fn the_scheme_is_written_in_any_case() {
    let house = House::new().await;
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let value = format!("{scheme} {}", data::operator_token(1).as_str());
        let answer = call(&house.site, get("/ops/v1/me").insert_header(("authorization", value))).await;
        assert_eq!(answer.status, StatusCode::OK, "{scheme}");
    }
    let twice = get("/ops/v1/me")
        .append_header(("authorization", format!("Bearer {}", data::operator_token(1).as_str())))
        .append_header(("authorization", format!("Bearer {}", data::operator_token(2).as_str())));
    assert_eq!(call(&house.site, twice).await.status, StatusCode::UNAUTHORIZED);
}

#[actix_web::test]
async fn strangers_are_slowed_down_by_address_and_operators_are_not() {
    tokio::time::pause();
    let house = House::new().await;
    let ask = async |peer: &str| call_from(&house.site, peer, get("/ops/v1/me")).await;
    for _ in 0..60 {
        assert_eq!(ask("192.0.2.7").await.status, StatusCode::UNAUTHORIZED);
    }
    let slowed = ask("192.0.2.7").await;
    assert_eq!((slowed.status, slowed.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "60"));
    assert_eq!(ask("192.0.2.8").await.status, StatusCode::UNAUTHORIZED, "another address");
    let operator = shown(get("/ops/v1/me"), data::operator_token(1).as_str());
    assert_eq!(call_from(&house.site, "192.0.2.7", operator).await.status, StatusCode::OK);
    tokio::time::advance(Duration::from_mins(1)).await;
    assert_eq!(ask("192.0.2.7").await.status, StatusCode::UNAUTHORIZED);
}

#[actix_web::test]
async fn what_is_not_there_is_404_and_other_methods_are_405() {
    let house = House::new().await;
    for path in [
        format!("/ops/v1/tenants/{NOBODY}"),
        "/ops/v1/tenants/x".to_owned(),
        format!("/ops/v1/mails/{NOBODY}"),
        "/ops/v1".to_owned(),
        "/ops/v1/".to_owned(),
    ] {
        assert_eq!(house.get(Role::Admin, &path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    for path in [
        format!("/ops/v1/mails/{NOBODY}/retry"),
        "/ops/v1/mails/x/retry".to_owned(),
        format!("/ops/v1/tenants/{NOBODY}/convert"),
        "/ops/v1/tenants/x/close".to_owned(),
        "/ops/v1/access-codes/nothing/retire".to_owned(),
        "/ops/v1/phones/+8616600000009/unlock".to_owned(),
        "/ops/v1/prefixes/+8617/release".to_owned(),
        "/ops/v1/callers/nobody/suspend".to_owned(),
        "/ops/v1/callers/cli:site/resume".to_owned(),
        "/ops/v1/callers/nobody/remove".to_owned(),
        "/ops/v1/operators/nobody/revoke".to_owned(),
        "/ops/v1/operators/cli:root/revoke".to_owned(),
    ] {
        let answer = house.ask(Role::Admin, TestRequest::post().uri(&path)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {}", answer.body);
    }
    for (path, allow) in [
        ("/ops/v1/me", "GET, HEAD, OPTIONS"),
        ("/ops/v1/email-quota", "GET, HEAD, PUT, OPTIONS"),
        ("/ops/v1/operators", "GET, HEAD, POST, OPTIONS"),
        ("/ops/v1/access-codes/import", "POST, OPTIONS"),
        ("/ops/v1/callers", "GET, HEAD, OPTIONS"),
        ("/ops/v1/callers/site/remove", "POST, OPTIONS"),
    ] {
        let answer = house.ask(Role::Admin, TestRequest::delete().uri(path)).await;
        assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, allow), "{path}");
    }
}
