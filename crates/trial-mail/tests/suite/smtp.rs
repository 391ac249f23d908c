//! The mailer by SMTP, without faults.

use async_trait::async_trait;
use mailparse::{MailHeaderMap, ParsedMail, parse_mail};
use trial_core::ports::Mailer;
use trial_core::values::Locale;
use trial_mail::{SmtpMailer, SmtpSettings};
use trial_testkit::mail_conformance::{ArrivedMail, MailBehaviour, MailHarness, account_mail, breaches};

use crate::peer::{Act, Envelope, Peer, templates};
use crate::sandbox::sandbox;

struct Smtp {
    peer: Peer,
    mailer: SmtpMailer,
}

async fn smtp() -> Smtp {
    let peer = Peer::start().await;
    let mailer = peer.mailer();
    Smtp { peer, mailer }
}

#[async_trait]
impl MailHarness for Smtp {
    fn mailer(&self) -> &dyn Mailer {
        &self.mailer
    }

    async fn set_behaviour(&self, behaviour: MailBehaviour) {
        match behaviour {
            MailBehaviour::Accept => self.peer.follow(&[]),
            MailBehaviour::RefuseForNow => self.peer.follow(&[("RCPT", Act::Reply("451 4.3.0 try again later"))]),
            MailBehaviour::RefuseForGood => self.peer.follow(&[(
                "RCPT",
                Act::Reply(
                    "550-5.1.1 <Ann.Example+trial@example.com>: not here\r\n550 5.1.1 ann.example+TRIAL is unknown",
                ),
            )]),
        }
    }

    async fn arrived(&self) -> Vec<ArrivedMail> {
        self.peer.mails().iter().map(arrived).collect()
    }
}

fn arrived(envelope: &Envelope) -> ArrivedMail {
    let to = envelope.to.concat();
    let to = to.strip_prefix("RCPT TO:<").and_then(|rest| rest.strip_suffix('>')).unwrap();
    arrived_by(to, envelope.message.as_bytes())
}

/// A message that arrived at this address, decoded by an independent parser.
pub(crate) fn arrived_by(to: &str, message: &[u8]) -> ArrivedMail {
    let mail = parse_mail(message).unwrap();
    let header = |name| mail.headers.get_first_value(name).unwrap();
    ArrivedMail {
        to: to.to_owned(),
        message_id: header("Message-ID"),
        subject: header("Subject"),
        text: part(&mail, 0, "text/plain"),
        html: part(&mail, 1, "text/html"),
    }
}

fn part(mail: &ParsedMail<'_>, place: usize, mimetype: &str) -> String {
    assert_eq!((mail.ctype.mimetype.as_str(), mail.subparts.len()), ("multipart/alternative", 2));
    let part = &mail.subparts[place];
    assert_eq!((part.ctype.mimetype.as_str(), part.ctype.charset.as_str()), (mimetype, "utf-8"));
    part.get_body().unwrap().replace("\r\n", "\n")
}

#[tokio::test]
async fn conforms() {
    assert_eq!(breaches(&smtp().await).await, Vec::<String>::new());
}

#[tokio::test]
async fn writes_the_mail_that_the_sandbox_shows() {
    for locale in Locale::ALL {
        let smtp = smtp().await;
        let mail = account_mail(*locale);
        let reply = smtp.mailer.deliver(&mail).await.unwrap();
        assert_eq!(reply, "250 2.0.0 taken as 4711");

        let [envelope] = smtp.peer.mails().try_into().unwrap_or_else(|_| panic!("exactly one mail arrives"));
        assert_eq!(arrived(&envelope), sandbox().written(&mail).await);
    }
}

