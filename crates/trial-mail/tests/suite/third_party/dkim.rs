//! Signatures, verified by `dkimpy`.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use trial_core::ports::Mailer;
use trial_core::values::Locale;
use trial_mail::{DkimSettings, SmtpMailer, SmtpSettings};
use trial_testkit::mail_conformance::account_mail;

use super::program::{Program, python};
use crate::peer::{Peer, templates};

/// A message as received, signed with this key.
async fn signed(key_pem: String, locale: Locale) -> String {
    let peer = Peer::start().await;
    let dkim = DkimSettings { domain: "sender.example".to_owned(), selector: "s1".to_owned(), key_pem: key_pem.into() };
    let settings = SmtpSettings { dkim: Some(dkim), ..peer.settings() };
    let mailer = SmtpMailer::new(settings, templates()).unwrap();
    for _ in 0..2 {
        mailer.deliver(&account_mail(locale)).await.unwrap();
    }
    let [first, second] = peer.mails().try_into().unwrap_or_else(|_| panic!("two mails arrive"));
    assert_eq!(first.message, second.message, "the same mail gives the same bytes");
    first.message
}

/// Verifies with the keys of one TXT record.
struct Verifier {
    program: Program,
    record: String,
}

impl Verifier {
    fn new(record: String) -> Self {
        Self { program: Program::start(python("dkim_verify.py")), record }
    }

    async fn verdict(&mut self, message: &str) -> String {
        let message = STANDARD.encode(message);
        let case = json!({"name": "s1._domainkey.sender.example", "record": self.record, "message": message});
        self.program.say(&case).await;
        self.program.hear().await
    }
}

/// The output of OpenSSL, called as in docs/mail.md.
fn openssl(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).output().expect("OpenSSL can be run");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A new private key in a file, and its public half.
fn key(arguments: &[&str]) -> (String, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("dkim.pem");
    let file = file.to_str().unwrap();
    openssl(&[arguments, &["-out", file]].concat());
    let public = openssl(&["pkey", "-in", file, "-pubout", "-outform", "DER"]);
    (std::fs::read_to_string(file).unwrap(), public)
}

async fn holds_against_changes(key_pem: &str, record: String) {
    let mut verifier = Verifier::new(record);
    for locale in Locale::ALL {
        let message = signed(key_pem.to_owned(), *locale).await;
        assert_eq!(verifier.verdict(&message).await, "pass", "{message}");
        // Relaxed canonicalisation permits the usual changes of mail servers on the way.
        let handled = format!("Received: from a by b\r\n{message}\r\n").replace("\r\nTo: ", "\r\nTo:   ");
        assert_eq!(verifier.verdict(&handled).await, "pass", "{handled}");
        for (old, new) in [
            ("\r\nTo: Ann", "\r\nTo: Bob"),
            ("From: ", "From: Mallory <m@mallory.example>\r\nFrom: "),
            ("; t=", "; t=1"),
            ("Content-Transfer-Encoding: ", "X-Other: o\r\nContent-Transfer-Encoding: "),
        ] {
            let changed = message.replacen(old, new, 1);
            assert_ne!(changed, message, "{old}");
            assert_eq!(verifier.verdict(&changed).await, "fail", "{changed}");
        }
    }
}

#[tokio::test]
async fn signs_by_rsa() {
    let (pkcs8, public) = key(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
    holds_against_changes(&pkcs8, format!("v=DKIM1; k=rsa; p={}", STANDARD.encode(public))).await;
}

#[tokio::test]
async fn signs_by_rsa_in_the_older_form() {
    let (pkcs1, public) = key(&["genrsa", "-traditional"]);
    assert!(pkcs1.starts_with("-----BEGIN RSA PRIVATE KEY-----"), "it is PKCS #1");
    let message = signed(pkcs1, Locale::En).await;
    let record = format!("v=DKIM1; k=rsa; p={}", STANDARD.encode(public));
    assert_eq!(Verifier::new(record).verdict(&message).await, "pass");
}

#[tokio::test]
async fn signs_by_ed25519() {
    let (pkcs8, public) = key(&["genpkey", "-algorithm", "ed25519"]);
    // The key itself is the end of its envelope.
    let raw = &public[public.len() - 32..];
    holds_against_changes(&pkcs8, format!("v=DKIM1; k=ed25519; p={}", STANDARD.encode(raw))).await;
}
