//! The signer of the public SDK signs as we do, and its signatures are accepted.

use serde_json::{Value, json};
use trial_core::ports::{Clock as _, SmsGateway as _};
use trial_core::values::Locale;
use trial_signing::{AccessKey, RequestParts, Signed, query_pairs};
use trial_testkit::FixedClock;

use super::program::{Program, python};
use crate::gateways::{PATIENT, huawei, huawei_settings};
use crate::provider::{Provider, Script};
use crate::requests::message;

#[tokio::test]
async fn the_public_sdk_signs_our_requests_as_we_do() {
    let provider = Provider::start(Script::Cut).await;
    huawei(huawei_settings(provider.url(), PATIENT)).send(&message(Locale::ZhCn)).await;
    let request = provider.requests().pop().unwrap();
    let mut sdk = Program::start(python("signing.py"));
    sdk.say(&json!({
        "key": "app-key", "secret": "app-secret", "method": request.method, "host": request.header("host"),
        "path": request.target, "query": [], "body": request.body,
        "headers": {
            "Host": request.header("host"),
            "Content-Type": request.header("content-type"),
            "X-Sdk-Date": request.header("x-sdk-date"),
        },
    }))
    .await;
    let signed = sdk.hear().await;
    assert_eq!(signed["headers"]["Authorization"], request.header("authorization"));
    assert_eq!(signed["headers"]["X-Sdk-Content-Sha256"], request.header("x-sdk-content-sha256"));
}

/// Requests of possible clients, odd ones among them.
fn requests() -> [Value; 9] {
    let path = "/apiaccess/rest/ipccprovision/v1/applyTry/generateverifycode";
    let json = json!({"Content-Type": "application/json"});
    [
        json!({"method": "POST", "path": path, "query": [], "headers": json, "body": r#"{"phone":"16673280001"}"#}),
        json!({"method": "post", "path": path, "query": [], "headers": json, "body": r#"{"公司":"云"}"#}),
        json!({"method": "POST", "path": "/", "query": [], "headers": {}, "body": ""}),
        json!({
            "method": "GET", "path": "/a b/中~*", "query": [["b", "x y~*/+"], ["a", "2"], ["a", "10"], ["a-b", ""]],
            "headers": {"X-Note": "  spaced  "}, "body": "",
        }),
        json!({"method": "GET", "path": "/%2F/%25/a%20b;c=d/./..", "query": [["", ""], ["=", "&"]], "headers": {}, "body": ""}),
        json!({"method": "DELETE", "path": "/a//b/", "query": [["中", "文"], ["a", "\u{1F600}"]], "headers": json, "body": ""}),
        json!({"method": "POST", "path": path, "query": [], "headers": {
            "Content-Type": "application/json; charset=utf-8", "X_Odd": "left out", "X-Empty": "", "x-Request-Id": "a,b;c",
        }, "body": "{\"a\":\"\u{0}\u{7F}\"}"}),
        json!({"method": "PATCH", "path": "/~user/-._/", "query": [["a", "1"], ["a", "1"]], "headers": json, "body": "\r\n"}),
        json!({
            "method": "PUT", "path": "/form/", "query": [["q", "中"]],
            "headers": {"Content-Type": "application/x-www-form-urlencoded"}, "body": "a=1&b=%20",
        }),
    ]
}

#[tokio::test]
async fn signatures_of_the_public_sdk_are_accepted() {
    let mut sdk = Program::start(python("signing.py"));
    let now = FixedClock::default().now();
    for mut request in requests() {
        request["key"] = json!("caller");
        request["secret"] = json!("secret");
        request["host"] = json!("trialgate.example.com");
        request["headers"]["X-Sdk-Date"] = json!(now.format("%Y%m%dT%H%M%SZ").to_string());
        sdk.say(&request).await;
        let signed = sdk.hear().await;
        let given = signed["headers"].as_object().unwrap();
        let headers: Vec<_> =
            given.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap().as_bytes())).collect();
        let text = |key: &str| request[key].as_str().unwrap();
        let query = signed["uri"].as_str().unwrap().split_once('?').map_or("", |(_, query)| query);
        // The SDK sends in capitals as it signs.
        let method = text("method").to_ascii_uppercase();
        let parts = RequestParts {
            method: &method,
            path: text("path"),
            query: &query_pairs(query).unwrap(),
            headers: &headers,
            body: text("body").as_bytes(),
        };
        let claim = Signed::parse(&parts).unwrap();
        assert_eq!(claim.access(), "caller");
        let key = AccessKey::new("caller", "secret");
        assert_eq!(claim.verify_as_sdks_sign(&parts, &key, now), Ok(()), "{request}");
        let is_signed_whole = signed["headers"].get("X-Sdk-Content-Sha256").is_none();
        assert_eq!(claim.verify(&parts, &key, now).is_ok(), is_signed_whole, "{request}");
        let wrong = AccessKey::new("caller", "other");
        assert!(claim.verify(&parts, &wrong, now).is_err());
    }
}
