//! Every test that the threat model names exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Names of functions in every source of this folder.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let named = text.lines().filter_map(|line| line.split_once("fn ")).map(|(_, rest)| rest);
            found.extend(named.map(|rest| rest.split(['(', '<']).next().unwrap_or(rest).to_owned()));
        }
    }
}

#[test]
fn every_test_that_the_threat_model_names_is_there() {
    let mut found = BTreeSet::new();
    for folder in ["crates", "testing", "tests/e2e"] {
        functions(&root().join(folder), &mut found);
    }
    let text = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let quoted = text.split('`').skip(1).step_by(2);
    let is_name =
        |word: &&str| word.matches('_').count() > 1 && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let named: BTreeSet<&str> = quoted.filter(is_name).collect();
    assert!(named.len() > 50, "{named:?}");
    let missing: Vec<_> = named.iter().filter(|name| !found.contains(**name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
