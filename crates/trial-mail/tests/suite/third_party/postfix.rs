//! Postfix as the mail server, with a mailbox.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use mailparse::{MailHeaderMap, parse_mail};
use tokio::process::Command;
use tokio::time::{sleep, timeout};
use trial_core::mails::{DeliveryError, MailContent, OutgoingMail};
use trial_core::ports::Mailer;
use trial_core::values::{Email, Locale};
use trial_mail::{SmtpMailer, SmtpSettings};
use trial_testkit::mail_conformance::account_mail;

use super::authority::Authority;
use super::program::{Program, script};
use crate::peer::{settings, templates};
use crate::smtp::arrived_by;

struct Postfix {
    server: Program,
    port: u16,
    authority: Authority,
}

impl Postfix {
    async fn start() -> Self {
        let authority = Authority::of("localhost");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // Only root can read root's files; a mailbox has an owner besides.
        let me = fs::metadata(authority.directory()).unwrap().uid();
        let owner = if me == 0 { 8 } else { me };
        let mut command = Command::new(if me == 0 { "bash" } else { "sudo" });
        if me != 0 {
            command.args(["-n", "bash"]);
        }
        command.arg(script("postfix.sh")).arg(authority.directory()).arg(port.to_string());
        command.arg(authority.certificate()).arg(authority.key()).args(["trials", "s3cr&t"]).arg(owner.to_string());
        let mut server = Program::start(command);
        assert_eq!(
            server.hear().await,
            "ready",
            "Postfix and `sudo -n` or root are needed; `tests/run` looks for both"
        );
        Self { server, port, authority }
    }

    fn settings(&self) -> SmtpSettings {
        SmtpSettings {
            extra_roots_pem: Some(self.authority.pem.clone().into_bytes()),
            envelope_from: Some("bounces@sender.example".to_owned()),
            ..settings(format!("smtp+starttls://trials%40mail.example:s3cr&t@localhost:{}", self.port))
        }
    }

    fn mailer(&self) -> SmtpMailer {
        SmtpMailer::new(self.settings(), templates()).unwrap()
    }

    /// The mails in the mailbox, once there are this many.
    async fn mailbox(&self, mails: usize) -> Vec<Vec<u8>> {
        let new = self.authority.directory().join("postfix/mailbox/ann/new");
        let waiting = async {
            loop {
                let entries = fs::read_dir(&new).into_iter().flatten();
                let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
                paths.sort();
                if paths.len() >= mails {
                    return paths;
                }
                // Postfix gives no sign of a delivery.
                sleep(Duration::from_millis(10)).await;
            }
        };
        let paths = timeout(Duration::from_mins(1), waiting).await.expect("the mails arrive in time");
        paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
    }
}

#[tokio::test]
async fn reaches_a_mailbox_through_postfix_by_starttls_and_login() {
    let postfix = Postfix::start().await;
    let mailer = postfix.mailer();
    mailer.check().await.unwrap();
    for locale in Locale::ALL {
        let reply = mailer.deliver(&account_mail(*locale)).await.unwrap();
        assert!(reply.starts_with("250 2.0.0 Ok: queued as "), "{reply}");
    }
    let mut subjects = Vec::new();
    for message in postfix.mailbox(2).await {
        let parsed = parse_mail(&message).unwrap();
        let header = |name| parsed.headers.get_first_value(name).unwrap();
        assert_eq!(header("Return-Path"), "<bounces@sender.example>");
        assert_eq!(header("X-Original-To"), "Ann.Example+trial@example.com");
        let received = header("Received");
        assert!(received.contains("using TLSv1.3") && received.contains("Authenticated sender: trials"), "{received}");
        let unix: Vec<u8> = String::from_utf8(message.clone()).unwrap().replace('\n', "\r\n").into_bytes();
        let arrived = arrived_by("Ann.Example+trial@example.com", &unix);
        let mail = account_mail(Locale::En);
        let MailContent::Account(account) = &mail.content else { panic!("an account") };
        assert_eq!(arrived.message_id, format!("<{}@sender.example>", mail.id));
        assert!(arrived.text.contains(account.initial_password.reveal()), "{}", arrived.text);
        assert!(arrived.html.contains(account.initial_password.reveal()), "{}", arrived.html);
        subjects.push(arrived.subject);
    }
    subjects.sort();
    assert_eq!(subjects, ["Your contact centre trial is ready", "您的云联络中心试用已开通"]);
    postfix.server.end().await;
}

#[tokio::test]
async fn recognises_refusals_of_postfix() {
    let postfix = Postfix::start().await;
    let nobody = OutgoingMail { to: Email::parse("Nobody.Here@example.com").unwrap(), ..account_mail(Locale::En) };
    let error = postfix.mailer().deliver(&nobody).await.unwrap_err();
    let DeliveryError::Permanent(reason) = &error else { panic!("{error:?}") };
    assert!(reason.starts_with("the mail server refused the recipient: 550 5.1.1 <***>: "), "{reason}");

    let url = postfix.settings().url.replace("s3cr&t", "wrong-password");
    let mailer = SmtpMailer::new(SmtpSettings { url: url.into(), ..postfix.settings() }, templates()).unwrap();
    let error = mailer.deliver(&account_mail(Locale::En)).await.unwrap_err();
    let DeliveryError::Transient(reason) = &error else { panic!("{error:?}") };
    assert!(reason.starts_with("the mail server refused the sign-in: 535 5.7.8 "), "{reason}");

    // Without a login, Postfix does not relay: this is ours to repair, so that the mail is retried.
    let url = format!("smtp+starttls://localhost:{}", postfix.port);
    let mailer = SmtpMailer::new(SmtpSettings { url: url.into(), ..postfix.settings() }, templates()).unwrap();
    let error = mailer.deliver(&account_mail(Locale::En)).await.unwrap_err();
    assert!(matches!(&error, DeliveryError::Transient(_)), "{error:?}");
    assert_eq!(postfix.mailbox(0).await.len(), 0);
    postfix.server.end().await;
}
