//! The clients in `docs/integrate.md`, run unchanged.

use std::path::{Path, PathBuf};
use std::process::Command;

use trialgate_tests::{Applicant, Home, finish};

/// The program for each; the tests need the first three, and run the others where they are installed.
const CLIENTS: [(&str, &[&str], bool); 5] = [
    ("apply.sh", &["sh"], true),
    ("apply.py", &["python3"], true),
    ("apply.mjs", &["node"], true),
    ("Apply.java", &["java"], false),
    ("apply.go", &["go", "run"], false),
];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("third-party/clients").join(name)
}

fn is_there(program: &str) -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|directory| directory.join(program).is_file())
}

#[test]
fn the_document_shows_the_clients_as_they_are() {
    let document = include_str!("../../docs/integrate.md");
    for (name, ..) in CLIENTS {
        let text = std::fs::read_to_string(file(name)).unwrap();
        assert!(document.contains(&text), "docs/integrate.md shows another {name}");
    }
}

#[tokio::test]
async fn every_client_sends_a_code_and_applies() {
    let home = Home::new();
    let service = home.sandbox().await;
    let origin = format!("http://{}", service.address());
    for (number, (name, runner, is_needed)) in (1..).zip(CLIENTS) {
        if !is_needed && !is_there(runner[0]) {
            println!("{name} is not run: there is no {} here", runner[0]);
            continue;
        }
        let applicant = Applicant::new(number);
        let run = async |arguments: &[&str]| {
            let mut command: Command = home.program(runner[0]);
            command.args(&runner[1..]).arg(file(name)).arg(&origin).args(arguments);
            finish(command).await
        };
        let said = async |arguments: &[&str]| {
            let ended = run(arguments).await;
            assert!(ended.status.success(), "{name}: {ended:?}");
            ended.stdout
        };
        let sent = said(&[&applicant.phone]).await;
        assert!(sent.contains("200"), "{name}: {sent}");
        let again = said(&[&applicant.phone]).await;
        assert!(again.contains("201"), "{name}: {again}");
        let code = service.client().code_of(&applicant).await.unwrap();
        let applied = said(&[&applicant.phone, &code, &applicant.company, &applicant.email]).await;
        assert!(applied.contains("000"), "{name}: {applied}");
        let wrong = run(&["12"]).await;
        assert!(!wrong.status.success(), "{name}: {wrong:?}");
        let words = wrong.stdout + &wrong.stderr;
        assert!(words.contains("urn:trialgate:problem:invalid-fields"), "{name}: {words}");
    }
}
