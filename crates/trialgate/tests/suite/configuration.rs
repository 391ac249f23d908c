use std::fs;

use crate::files::shell;
use crate::{Home, SANDBOX};

#[test]
fn the_configuration_in_force_is_shown_without_its_secrets() {
    let home = Home::new(SANDBOX);
    let shown = home.run_with("config show", &[("TRIALGATE_QUOTA__THRESHOLD", "7")]).done();
    let table: toml::Table = shown.parse().unwrap();
    assert_eq!(table["quota"]["threshold"].as_integer(), Some(7));
    assert_eq!(table["verification"]["code_ttl"].as_str(), Some("5m"));
    assert_eq!(table["secrets"]["keys"][0]["key"].as_str(), Some("***"));
    assert!(!shown.contains("MDEyMzQ1"), "{shown}");
}

#[test]
fn without_a_file_the_defaults_are_in_force() {
    let home = Home::new("");
    fs::remove_file(home.path("trialgate.toml")).unwrap();
    let table: toml::Table = home.run("config show").done().parse().unwrap();
    assert_eq!(table["http"]["listen"].as_str(), Some("127.0.0.1:8080"));
}

#[test]
fn a_generated_key_can_be_used() {
    let home = Home::new("");
    let (one, other) = (home.run("secrets generate").done(), home.run("secrets generate").done());
    assert_ne!(one, other);
    let rest = SANDBOX.lines().filter(|line| !line.starts_with("secrets")).collect::<Vec<_>>().join("\n");
    fs::write(home.path("trialgate.toml"), format!("{rest}\n{one}\n{other}")).unwrap();
    assert!(home.run("config check").done().starts_with("the configuration is valid and complete"));
}

#[test]
fn an_unknown_key_ends_every_command_with_one_line() {
    let home = Home::new("[http]\nlisen = \"127.0.0.1:1\"");
    for command in ["config show", "config check", "serve", "migrate", "tenants list", "quota show"] {
        let line = home.run(command).refused();
        assert!(
            line.ends_with("trialgate.toml:2:1: unknown key `http.lisen`; did you mean `http.listen`?\n"),
            "{line}"
        );
    }
    let line = Home::new("").run_with("config show", &[("TRIALGATE_HTTP__LISEN", "x")]).refused();
    assert!(line.contains("environment variable TRIALGATE_HTTP__LISEN: unknown key `http.lisen`"), "{line}");
}

#[test]
fn wrong_usage_has_its_own_status() {
    let home = Home::new("");
    for line in ["fly", "quota set many", "applications find"] {
        let ran = home.run(line);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{ran:?}");
        assert!(ran.err.contains("--help"), "{ran:?}");
    }
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    let home = Home::new("");
    for command in ["completions bash", "completions zsh", "openapi --interface ops", "config show", "--help"] {
        let said = shell(&home, &format!("{{ $TRIALGATE {command} 2>&1; echo $? >status; }} | head -n 1"));
        let status = fs::read_to_string(home.path("status")).unwrap();
        assert_eq!((said.lines().count(), status.as_str()), (1, "0\n"), "{command}");
    }
}

#[test]
fn a_database_is_missed_with_the_configuration_that_is_missing() {
    let home = Home::new("");
    let line = home.run("tenants list").refused();
    assert!(line.starts_with("trialgate: there is no database at"), "{line}");
    fs::remove_file(home.path("trialgate.toml")).unwrap();
    let line = home.run("tenants list").refused();
    let start = "trialgate: there is no trialgate.toml in this directory, so defaults are used; name a configuration with \
                 `--config FILE`: there is no database at";
    assert!(line.starts_with(start), "{line}");
    assert!(home.run("doctor").out.contains("there is no trialgate.toml in this directory"));
    for command in ["backup copy.db", "database confirm"] {
        let line = home.run(command).refused();
        assert!(
            line.starts_with("trialgate: there is no trialgate.toml in this directory, so defaults are used"),
            "{command}: {line}"
        );
    }
    let warning = "warning: there is no trialgate.toml in this directory, so defaults are used";
    let created = home.run("migrate");
    assert!(created.status == 0 && created.err.starts_with(warning), "{created:?}");
    home.run_with("migrate", &[("TRIALGATE_STORAGE__URL", "sqlite:named.db")]).done();
}

#[test]
fn documents_are_printed() {
    let home = Home::new("");
    let openapi: serde_json::Value = serde_json::from_str(&home.run("openapi").done()).unwrap();
    assert!(openapi["openapi"].is_string());
    assert!(home.run("completions bash").done().contains("trialgate"));
    let schema: serde_json::Value = serde_json::from_str(&home.run("config schema").done()).unwrap();
    assert_eq!(schema["properties"]["trial"]["properties"]["grace"]["default"], "7d");
    assert!(home.run("man pages/man1").done().contains("pages/man1"));
    assert!(home.path("pages/man1/trialgate-config-schema.1").exists());
}
