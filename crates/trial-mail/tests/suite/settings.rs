//! Accepted settings, and the errors of the others.

use std::time::Duration;

use trial_mail::{DkimSettings, SmtpMailer, SmtpSettings, SmtpSettingsError};

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
    let beside = SmtpSettings {
        password: Some("secret".to_owned().into()),
        ..settings("smtp://user@mail.example.com".to_owned())
    };
    assert!(SmtpMailer::new(beside, templates()).is_ok());
}

#[test]
fn names_the_fault_and_no_secret() {
    let url = |url: &str| refusal(settings(url.to_owned()));
    for (given, expected) in [
        ("mail.example.com", "is not a URL"),
        ("smtp://mail.example.com:99999", "with a port from 1 to 65535"),
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
    let with_password =
        |url: &str| SmtpSettings { password: Some("hunter2".to_owned().into()), ..settings(url.to_owned()) };
    let said = refusal(with_password("smtp://user:other@mail.example.com")).to_string();
    assert!(said.contains("twice") && !said.contains("hunter2"), "{said}");
    assert!(refusal(with_password("smtp://mail.example.com")).to_string().contains("names no user"));
}

#[test]
fn refuses_anything_but_a_mailbox() {
    let good = || settings("smtp://mail.example.com".to_owned());
    assert_eq!(refusal(SmtpSettings { from: "nobody".to_owned(), ..good() }), SmtpSettingsError::From);
    let comma = refusal(SmtpSettings { from: "Example, Inc. <no-reply@example.com>".to_owned(), ..good() });
    assert_eq!(comma, SmtpSettingsError::From);
    assert!(comma.to_string().contains("\"Example, Inc.\" <no-reply@example.com>, with quotation marks"), "{comma}");
    let quoted = SmtpSettings { from: "\"Example, Inc.\" <no-reply@example.com>".to_owned(), ..good() };
    assert!(SmtpMailer::new(quoted, templates()).is_ok());
    assert_eq!(refusal(SmtpSettings { reply_to: Some("a@b@c".to_owned()), ..good() }), SmtpSettingsError::ReplyTo);
    let envelope_from = Some("Bounces".to_owned());
    assert_eq!(refusal(SmtpSettings { envelope_from, ..good() }), SmtpSettingsError::EnvelopeFrom);
    assert_eq!(refusal(SmtpSettings { timeout: Duration::ZERO, ..good() }), SmtpSettingsError::Timeout);
    assert_eq!(refusal(SmtpSettings { final_timeout: Duration::ZERO, ..good() }), SmtpSettingsError::Timeout);
    let said = refusal(SmtpSettings { hello_name: Some("localhost".to_owned()), ..good() }).to_string();
    assert!(said.starts_with("the name for EHLO is neither a full domain name"), "{said}");
}

#[test]
fn takes_authorities_in_pem_and_nothing_else() {
    let with = |pem: &str| SmtpSettings {
        extra_roots_pem: Some(pem.as_bytes().to_vec()),
        ..settings("smtps://mail.example.com".to_owned())
    };
    let authority = rcgen::generate_simple_self_signed(["mail.example.com".to_owned()]).unwrap();
    assert!(SmtpMailer::new(with(&authority.cert.pem()), templates()).is_ok());
    for pem in ["", "mail", &authority.signing_key.serialize_pem(), "-----BEGIN CERTIFICATE-----\n?\n"] {
        assert_eq!(refusal(with(pem)), SmtpSettingsError::Roots, "{pem}");
    }
}

#[test]
fn takes_keys_that_sign_and_says_why_not() {
    let dkim = |domain: &str, selector: &str, key_pem: &str| SmtpSettings {
        dkim: Some(DkimSettings {
            domain: domain.to_owned(),
            selector: selector.to_owned(),
            key_pem: key_pem.to_owned().into(),
        }),
        ..settings("smtp://mail.example.com".to_owned())
    };
    let pem = |algorithm| rcgen::KeyPair::generate_for(algorithm).unwrap().serialize_pem();
    let ed25519 = pem(&rcgen::PKCS_ED25519);
    assert!(SmtpMailer::new(dkim("sender.example", "2026.a-b", &ed25519), templates()).is_ok());
    let ecdsa = pem(&rcgen::PKCS_ECDSA_P256_SHA256);
    for (domain, selector, key, expected) in [
        ("sender.example", "s1", "hunter2", "no private key in PEM"),
        ("sender.example", "s1", ecdsa.as_str(), "neither RSA of 2048 to 8192 bits nor Ed25519"),
        ("sender example", "s1", ed25519.as_str(), "domain"),
        ("", "s1", ed25519.as_str(), "domain"),
        ("sender.example", "s;1", ed25519.as_str(), "selector"),
        ("sender.example", "s1\r\nX: y", ed25519.as_str(), "selector"),
    ] {
        let said = refusal(dkim(domain, selector, key)).to_string();
        assert!(said.starts_with("DKIM: ") && said.contains(expected) && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn hides_secrets_from_debug_output() {
    let settings = settings("smtp://user:hunter2@mail.example.com".to_owned());
    assert!(!format!("{settings:?}").contains("hunter2"));
    let mailer = SmtpMailer::new(settings, templates()).unwrap();
    assert!(!format!("{mailer:?}").contains("hunter2"));
}
