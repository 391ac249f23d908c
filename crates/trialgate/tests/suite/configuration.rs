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
}

/// The reference names every key, and no unknown one.
#[test]
fn the_reference_lists_every_key() {
    let reference = include_str!("../../../../docs/configuration.md");
    let home = Home::new(
        r#"
        mail = { smtp_url = "smtp://h", smtp_password_file = "f", from = "a@example.com", reply_to = "a@example.com", envelope_from = "a@example.com", transport = "smtp", smtp_ca_file = "f", templates_dir = "d", dkim = { domain = "d", selector = "s", key_file = "f" } }
        portal.url = "https://a"
        http.admin_listen = "127.0.0.1:1"
        http.public_url = "https://a"
        support.contact = "a"
        secrets.keys = [{ id = "a", key_file = "f" }]
        platform.webhook = { url = "a", secrets = ["a"] }
        site = { apply = true, colour = "\u00230b57a4", links = { Privacy = "/privacy" }, siteverify = { site_key = "a", secret = "a", verify_url = "https://a", script_url = "https://a" } }
        [sms]
        autofill_domain = "example.com"
        [sms.huawei]
        endpoint = "a"
        app_key = "a"
        app_secret = "a"
        callback_secret_file = "f"
        sender = "a"
        template_id = "a"
        template_id_en = "a"
        signature = "a"
        status_callback = "https://a"
        [sms.twilio]
        account_sid = "a"
        auth_token = "a"
        callback_secret_file = "f"
        from = "a"
        status_callback = "https://a"
        [sms.smpp]
        host = "a"
        system_id = "a"
        password = "a"
        [sms.http]
        url = "a"
        body = "a"
        accept = { pointer = "/a", value = "a", id = "/a" }
        "#,
    );
    let shown: toml::Table = home.run("config show").done().parse().unwrap();
    let mut keys = Vec::new();
    collect(&shown, "", &mut keys);
    let in_place_of_others = [
        "http.tls.cert_file",
        "http.tls.key_file",
        "mail.smtp_url_file",
        "mail.smtp_password",
        "storage.url_file",
        "sms.huawei.app_secret_file",
        "sms.huawei.callback_secret",
        "sms.twilio.auth_token_file",
        "sms.twilio.callback_secret",
        "sms.twilio.messaging_service_sid",
        "sms.smpp.password_file",
        "sms.http.url_file",
        "sms.http.headers",
        "sms.test_numbers",
        "mail.hello_name",
        "quota.owner_mails",
        "platform.webhook.url_file",
        "platform.webhook.secrets_file",
        "traces.endpoint",
        "site.links",
        "site.logo",
        "site.siteverify.secret_file",
        "site.terms.file",
        "site.terms.version",
    ];
    keys.retain(|key| !key.starts_with("site.links"));
    keys.extend(in_place_of_others.map(str::to_owned));
    let mut listed: Vec<String> = reference
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(key, _)| key.to_owned()))
        .filter(|key| key.contains('.') && !key.contains("[]"))
        .collect();
    keys.sort();
    listed.sort();
    assert_eq!(listed, keys);
}

fn collect(table: &toml::Table, above: &str, keys: &mut Vec<String>) {
    for (name, value) in table {
        match value {
            toml::Value::Table(below) => collect(below, &format!("{above}{name}."), keys),
            _ => keys.push(format!("{above}{name}")),
        }
    }
}
