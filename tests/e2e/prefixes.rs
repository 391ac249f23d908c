//! Number ranges with unused codes: detected, blocked, released, and never blocked.

use serde_json::{Value, json};
use trialgate_tests::{Applicant, Database, Home};

use crate::databases::on_every_database;

on_every_database!(a_prefix_is_found_out_and_released, a_safe_prefix_is_never_blocked);

/// The range of the applicants below 10,000.
const PREFIX: &str = "+861660000";

/// As if this number of codes had been sent to a range an hour ago, and none been used.
pub(crate) fn pump(database: &mut Database, prefix: &str, codes: u32) {
    let now = match database {
        Database::Sqlite(_) => "unixepoch()",
        Database::Postgres(_) => "floor(extract(epoch FROM now()))",
    };
    let prefix = prefix.trim_start_matches('+');
    database.execute(&format!(
        "INSERT INTO prefix_spans (prefix, span, messages, sent, used) \
         VALUES ({prefix}, CAST(({now} - 3600) / 300 AS integer), {codes}, {codes}, 0)"
    ));
}

async fn blocked(home: &Home) -> Value {
    home.ask_json(&["prefixes", "list"]).await["blocked"].clone()
}

async fn refused(home: &Home, arguments: &[&str]) -> String {
    let mut command = home.command(arguments);
    command.arg("--config").arg(home.config());
    home.refused(command).await
}

async fn a_prefix_is_found_out_and_released(home: Home) {
    let service = home.start().await;
    let client = service.client();
    let [first, second, third] = [1, 2, 3].map(Applicant::new);
    pump(&mut home.database(), PREFIX, 40);

    assert_eq!(client.send_code(&first).await.code(), "200", "in shadow mode nobody is blocked");
    let found = blocked(&home).await;
    assert_eq!((&found[0]["prefix"], &found[0]["enforced"]), (&json!(PREFIX), &json!(false)), "{found}");
    assert_eq!((&found[0]["sent"], &found[0]["used"]), (&json!(40), &json!(0)), "{found}");

    home.ask(&["settings", "set", "abuse.breaker.mode", "on"]).await;
    assert_eq!(client.send_code(&second).await.code(), "204");
    let elsewhere = Applicant::new(20_001);
    assert_eq!(client.send_code(&elsewhere).await.code(), "200", "the next block of numbers is not blocked");
    let found = blocked(&home).await;
    assert_eq!((&found[0]["enforced"], &found[0]["met"]), (&json!(true), &json!(2)), "{found}");
    let said = home.ask(&["prefixes", "list"]).await;
    assert!(said.contains("abuse.breaker.mode is on") && said.contains(PREFIX) && said.contains("blocked"), "{said}");

    let released = home.ask_json(&["prefixes", "release", PREFIX]).await;
    assert_eq!(released["blocked"], json!([]));
    assert_eq!(client.send_code(&second).await.code(), "200", "its codes are counted anew");
    let again = refused(&home, &["prefixes", "release", PREFIX]).await;
    assert!(again.contains("there is nothing to release"), "{again}");
    assert_eq!(client.send_code(&third).await.code(), "200");
    let audit = home.ask_json(&["audit", "list", "--subject", PREFIX]).await;
    assert_eq!(audit["items"][0]["action"], "prefix.release", "{audit}");
}

async fn a_safe_prefix_is_never_blocked(home: Home) {
    let service = home.start_with(&[("TRIALGATE_ABUSE__BREAKER__MODE", "on")]).await;
    let client = service.client();
    pump(&mut home.database(), PREFIX, 40);
    let add = ["prefixes", "safe", "add", "+86166", "--reason", "our own office"];
    let added = home.ask_json(&add).await;
    assert_eq!(added["safe"][0]["prefix"], "+86166", "{added}");
    assert!(refused(&home, &add).await.contains("is on the safe list already"));
    assert_eq!(client.send_code(&Applicant::new(1)).await.code(), "200", "ranges within it are safe");
    assert_eq!(blocked(&home).await, json!([]));
    let said = home.ask(&["prefixes", "safe", "list"]).await;
    assert!(said.contains("+86166") && said.contains("our own office"), "{said}");

    home.ask(&["prefixes", "safe", "remove", "+86166"]).await;
    assert_eq!(client.send_code(&Applicant::new(2)).await.code(), "204", "it is judged like every other");
    let again = refused(&home, &["prefixes", "safe", "remove", "+86166"]).await;
    assert!(again.contains("abuse.safe_prefixes"), "{again}");
}
