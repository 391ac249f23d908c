//! `aiosmtpd` as the mail server.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use trial_core::mails::DeliveryError;
use trial_core::ports::Mailer;
use trial_core::values::Locale;
use trial_mail::{SmtpMailer, SmtpSettings};
use trial_testkit::mail_conformance::{ArrivedMail, MailBehaviour, MailHarness, account_mail, breaches};

use super::authority::Authority;
use super::program::{Program, python};
use crate::peer::{settings, templates};
use crate::smtp::arrived_by;

struct Aiosmtpd {
    mailer: SmtpMailer,
    server: Mutex<Server>,
    port: u64,
    authority: Authority,
}

struct Server {
    program: Program,
    behaviour: &'static str,
    mails: Vec<Value>,
}

/// A server that requires this kind of TLS, and AUTH as `trials`; and a mailer for it.
async fn aiosmtpd(mode: &str) -> Aiosmtpd {
    let authority = Authority::of("localhost");
    let mut server = Program::start(python("aiosmtpd_server.py"));
    server
        .say(&json!({
            "mode": mode, "certificate": authority.certificate(), "key": authority.key(),
            "user": "trials", "password": "s3cr&t 密",
        }))
        .await;
    let port = server.hear_json().await["port"].as_u64().unwrap();
    let mailer = SmtpMailer::new(known(mode, port, &authority), templates()).unwrap();
    Aiosmtpd {
        mailer,
        server: Mutex::new(Server { program: server, behaviour: "accept", mails: Vec::new() }),
        port,
        authority,
    }
}

fn known(mode: &str, port: u64, authority: &Authority) -> SmtpSettings {
    let scheme = if mode == "tls" { "smtps" } else { "smtp+starttls" };
    SmtpSettings {
        password: Some("s3cr&t 密".to_owned().into()),
        extra_roots_pem: Some(authority.pem.clone().into_bytes()),
        ..settings(format!("{scheme}://trials@localhost:{port}"))
    }
}

impl Aiosmtpd {
    /// Every accepted mail: those that the server has reported before it answers this.
    async fn mails(&self) -> Vec<Value> {
        let Server { program, behaviour, mails } = &mut *self.server.lock().await;
        program.say(&json!(behaviour)).await;
        loop {
            let told = program.hear_json().await;
            if told.get("behaviour").is_some() {
                return mails.clone();
            }
            mails.push(told);
        }
    }

    async fn refusal(&self, settings: SmtpSettings) -> DeliveryError {
        let mailer = SmtpMailer::new(settings, templates()).unwrap();
        let error = mailer.deliver(&account_mail(Locale::En)).await.unwrap_err();
        assert_eq!(self.mails().await.len(), 0);
        error
    }
}

#[async_trait]
impl MailHarness for Aiosmtpd {
    fn mailer(&self) -> &dyn Mailer {
        &self.mailer
    }

    async fn set_behaviour(&self, behaviour: MailBehaviour) {
        let name = match behaviour {
            MailBehaviour::Accept => "accept",
            MailBehaviour::RefuseForNow => "refuse-for-now",
            MailBehaviour::RefuseForGood => "refuse-for-good",
        };
        self.server.lock().await.behaviour = name;
        self.mails().await;
    }

    async fn arrived(&self) -> Vec<ArrivedMail> {
        let mails = self.mails().await;
        let arrived = mails.iter().map(|mail| {
            assert_eq!((&mail["is_encrypted"], &mail["user"]), (&json!(true), &json!("trials")));
            assert_eq!(mail["sender"], "no-reply@sender.example");
            let content = STANDARD.decode(mail["content"].as_str().unwrap()).unwrap();
            arrived_by(mail["recipients"][0].as_str().unwrap(), &content)
        });
        arrived.collect()
    }
}

#[tokio::test]
async fn conforms_over_starttls() {
    assert_eq!(breaches(&aiosmtpd("starttls").await).await, Vec::<String>::new());
}

#[tokio::test]
async fn conforms_over_implicit_tls() {
    assert_eq!(breaches(&aiosmtpd("tls").await).await, Vec::<String>::new());
}

#[tokio::test]
async fn trusts_only_the_configured_authorities() {
    for mode in ["starttls", "tls"] {
        let server = aiosmtpd(mode).await;
        let good = || known(mode, server.port, &server.authority);
        let stranger = Authority::of("localhost");
        let error = server.refusal(SmtpSettings { extra_roots_pem: Some(stranger.pem.into_bytes()), ..good() }).await;
        assert!(matches!(&error, DeliveryError::Transient(text) if text.contains("ertificate")), "{error:?}");
        let error = server.refusal(SmtpSettings { extra_roots_pem: None, ..good() }).await;
        assert!(matches!(error, DeliveryError::Transient(_)), "{error:?}");
        let by_address = good().url.replace("localhost", "127.0.0.1");
        let error = server.refusal(SmtpSettings { url: by_address.into(), ..good() }).await;
        assert!(matches!(&error, DeliveryError::Transient(text) if text.contains("ertificate")), "{error:?}");
    }
}

#[tokio::test]
async fn retries_when_the_sign_in_is_refused() {
    let server = aiosmtpd("starttls").await;
    let wrong = SmtpSettings {
        password: Some("wrong-password".to_owned().into()),
        ..known("starttls", server.port, &server.authority)
    };
    let error = server.refusal(wrong).await;
    assert!(
        matches!(&error, DeliveryError::Transient(text)
            if text.starts_with("the mail server refused the sign-in: 535 ") && !text.contains("wrong-password")),
        "{error:?}"
    );
}

#[tokio::test]
async fn does_without_tls_and_login_where_the_url_has_none() {
    let mut server = Program::start(python("aiosmtpd_server.py"));
    server.say(&json!({"mode": "plain"})).await;
    let port = server.hear_json().await["port"].as_u64().unwrap();
    let mailer = SmtpMailer::new(settings(format!("smtp://localhost:{port}")), templates()).unwrap();
    assert_eq!(mailer.deliver(&account_mail(Locale::En)).await, Ok("250 2.0.0 taken".to_owned()));
    let told = server.hear_json().await;
    assert_eq!((&told["is_encrypted"], &told["user"]), (&json!(false), &Value::Null));
    server.end().await;
}
