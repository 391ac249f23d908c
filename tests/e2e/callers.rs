//! Back ends that sign their requests: added, suspended and given new secrets beside the service.

use std::fs;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use trial_signing::{AccessKey, RequestParts, query_pairs, sign};
use trialgate_tests::{
    APPLY_PATH, Applicant, Client, Home, QUERY_TENANT_PATH, Reply, SEND_CODE_PATH, SERVING, Service,
};

const SIGNED: (&str, &str) = ("TRIALGATE_HTTP__CALLERS", "signed");

/// A back end that signs its requests, each different from any other.
struct Backend<'a> {
    service: &'a Service,
    key: AccessKey,
    sent: u32,
}

/// A signed request, sent any number of times.
struct Letter {
    path: &'static str,
    body: Value,
    headers: Vec<(&'static str, String)>,
}

impl<'a> Backend<'a> {
    fn new(service: &'a Service, given: &Value) -> Self {
        let text = |name: &str| given[name].as_str().unwrap().to_owned();
        Self { service, key: AccessKey::new(text("accessKey"), text("secretKey")), sent: 0 }
    }

    fn letter(&mut self, path: &'static str, body: Value, at: DateTime<Utc>) -> Letter {
        self.sent += 1;
        let (host, id, text) = (self.service.address().to_string(), format!("signed-{}", self.sent), body.to_string());
        let headers = [("Host", host.as_str()), ("Content-Type", "application/json"), ("X-Request-Id", &id)];
        let headers = headers.map(|(name, value)| (name, value.as_bytes()));
        let parts = RequestParts { method: "POST", path, query: &[], headers: &headers, body: text.as_bytes() };
        let mut headers = sign(&self.key, &parts, at).unwrap();
        headers.push(("X-Request-Id", id));
        Letter { path, body, headers }
    }

    async fn asks(&mut self, path: &'static str, body: Value) -> Reply {
        let at = self.service_time().await;
        let letter = self.letter(path, body, at);
        self.send(&letter).await
    }

    /// Queries the trial of an applicant.
    async fn looks_at(&mut self, applicant: &Applicant) -> reqwest::Response {
        let query = format!("phone={}", applicant.phone);
        let (host, at) = (self.service.address().to_string(), self.service_time().await);
        let headers = [("Host", host.as_bytes())];
        let pairs = query_pairs(&query).unwrap();
        let parts =
            RequestParts { method: "GET", path: QUERY_TENANT_PATH, query: &pairs, headers: &headers, body: b"" };
        let url = format!("http://{host}{QUERY_TENANT_PATH}?{query}");
        let request = reqwest::Client::builder().no_proxy().build().unwrap().get(url);
        let signed = sign(&self.key, &parts, at).unwrap();
        signed.iter().fold(request, |request, (name, value)| request.header(*name, value)).send().await.unwrap()
    }

    async fn send(&self, letter: &Letter) -> Reply {
        let request = Client::new(self.service.address()).post(letter.path, &letter.body);
        let signed = letter.headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        Reply::to(signed).await.unwrap()
    }

