//! Tests of settings that make no sense, and of what `serve` requires.

use super::super::settings::MailTransport;
use super::super::{BrowserAccess, Config, Database, GuardSetup, MailSetup, Sources};
use super::{Case, KEY};

#[test]
fn what_makes_no_sense_is_said_all_at_once() {
    let error = Case::new(
        r#"
        storage.url = "postgres://u:hunter2@db"
        sms = { gateways = ["sandbox", "huawei", "pigeon"], huawei.status_callback = "x", twilio.status_callback = "nope", smpp.port = 0 }
        platform.webhook = { url = "u", url_file = "f", secrets = ["s"], secrets_file = "f" }
        portal.url = "portal"
        support.contact = " "
        log.level = "inof"
        verification = { code_ttl = "5m", code_cap = "1m", resend_after = "2m", max_tries = 0, max_failures = 0 }
        limits = { sms_per_day = 0, sms_per_country_day = 0, phone = { sends_per_hour = 0, sends_per_day = 0 } }
        phone.countries = []
        trial = { duration = "5d", unique_by = ["phone", "phone"] }
        mail = { from = "nobody", max_per_second = 0, retry = { first = "1h", cap = "1m" }, smtp_url = "mail", smtp_url_file = "f", envelope_from = "bounces", dkim = { domain = "example.com" } }
        secrets.keys = [{ id = "a" }, { id = "b", key = "x", key_file = "y" }]
        engine = { queue_length = 0, batch_limit = 0, wait = "0s" }
        site = { name = "", colour = "\u0023ffff00", logo = "l.gif", links = { a = "javascript:x" }, embed_origins = ["https://a/b"], altcha.cost = 0, terms = { file = "t" } }
        unknown = 1
        "#,
    )
    .error();
    for message in [
        "`storage.url` names no database",
        "`sms.gateways` names \"pigeon\", which is not a gateway; the gateways are sandbox, huawei, twilio, smpp, http",
        "`platform.webhook.url` and `platform.webhook.url_file` are both given",
        "`platform.webhook.secrets` and `platform.webhook.secrets_file` are both given",
        "`portal.url` must begin with https://",
        "`sms.huawei.status_callback` must begin with https:// or http://",
        "`sms.twilio.status_callback` must begin with https:// or http://",
        "`sms.smpp.port` must be at least 1",
        "`support.contact` is empty",
        "`log.level` \"inof\" is not a level",
        "`verification.code_cap` (1m) must be at least `verification.code_ttl` (5m)",
        "`verification.resend_after` (2m) must be at most `verification.code_cap` (1m)",
        "`verification.max_tries` must be at least 1",
        "`verification.max_failures` must be at least 1",
        "`limits.sms_per_day` must be at least 1",
        "`limits.sms_per_country_day` must be at least 1",
        "`limits.phone.sends_per_hour` must be at least 1",
        "`limits.phone.sends_per_day` must be at least 1",
        "`phone.countries` must name at least one country",
        "`trial.reminders` has 7d, which is not shorter than `trial.duration` (5d)",
        "`trial.unique_by` names one field twice",
        "`mail.from` is not an e-mail address",
        "`mail.envelope_from` is not an e-mail address",
        "`mail.dkim.selector` is missing; a signature needs domain, selector and key_file",
        "`mail.dkim.key_file` is missing; a signature needs domain, selector and key_file",
        "`mail.max_per_second` must be from 1 to 10000",
        "`mail.retry.cap` (1m) must be at least `mail.retry.first` (1h)",
        "`mail.smtp_url` must be smtp://HOST",
        "`mail.smtp_url` and `mail.smtp_url_file` are both given",
        "`secrets.keys` [0]: neither `key` nor `key_file` is given",
        "`secrets.keys` [1]: `key` and `key_file` are both given",
        "`engine.queue_length` must be from 1 to 1000000",
        "`engine.batch_limit` must be from 1 to 10000",
        "`engine.wait` must be longer than 0s",
        "`site.name` is empty",
        "`site.colour` is too bright: white text on it has a contrast of 1.1:1, and needs 4.5:1",
        "`site.logo` cannot be read from l.gif",
        "`site.links` has \"a\", which needs a label and an address that begins with https://",
        "`site.embed_origins` has \"https://a/b\", which is not the origin of a website",
        "`site.altcha.cost` must be from 1 to 20000",
        "`site.terms.version` is missing beside `site.terms.file`",
        "unknown key `unknown`",
    ] {
        assert!(error.contains(message), "{message}: {error}");
    }
    assert!(!error.contains('\n'));
}

