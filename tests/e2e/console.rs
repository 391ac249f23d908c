//! The console, in a browser that nobody here wrote.

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
    let mut browse: Command = home.program("node");
    browse.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("third-party/browser/console.mjs"));
    browse.args([&format!("http://{}", service.address()), added["token"].as_str().unwrap()]);
    browse.arg(packages()).arg(chromium());
    let ended = finish(browse).await;
    assert!(ended.status.success(), "{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 13, "{}", ended.stdout);
}
