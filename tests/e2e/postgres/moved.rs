//! A transfer to PostgreSQL while the service still runs on the old file: that one accepts nobody any more.

use trialgate_tests::{Applicant, Home};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_moved_accepts_nobody_until_it_is_confirmed() {
    let home = Home::new();
    let service = home.start().await;
    let (client, applicant) = (service.client(), Applicant::new(1));
    let code = client.obtain_code(&applicant).await;
    let target = Home::shared_empty().await;
    let target = target.scratch();
    let from = format!("sqlite:{}", home.data().join("trialgate.db").display());
    let ended = home.run(&["migrate", "--from", &from, "--to", &target.url()]).await;
    assert!(ended.stdout.contains("the old one is marked as transferred"), "{ended:?}");

    assert_eq!(client.apply(&applicant, &code).await.code(), "003");
    assert_eq!(client.send_code(&Applicant::new(2)).await.code(), "202");
    assert_eq!(client.try_readiness().await.unwrap().status, 503);
    let place = format!("was transferred to {} on 127.0.0.1:{}", target.name(), target.server().port());
    let line = home.refused(home.serve_command()).await;
    assert!(line.contains(&place) && line.contains("`trialgate database confirm`"), "{line}");
    let ended = home.run(&["doctor"]).await;
    assert!(ended.code() == Some(1) && ended.stdout.contains(&place), "{ended:?}");

    let confirmed = home.ask_json(&["database", "confirm"]).await;
    assert!(confirmed["reason"].as_str().unwrap().contains(&place), "{confirmed}");
    assert_eq!(client.apply(&applicant, &code).await.code(), "000");
    let again = home.ask(&["database", "confirm"]).await;
    assert!(again.contains("was not refused; nothing was changed"), "{again}");
    let audited = home.ask(&["audit", "list", "--action", "database.confirm"]).await;
    assert!(audited.contains(&place), "{audited}");
}