/// Cookies are `Secure` by the configuration, never by a request.
#[test]
fn addresses_that_everybody_reads_hold_no_password() {
    for (text, key) in [
        ("portal.url = \"https://u:hunter2@h/\"", "portal.url"),
        ("portal.url = \"https://u@h/\"", "portal.url"),
        ("http.public_url = \"https://u:hunter2@h\"", "http.public_url"),
        ("site.siteverify.script_url = \"https://u:hunter2@h/x.js\"", "site.siteverify.script_url"),
        ("site.links = { Help = \"https://u:hunter2@h/\" }", "site.links"),
        ("site.links = { Help = \"https://\" }", "site.links"),
        ("site.embed_origins = [\"https://u:p@h\"]", "site.embed_origins"),
    ] {
        let error = Case::new(text).error();
        assert!(error.contains(&format!("`{key}`")) && !error.contains("hunter2"), "{text}: {error}");
    }
}

#[test]
fn urls_that_no_client_can_use_are_refused() {
    for (text, message) in [
        ("mail.smtp_url = \"smtp://host:0\"", "`mail.smtp_url` names the port 0"),
        ("mail.smtp_url = \"smtp://u%zz:p@host\"", "`mail.smtp_url` has a % in its user or password"),
        ("storage.url = \"postgres://u:p%zz@h/d\"", "`storage.url` has a % in its user or password"),
    ] {
        let error = Case::new(text).error();
        assert!(error.contains(message) && !error.contains("zz"), "{error}");
    }
}

#[test]
fn a_default_region_that_is_not_served_is_a_concern() {
    let concern = |text: &str| Case::new(text).config().default_region_concern();
    assert_eq!(concern(""), None);
    assert_eq!(concern("phone = { default_region = \"MY\", countries = [\"CN\", \"MY\"] }"), None);
    let said = concern("phone.countries = [\"MY\"]").unwrap();
    assert!(said.contains("`phone.default_region` is CN, which is not among `phone.countries`"), "{said}");
}