#[tokio::test]
async fn heads_the_mail_as_machines_expect() {
    let smtp = smtp().await;
    let mail = account_mail(Locale::ZhCn);
    smtp.mailer.deliver(&mail).await.unwrap();

    let envelope = smtp.peer.mails().pop().unwrap();
    assert_eq!(envelope.from, "MAIL FROM:<no-reply@sender.example>");
    let parsed = parse_mail(envelope.message.as_bytes()).unwrap();
    let header = |name| parsed.headers.get_all_values(name);
    assert_eq!(header("From"), ["试用 Trialgate <no-reply@sender.example>"]);
    assert_eq!(header("Reply-To"), ["help@sender.example"]);
    assert_eq!(header("To"), ["Ann.Example+trial@example.com"]);
    assert_eq!(header("Subject"), ["您的云联络中心试用已开通"]);
    assert_eq!(header("Message-ID"), [format!("<{}@sender.example>", mail.id)]);
    assert_eq!(header("Date"), ["Wed, 18 Nov 2026 11:06:40 +0000"]);
    assert_eq!(header("Auto-Submitted"), ["auto-generated"]);
    assert_eq!(header("MIME-Version"), ["1.0"]);
    assert!(envelope.message.is_ascii(), "no server has to know 8BITMIME");
    assert!(envelope.message.lines().all(|line| line.len() <= 998));
}

#[tokio::test]
async fn gives_the_same_bytes_for_the_same_mail() {
    let smtp = smtp().await;
    for _ in 0..2 {
        smtp.mailer.deliver(&account_mail(Locale::En)).await.unwrap();
    }
    let mails = smtp.peer.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0].message, mails[1].message);
}

#[tokio::test]
async fn keeps_a_session_for_the_next_mail() {
    let smtp = smtp().await;
    for _ in 0..3 {
        smtp.mailer.deliver(&account_mail(Locale::En)).await.unwrap();
    }
    smtp.mailer.check().await.unwrap();
    assert_eq!(smtp.peer.connections(), 1);
    let verbs: Vec<String> = smtp.peer.commands().iter().map(|line| line.chars().take(4).collect()).collect();
    let mail = ["MAIL", "RCPT", "DATA", "."];
    assert_eq!(verbs.concat(), format!("EHLO{0}RSET{0}RSET{0}RSETNOOP", mail.concat()));
}

#[tokio::test]
async fn signs_in_with_the_credentials_of_the_url() {
    let peer = Peer::start().await;
    peer.follow(&[("EHLO", Act::Reply("250-peer.example\r\n250 AUTH PLAIN LOGIN"))]);
    let url = format!("smtp://us%40er:p%3As%2Fs%E9%AA%8C@127.0.0.1:{}", peer.port);
    let mailer = SmtpMailer::new(SmtpSettings { url: url.into(), ..peer.settings() }, templates()).unwrap();
    mailer.deliver(&account_mail(Locale::En)).await.unwrap();
    // NUL us@er NUL p:s/s验, by RFC 4616.
    assert!(peer.commands().contains(&"AUTH PLAIN AHVzQGVyAHA6cy9z6aqM".to_owned()), "{:?}", peer.commands());
}

#[tokio::test]
async fn signs_in_with_a_password_beside_the_url() {
    let peer = Peer::start().await;
    peer.follow(&[("EHLO", Act::Reply("250-peer.example\r\n250 AUTH PLAIN"))]);
    let url = format!("smtp://us%40er@127.0.0.1:{}", peer.port);
    let settings = SmtpSettings { url: url.into(), password: Some("p:s/s验".to_owned().into()), ..peer.settings() };
    SmtpMailer::new(settings, templates()).unwrap().check().await.unwrap();
    assert!(peer.commands().contains(&"AUTH PLAIN AHVzQGVyAHA6cy9z6aqM".to_owned()));
}

#[tokio::test]
async fn leaves_out_a_reply_to_that_is_not_set() {
    let peer = Peer::start().await;
    let settings = SmtpSettings { reply_to: None, ..peer.settings() };
    SmtpMailer::new(settings, templates()).unwrap().deliver(&account_mail(Locale::En)).await.unwrap();
    assert!(!peer.mails()[0].message.contains("Reply-To"));
}

#[tokio::test]
async fn names_another_sender_on_the_envelope_alone() {
    let peer = Peer::start().await;
    let settings = SmtpSettings { envelope_from: Some("bounces@sender.example".to_owned()), ..peer.settings() };
    SmtpMailer::new(settings, templates()).unwrap().deliver(&account_mail(Locale::En)).await.unwrap();
    let envelope = peer.mails().pop().unwrap();
    assert_eq!(envelope.from, "MAIL FROM:<bounces@sender.example>");
    assert!(envelope.message.contains("<no-reply@sender.example>") && !envelope.message.contains("bounces"));
}
