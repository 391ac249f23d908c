//! API clients without a running service: removed, limited, and their secrets re-encrypted.

use std::fs;

use serde_json::{Value, json};

use crate::{Home, SANDBOX};

/// A configuration with these keys, the current one first; an id stands for the same key everywhere.
fn keys(ids: &[&str]) -> String {
    let rules = SANDBOX.split("secrets.keys").next().unwrap();
    let keys = ids.iter().map(|id| {
        let digit = id.bytes().last().unwrap() as char;
        format!("{{ id = \"{id}\", key = \"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZW{digit}=\" }}")
    });
    format!("{rules}secrets.keys = [{}]", keys.collect::<Vec<_>>().join(", "))
}

fn configure(home: &Home, ids: &[&str]) {
    fs::write(home.path("trialgate.toml"), keys(ids)).unwrap();
}

/// A home with a database, whose current key is the first.
fn home(ids: &[&str]) -> Home {
    let home = Home::new(&keys(ids));
    home.run("migrate").done();
    home
}

fn ask(home: &Home, line: &str) -> Value {
    serde_json::from_str(&home.run(&format!("{line} --json")).done()).unwrap()
}

/// Results of `doctor` about API clients: states and texts.
fn checked(home: &Home) -> Vec<(String, String)> {
    let report: Value = serde_json::from_str(&home.run("doctor --json").out).unwrap();
    let checks = report["checks"].as_array().unwrap().iter().filter(|check| check["name"] == "callers");
    let text = |check: &Value, name: &str| check[name].as_str().unwrap().to_owned();
    checks.map(|check| (text(check, "state"), text(check, "text"))).collect()
}

#[test]
fn an_old_key_can_be_taken_out_once_secrets_are_sealed_anew() {
    let home = home(&["kY"]);
    assert_eq!(ask(&home, "callers reseal"), json!({"key": "kY", "resealed": 0, "already": 0, "failed": []}));
    assert_eq!(checked(&home), []);
    ask(&home, "callers add site");
    ask(&home, "callers rotate site");
    ask(&home, "callers add shop");
    configure(&home, &["kc", "kY"]);
    ask(&home, "callers add new");
    let found = checked(&home);
    assert_eq!(found.iter().map(|(state, _)| state.as_str()).collect::<Vec<_>>(), ["warn", "ok"]);
    let text = "secrets not encrypted with the current key \"kc\": shop, site; run `trialgate callers reseal`";
    assert!(found[0].1.starts_with(text), "{found:?}");
    let said = home.run("callers reseal").done();
    assert_eq!(said.trim_end(), "encrypted with the key \"kc\": 2 re-encrypted, 1 unchanged, 0 failed");
    assert_eq!(ask(&home, "callers reseal"), json!({"key": "kc", "resealed": 0, "already": 3, "failed": []}));
    configure(&home, &["kc"]);
    assert_eq!(checked(&home), [("ok".to_owned(), "secrets encrypted with the current key \"kc\": 3".to_owned())]);
    let listed = ask(&home, "callers list");
    let sealed: Vec<_> = listed["items"].as_array().unwrap().iter().map(|caller| &caller["sealedBy"]).collect();
    assert_eq!(sealed, [&json!(["kc"]), &json!(["kc"]), &json!(["kc", "kc"])]);
    let audit = ask(&home, "audit list --action caller.reseal");
    let details: Vec<_> = audit["items"].as_array().unwrap().iter().map(|entry| &entry["detail"]).collect();
    assert_eq!(details, ["before encrypted with kY, kY; after with kc, kc", "before encrypted with kY; after with kc"]);
}

#[test]
fn a_secret_whose_key_is_gone_is_named_and_the_others_are_done() {
    let home = home(&["kY"]);
    ask(&home, "callers add lost");
    configure(&home, &["kc"]);
    ask(&home, "callers add site");
    configure(&home, &["kg", "kc"]);
    let ran = home.run("callers reseal --json");
    assert_eq!(ran.status, 1, "{ran:?}");
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&report["resealed"], &report["failed"][0]["name"]), (&json!(1), &json!("lost")), "{report}");
    for words in ["lost: the key \"kY\" is needed", "`trialgate callers rotate lost`", "`retire-secret`"] {
        assert!(ran.err.contains(words), "{words}: {ran:?}");
    }
    assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
    let found = checked(&home);
    assert_eq!(found.iter().map(|(state, _)| state.as_str()).collect::<Vec<_>>(), ["fail", "ok"], "{found:?}");
    assert!(
        found[0].1.starts_with("lost has a secret that cannot be decrypted: the key \"kY\" is needed"),
        "{found:?}"
    );

    ask(&home, "callers rotate lost");
    assert_eq!(home.run("callers reseal").status, 1, "the lost one is there still");
    ask(&home, "callers retire-secret lost");
    assert_eq!(ask(&home, "callers reseal"), json!({"key": "kg", "resealed": 0, "already": 2, "failed": []}));
}

#[test]
fn nobody_is_removed_without_a_yes() {
    let home = home(&["kY"]);
    let access_key = ask(&home, "callers add site")["accessKey"].as_str().unwrap().to_owned();
    let said = home.run("callers remove site").done();
    let expected =
        format!("site would be removed for good and access key {access_key} rejected; add --yes to remove it");
    assert_eq!(said.trim_end(), expected);
    let would = ask(&home, "callers remove SITE");
    assert_eq!((&would["done"], &would["state"], &would["removedAt"]), (&json!(false), &json!("active"), &Value::Null));
    let done = ask(&home, "callers remove site --yes");
    assert_eq!((&done["done"], &done["state"], &done["name"]), (&json!(true), &json!("removed"), &json!("site")));
    for line in ["callers remove site", "callers remove site --yes", "callers set site --rate 1"] {
        let refused = home.run(line).refused();
        assert!(refused.contains("there is no such API client"), "{line}: {refused}");
    }
    assert_ne!(ask(&home, "callers add site")["accessKey"], access_key, "the name is free again");
    let listed = ask(&home, "callers list");
    let states: Vec<_> = listed["items"].as_array().unwrap().iter().map(|caller| &caller["state"]).collect();
    assert_eq!(states, ["active", "removed"]);
}

#[test]
fn limits_are_changed_as_far_as_they_are_named() {
    let home = home(&["kY"]);
    ask(&home, "callers add site");
    let slower = ask(&home, "callers set site --rate 60");
    assert_eq!((&slower["rate"], &slower["scopes"]), (&json!(60), &json!(["verify-codes", "apply", "query"])));
    let fewer = ask(&home, "callers set site --scope query --scope apply");
    assert_eq!((&fewer["rate"], &fewer["scopes"]), (&json!(60), &json!(["apply", "query"])));
    let said = home.run("callers set site --rate 0 --scope apply").done();
    assert_eq!(said.trim_end(), "site may request apply; no rate limit");
    let refused = home.run("callers set nobody --rate 0").refused();
    assert!(refused.contains("there is no such API client"), "{refused}");
}
