//! The pages, in a browser that nobody here wrote.

use std::fs;
use std::path::Path;
use std::process::Command;

use trialgate_tests::{Home, SERVING, Service, finish};

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

/// Signs in, finds why an applicant was refused, imports access codes, raises the threshold, has a mail sent again, converts a
/// tenant, and reads the audit: in two languages, with and without scripts.
#[tokio::test]
async fn an_operator_works_in_a_browser() {
    let home = Home::new();
    fs::create_dir(home.data()).unwrap();
    fs::write(home.config(), SERVING).unwrap();
    home.ask(&["migrate"]).await;
    let service = Service::start(home.serve_command()).await;
    let added = home.ask_json(&["operators", "add", "ada", "--role", "operator"]).await;
    let ended = finish(browse(&home, &service, "console.mjs", added["token"].as_str().unwrap())).await;
    assert!(ended.status.success(), "{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 13, "{}", ended.stdout);
}

/// From the empty form to the trial, with every refusal on the way: in two languages, wide and on a phone, with and without
/// scripts.
#[tokio::test]
async fn a_visitor_applies_in_a_browser() {
    let home = Home::new();
    fs::create_dir(home.data()).unwrap();
    home.write("data/terms.txt", "Be kind.\n");
    let rules = "verification.max_failures = 3\nengine.wait = \"2s\"\nsite.terms = { version = \"2026-01\", file = \"terms.txt\" }";
    fs::write(home.config(), format!("{rules}\n{SERVING}")).unwrap();
    home.ask(&["migrate"]).await;
    let service = Service::start(home.serve_command()).await;
    let added = home.ask_json(&["operators", "add", "ada", "--role", "operator"]).await;
    let mut command = browse(&home, &service, "apply.mjs", added["token"].as_str().unwrap());
    command.arg(home.data().join("trialgate.db"));
    let ended = finish(command).await;
    assert!(ended.status.success(), "{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 16, "{}", ended.stdout);
    let agreed = "SELECT count(DISTINCT subject) || ' ' || count(*) AS line FROM audit WHERE action = 'terms.accept'";
    let agreed = home.database().lines(agreed).remove(0);
    assert_eq!(agreed.split(' ').next(), Some("16"), "{agreed}");
}
