//! Tests of the configuration: layers, messages, hidden secrets.

use std::fs;
use std::time::Duration;

use toml::Value;
use trial_core::mails::MailRetry;
use trial_core::policy::{AddressLimits, Policy};
use trial_core::values::MailHosts;
use trial_engine::EngineOptions;
use trial_http::Envelope;

use super::database::Database;
use super::keys;
use super::schema::KEYS;
use super::settings::{LogFormat, Settings};
use super::{Config, Entry, Sources, layers};

mod fuzz;
mod platform;
mod schema;
mod sense;
mod sms;

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

struct Case {
    directory: tempfile::TempDir,
    variables: Vec<(String, String)>,
    flags: Vec<Entry>,
}

impl Case {
    fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("trialgate.toml"), text).unwrap();
        Self { directory, variables: Vec::new(), flags: Vec::new() }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn with_file(self, name: &str, text: &str) -> Self {
        fs::write(self.directory.path().join(name), text).unwrap();
        self
    }

    fn load(&self) -> anyhow::Result<Config> {
        Sources {
            file: Some(self.directory.path().join("trialgate.toml")),
            variables: self.variables.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            flags: self.flags.clone(),
        }
        .load()
    }

    fn config(&self) -> Config {
        self.load().unwrap()
    }

    /// The message without the file's directory.
    fn error(&self) -> String {
        let prefix = format!("{}/", self.directory.path().display());
        format!("{:#}", self.load().unwrap_err()).replace(&prefix, "")
    }
}