    /// The time of the service's clock.
    async fn service_time(&self) -> DateTime<Utc> {
        let url = format!("http://{}/healthz", self.service.address());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let reply = client.get(url).send().await.unwrap();
        let date = reply.headers()["date"].to_str().unwrap();
        DateTime::parse_from_rfc2822(date).unwrap().to_utc()
    }
}

#[tokio::test]
async fn a_back_end_signs_and_is_stopped() {
    let home = Home::new();
    let service = home.sandbox_with(&[SIGNED]).await;
    let added = home.ask_json(&["callers", "add", "site"]).await;
    assert_eq!((&added["name"], &added["state"], &added["rate"]), (&json!("site"), &json!("active"), &json!(600)));
    let mut site = Backend::new(&service, &added);

    let applicant = Applicant::new(1);
    let reply = site.asks(SEND_CODE_PATH, applicant.code_request()).await;
    assert_eq!(reply.code(), "200");
    let client = Client::new(service.address());
    let code = client.code_of(&applicant).await.unwrap();
    let at = site.service_time().await;
    let letter = site.letter(APPLY_PATH, applicant.application(&code), at);
    assert_eq!(site.send(&letter).await.code(), "000");
    client.mail_of(&applicant).await;
    let stands: Value = site.looks_at(&applicant).await.json().await.unwrap();
    let masked = format!("{}***", &applicant.company[..1]);
    assert_eq!((&stands["tenantSpaceStatus"], &stands["company"]), (&json!("trial"), &json!(masked)));
    assert_eq!(stands["expiryDate"].as_i64().unwrap() - stands["createDate"].as_i64().unwrap(), 30 * 86_400_000);
    assert_eq!(site.looks_at(&Applicant::new(9)).await.status(), 404);
    let again = site.send(&letter).await;
    assert_eq!((again.status, &again.body["type"]), (403, &json!("urn:trialgate:problem:signature-refused")));

    let unsigned = client.try_send_code(&Applicant::new(2)).await.unwrap();
    assert_eq!(unsigned.status, 403, "{unsigned:?}");
    let stale = site.letter(SEND_CODE_PATH, Applicant::new(2).code_request(), at - TimeDelta::minutes(16));
    assert_eq!(site.send(&stale).await.status, 403);
    let mut liar = Backend::new(&service, &json!({"accessKey": added["accessKey"], "secretKey": "guessed"}));
    assert_eq!(liar.asks(SEND_CODE_PATH, Applicant::new(2).code_request()).await.status, 403);
    let mut stranger = Backend::new(&service, &json!({"accessKey": "TGAK", "secretKey": added["secretKey"]}));
    assert_eq!(stranger.asks(SEND_CODE_PATH, Applicant::new(2).code_request()).await.status, 403);

    assert_eq!(home.ask_json(&["callers", "suspend", "site"]).await["state"], "suspended");
    let stopped = site.asks(SEND_CODE_PATH, Applicant::new(2).code_request()).await;
    assert_eq!((stopped.status, &stopped.body["type"]), (401, &json!("urn:trialgate:problem:not-entitled")));
    assert_eq!(home.ask_json(&["callers", "resume", "site"]).await["state"], "active");
    assert_eq!(site.asks(SEND_CODE_PATH, Applicant::new(2).code_request()).await.code(), "200");
}

/// An accepted signature is known to an instance that starts later, and to another one.
#[tokio::test]
async fn a_signature_is_taken_once_after_a_restart_too() {
    let home = Home::new();
    let service = home.sandbox_with(&[SIGNED]).await;
    let added = home.ask_json(&["callers", "add", "site"]).await;
    let mut site = Backend::new(&service, &added);
    let at = site.service_time().await;
    let letter = site.letter(SEND_CODE_PATH, Applicant::new(1).code_request(), at);
    assert_eq!(site.send(&letter).await.code(), "200");
    service.kill().await;
    let service = home.sandbox_with(&[SIGNED]).await;
    let site = Backend::new(&service, &added);
    assert_eq!(site.send(&letter).await.status, 403);
}

#[tokio::test]
async fn secrets_are_exchanged_one_for_the_other() {
    let home = Home::new();
    let service = home.sandbox_with(&[SIGNED]).await;
    let added = home.ask_json(&["callers", "add", "site", "--scope", "verify-codes", "--rate", "0"]).await;
    let rotated = home.ask_json(&["callers", "rotate", "site"]).await;
    assert_eq!((&rotated["secrets"], &rotated["accessKey"]), (&json!(2), &added["accessKey"]));
    assert_ne!(rotated["secretKey"], added["secretKey"]);
    let [mut old, mut new] = [&added, &rotated].map(|given| Backend::new(&service, given));
    assert_eq!(old.asks(SEND_CODE_PATH, Applicant::new(1).code_request()).await.code(), "200");
    assert_eq!(new.asks(SEND_CODE_PATH, Applicant::new(2).code_request()).await.code(), "200");
    assert_eq!(home.ask_json(&["callers", "retire-secret", "site"]).await["secrets"], 1);
    assert_eq!(old.asks(SEND_CODE_PATH, Applicant::new(3).code_request()).await.status, 403);
    assert_eq!(new.asks(SEND_CODE_PATH, Applicant::new(3).code_request()).await.code(), "200");
    let applies = new.asks(APPLY_PATH, Applicant::new(3).application("123456")).await;
    assert_eq!(applies.status, 401, "that was not among its scopes: {applies:?}");

    let list = home.ask_json(&["callers", "list"]).await.to_string();
    assert!(list.contains(added["accessKey"].as_str().unwrap()), "{list}");
    let stored = std::fs::read(home.data().join("trialgate.db")).unwrap();
    for given in [&added, &rotated] {
        let secret = given["secretKey"].as_str().unwrap();
        assert!(!list.contains(secret) && !stored.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()));
    }
    assert!(home.ask(&["callers", "list"]).await.contains("verify-codes"));
    for (words, reason) in [
        (["callers", "add", "SITE"], "already"),
        (["callers", "resume", "site"], "not suspended"),
        (["callers", "retire-secret", "site"], "only one secret"),
        (["callers", "suspend", "nobody"], "no such API client"),
    ] {
        let mut command = home.command(&words);
        command.arg("--config").arg(home.config());
        let said = home.refused(command).await;
        assert!(said.contains(reason), "{said}");
    }
}

