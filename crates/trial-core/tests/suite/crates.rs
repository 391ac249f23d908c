//! The crates form layers, each of which depends on lower ones only.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Each crate, and the crates of ours that it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("trial-core", &[]),
    ("trial-engine", &["trial-core"]),
    ("trial-storage", &["trial-core", "trial-files"]),
    ("trial-outbound", &["trial-core", "trial-tls"]),
    ("trial-sandbox", &["trial-core", "trial-files"]),
    ("trial-signing", &[]),
    ("trial-tls", &["trial-files"]),
    ("trial-sms", &["trial-core", "trial-sandbox", "trial-signing", "trial-tls"]),
    ("trial-mail", &["trial-core", "trial-files", "trial-sandbox", "trial-tls"]),
    ("trial-spreadsheet", &["trial-core"]),
    ("trial-http", &["trial-core", "trial-engine", "trial-sandbox", "trial-signing", "trial-spreadsheet", "trial-tls"]),
    ("trial-files", &[]),
    ("trial-fuzz", &[]),
    ("trial-testkit", &["trial-core", "trial-engine"]),
    ("trial-cluster", &[]),
    ("trial-bench", &["trial-cluster", "trial-core", "trial-storage"]),
    (
        "trialgate",
        &[
            "trial-core",
            "trial-engine",
            "trial-files",
            "trial-http",
            "trial-mail",
            "trial-outbound",
            "trial-sandbox",
            "trial-signing",
            "trial-sms",
            "trial-spreadsheet",
            "trial-storage",
            "trial-tls",
        ],
    ),
    ("trialgate-tests", &["trial-core", "trial-cluster", "trial-signing", "trial-testkit"]),
];

/// The third-party crates that each of these crates must not depend on.
const STRANGERS: &[(&str, &[&str])] = &[
    (
        "trial-core",
        &["tokio", "diesel", "actix-web", "lettre", "reqwest", "getrandom", "tracing", "anyhow", "calamine"],
    ),
    ("trial-engine", &["diesel", "actix-web", "lettre", "reqwest", "anyhow"]),
    ("trial-storage", &["actix-web", "lettre", "reqwest", "anyhow"]),
    ("trial-sandbox", &["diesel", "actix-web", "lettre", "anyhow"]),
    ("trial-signing", &["tokio", "diesel", "actix-web", "reqwest", "getrandom", "anyhow"]),
    ("trial-sms", &["diesel", "actix-web", "lettre", "anyhow"]),
    ("trial-mail", &["diesel", "actix-web", "anyhow"]),
    ("trial-outbound", &["diesel", "actix-web", "lettre", "anyhow"]),
    ("trial-spreadsheet", &["tokio", "diesel", "actix-web", "lettre", "reqwest", "anyhow"]),
    ("trial-http", &["diesel", "lettre", "anyhow"]),
    ("trialgate", &["diesel", "lettre"]),
];

/// The dependencies of each crate of the workspace, without those of its tests.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline", "--manifest-path", manifest])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let all = package["dependencies"].as_array().unwrap().iter();
            let shipped = all.filter(|dependency| dependency["kind"] != "dev");
            (text(&package["name"]), shipped.map(|dependency| text(&dependency["name"])).collect())
        })
        .collect()
}

#[test]
fn arrows_point_down_only() {
    let dependencies = dependencies();
    let known: BTreeSet<_> = ARROWS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let found: BTreeSet<_> = dependencies.keys().cloned().collect();
    assert_eq!(found, known, "a crate that is new or gone belongs into this table");
    for (name, allowed) in ARROWS {
        let ours = dependencies[*name].iter().filter(|dependency| known.contains(*dependency));
        let wrong: Vec<_> = ours.filter(|dependency| !allowed.contains(&dependency.as_str())).collect();
        assert!(wrong.is_empty(), "{name} stands on {wrong:?}");
    }
}

#[test]
fn crates_know_nothing_of_what_is_not_theirs() {
    let dependencies = dependencies();
    for (name, strangers) in STRANGERS {
        let wrong: Vec<_> = strangers.iter().filter(|stranger| dependencies[*name].contains(**stranger)).collect();
        assert!(wrong.is_empty(), "{name} depends on {wrong:?}");
    }
}
