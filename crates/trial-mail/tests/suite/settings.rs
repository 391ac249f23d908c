//! Which settings are taken, and what is said of those that are not.

use std::time::Duration;

use trial_mail::{SmtpMailer, SmtpSettings, SmtpSettingsError};

use crate::peer::{settings, templates};

fn refusal(settings: SmtpSettings) -> SmtpSettingsError {
    SmtpMailer::new(settings, templates()).unwrap_err()
}

#[test]
fn takes_every_scheme_and_host() {
    for url in [
        "smtp://mail.example.com",
        "smtp://mail.example.com:2525/",
        "smtp://[::1]:2525",
        "smtp://192.0.2.1",
        "smtp+starttls://user:p%40ss@mail.example.com",
        "smtps://user:p%3Ass@mail.example.com",
    ] {
        assert!(SmtpMailer::new(settings(url.to_owned()), templates()).is_ok(), "{url}");
    }
    let beside =
        SmtpSettings { password: Some("secret".to_owned()), ..settings("smtp://user@mail.example.com".to_owned()) };
    assert!(SmtpMailer::new(beside, templates()).is_ok());
}

#[test]
fn says_what_is_wrong_and_no_secret() {
    let url = |url: &str| refusal(settings(url.to_owned()));
    for (given, expected) in [
        ("mail.example.com", "is not a URL"),
        ("https://user:hunter2@mail.example.com", "begins with none of"),
        ("smtp://user:hunter2@", "is not a URL"),
        ("smtp:///", "names no host"),
        ("smtp://user:hunter2@mail.example.com/path", "behind its host and port"),
        ("smtp://mail.example.com?tls=required", "behind its host and port"),
        ("smtp://user:%ff@mail.example.com", "not UTF-8"),
        ("smtp://user@mail.example.com", "no password is given"),
    ] {
        let said = url(given).to_string();
        assert!(said.contains(expected), "{given}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn takes_one_password_for_one_user() {
    let with_password = |url: &str| SmtpSettings { password: Some("hunter2".to_owned()), ..settings(url.to_owned()) };
    let said = refusal(with_password("smtp://user:other@mail.example.com")).to_string();
    assert!(said.contains("twice") && !said.contains("hunter2"), "{said}");
    assert!(refusal(with_password("smtp://mail.example.com")).to_string().contains("names no user"));
}

#[test]
fn refuses_what_is_no_mailbox() {
    let good = || settings("smtp://mail.example.com".to_owned());
    assert_eq!(refusal(SmtpSettings { from: "nobody".to_owned(), ..good() }), SmtpSettingsError::From);
    assert_eq!(refusal(SmtpSettings { reply_to: Some("a@b@c".to_owned()), ..good() }), SmtpSettingsError::ReplyTo);
    assert_eq!(refusal(SmtpSettings { timeout: Duration::ZERO, ..good() }), SmtpSettingsError::Timeout);
}

#[test]
fn hides_secrets_from_debug_output() {
    let settings = settings("smtp://user:hunter2@mail.example.com".to_owned());
    assert!(!format!("{settings:?}").contains("hunter2"));
    let mailer = SmtpMailer::new(settings, templates()).unwrap();
    assert!(!format!("{mailer:?}").contains("hunter2"));
}
