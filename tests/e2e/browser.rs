//! The pages, in an independent browser.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use trialgate_tests::{Home, SERVING, Service, finish_script};

use crate::prefixes::pump;

fn chromium() -> &'static Path {
    let known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].map(Path::new);
    known.into_iter().find(|path| path.exists()).expect("there is no Chromium; `tests/run` installs it")
}

/// The packages that `tests/run` installs.
fn packages() -> std::path::PathBuf {
    let test = std::env::current_exe().unwrap();
    // …/target/debug/deps/e2e-…
    let packages = test.ancestors().nth(3).expect("tests run from the target directory").join("third-party/browser");
    assert!(
        packages.join("node_modules").exists(),
        "{} has no packages; `tests/run` installs them",
        packages.display()
    );
    packages
}

/// Drives a browser by one of the scripts.
fn browse(home: &Home, service: &Service, script: &str, token: &str) -> Command {
    let mut browse = home.program("node");
    browse.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("third-party/browser").join(script));
    browse.args([&format!("http://{}", service.address()), token]).arg(packages()).arg(chromium());
    browse
}

/// Signs in, finds why an applicant was refused, imports access codes, raises the daily limit, resends a mail, converts
/// a tenant, releases a blocked range, suspends an API client, and reads the audit. An administrator removes the
/// client.
async fn an_operator_works(home: Home, view: [&str; 2], steps: usize) {
    home.ask(&["migrate"]).await;
    let service = Service::start(home.serve_command()).await;
    pump(&mut home.database(), "+861667329", 40);
    let added = home.ask_json(&["operators", "add", "ada", "--role", "operator"]).await;
    let root = home.ask_json(&["operators", "add", "root", "--role", "admin"]).await;
    home.ask(&["callers", "add", "site"]).await;
    let mut command = browse(&home, &service, "console.mjs", added["token"].as_str().unwrap());
    command.args(view).arg(root["token"].as_str().unwrap());
    let ended = finish_script(command).await;
    assert!(ended.status.success(), "{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stdout.lines().count(), steps, "{}", ended.stdout);
}

/// A service that has no access codes.
fn empty_home() -> Home {
    let home = Home::new();
    fs::create_dir(home.data()).unwrap();
    fs::write(home.config(), SERVING).unwrap();
    home
}

#[tokio::test]
async fn an_operator_works_in_english() {
    an_operator_works(empty_home(), ["en-US", "scripts"], 10).await;
}

#[tokio::test]
async fn an_operator_works_in_chinese_without_scripts() {
    an_operator_works(empty_home(), ["zh-CN", "none"], 9).await;
}

#[tokio::test]
async fn an_operator_works_on_postgresql() {
    let home = Home::shared_empty().await;
    an_operator_works(home, ["en-US", "none"], 10).await;
}

/// From the empty form to the trial, with every refusal on the way.
async fn a_visitor_applies(view: [&str; 3]) {
    let home = Home::new();
    fs::create_dir(home.data()).unwrap();
    home.write("data/terms.txt", "Be kind.\n");
    let rules = "verification.max_failures = 3\nengine.wait = \"2s\"\nsite.terms = { version = \"2026-01\", file = \"terms.txt\" }";
    fs::write(home.config(), format!("{rules}\n{SERVING}")).unwrap();
    home.ask(&["migrate"]).await;
    let service = Service::start(home.serve_command()).await;
    let added = home.ask_json(&["operators", "add", "ada", "--role", "operator"]).await;
    let mut command = browse(&home, &service, "apply.mjs", added["token"].as_str().unwrap());
    command.arg(home.data().join("trialgate.db")).args(view);
    let ended = finish_script(command).await;
    assert!(ended.status.success(), "{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 4, "{}", ended.stdout);
    let agreed = "SELECT count(DISTINCT subject) AS number FROM audit WHERE action = 'terms.accept'";
    assert_eq!(home.database().number(agreed), 2, "of those whose code was right");
}

#[tokio::test]
async fn a_visitor_applies_in_english() {
    a_visitor_applies(["en-US", "1280", "scripts"]).await;
}

#[tokio::test]
async fn a_visitor_applies_in_chinese_without_scripts() {
    a_visitor_applies(["zh-CN", "1280", "none"]).await;
}

#[tokio::test]
async fn a_visitor_applies_in_english_without_scripts_on_a_phone() {
    a_visitor_applies(["en-US", "360", "none"]).await;
}

#[tokio::test]
async fn a_visitor_applies_in_chinese_on_a_phone() {
    a_visitor_applies(["zh-CN", "360", "scripts"]).await;
}

/// A website that shows the form; its origin. It answers as long as the test runs.
async fn website(trialgate: watch::Receiver<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut browser, _) = listener.accept().await.unwrap();
            let page = format!(
                r#"<!doctype html><html lang="en"><title>A website</title><link rel="icon" href="data:,"><h1>A website</h1>
<script src="{}/embed.js" data-lang="en" data-title="Try it"></script>
<script>addEventListener("trialgate:applied", () => document.title = "applied");</script>"#,
                *trialgate.borrow()
            );
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}", page.len());
            // A request for a page comes in one piece. A browser may open a connection and send nothing.
            tokio::spawn(async move {
                if browser.read(&mut [0; 4096]).await.is_ok_and(|length| length > 0) {
                    let answer = format!("{head}\r\nconnection: close\r\n\r\n{page}");
                    browser.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    origin
}

/// The form is shown in a page of a configured origin, and not in that of another.
#[tokio::test]
async fn a_website_shows_the_form_in_its_own_page() {
    let home = Home::new();
    let (tell, told) = watch::channel(String::new());
    let (configured, other) = (website(told.clone()).await, website(told).await);
    let service = home.sandbox_with(&[("TRIALGATE_SITE__EMBED_ORIGINS", &format!("[\"{configured}\"]"))]).await;
    tell.send(format!("http://{}", service.address())).unwrap();
    let mut command = browse(&home, &service, "embed.mjs", "");
    command.args([configured, other]);
    let ended = finish_script(command).await;
    assert!(ended.status.success(), "{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 3, "{}", ended.stdout);
}

/// A CAPTCHA provider: its script makes a widget with single-use proofs. Returns its origin; it answers as long as the
/// test runs.
async fn captcha() -> String {
    const SCRIPT: &str = r#"
let made = 0;
globalThis.turnstile = { render(place, { sitekey }) {
  place.innerHTML = `<iframe title="A check" width="300" height="65"></iframe><input type="hidden" name="cf-turnstile-response" value="proof-${sitekey}-${++made}">`;
  place.firstChild.src = new URL("widget", globalThis.captchaScript);
} };
globalThis.captchaScript = document.currentScript.src;
for (const place of document.querySelectorAll(".cf-turnstile")) turnstile.render(place, place.dataset);"#;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut taken = HashSet::new();
        loop {
            let (mut asking, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            // A browser may open a connection and send nothing.
            let is_whole = |bytes: &[u8]| {
                let text = String::from_utf8_lossy(bytes);
                let length =
                    |head: &str| head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                text.split_once("\r\n\r\n").is_some_and(|(head, body)| length(head).unwrap_or(0) == body.len())
            };
            while !is_whole(&bytes) && asking.read_buf(&mut bytes).await.is_ok_and(|length| length > 0) {}
            let request = String::from_utf8(bytes).unwrap();
            let (media, body) = match request.split_once("secret=the+secret&response=") {
                _ if request.starts_with("GET /api.js") => ("text/javascript", SCRIPT.to_owned()),
                Some((_, proof)) if !proof.starts_with("proof-mine-") => {
                    ("application/json", r#"{"success":false,"error-codes":["invalid-input-response"]}"#.to_owned())
                }
                Some((_, proof)) if taken.insert(proof.to_owned()) => {
                    ("application/json", r#"{"success":true}"#.to_owned())
                }
                Some(_) => {
                    ("application/json", r#"{"success":false,"error-codes":["timeout-or-duplicate"]}"#.to_owned())
                }
                None => ("text/html", "<!doctype html><title>A check</title>".to_owned()),
            };
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {media}\r\ncontent-length: {}", body.len());
            let _ = asking.write_all(format!("{head}\r\nconnection: close\r\n\r\n{body}").as_bytes()).await;
        }
    });
    origin
}

/// The widget of another origin is in the form and makes another single-use proof for each code.
#[tokio::test]
async fn a_captcha_stands_before_a_code() {
    let home = Home::new();
    let captcha = captcha().await;
    let service = home
        .sandbox_with(&[
            ("TRIALGATE_SITE__GUARD", "siteverify"),
            ("TRIALGATE_SITE__SITEVERIFY__SITE_KEY", "mine"),
            ("TRIALGATE_SITE__SITEVERIFY__SECRET", "the secret"),
            ("TRIALGATE_SITE__SITEVERIFY__VERIFY_URL", &format!("{captcha}/siteverify")),
            ("TRIALGATE_SITE__SITEVERIFY__SCRIPT_URL", &format!("{captcha}/api.js")),
        ])
        .await;
    let mut command = browse(&home, &service, "captcha.mjs", "");
    command.arg(captcha);
    let ended = finish_script(command).await;
    assert!(ended.status.success(), "{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 2, "{}", ended.stdout);
}

/// From the empty form to the tenant's page, and back in with an own password.
async fn an_owner_arrives_at_the_portal(view: [&str; 3]) {
    let home = Home::new();
    let service = home.sandbox().await;
    let mut command = browse(&home, &service, "portal.mjs", "");
    command.args(view);
    let ended = finish_script(command).await;
    assert!(ended.status.success(), "{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 6, "{}", ended.stdout);
}

#[tokio::test]
async fn an_owner_arrives_at_the_portal_in_english_on_a_phone() {
    an_owner_arrives_at_the_portal(["en-US", "360", "scripts"]).await;
}

#[tokio::test]
async fn an_owner_arrives_at_the_portal_in_chinese_without_scripts() {
    an_owner_arrives_at_the_portal(["zh-CN", "1280", "none"]).await;
}

#[tokio::test]
async fn an_owner_arrives_at_the_portal_in_english_without_scripts() {
    an_owner_arrives_at_the_portal(["en-US", "1280", "none"]).await;
}

#[tokio::test]
async fn an_owner_arrives_at_the_portal_in_chinese_on_a_phone() {
    an_owner_arrives_at_the_portal(["zh-CN", "360", "scripts"]).await;
}

/// With the bot challenge, a browser works before a code is sent: by the published worker, each solution once; without
/// scripts, the page says what is needed.
async fn a_browser_works_before_a_code_is_sent(view: [&str; 2]) {
    let home = Home::new();
    let guard = [("TRIALGATE_SITE__GUARD", "altcha"), ("TRIALGATE_SITE__ALTCHA__COST", "100")];
    let service = home.sandbox_with(&guard).await;
    let mut command = browse(&home, &service, "guard.mjs", "");
    command.args(view);
    let ended = finish_script(command).await;
    assert!(ended.status.success(), "{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 3, "{}", ended.stdout);
}

#[tokio::test]
async fn a_browser_works_before_a_code_is_sent_in_english() {
    a_browser_works_before_a_code_is_sent(["en-US", "1280"]).await;
}

#[tokio::test]
async fn a_browser_works_before_a_code_is_sent_in_chinese_on_a_phone() {
    a_browser_works_before_a_code_is_sent(["zh-CN", "360"]).await;
}