#[tokio::test]
async fn limits_hold_for_the_next_request_and_a_removed_caller_is_a_stranger() {
    let home = Home::new();
    let service = home.sandbox_with(&[SIGNED]).await;
    let added = home.ask_json(&["callers", "add", "site", "--scope", "apply"]).await;
    let mut site = Backend::new(&service, &added);
    let mut asks = async |n: u32| site.asks(SEND_CODE_PATH, Applicant::new(n).code_request()).await;
    assert_eq!(asks(1).await.status, 401, "that is not among its scopes");
    home.ask(&["callers", "set", "site", "--scope", "verify-codes", "--rate", "2"]).await;
    assert_eq!(asks(1).await.code(), "200");
    assert_eq!(asks(2).await.code(), "200");
    let slowed = asks(3).await;
    assert_eq!((slowed.status, &slowed.body["type"]), (429, &json!("urn:trialgate:problem:rate-limited")));
    home.ask(&["callers", "set", "site", "--rate", "0"]).await;
    assert_eq!(asks(3).await.code(), "200");

    home.ask(&["callers", "remove", "site"]).await;
    assert_eq!(asks(4).await.code(), "200", "nobody said --yes");
    home.ask(&["callers", "remove", "site", "--yes"]).await;
    let stranger = asks(5).await;
    assert_eq!((stranger.status, &stranger.body["type"]), (403, &json!("urn:trialgate:problem:signature-refused")));
    let again = home.ask_json(&["callers", "add", "site"]).await;
    assert_eq!(asks(5).await.status, 403, "another of the same name has another key");
    let answered = Backend::new(&service, &again).asks(SEND_CODE_PATH, Applicant::new(5).code_request()).await;
    assert_eq!(answered.code(), "200");
}

/// Configures these keys, the current one first.
fn configure(home: &Home, keys: &[&str]) {
    let (rules, _) = SERVING.split_once("[[secrets.keys]]").unwrap();
    let keys = keys.iter().map(|id| {
        let digit = char::from(id.bytes().last().unwrap());
        format!("[[secrets.keys]]\nid = \"{id}\"\nkey = \"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZW{digit}=\"\n")
    });
    fs::write(home.config(), format!("{rules}{}", keys.collect::<String>())).unwrap();
}

async fn serve(home: &Home) -> Service {
    let mut command = home.serve_command();
    command.envs([SIGNED]);
    Service::start(command).await
}

/// A key is rotated step by step, and at each step back ends authenticate with every secret they have.
#[tokio::test]
async fn a_key_is_exchanged_while_back_ends_sign() {
    let home = Home::new();
    fs::create_dir(home.data()).unwrap();
    configure(&home, &["old-Y"]);
    home.ask(&["migrate"]).await;
    let first = home.ask_json(&["callers", "add", "site", "--rate", "0"]).await;
    let second = home.ask_json(&["callers", "rotate", "site"]).await;
    let all_come_in = async |service: &Service, from: u32| {
        for (n, given) in (from..).zip([&first, &second]) {
            let applicant = Applicant::new(n);
            let reply = Backend::new(service, given).asks(SEND_CODE_PATH, applicant.code_request()).await;
            assert_eq!(reply.code(), "200", "{n}: {reply:?}");
        }
    };
    for (n, keys) in [(10, &["old-Y", "new-c"][..]), (20, &["new-c", "old-Y"])] {
        configure(&home, keys);
        let service = serve(&home).await;
        all_come_in(&service, n).await;
        service.stop().await;
    }
    let service = serve(&home).await;
    let resealed = home.ask_json(&["callers", "reseal"]).await;
    assert_eq!(resealed, json!({"key": "new-c", "resealed": 1, "already": 0, "failed": []}));
    all_come_in(&service, 30).await;
    service.stop().await;
    configure(&home, &["new-c"]);
    let service = serve(&home).await;
    all_come_in(&service, 40).await;
    let ended = service.stop().await;
    for given in [&first, &second] {
        assert!(!ended.stderr.contains(given["secretKey"].as_str().unwrap()), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn anybody_may_call_where_nothing_is_said() {
    let home = Home::new();
    let service = home.sandbox().await;
    let client = Client::new(service.address());
    assert_eq!(client.send_code(&Applicant::new(1)).await.code(), "200");
    home.ask_json(&["callers", "add", "site"]).await;
    assert_eq!(client.send_code(&Applicant::new(2)).await.code(), "200");
}
