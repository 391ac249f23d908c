//! Operators, added and revoked beside the service.

use serde_json::{Value, json};
use trialgate_tests::Home;

#[tokio::test]
async fn operators_come_and_go() {
    let home = Home::new();
    let _service = home.sandbox().await;
    let list = async || home.ask_json(&["operators", "list"]).await["items"].clone();
    assert_eq!(list().await, json!([]));
    let added = home.ask_json(&["operators", "add", "Ada", "--role", "admin", "--expires", "90d"]).await;
    let token = added["token"].as_str().unwrap();
    assert!(token.starts_with("tgo_") && token.len() == 47, "{token}");
    assert_eq!((&added["name"], &added["role"], &added["state"]), (&json!("Ada"), &json!("admin"), &json!("active")));
    let said = home.ask(&["operators", "add", "bob", "--role", "viewer"]).await;
    assert!(said.contains("tgo_") && said.contains("no expiry"), "{said}");

    let mut again = home.command(&["operators", "add", "ADA", "--role", "viewer", "--config"]);
    again.arg(home.config());
    assert!(home.refused(again).await.contains("already"));
    assert_eq!(home.ask_json(&["operators", "revoke", "ada"]).await, json!({"name": "ada", "state": "revoked"}));
    let mut gone = home.command(&["operators", "revoke", "ada", "--config"]);
    gone.arg(home.config());
    assert!(home.refused(gone).await.contains("no operator ada"));
    home.ask_json(&["operators", "add", "ADA", "--role", "viewer"]).await;

    let listed = list().await;
    let shown: Vec<_> = listed.as_array().unwrap().iter().map(|entry| (&entry["name"], &entry["state"])).collect();
    let (active, revoked): (Value, Value) = ("active".into(), "revoked".into());
    assert_eq!(shown, [(&"ADA".into(), &active), (&"bob".into(), &active), (&"Ada".into(), &revoked)]);
    assert!(!listed.to_string().contains("tgo_") && listed[0].get("token").is_none(), "{listed}");
    assert!(home.ask(&["operators", "list"]).await.contains("bob"));
}

#[tokio::test]
async fn the_audit_is_read_beside_the_service() {
    let home = Home::new();
    let _service = home.sandbox().await;
    home.ask(&["quota", "set", "7"]).await;
    home.ask(&["operators", "add", "ada", "--role", "viewer"]).await;
    let newest = home.ask_json(&["audit", "list", "--limit", "1"]).await;
    assert_eq!(
        (&newest["items"][0]["action"], &newest["items"][0]["subject"]),
        (&json!("operator.add"), &json!("ada"))
    );
    let before = newest["nextCursor"].as_str().unwrap();
    let older = home.ask_json(&["audit", "list", "--before", before, "--action", "setting.set"]).await;
    assert_eq!(
        (&older["items"][0]["detail"], &older["nextCursor"]),
        (&json!("before 1000 as configured, after 7"), &Value::Null)
    );
    let said = home.ask(&["audit", "list", "--subject", "quota.threshold"]).await;
    assert!(said.contains(": setting.set quota.threshold\n  before 1000 as configured, after 7"), "{said}");
    assert_eq!(home.ask(&["audit", "list", "--actor", "nobody"]).await, "no entries\n");
}
