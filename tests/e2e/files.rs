//! The files of a running service: for its user alone, watched, and without erased data.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use trialgate_tests::{Applicant, Home, until, within};

/// Every file in the data directory, the largest part of which belongs to the database.
fn files(home: &Home) -> Vec<PathBuf> {
    fs::read_dir(home.data()).unwrap().map(|file| file.unwrap().path()).filter(|path| path.is_file()).collect()
}

fn is_anywhere(home: &Home, text: &str) -> bool {
    let is_in = |file: PathBuf| fs::read(file).unwrap().windows(text.len()).any(|bytes| bytes == text.as_bytes());
    files(home).into_iter().any(is_in)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_forgotten_no_byte_is_left_beside_a_running_service() {
    let home = Home::new();
    let service = home.sandbox().await;
    let client = service.client();
    let (visitor, other) = (Applicant::new(1), Applicant::new(2));
    for applicant in [&visitor, &other] {
        client.obtain_code(applicant).await;
        assert_eq!(client.apply(applicant, "wrong").await.code(), "002");
    }
    let erased = home.ask_json(&["forget", "--phone", &visitor.e164(), "--yes"]).await;
    assert_eq!(erased["rows"]["captured_messages"], 1, "{erased}");
    for text in [&visitor.e164()[1..], &visitor.email, &visitor.company] {
        assert!(!is_anywhere(&home, text), "{text}");
    }
    for text in [&other.e164()[1..], &other.email, &other.company] {
        assert!(is_anywhere(&home, text), "{text}");
    }
    assert_eq!(client.messages("").await.unwrap().len(), 1, "the other's");
    client.obtain_code(&visitor).await;
    for file in files(&home) {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o7777, 0o600, "{}", file.display());
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_database_acknowledges_nothing() {
    let home = Home::new();
    let service = home.sandbox().await;
    let client = service.client();
    let (applicant, newcomer) = (Applicant::new(1), Applicant::new(2));
    let code = client.obtain_code(&applicant).await;
    fs::remove_file(home.data().join("trialgate.db")).unwrap();
    let applied = within("an application is answered", client.apply(&applicant, &code)).await;
    assert!(["003", "005"].contains(&applied.code()), "{applied:?}");
    assert_eq!(within("a request for a code is answered", client.send_code(&newcomer)).await.code(), "202");
    until("the service is not ready", async || {
        let readiness = client.try_readiness().await.unwrap();
        (readiness.status == 503).then_some(())
    })
    .await;
    let ended = service.stop().await;
    let told =
        ended.stderr.matches("trialgate.db was deleted or replaced while the database was open; stop the service");
    assert!(told.count() >= 1, "{}", ended.stderr);
}
