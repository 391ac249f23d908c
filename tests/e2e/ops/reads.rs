//! Each read has one view: the command line and the operations interface print the same JSON.

use reqwest::Method;
use serde_json::{Value, json};
use trialgate_tests::{Applicant, Home, Service};

use super::interface::{ask, get};
use super::token;

/// Tenants, mails, refusals, a client, a safe number range and changed settings to read.
async fn fill(home: &Home, service: &Service, root: &str) -> Applicant {
    let applicant = Applicant::new(1);
    for applicant in [&applicant, &Applicant::new(2)] {
        let code = service.client().obtain_code(applicant).await;
        assert_eq!(service.client().apply(applicant, "000000x").await.code(), "002");
        assert_eq!(service.client().apply(applicant, &code).await.code(), "000");
        service.client().mail_of(applicant).await;
    }
    home.ask(&["callers", "add", "site"]).await;
    home.ask(&["prefixes", "safe", "add", "+86166", "--reason", "our own office"]).await;
    let threshold = Some(json!({"threshold": 900}));
    assert_eq!(ask(service, root, Method::PUT, "/ops/v1/email-quota", threshold).await.0, 200);
    applicant
}

#[tokio::test]
async fn the_command_line_and_the_interface_print_the_same() {
    let home = Home::new();
    let service = home.sandbox().await;
    let root = token(&home, "root", "admin").await;
    let applicant = fill(&home, &service, &root).await;
    let all = get(&service, &root, "/ops/v1/tenants").await;
    let tenant = all["items"][1]["id"].as_str().unwrap().to_owned();
    home.ask(&["tenants", "suspend", &tenant]).await;
    let after = all["items"][0]["id"].as_str().unwrap().to_owned();
    let phone = applicant.e164();
    for (command, path) in [
        (vec!["tenants", "list"], "/ops/v1/tenants?reveal=true".to_owned()),
        (vec!["tenants", "list", "--limit", "1"], "/ops/v1/tenants?limit=1&reveal=true".to_owned()),
        (vec!["tenants", "list", "--before", &after], format!("/ops/v1/tenants?cursor={after}&reveal=true")),
        (vec!["tenants", "show", &tenant], format!("/ops/v1/tenants/{tenant}?reveal=true")),
        (vec!["mail", "list", "--state", "sent"], "/ops/v1/mails?state=sent&reveal=true".to_owned()),
        (vec!["access-codes", "stock"], "/ops/v1/access-codes/stock".to_owned()),
        (
            vec!["access-codes", "list", "--kind", "voice", "--state", "leased"],
            "/ops/v1/access-codes?kind=voice&state=leased".to_owned(),
        ),
        (vec!["phones", "show", &phone], format!("/ops/v1/phones/{phone}?reveal=true")),
        (vec!["quota", "show"], "/ops/v1/email-quota".to_owned()),
        (vec!["quota", "show", "--days", "3"], "/ops/v1/email-quota?days=3".to_owned()),
        (vec!["settings", "list"], "/ops/v1/settings".to_owned()),
        (vec!["prefixes", "list"], "/ops/v1/prefixes".to_owned()),
        (vec!["callers", "list"], "/ops/v1/callers".to_owned()),
        (vec!["operators", "list"], "/ops/v1/operators".to_owned()),
        (
            vec!["audit", "list", "--action", "setting.set", "--reveal"],
            "/ops/v1/audit?action=setting.set&reveal=true".to_owned(),
        ),
    ] {
        let printed = home.ask_json(&command).await;
        let served = get(&service, &root, &path).await;
        assert_eq!(printed, served, "{command:?} and {path}");
        let is_filled = |value: &Value| value.as_array().is_some_and(|items| !items.is_empty());
        let lists: Vec<_> = served.as_object().unwrap().values().filter(|value| value.is_array()).collect();
        assert!(lists.is_empty() || lists.into_iter().any(is_filled), "{path} has nothing to compare: {served}");
    }
    let suspended = home.ask_json(&["tenants", "show", &tenant]).await;
    assert!(suspended["status"] == "suspended" && suspended["suspendedAt"].is_string(), "{suspended}");

    let found = get(&service, &root, &format!("/ops/v1/applications?phone={phone}")).await;
    let application = found["items"][0]["id"].as_str().unwrap().to_owned();
    let served = get(&service, &root, &format!("/ops/v1/applications/{application}?reveal=true")).await;
    let printed = home.ask_json(&["applications", "find", "--phone", &phone]).await;
    assert_eq!(printed["timeline"], served["timeline"]);
    let requests = get(&service, &root, &format!("/ops/v1/requests?phone={phone}&reveal=true")).await;
    assert_eq!(printed["requests"], requests["items"]);
    assert_eq!(requests["items"][0]["id"], json!(application), "newest first");
    let request = get(&service, &root, &format!("/ops/v1/requests/{application}?reveal=true")).await;
    assert_eq!((&request["timeline"], &request["request"]), (&served["timeline"], &requests["items"][0]));
    let sent = get(&service, &root, "/ops/v1/requests?interface=generateverifycode&returnCode=200&limit=1").await;
    assert_eq!(sent["items"][0]["gateway"], "sandbox", "{sent}");
    let older = sent["nextCursor"].as_str().unwrap();
    let path = format!("/ops/v1/requests?interface=generateverifycode&limit=1&cursor={older}");
    assert_eq!(get(&service, &root, &path).await["items"][0]["id"], requests["items"][2]["id"]);
    let kinds: Vec<_> = served["timeline"].as_array().unwrap().iter().map(|event| event["kind"].clone()).collect();
    for kind in ["code_request", "application", "mail", "change"] {
        assert!(kinds.contains(&json!(kind)), "{kind}: {served}");
    }
}
