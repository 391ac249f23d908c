//! The files for Prometheus and Grafana name only metrics that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use trialgate_tests::{Home, binary};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Names of metrics, without the suffixes of histograms.
fn names(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    let words = text.split(|c: char| !is_part(c)).filter(|word| word.starts_with("trialgate_"));
    words
        .map(|word| {
            ["_bucket", "_sum", "_count"]
                .iter()
                .fold(word, |word, end| word.strip_suffix(end).unwrap_or(word))
                .to_owned()
        })
        .collect()
}

fn sources(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn dashboard_and_rules_name_metrics_that_there_are() {
    let mut code = String::new();
    for member in fs::read_dir(root().join("crates")).unwrap() {
        sources(&member.unwrap().path().join("src"), &mut code);
    }
    let known = names(&code);
    for file in ["alerts.yml", "trialgate-dashboard.json"] {
        let text = fs::read_to_string(root().join("docs/observability").join(file)).unwrap();
        let named = names(&text);
        assert!(named.len() > 10, "{file}: {named:?}");
        let unknown: Vec<_> = named.difference(&known).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
}

#[test]
fn the_dashboard_shows_every_metric_of_the_runbook() {
    let read = |file: &str| fs::read_to_string(root().join("docs").join(file)).unwrap();
    let runbook = read("operations.md");
    let rows: Vec<_> = runbook.lines().filter(|line| line.starts_with("| `trialgate_")).collect();
    let (told, shown) = (names(&rows.concat()), names(&read("observability/trialgate-dashboard.json")));
    let missing: Vec<_> = told.difference(&shown).collect();
    assert!(told.len() > 30 && missing.is_empty(), "{missing:?}");
}

#[test]
fn every_rule_names_a_chapter_of_the_runbook() {
    let rules = fs::read_to_string(root().join("docs/observability/alerts.yml")).unwrap();
    let mut seen = 0;
    for line in rules.lines().filter_map(|line| line.trim().strip_prefix("runbook: ")) {
        let (page, chapter) = line.trim_matches('"').split_once('#').unwrap();
        let page = fs::read_to_string(root().join(page)).unwrap();
        let headings = page.lines().filter_map(|line| line.strip_prefix('#')).map(|heading| {
            let words = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            words.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect::<String>()
        });
        assert!(headings.into_iter().any(|heading| heading == chapter), "{line}");
        seen += 1;
    }
    assert!(seen > 5);
}

/// Prometheus's own checker: on the search path, or where `tests/run` puts it.
fn promtool() -> PathBuf {
    let beside = binary().ancestors().nth(2).unwrap().join("third-party/prometheus/usr/bin/promtool");
    if beside.exists() { beside } else { PathBuf::from("promtool") }
}

#[test]
fn the_rules_fire_when_they_should_and_else_do_not() {
    let (rules, cases) = ("docs/observability/alerts.yml", "tests/third-party/observability/alerts_test.yml");
    for arguments in [["check", "rules", rules], ["test", "rules", cases]] {
        let judged = Command::new(promtool()).args(arguments).current_dir(root()).output();
        let judged = judged.expect("promtool is there; `tests/run` fetches it");
        let said = [judged.stdout, judged.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(judged.status.success() && said.contains("SUCCESS"), "{said}");
    }
}

#[tokio::test]
async fn counters_that_alerts_watch_begin_at_0() {
    let home = Home::new();
    let service = home.sandbox().await;
    let told = service.client().try_get("/metrics").await.unwrap().text().await.unwrap();
    for counter in [
        "trialgate_applications_total{code=\"005\"}",
        "trialgate_code_requests_total{code=\"204\"}",
        "trialgate_mails_total{result=\"failed\"}",
        "trialgate_ledger_errors_total{kind=\"corrupt\"}",
        "trialgate_poisonous_requests_total",
        "trialgate_overload_total",
    ] {
        assert!(told.lines().any(|line| line == format!("{counter} 0")), "{counter}: {told}");
    }
}
