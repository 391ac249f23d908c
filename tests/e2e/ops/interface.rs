//! The interface of the real binary, beside the command line.

use serde_json::{Value, json};
use trialgate_tests::{Applicant, Home, Service};

use super::{token, url};
use crate::databases::on_every_database;

on_every_database!(
    a_threshold_set_by_an_operator_holds_for_the_next_application,
    who_looked_and_who_changed_is_in_the_audit,
    a_revoked_token_is_worth_nothing_at_once,
    callers_are_stopped_limited_and_removed_and_their_secrets_are_not_told,
);

/// The answer to a request by an operator.
pub(super) async fn ask(
    service: &Service,
    token: &str,
    method: reqwest::Method,
    path: &str,
    body: Option<Value>,
) -> (u16, Value) {
    let mut request = reqwest::Client::new().request(method, format!("{}{path}", url(service))).bearer_auth(token);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or(Value::Null))
}

pub(super) async fn get(service: &Service, token: &str, path: &str) -> Value {
    let (status, body) = ask(service, token, reqwest::Method::GET, path, None).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

async fn a_threshold_set_by_an_operator_holds_for_the_next_application(home: Home) {
    let service = home.start().await;
    let ada = token(&home, "ada", "operator").await;
    let applicant = Applicant::new(1);
    let code = service.client().obtain_code(&applicant).await;
    let quota = |threshold: u32| {
        ask(&service, &ada, reqwest::Method::PUT, "/ops/v1/email-quota", Some(json!({"threshold": threshold})))
    };
    assert_eq!(quota(0).await.0, 200);
    assert_eq!(service.client().apply(&applicant, &code).await.code(), "205");
    assert_eq!(quota(5).await.1["today"]["left"], 5);
    assert_eq!(service.client().apply(&applicant, &code).await.code(), "000");
    service.client().mail_of(&applicant).await;
    let shown = get(&service, &ada, "/ops/v1/email-quota").await;
    assert_eq!((&shown["today"]["reserved"], &shown["thresholds"][1]["threshold"]), (&json!(1), &json!(0)));
    assert_eq!(home.ask_json(&["quota", "show"]).await["today"]["threshold"], 5);
}

async fn who_looked_and_who_changed_is_in_the_audit(home: Home) {
    let service = home.start().await;
    let applicant = Applicant::new(1);
    let code = service.client().obtain_code(&applicant).await;
    assert_eq!(service.client().apply(&applicant, &code).await.code(), "000");
    let [viewer, operator] = [token(&home, "vic", "viewer").await, token(&home, "ada", "operator").await];
    let tenants = get(&service, &viewer, "/ops/v1/tenants").await;
    let tenant = tenants["items"][0]["id"].as_str().unwrap();
    assert!(!tenants.to_string().contains(&applicant.phone) && !tenants.to_string().contains(&applicant.email));
    let path = format!("/ops/v1/tenants/{tenant}?reveal=true");
    assert_eq!(ask(&service, &viewer, reqwest::Method::GET, &path, None).await.0, 403);
    assert_eq!(get(&service, &operator, &path).await["email"], applicant.email);
    home.ask(&["quota", "set", "900"]).await;
    let audit = get(&service, &viewer, &format!("/ops/v1/audit?subject={tenant}")).await;
    let told = audit["items"].as_array().unwrap().iter().map(|entry| (&entry["actor"], &entry["action"]));
    let expected = [(&json!("ada"), &json!("tenant.reveal")), (&json!("applicant"), &json!("tenant.create"))];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    let set = get(&service, &viewer, "/ops/v1/audit?action=setting.set").await;
    assert!(set["items"][0]["actor"].as_str().unwrap().starts_with("cli:"), "{set}");
}

async fn a_revoked_token_is_worth_nothing_at_once(home: Home) {
    let service = home.start().await;
    let ada = token(&home, "ada", "admin").await;
    assert_eq!(get(&service, &ada, "/ops/v1/me").await["name"], "ada");
    home.ask(&["operators", "revoke", "ada"]).await;
    assert_eq!(ask(&service, &ada, reqwest::Method::GET, "/ops/v1/me", None).await.0, 401);
    let said = home.ask(&["openapi", "--interface", "ops"]).await;
    let served = reqwest::get(format!("{}/ops/openapi.json", url(&service))).await.unwrap().text().await.unwrap();
    assert_eq!(said.trim_end(), served.trim_end(), "the document takes no token");
}

async fn callers_are_stopped_limited_and_removed_and_their_secrets_are_not_told(home: Home) {
    let service = home.start().await;
    let added = home.ask_json(&["callers", "add", "site"]).await;
    let [ada, root] = [token(&home, "ada", "operator").await, token(&home, "root", "admin").await];
    let order = async |token: &str, what: &str, body: Option<Value>| {
        ask(&service, token, reqwest::Method::POST, &format!("/ops/v1/callers/site/{what}"), body).await
    };
    let listed = get(&service, &ada, "/ops/v1/callers").await;
    let caller = &listed["items"][0];
    assert_eq!((&caller["accessKey"], &caller["seal"]), (&added["accessKey"], &json!("current")));
    assert!(!listed.to_string().contains(added["secretKey"].as_str().unwrap()), "{listed}");
    let shown = async || home.ask_json(&["callers", "list"]).await["items"][0].clone();
    assert_eq!(order(&ada, "suspend", None).await.0, 200);
    assert_eq!(shown().await["state"], "suspended");
    assert_eq!(order(&ada, "resume", None).await.1["state"], "active");
    assert_eq!(order(&ada, "limits", Some(json!({"rate": 7}))).await.0, 403);
    assert_eq!(order(&root, "limits", Some(json!({"rate": 7, "scopes": ["query"]}))).await.0, 200);
    let limited = shown().await;
    assert_eq!((&limited["rate"], &limited["scopes"]), (&json!(7), &json!(["query"])));
    assert_eq!(order(&ada, "remove", None).await.0, 403);
    assert_eq!(order(&root, "remove", None).await.0, 200);
    assert_eq!(shown().await["state"], "removed");
    let audit = get(&service, &ada, "/ops/v1/audit?subject=site").await;
    let told = audit["items"].as_array().unwrap().iter().map(|entry| (entry["actor"].clone(), entry["action"].clone()));
    let mut told: Vec<_> = told.collect();
    let (by, added) = told.pop().unwrap();
    assert!(by.as_str().unwrap().starts_with("cli:") && added == "caller.add", "{audit}");
    let done = [("root", "remove"), ("root", "set"), ("ada", "resume"), ("ada", "suspend")];
    assert_eq!(told, done.map(|(who, what)| (json!(who), json!(format!("caller.{what}")))));
}
