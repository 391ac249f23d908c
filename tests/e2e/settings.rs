//! Runtime settings changed by operators.

use serde_json::json;
use trialgate_tests::{Applicant, Home};

use crate::databases::on_every_database;

on_every_database!(what_is_set_holds_for_the_very_next_request_and_outlives_a_restart);

async fn what_is_set_holds_for_the_very_next_request_and_outlives_a_restart(home: Home) {
    let service = home.start().await;
    let client = service.client();
    let (first, second, third) = (Applicant::new(1), Applicant::new(2), Applicant::new(3));
    let code = client.obtain_code(&first).await;
    let wrong = |code: &str| if code == "000000" { "000001" } else { "000000" };
    // Another process beside the service, as another instance would be.
    home.ask(&["settings", "set", "verification.max_tries", "1"]).await;
    assert_eq!(client.apply(&first, wrong(&code)).await.code(), "002");
    assert_eq!(client.apply(&first, &code).await.code(), "001", "one wrong attempt spends a code");
    service.stop().await;

    let service = home.start().await;
    let client = service.client();
    let code = client.obtain_code(&second).await;
    assert_eq!(client.apply(&second, wrong(&code)).await.code(), "002");
    assert_eq!(client.apply(&second, &code).await.code(), "001", "after a restart too");
    home.ask(&["settings", "reset", "verification.max_tries"]).await;
    let code = client.obtain_code(&third).await;
    assert_eq!(client.apply(&third, wrong(&code)).await.code(), "002");
    assert_eq!(client.apply(&third, &code).await.code(), "000");

    let listed = home.ask_json(&["settings", "list"]).await;
    let items = listed["items"].as_array().unwrap();
    let tries = items.iter().find(|item| item["key"] == "verification.max_tries").unwrap();
    assert_eq!((&listed["number"], &tries["value"], &tries["changed"]), (&json!(2), &json!("5"), &json!(false)));
    let mut command = home.command(&["settings", "set", "verification.code_cap", "1m", "--config"]);
    command.arg(home.config());
    let refused = home.refused(command).await;
    assert!(
        refused.contains("`verification.code_cap` (1m) must be at least `verification.code_ttl` (5m)"),
        "{refused}"
    );
}
