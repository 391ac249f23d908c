//! `config check` and `serve` build the same parts, and report the same problems of an unusable configuration.

use std::fs;
use std::net::TcpListener;

use crate::Home;

/// The configuration of a service with real servers.
const COMPLETE: &str = r#"
secrets.keys = [{ id = "k1", key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" }]
portal.url = "https://portal.example.com/"
support.contact = "help@example.com"
[sms]
gateways = ["http"]
http = { url = "https://sms.example.com/send", body = "{{to}} {{text}}" }
huawei = { endpoint = "https://sms.example.com", app_key = "k", app_secret = "s", sender = "1", template_id = "t" }
smpp = { host = "smsc.example.com", system_id = "u", password = "p" }
twilio = { account_sid = "AC1", auth_token = "t", from = "+15005550006" }
[mail]
transport = "smtp"
smtp_url = "smtp://mail.example.com"
from = "Trials <trials@example.com>"
"#;

/// Variables that break the configuration, and a part of the message.
const BROKEN: &[(&[(&str, &str)], &str)] = &[
    (&[("MAIL__FROM", "Trials, Example <trials@example.com>")], "mailbox"),
    (&[("MAIL__REPLY_TO", "Help, Example <help@example.com>")], "mailbox"),
    (&[("MAIL__ENVELOPE_FROM", "bounces")], "`mail.envelope_from`"),
    (&[("MAIL__SMTP_URL", "smtp://user@mail.example.com")], "no password is given"),
    (&[("MAIL__SMTP_URL", "smtp://mail.example.com:99999")], "SMTP URL"),
    (&[("MAIL__SMTP_URL", "smtp://mail.example.com/path")], "behind its host"),
    (&[("MAIL__SMTP_PASSWORD", "p")], "names no user"),
    (&[("MAIL__SMTP_CA_FILE", "broken")], "none in PEM"),
    (&[("MAIL__SMTP_CA_FILE", "empty")], "`mail.smtp_ca_file`"),
    (&[("MAIL__SMTP_PASSWORD_FILE", "empty")], "is empty"),
    (&[("MAIL", "{ smtp_password = '' }")], "`mail.smtp_password` is empty"),
    (
        &[("MAIL__DKIM__DOMAIN", "example.com"), ("MAIL__DKIM__SELECTOR", "s"), ("MAIL__DKIM__KEY_FILE", "broken")],
        "DKIM",
    ),
    (&[("MAIL__TEMPLATES_DIR", "templates")], "account.en.txt"),
    (&[("PORTAL__URL", "https://")], "`portal.url`"),
    (&[("HTTP__PUBLIC_URL", "https://trial.example.com/path")], "`http.public_url`"),
    (&[("HTTP__LISTEN", "nowhere")], "`http.listen`"),
    (&[("HTTP__TLS__CERT_FILE", "broken"), ("HTTP__TLS__KEY_FILE", "broken")], "`http.tls.cert_file`"),
    (&[("HTTP__TLS__CERT_FILE", "empty"), ("HTTP__TLS__KEY_FILE", "empty")], "`http.tls.cert_file`"),
    (&[("HTTP__CALLERS", "some")], "`http.callers`"),
    (&[("SECRETS__KEYS", "[{ id = \"k1\", key_file = \"broken\" }]")], "not base64"),
    (&[("SECRETS__KEYS", "[{ id = \"k1\", key_file = \"empty\" }]")], "is empty"),
    (&[("SMS__GATEWAYS", "http,pigeon")], "not a gateway"),
    (&[("SMS__HTTP__URL", "https://")], "`sms.http`"),
    (&[("SMS__HTTP__BODY", "{{nobody}}")], "`sms.http`"),
    (&[("SMS__GATEWAYS", "huawei"), ("SMS__HUAWEI__ENDPOINT", "sms.example.com")], "`sms.huawei`"),
    (&[("SMS__GATEWAYS", "huawei"), ("SMS__HUAWEI__TEMPLATE_PARAMS", "{{cod}}")], "known are {{code}} and {{minutes}}"),
    (&[("SMS__GATEWAYS", "huawei"), ("SMS__HUAWEI__STATUS_CALLBACK", "x")], "`sms.huawei.status_callback`"),
    (&[("SMS__GATEWAYS", "smpp"), ("SMS__SMPP__HOST", "smpp://h:2775")], "a name or an address alone"),
    (&[("SMS__GATEWAYS", "twilio"), ("SMS__TWILIO__BASE_URL", "https://")], "`sms.twilio`"),
    (&[("SMS__GATEWAYS", "twilio"), ("SMS__TWILIO__FROM", "not a number")], "`from` must be a number"),
    (&[("SMS__TWILIO__CALLBACK_SECRET_FILE", "empty")], "`sms.twilio.callback_secret_file`"),
    (&[("SMS__GATEWAYS", "smpp"), ("SMS__SMPP__SYSTEM_ID", "longer than sixteen bytes")], "`sms.smpp`"),
    (
        &[("PLATFORM__KIND", "webhook"), ("PLATFORM__WEBHOOK__URL", "https://p.example.com")],
        "`platform.webhook.secrets`",
    ),
    (
        &[
            ("PLATFORM__KIND", "webhook"),
            ("PLATFORM__WEBHOOK__URL", "https://"),
            ("PLATFORM__WEBHOOK__SECRETS", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
        ],
        "`platform.webhook",
    ),
    (&[("SITE__ALTCHA__COST", "0")], "`site.altcha.cost`"),
    (
        &[
            ("SITE__GUARD", "siteverify"),
            ("SITE__SITEVERIFY__SITE_KEY", "k"),
            ("SITE__SITEVERIFY__SECRET", "s"),
            ("SITE__SITEVERIFY__VERIFY_URL", "ftp://verify.example.com"),
        ],
        "`site.siteverify",
    ),
    (
        &[
            ("SITE__GUARD", "siteverify"),
            ("SITE__SITEVERIFY__SITE_KEY", "k"),
            ("SITE__SITEVERIFY__SECRET_FILE", "empty"),
        ],
        "`site.siteverify.secret_file`",
    ),
    (&[("SITE__LOGO", "absent.png")], "`site.logo`"),
    (&[("STORAGE__URL", "postgres://u:p@ss/w:rd@host/db")], "percent-encode"),
    (&[("STORAGE__URL", "postgres://u@h/d?sslmode=verify-full&sslrootcert=absent.pem")], "absent.pem"),
    (&[("STORAGE__URL", "postgres://u@h/d?sslmode=verify-full&sslrootcert=empty")], "has no certificate in it"),
    (&[("STORAGE__URL_FILE", "empty")], "`storage.url_file`"),
    (&[("LOG__LEVEL", "loud")], "`log.level`"),
];

/// The port is taken: another message means that `serve` failed before.
#[test]
fn what_serve_refuses_the_check_refuses_with_the_same_words_before_anything_is_opened() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = Home::new(&format!("http.listen = \"{}\"\n{COMPLETE}", taken.local_addr().unwrap()));
    fs::write(home.path("broken"), "nothing of use").unwrap();
    fs::write(home.path("empty"), "\n").unwrap();
    fs::create_dir(home.path("templates")).unwrap();
    fs::write(home.path("templates/account.en.txt"), "{{ nobody").unwrap();
    assert!(home.run("config check").done().contains("valid and complete"));
    assert!(home.run("serve").refused().contains("cannot listen on"));
    for (variables, words) in BROKEN {
        let variables: Vec<_> = variables.iter().map(|(key, value)| (format!("TRIALGATE_{key}"), *value)).collect();
        let variables: Vec<_> = variables.iter().map(|(key, value)| (key.as_str(), *value)).collect();
        let (checked, served) = (home.run_with("config check", &variables), home.run_with("serve", &variables));
        assert!(checked.err.contains(words), "{variables:?}: {checked:?}");
        assert_eq!(checked.refused(), served.refused(), "{variables:?}");
    }
}