#[test]
fn every_default_is_the_contracts() {
    let config = Case::new("").config();
    assert_eq!(config.policy, Policy::default());
    assert_eq!(config.policy.limits.address, AddressLimits::default());
    assert_eq!(config.mail_retry(), MailRetry::default());
    assert_eq!(config.engine(), EngineOptions::default());
    assert_eq!(config.database, Database::Sqlite(config.base.join("trialgate.db")));
    let shown: Value = toml::from_str(&config.settings.to_toml().unwrap()).unwrap();
    for (key, literal) in [
        ("http.listen", r#""127.0.0.1:8080""#),
        ("http.envelope", r#""auto""#),
        ("http.trusted_proxies", "[]"),
        ("http.client_address_header", r#""x-forwarded-for""#),
        ("http.callers", r#""open""#),
        ("http.tls.hsts", r#""365d""#),
        ("http.limits.connections", "20000"),
        ("http.limits.connections_per_address", "256"),
        ("http.limits.streams_per_connection", "100"),
        ("http.limits.head_bytes", "16384"),
        ("http.limits.head_timeout", r#""5s""#),
        ("http.limits.body_timeout", r#""10s""#),
        ("http.limits.idle_timeout", r#""75s""#),
        ("storage.url", r#""sqlite:trialgate.db""#),
        ("sms.gateways", "[]"),
        ("platform.kind", r#""local""#),
        ("portal.enabled", "true"),
        ("site.name", r#""Trialgate""#),
        ("site.links", "{}"),
        ("site.embed_origins", "[]"),
        ("site.guard", r#""off""#),
        ("site.altcha.cost", "2000"),
        ("sandbox.enabled", "false"),
        ("verification.code_ttl", r#""5m""#),
        ("verification.code_cap", r#""10m""#),
        ("verification.resend_after", r#""1m""#),
        ("verification.max_tries", "5"),
        ("verification.max_failures", "100"),
        ("limits.phone.sends_per_hour", "5"),
        ("limits.phone.sends_per_day", "10"),
        ("limits.sms_per_day", "10000"),
        ("limits.sms_per_country_day", "50"),
        ("limits.sms_per_prefix_day", "0"),
        ("limits.address.codes_per_hour", "30"),
        ("limits.address.applications_per_hour", "60"),
        ("limits.address.failures_per_hour", "600"),
        ("limits.address.exempt", "[]"),
        ("abuse.safe_prefixes", "[]"),
        ("abuse.breaker.mode", r#""shadow""#),
        ("abuse.breaker.min_sends", "30"),
        ("abuse.breaker.min_conversion", "10"),
        ("abuse.breaker.block_for", r#""12h""#),
        ("phone.default_region", r#""CN""#),
        ("phone.countries", r#"["CN"]"#),
        ("trial.unique_by", r#"["phone", "email", "company"]"#),
        ("quota.threshold", "1000"),
        ("quota.kept_for_resends", "0"),
        ("quota.timezone", r#""UTC""#),
        ("trial.duration", r#""30d""#),
        ("trial.reminders", r#"["7d", "1d"]"#),
        ("trial.grace", r#""7d""#),
        ("pool.quarantine", r#""30d""#),
        ("pool.low_water", "20"),
        ("operations.mail_to", "[]"),
        ("mail.retry.first", r#""10s""#),
        ("mail.retry.cap", r#""30m""#),
        ("mail.retry.give_up_after", r#""1d""#),
        ("log.format", r#""human""#),
        ("log.level", r#""info""#),
    ] {
        let in_force = key.split('.').fold(&shown, |value, segment| &value[segment]);
        assert_eq!(in_force.to_string(), literal, "{key}");
    }
    assert_eq!(config.settings.mail.transport, None);
}

/// The configuration with every key set.
fn with_every_key() -> toml::Table {
    let settings = Case::new(
        r#"
        secrets.keys = [{ id = "a", key_file = "a" }]
        mail = { transport = "smtp", smtp_url_file = "f", smtp_password_file = "f", from = "a@example.com", reply_to = "a@example.com", envelope_from = "a@example.com", smtp_ca_file = "f", templates_dir = "d", dkim = { domain = "d", selector = "s", key_file = "f" } }
        portal.url = "https://a"
        http.admin_listen = "127.0.0.1:1"
        http.public_url = "https://a"
        support.contact = "a"
        storage.url_file = "url"
        http.tls = { cert_file = "f", key_file = "f" }
        site = { apply = true, colour = "\u0023000000", logo = "l.png", terms = { version = "1", file = "t" }, siteverify = { site_key = "a", secret_file = "f", verify_url = "https://a", script_url = "https://a" } }
        platform.webhook = { url_file = "f", secrets_file = "f" }
        [sms]
        autofill_domain = "example.com"
        [sms.huawei]
        endpoint = "a"
        app_key = "a"
        app_secret_file = "f"
        callback_secret_file = "f"
        sender = "a"
        template_id = "a"
        template_id_en = "a"
        signature = "a"
        status_callback = "https://a"
        [sms.twilio]
        account_sid = "a"
        auth_token_file = "f"
        callback_secret_file = "f"
        from = "a"
        status_callback = "https://a"
        [sms.smpp]
        host = "a"
        system_id = "a"
        password_file = "f"
        [sms.http]
        url_file = "f"
        body = "a"
        accept = { pointer = "/a", value = 0, id = "/b" }
        "#,
    )
    .with_file("url", "sqlite:a.db")
    .with_file("l.png", "")
    .with_file("t", "terms")
    .config()
    .settings;
    let mut table = settings.to_table().unwrap();
    let text = || Value::String("https://a".to_owned());
    for secret in ["smtp_url", "smtp_password", "hello_name"] {
        table["mail"].as_table_mut().unwrap().insert(secret.to_owned(), text());
    }
    for (gateway, key) in [
        ("huawei", "app_secret"),
        ("huawei", "callback_secret"),
        ("twilio", "auth_token"),
        ("twilio", "callback_secret"),
        ("twilio", "messaging_service_sid"),
        ("smpp", "password"),
        ("http", "url"),
    ] {
        table["sms"][gateway].as_table_mut().unwrap().insert(key.to_owned(), text());
    }
    table["quota"].as_table_mut().unwrap().insert("owner_mails".to_owned(), Value::Integer(7));
    table["traces"].as_table_mut().unwrap().insert("endpoint".to_owned(), text());
    table["site"]["siteverify"].as_table_mut().unwrap().insert("secret".to_owned(), text());
    let webhook = table["platform"]["webhook"].as_table_mut().unwrap();
    webhook.insert("url".to_owned(), text());
    webhook.insert("secrets".to_owned(), Value::Array(vec![text()]));
    table
}

fn every_key() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    flatten(&Value::Table(with_every_key()), &mut Vec::new(), &mut found);
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

/// Sets every key, so that the list of names and the structures cannot differ.
#[test]
fn the_list_of_keys_is_what_the_structures_hold() {
    assert_eq!(every_key().iter().map(|(key, _)| key).collect::<Vec<_>>(), KEYS.keys().collect::<Vec<_>>());
}

#[test]
fn every_key_can_be_set_by_its_variable() {
    for (key, value) in every_key() {
        // An empty variable is one that is not set.
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), |text| if text.is_empty() { "a" } else { text }.to_owned());
        let merged = layers::merge(vec![layers::of_environment([(keys::variable(&key).into(), text.into())])]);
        assert_eq!((merged.problems, merged.origins.keys().collect::<Vec<_>>()), (vec![], vec![&key]));
    }
    let http = |case: Case| case.config().settings.sms.http.accept;
    let nested = Case::new("sms.http.accept = { pointer = \"/code\", value = 0 }")
        .with("TRIALGATE_SMS__HTTP__ACCEPT__STATUS", "200,202")
        .with("TRIALGATE_SMS__HTTP__ACCEPT__VALUE", "1");
    let nested = http(nested);
    assert_eq!((nested.status.to_vec(), nested.pointer.as_deref()), (vec![200, 202], Some("/code")));
    assert_eq!(nested.value.map(|value| value.to_string()).as_deref(), Some("1"));
    let whole =
        http(Case::new("").with("TRIALGATE_SMS__HTTP__ACCEPT", r#"{ status = 202, pointer = "/a", value = 0 }"#));
    assert_eq!((whole.status.to_vec(), whole.pointer.as_deref()), (vec![202], Some("/a")));
    let error = Case::new("").with("TRIALGATE_SMS__HTTP__ACCEPT", "{ state = 202 }").error();
    assert!(error.contains("unknown key `sms.http.accept.state`"), "{error}");
}

fn flatten(value: &Value, path: &mut Vec<String>, found: &mut Vec<(String, Value)>) {
    match value {
        // A key whose value is a table is a key.
        Value::Table(table) if !keys::is_key(path) => {
            for (name, value) in table {
                path.push(name.clone());
                flatten(value, path, found);
                path.pop();
            }
        }
        _ => found.push((path.join("."), value.clone())),
    }
}

#[test]
fn the_environment_goes_before_the_file_and_flags_before_both() {
    let mut case = Case::new("http.listen = \"127.0.0.1:1\"\nhttp.envelope = \"schema\"\nlog.level = \"debug\"")
        .with("TRIALGATE_HTTP__LISTEN", "127.0.0.1:2")
        .with("TRIALGATE_LOG__LEVEL", "warn");
    case.flags = vec![Entry::flag("--listen", "http.listen", "127.0.0.1:3")];
    let settings = case.config().settings;
    assert_eq!(settings.http.listen.port(), 3);
    assert_eq!(settings.http.envelope, Envelope::Schema);
    assert_eq!(settings.log.level, "warn");
}

#[test]
fn the_environment_is_typed_by_the_key() {
    let config = Case::new("")
        .with("TRIALGATE_STORAGE__URL", "sqlite:/var/lib/trialgate/x.db")
        .with("TRIALGATE_SUPPORT__CONTACT", "4008")
        .with("TRIALGATE_LIMITS__SMS_PER_DAY", "7")
        .with("TRIALGATE_SANDBOX__ENABLED", "true")
        .with("TRIALGATE_HTTP__TRUSTED_PROXIES", r#"["10.0.0.0/8", "::1"]"#)
        .with("TRIALGATE_LIMITS__ADDRESS__EXEMPT", r#"["203.0.113.7", "2001:db8::/48"]"#)
        .with("TRIALGATE_TRIAL__REMINDERS", r#"["3d"]"#)
        .with("TRIALGATE_VERIFICATION__CODE_TTL", "90s")
        .with("TRIALGATE_LOG__FORMAT", "json")
        .with("TRIALGATE_SECRETS__KEYS", &format!(r#"[{{ id = "k1", key = "{KEY}" }}]"#))
        .with("TRIALGATE_MAIL__REPLY_TO", "")
        .with("TRIALGATE_PORT", "tcp://10.0.0.1:80")
        .with("TRIALGATE_PORT_80_TCP", "tcp://10.0.0.1:80")
        .with("TRIALGATE_SERVICE_HOST", "10.0.0.1")
        .with("OTHER", "x")
        .config();
    assert_eq!(config.database, Database::Sqlite("/var/lib/trialgate/x.db".into()));
    assert_eq!(config.settings.support.contact.as_deref(), Some("4008"));
    assert_eq!(config.policy.limits.sms_per_day, 7);
    assert!(config.settings.sandbox.enabled);
    assert_eq!(config.settings.http.trusted_proxies.len(), 2);
    let exempt: Vec<_> = config.http().exempt_addresses.iter().map(ToString::to_string).collect();
    assert_eq!(exempt, ["203.0.113.7/32", "2001:db8::/48"]);
    assert_eq!(config.settings.trial.reminders[0].0, Duration::from_hours(72));
    assert_eq!(config.policy.verification.code_ttl, Duration::from_secs(90));
    assert_eq!(config.settings.log.format, LogFormat::Json);
    assert_eq!(config.keyring().unwrap().current_id(), "k1");
    assert_eq!(config.settings.mail.reply_to, None);
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_known_one() {
    for (text, message) in [
        ("[http]\nlisen = 1", "trialgate.toml:2:1: unknown key `http.lisen`; did you mean `http.listen`?"),
        ("storage_url = 1", "trialgate.toml:1:1: unknown key `storage_url`; did you mean `storage.url`?"),
        ("[server]\n\n  listen = 1", "trialgate.toml:3:3: unknown key `server.listen`; did you mean `http.listen`?"),
        (
            "[mail.retries]\ncap = 1",
            "trialgate.toml:2:1: unknown key `mail.retries.cap`; did you mean `mail.retry.cap`?",
        ),
        ("[htpp]", "trialgate.toml:1:2: unknown key `htpp`; did you mean `http."),
        ("\"a\\nb\" = 1", "trialgate.toml:1:1: unknown key `a\\nb`; `trialgate config show` prints every key"),
        ("[backup]\nevery = 1", "unknown key `backup.every`; `trialgate config show` prints every key"),
        ("[[secrets.keys]]\nnonsense = 1", "unknown key `secrets.keys[0].nonsense`; the fields are id, key, key_file"),
        (
            "http = 3",
            "trialgate.toml:1:1: `http` is a table of keys, not a key; set one of its keys, such as `http.listen`",
        ),
        ("storage.url.path = 3", "`storage.url` must be a string"),
        ("http.listen.port = 3", "`http.listen`: invalid type: table, expected an IP address and a port"),
        ("\"http.listen\" = 3", "trialgate.toml:1:1: unknown key `http.listen`; did you mean `http.listen`?"),
        (
            "[[secrets.keys]]\nid = \"a\"\nkye = \"hunter2\"",
            "trialgate.toml:3:1: unknown key `secrets.keys[0].kye`; did you mean `secrets.keys[0].key`?",
        ),
        ("[secrets]\nkey = \"hunter2\"", "unknown key `secrets.key`; did you mean `secrets.keys`?"),
    ] {
        let error = Case::new(text).error();
        assert!(error.contains(message), "{text}: {error}");
        assert!(!error.contains("hunter2"));
    }
    for (name, message) in [
        (
            "TRIALGATE_STORAGE_URL",
            "environment variable TRIALGATE_STORAGE_URL: unknown key `storage_url`; did you mean `storage.url`, which \
             TRIALGATE_STORAGE__URL sets?",
        ),
        (
            "TRIALGATE_HTTP",
            "environment variable TRIALGATE_HTTP: `http` is a table of keys, not a key; set one of its keys, such as \
             `http.listen`, which TRIALGATE_HTTP__LISTEN sets",
        ),
        ("TRIALGATE_", "environment variable TRIALGATE_: unknown key ``"),
    ] {
        let error = Case::new("").with(name, "x").error();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn a_list_in_a_variable_is_what_stands_between_commas() {
    let case = Case::new("")
        .with("TRIALGATE_OPERATIONS__MAIL_TO", "a@example.com, b@example.com")
        .with("TRIALGATE_PHONE__COUNTRIES", "CN")
        .with("TRIALGATE_TRIAL__REMINDERS", "[\"3d\", \"1d\"]")
        .with("TRIALGATE_LIMITS__ADDRESS__EXEMPT", "203.0.113.7,2001:db8::/48,")
        .with("TRIALGATE_SMS__SMPP__COUNTRY_CODES", "86,60")
        .with("TRIALGATE_PLATFORM__WEBHOOK__SECRETS", "whsec_MfKQ,whsec_plJ3");
    let settings = case.config().settings;
    assert_eq!(settings.operations.mail_to, ["a@example.com", "b@example.com"]);
    assert_eq!((settings.phone.countries.len(), settings.trial.reminders.len()), (1, 2));
    assert_eq!((settings.limits.address.exempt.len(), settings.platform.webhook.secrets.len()), (2, 2));
    assert_eq!(settings.sms.smpp.country_codes.len(), 2);
    let wrong = Case::new("").with("TRIALGATE_HTTP__TRUSTED_PROXIES", "10.0.0.0/8,proxy").error();
    assert!(wrong.contains("\"proxy\" is not a network or an address, such as 10.0.0.0/8"), "{wrong}");
    let wrong = Case::new("operations.mail_to = \"a@example.com\"").error();
    assert!(wrong.contains("`operations.mail_to`: invalid type: string"), "{wrong}");
    assert!(wrong.contains("expected a list, such as [\"a\", \"b\"]"), "{wrong}");
}

#[test]
fn byte_order_marks_are_no_part_of_what_files_hold() {
    let case = Case::new("\u{feff}secrets.keys = [{ id = \"k1\", key_file = \"key\" }]\n")
        .with_file("key", &format!("\u{feff}{KEY}\r\n"));
    assert_eq!(case.config().keyring().unwrap().current_id(), "k1");
    fs::write(case.directory.path().join("trialgate.toml"), b"\xFF\xFEa\0").unwrap();
    assert!(case.error().contains("trialgate.toml: it is UTF-16; save it as UTF-8"), "{}", case.error());
}

#[test]
fn a_wrong_type_names_its_place_and_what_is_wanted() {
    for (text, message) in [
        (
            "http.listen = \"localhost\"",
            "trialgate.toml:1:6: `http.listen`: must be an IP address and a port, such as \"127.0.0.1:8080\"",
        ),
        (
            "http.envelope = 1",
            "trialgate.toml:1:6: `http.envelope`: must be one of `auto`, `flat`, `schema`, in quotation marks",
        ),
        ("site.links = 3", "`site.links`: invalid type: integer `3`, expected a table"),
        (
            "sms.smpp.port = 65536",
            "`sms.smpp.port`: invalid value: integer `65536`, expected a whole number from 0 to 65535",
        ),
        ("http.envelope = \"flatt\"", "unknown variant `flatt`, expected one of `auto`, `flat`, `schema`"),
        ("[limits]\nsms_per_day = \"many\"", "trialgate.toml:2:1: `limits.sms_per_day`: invalid type: string \"many\""),
        (
            "limits.sms_per_day = -1",
            "`limits.sms_per_day`: invalid value: integer `-1`, expected a whole number from 0 to 4294967295",
        ),
        ("trial.duration = 30", "expected a duration such as"),
        ("trial.duration = \"30 days\"", "\"30 days\" is not a duration; write a whole number and its unit"),
        ("trial.reminders = [\"7d\", \"x\"]", "`trial.reminders`: \"x\" is not a duration"),
        ("quota.timezone = \"Peking\"", "\"Peking\" is not a time zone of the IANA database"),
        ("phone.countries = [\"CN\", \"XX\"]", "\"XX\" is not a country code of ISO 3166"),
        ("[http]\nlisten = ", "trialgate.toml:2:10: not TOML"),
        ("[http\nlisten = 1", "trialgate.toml:1:6: not TOML"),
        ("a = 1\na = 2", "trialgate.toml:2:1: not TOML: duplicate key"),
    ] {
        let error = Case::new(text).error();
        assert!(error.contains(message), "{text}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
    for (name, value, message) in [
        ("TRIALGATE_LIMITS__SMS_PER_DAY", "many", "TRIALGATE_LIMITS__SMS_PER_DAY: `limits.sms_per_day`: invalid type"),
        ("TRIALGATE_VERIFICATION__CODE_TTL", "60", "\"60\" is not a duration"),
        (
            "TRIALGATE_SANDBOX__ENABLED",
            "yes",
            "`sandbox.enabled`: invalid type: string \"yes\", expected `true` or `false`",
        ),
        ("TRIALGATE_HTTP__TRUSTED_PROXIES", "[\"x\"]", "\"x\" is not a network or an address"),
    ] {
        let error = Case::new("").with(name, value).error();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn a_secret_is_in_no_message_and_no_listing() {
    for text in [
        "secrets.keys = \"hunter2\"",
        "secrets.keys = [\"hunter2\"]",
        "secrets.keys = [{ id = \"a\", key = [\"hunter2\"] }]",
        "mail.smtp_password = [\"hunter2\"]",
        "mail.smtp_password = \"hunter2\nx",
        "mail.smtp_url = \"http://a:hunter2@b\"",
        "storage.url = \"postgres://a:hunter2@b\"",
        "storage.url = \"mysql://a:hunter2@b\"",
        "traces.endpoint = [\"hunter2\"]",
        "sms.twilio.base_url = { a = \"hunter2\" }",
        "site.siteverify.verify_url = [\"hunter2\"]",
    ] {
        let error = Case::new(text).error();
        assert!(!error.contains("hunter2"), "{error}");
    }
    for (key, url) in [
        ("storage.url", "postgres://a:hun@ter2/x:hunter2@host/db"),
        ("storage.url", "postgres://a:hunter2/x@host/db"),
        ("mail.smtp_url", "smtps://trials@example.com:hunter2@host"),
        ("traces.endpoint", "http://a:hunter2?@host"),
        ("sms.huawei.endpoint", "https://a:hunter2/@host"),
        ("sms.twilio.base_url", "https://a:hunter2#@host"),
        ("sms.http.url", "https://a:hun@hunter2@host/{{to}}"),
        ("platform.webhook.url", "https://a:hun@hunter2@host/"),
        ("site.siteverify.verify_url", "https://a:hun@hunter2@host/"),
    ] {
        let error = Case::new(&format!("{key} = {url:?}")).error();
        assert!(error.contains(&format!("`{key}` can be read in several ways; percent-encode")), "{error}");
        assert!(!error.contains("hunter2") && !error.contains("@host"), "{error}");
    }
    let config = Case::new(&format!(
        "secrets.keys = [{{ id = \"a\", key = \"{KEY}\" }}]\n\
         mail = {{ smtp_url = \"smtps://u@mail.example.com\", smtp_password = \"hunter2\" }}\n\
         storage.url = \"postgres://host/db?password=hunter2&sslmode=require\"\n\
         traces.endpoint = \"https://a:hunter2@collector/v1/hunter2?key=hunter2\"\n\
         platform.webhook = {{ url = \"https://hooks.example.com/hunter2?hunter2\" }}\n\
         sms.huawei.endpoint = \"https://hunter2@sms.example.com\"\n\
         sms.twilio.base_url = \"https://hunter2:a@sms.example.com/hunter2\"\n\
         site.siteverify.verify_url = \"https://a.example.com/?hunter2=a\"\n\
         sms.http = {{ url = \"https://sms.example.com/hunter2\", body = \"hunter2\", headers = {{ a = \"hunter2\" }} }}"
    ))
    .config();
    for shown in [config.settings.to_toml().unwrap(), format!("{config:?}")] {
        assert!(!shown.contains("hunter2") && !shown.contains(KEY), "{shown}");
        assert!(shown.contains("***"), "{shown}");
    }
    assert!(config.settings.to_toml().unwrap().contains("postgres://host/db?password=***&sslmode=require"));
}

#[test]
fn addresses_of_ours_are_on_the_internet_unless_local_ones_are_allowed() {
    for (key, value) in [
        ("mail.from", "\"Trials <trials@localhost>\""),
        ("mail.reply_to", "\"help@mx\""),
        ("mail.envelope_from", "\"bounces@[192.0.2.1]\""),
        ("operations.mail_to", "[\"root@localhost\"]"),
    ] {
        let error = Case::new(&format!("{key} = {value}")).error();
        assert!(error.contains(&format!("`{key}`")) && error.contains("`mail.allow_local_addresses`"), "{error}");
        Case::new(&format!("{key} = {value}\nmail.allow_local_addresses = true")).config();
    }
    assert_eq!(Case::new("").config().http().mail_hosts, MailHosts::Internet);
    assert_eq!(Case::new("mail.allow_local_addresses = true").config().http().mail_hosts, MailHosts::Any);
}

#[test]
fn a_listing_is_a_configuration() {
    let config = Case::new("http.trusted_proxies = [\"10.0.0.1\"]\nmail.smtp_url = \"smtps://u:p@h\"").config();
    let again = Settings::read(config.settings.to_table().unwrap()).unwrap();
    assert_eq!(again.http, config.settings.http);
    assert_eq!(again.mail.smtp_url.unwrap().reveal(), "smtps://***@h");
}

#[test]
fn variables_are_spelled_as_documented() {
    assert_eq!(keys::variable("storage.url"), "TRIALGATE_STORAGE__URL");
    assert_eq!(keys::variable("limits.phone.sends_per_hour"), "TRIALGATE_LIMITS__PHONE__SENDS_PER_HOUR");
}