#[test]
fn how_browsers_come_is_said_by_tls_here_or_the_public_url() {
    let tls = "http.tls = { cert_file = \"c\", key_file = \"k\" }\n";
    let (https, http) = ("http.public_url = \"https://t.example\"\n", "http.public_url = \"http://127.0.0.1:8080/\"\n");
    let sandbox = "sandbox.enabled = true\n";
    for (text, access, is_secure, is_concern) in [
        (tls.to_owned(), BrowserAccess::Tls, true, false),
        (tls.to_owned() + https, BrowserAccess::Tls, true, false),
        (https.to_owned() + sandbox, BrowserAccess::TlsOfProxy, true, false),
        (http.to_owned(), BrowserAccess::Plain, false, true),
        (String::new(), BrowserAccess::Unknown { is_sandbox: false }, true, true),
        (sandbox.to_owned(), BrowserAccess::Unknown { is_sandbox: true }, false, true),
    ] {
        let config = Case::new(&text).config();
        assert_eq!(config.browser_access(), access, "{text}");
        assert_eq!((config.http().secure_cookies, access.concern().is_some()), (is_secure, is_concern), "{text}");
    }
    let error = Case::new(&(tls.to_owned() + http)).error();
    assert!(error.contains("`http.public_url` begins with http://, but `http.tls`"), "{error}");
    for wrong in ["trial.example.com", "https://", "ftp://a", "https://a/trial", "https://u:hunter2@a", "https://a?b"] {
        let error = Case::new("").with("TRIALGATE_HTTP__PUBLIC_URL", wrong).error();
        assert!(error.contains("must be https:// or http:// with a host"), "{wrong}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn administrators_have_a_listener_of_their_own() {
    let error = Case::new("http = { listen = \"127.0.0.1:81\", admin_listen = \"127.0.0.1:81\" }").error();
    assert!(error.contains("`http.admin_listen` is `http.listen`; name another port"), "{error}");
    for text in ["listen = \"127.0.0.1:0\", admin_listen = \"127.0.0.1:0\"", "admin_listen = \"127.0.0.2:8080\""] {
        assert!(Case::new(&format!("http = {{ {text} }}")).config().settings.http.admin_listen.is_some(), "{text}");
    }
    assert_eq!(Case::new("").config().settings.http.admin_listen, None);
}

#[test]
fn a_database_is_a_file_beside_the_configuration() {
    for (url, path) in [
        ("sqlite:a.db", Ok("a.db")),
        ("sqlite:sub/a.db", Ok("sub/a.db")),
        ("sqlite://a.db", Ok("a.db")),
        ("sqlite:///var/a.db", Ok("/var/a.db")),
        ("sqlite:/var/a.db", Ok("/var/a.db")),
        ("sqlite:", Err("names no file")),
        ("sqlite::memory:", Err("would be lost")),
        ("sqlite:a.db?mode=ro", Err("without parameters")),
        ("postgres://u:hunter2@h", Err("names no database")),
        ("postgres://h/t?sslmode=prefer", Err("sslmode")),
        ("a.db", Err("must be sqlite:PATH or postgres://")),
    ] {
        let case = Case::new("").with("TRIALGATE_STORAGE__URL", url);
        match path {
            Ok(path) => {
                let database = Database::Sqlite(case.directory.path().join(path));
                assert_eq!(case.config().database, database, "{url}");
            }
            Err(message) => assert!(case.error().contains(message), "{url}: {}", case.error()),
        }
    }
    let config = Case::new("storage.url = \"sqlite:sub/a.db\"").config();
    assert_eq!(config.inbox(), config.base.join("sub/messages.jsonl"));
}

#[test]
fn a_database_may_be_on_servers_elsewhere() {
    let case = Case::new("storage.url = \"postgres://u:hunter2@a:1,b:2/trial?sslmode=disable\"");
    let config = case.config();
    assert_eq!(config.database.to_string(), "trial on a:1, b:2");
    assert_eq!(config.inbox(), config.base.join("messages.jsonl"));
    let shown = config.settings.to_toml().unwrap() + &format!("{config:?}");
    assert!(!shown.contains("hunter2"), "{shown}");

    let case = Case::new("storage.url_file = \"url\"").with_file("url", "postgres://u:hunter2@a/trial\n");
    assert_eq!(case.config().database.to_string(), "trial on a:5432");
    let error = Case::new("storage = { url = \"sqlite:a.db\", url_file = \"url\" }").error();
    assert!(error.contains("`storage.url_file` is given beside `storage.url`"), "{error}");
    let error = Case::new("storage.url_file = \"absent\"").error();
    assert!(error.contains("`storage.url_file` cannot read"), "{error}");
}

#[test]
fn secrets_can_stand_in_files() {
    let case = Case::new(
        r#"
        sandbox.enabled = true
        sms.gateways = ["sandbox"]
        mail = { transport = "smtp", smtp_url_file = "url", smtp_password_file = "password", from = "T <t@example.com>" }
        portal.url = "https://portal.example.org/"
        support.contact = "help@example.org"
        [[secrets.keys]]
        id = "new"
        key_file = "key"
        [[secrets.keys]]
        id = "old"
        key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
        "#,
    )
    .with_file("key", &format!("{KEY}\n"))
    .with_file("url", "smtps://mail.example.com\r\n")
    .with_file("password", " hunter2 \n");
    let serving = case.config().serving().unwrap();
    assert_eq!(serving.keyring.current_id(), "new");
    let MailSetup::Smtp(smtp) = serving.mail else { panic!("smtp is configured") };
    assert_eq!(smtp.url.as_str(), "smtps://mail.example.com");
    assert_eq!(smtp.password.as_ref().map(|password| password.as_str()), Some(" hunter2 "));
    assert_eq!(smtp.from, "T <t@example.com>");
    assert!(!format!("{smtp:?}").contains("hunter2"));
}

#[test]
fn serving_says_everything_that_is_missing() {
    for (text, messages) in [
        (
            "",
            &[
                "`secrets.keys` is missing; `trialgate secrets generate` prints one",
                "`sms.gateways` is missing",
                "`mail.transport` is missing",
            ][..],
        ),
        (
            "secrets.keys = [{ id = \"a\", key_file = \"absent\" }]\nsms.gateways = [\"sandbox\"]\nmail.transport = \"sandbox\"",
            &[
                "`secrets.keys[0]`: cannot read",
                "`sms.gateways` has \"sandbox\", which captures messages instead of sending them; set `sandbox.enabled`",
                "`mail.transport` is \"sandbox\", which captures",
            ],
        ),
        (
            "secrets.keys = [{ id = \"a\", key = \"AAAA\" }, { id = \"\", key = \"?\" }]\nmail.transport = \"smtp\"",
            &[
                "`secrets.keys[0]`: the key \"a\" has 3 bytes, not 32",
                "`secrets.keys[1]`: the key is not base64",
                "`mail.smtp_url` is missing",
                "`mail.from` is missing",
                "`portal.url` is missing",
                "`support.contact` is missing",
            ],
        ),
    ] {
        let error = Case::new(text).config().serving().unwrap_err().to_string();
        for message in messages {
            assert!(error.contains(message), "{message}: {error}");
        }
        assert!(!error.contains('\n'));
    }
}

#[test]
fn a_sandbox_needs_a_key_alone() {
    let text = format!(
        "sandbox.enabled = true\nsms.gateways = [\"sandbox\"]\nmail.transport = \"sandbox\"\n\
         secrets.keys = [{{ id = \"a\", key = \"{KEY}\" }}]"
    );
    let config = Case::new(&text).config();
    assert_eq!(config.settings.mail.transport, Some(MailTransport::Sandbox));
    let serving = config.serving().unwrap();
    assert!(matches!(serving.mail, MailSetup::Sandbox { .. }));
}

#[test]
fn a_file_that_was_named_must_exist() {
    let absent = Sources { file: Some("/nonexistent/x.toml".into()), ..Sources::default() };
    let error = format!("{:#}", absent.load().unwrap_err());
    assert!(error.starts_with("cannot read the configuration /nonexistent/x.toml: "), "{error}");
}

#[test]
fn bounds_have_a_top() {
    for (text, message) in [
        ("engine.queue_length = 1000001", "`engine.queue_length` must be from 1 to 1000000"),
        ("engine.batch_limit = 10001", "`engine.batch_limit` must be from 1 to 10000"),
        ("engine.wait = \"16s\"", "`engine.wait` must be at most 15s"),
        (
            "mail.hello_name = \"4f1d2c3b4a59\"",
            "`mail.hello_name` is neither a full domain name, such as trials.example.com, nor an address literal, such as [192.0.2.1]",
        ),
        ("mail.final_timeout = \"0s\"", "`mail.final_timeout` must be longer than 0s"),
        ("mail.final_timeout = \"2h\"", "`mail.final_timeout` must be at most 1h"),
        ("mail.max_per_second = 10001", "`mail.max_per_second` must be from 1 to 10000"),
    ] {
        let error = Case::new(text).error();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn the_page_to_apply_on_is_there_unless_callers_sign() {
    for (text, is_there) in [
        ("", true),
        ("site.apply = false", false),
        ("http.callers = \"signed\"", false),
        ("http.callers = \"signed\"\nsite.apply = true", true),
    ] {
        assert_eq!(Case::new(text).config().http().site.is_some(), is_there, "{text}");
    }
    let text = "site.terms = { version = \"2026-01\", file = \"terms.txt\" }\nsite.logo = \"logo.png\"";
    let case = || Case::new(text).with_file("logo.png", "png");
    let site = case().with_file("terms.txt", "Be kind.\n").config().http().site.unwrap();
    let terms = site.terms.unwrap();
    assert_eq!((terms.version(), terms.text(), site.logo.is_some()), ("2026-01", "Be kind.\n", true));
    assert!(case().with_file("terms.txt", " \n").error().contains("`site.terms.file` must hold 1 to 262144 bytes"));
    assert!(case().error().contains("`site.terms.file` cannot be read from terms.txt"));
}

fn sandboxed(text: &str) -> Config {
    let sandbox = format!(
        "sandbox.enabled = true\nsms.gateways = [\"sandbox\"]\nmail.transport = \"sandbox\"\nsecrets.keys = [{{ id = \"a\", key = \"{KEY}\" }}]"
    );
    Case::new(&format!("{sandbox}\n{text}")).config()
}

#[test]
fn browsers_work_where_the_guard_says_so() {
    for (text, rounds) in [
        ("", None),
        ("[site.altcha]\ncost = 7", None),
        ("[site]\nguard = \"altcha\"", Some(2_000)),
        ("[site]\nguard = \"altcha\"\naltcha.cost = 7", Some(7)),
    ] {
        let guard = sandboxed(text).serving().unwrap().guard;
        let work = guard.map(|guard| match guard {
            GuardSetup::Altcha(cost) => cost.rounds(),
            GuardSetup::Siteverify { .. } => panic!("{text}"),
        });
        assert_eq!(work, rounds, "{text}");
    }
    assert!(Case::new("site.guard = \"captcha\"").error().contains("site.guard"));
}

#[test]
fn a_captcha_has_the_names_of_its_provider() {
    let captcha =
        |more: &str| sandboxed(&format!("[site]\nguard = \"siteverify\"\n[site.siteverify]\n{more}")).serving();
    for (provider, url, script, field) in [
        (
            "turnstile",
            "https://challenges.cloudflare.com/turnstile/v0/siteverify",
            "https://challenges.cloudflare.com/turnstile/v0/api.js",
            "cf-turnstile-response",
        ),
        ("hcaptcha", "https://api.hcaptcha.com/siteverify", "https://js.hcaptcha.com/1/api.js", "h-captcha-response"),
        (
            "recaptcha",
            "https://www.google.com/recaptcha/api/siteverify",
            "https://www.google.com/recaptcha/api.js",
            "g-recaptcha-response",
        ),
    ] {
        let serving = captcha(&format!("provider = \"{provider}\"\nsite_key = \"mine\"\nsecret = \"hidden\"")).unwrap();
        let Some(GuardSetup::Siteverify { settings, widget }) = &serving.guard else { panic!("{provider}") };
        assert_eq!((settings.url.as_str(), settings.secret.as_str()), (url, "hidden"));
        assert_eq!((widget.script.as_str(), widget.field.as_str(), widget.site_key.as_str()), (script, field, "mine"));
        assert!(!format!("{serving:?}").contains("hidden"));
    }
    let elsewhere = "provider = \"recaptcha\"\nsite_key = \"mine\"\nsecret = \"hidden\"\nscript_url = \"https://www.recaptcha.net/recaptcha/api.js\"";
    let Some(GuardSetup::Siteverify { widget, .. }) = captcha(elsewhere).unwrap().guard else { panic!() };
    assert_eq!(widget.sources.last().map(String::as_str), Some("https://www.recaptcha.net"));
    let error = captcha("").unwrap_err().to_string();
    assert!(
        error.contains("`site.siteverify.site_key` is missing")
            && error.contains("`site.siteverify.secret` is missing"),
        "{error}"
    );
    for wrong in [
        "secret = \"a\"\nsecret_file = \"b\"",
        "verify_url = \"here\"",
        "script_url = \"mailto:a@example.com\"",
        "provider = \"mine\"",
    ] {
        let error = Case::new(&format!("[site.siteverify]\n{wrong}")).error();
        assert!(error.contains("site.siteverify."), "{error}");
    }
}
