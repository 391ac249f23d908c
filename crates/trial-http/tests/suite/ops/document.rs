//! The OpenAPI document of the operations interface.

use actix_web::http::StatusCode;
use serde_json::Value;

use crate::support::{Fixture, call, get};

#[actix_web::test]
async fn the_committed_document_is_the_one_that_is_served() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi-ops.json");
    let answer = call(&Fixture::default().site(), get("/ops/openapi.json")).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, trial_http::ops_openapi_json().as_str()));
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(path, &answer.body).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == answer.body, "docs/openapi-ops.json is out of date; run the tests with UPDATE_OPENAPI=1");
}

/// Every reference resolves; every operation has an id of its own and lists its failures.
#[test]
fn the_document_holds_together() {
    let text = trial_http::ops_openapi_json();
    let document: Value = serde_json::from_str(&text).unwrap();
    let mut references = 0;
    for reference in text.split("\"$ref\": \"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
        references += 1;
    }
    assert!(references > 100, "{references}");
    let mut ids = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            ids.push(operation["operationId"].as_str().unwrap().to_owned());
            for status in ["400", "401", "429", "500", "503"] {
                assert!(operation["responses"].get(status).is_some(), "{method} {path} {status}");
            }
            assert_eq!(operation["responses"].get("404").is_some(), path.contains('{'), "{method} {path}");
            assert_eq!(operation["responses"].get("415").is_some(), operation.get("requestBody").is_some());
        }
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}
