//! Every mode of the benchmark but `operations`, which takes minutes, runs to its end on both databases: each checks by
//! itself that the stored data agrees with the answers. No time is asserted.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

/// Small and short: the mode is tested, not its speed.
const SMALL: &str =
    "--seconds 1 --open-seconds 1 --rounds 1 --connections 8 --instances 2 --rates 50 --applicants 1000 --scale 0.001";

/// Runs a mode and returns its report.
fn run(mode: &str, directory: &Path) -> String {
    run_with(mode, directory, &[])
}

fn run_with(mode: &str, directory: &Path, extra: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_trial-bench"))
        .arg(mode)
        .args(SMALL.split_whitespace())
        .arg("--server")
        .arg(trialgate_tests::binary())
        .arg("--directory")
        .arg(directory)
        .arg("--results")
        .arg(directory.join("results.json"))
        .arg("--svg")
        .arg(directory.join("picture.svg"))
        .args(extra)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{mode}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs one mode in a new directory; its report names every one of these.
fn names(mode: &str, expected: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let report = run(mode, directory.path());
    for name in expected {
        assert!(report.contains(name), "{mode} does not report {name}: {report}");
    }
}

#[test]
fn closed_beside_the_ceilings_and_its_picture() {
    let directory = tempfile::tempdir().unwrap();
    let report = run("closed", directory.path());
    assert!(report.contains("SQLite") && report.contains("PostgreSQL"), "{report}");
    assert_eq!(run("report", directory.path()), report);
    run("plot", directory.path());
    assert!(std::fs::read_to_string(directory.path().join("picture.svg")).unwrap().contains("<svg"));
}

#[test]
fn open_beside_a_bare_commit() {
    names("open", &["SQLite", "PostgreSQL"]);
}

#[test]
fn ceilings() {
    names("ceilings", &["SQLite", "PostgreSQL"]);
}

#[test]
fn start() {
    names("start", &["SQLite", "PostgreSQL"]);
}

#[test]
fn flat() {
    names("flat", &["SQLite", "PostgreSQL"]);
}

#[test]
fn attack() {
    names("attack", &["SQLite", "PostgreSQL"]);
}

#[test]
fn hostile() {
    names("hostile", &["idle connections", "requests, 32 at once"]);
}

#[test]
fn forms() {
    names("forms", &["forms of 8 MiB"]);
}

#[test]
fn sign_in() {
    names("sign-in", &["SQLite", "PostgreSQL", "no such account"]);
}

#[test]
fn against_another_build() {
    let directory = tempfile::tempdir().unwrap();
    let server = trialgate_tests::binary().to_str().unwrap();
    let report = run_with("against", directory.path(), &["--other", server]);
    assert!(report.contains("| SQLite | 1 | 8 |") && report.contains("| PostgreSQL | 2 | 8 |"), "{report}");
}
