//! The mailer by SMTP, and real replies of servers: in other encodings, without text, late, or broken off.

use std::time::Duration;

use trial_core::mails::DeliveryError::{Permanent, Transient};
use trial_core::ports::Mailer;
use trial_core::values::Locale;
use trial_mail::{SmtpMailer, SmtpSettings};
use trial_testkit::mail_conformance::account_mail;

use crate::peer::{Act, Peer, templates};

/// A reply of 2xx to the final dot, whatever follows the digits, settles the mail: another attempt would be a second
/// copy.
#[tokio::test]
async fn a_2xx_after_the_final_dot_is_sent_whatever_its_text() {
    let long: &'static [u8] = Vec::leak([&b"250 "[..], &vec![b'x'; 100_000], b"\r\n"].concat());
    for (bytes, words) in [
        (&b"250 OK \xd3\xca\xbc\xfe\r\n"[..], "250 OK 邮件"),
        (b"250 OK\xd3\xca\r\n", "250 OK邮"),
        (b"250 accept\xe9\r\n", "250 accepté"),
        (b"250 OK \xff\xfe\r\n", "250 OK ÿ"),
        (b"250 \0\r\n", "250"),
        (b"250\r\n", "250"),
        (b"250", "250"),
        (b"250 2.0.0 taken", "250 2.0.0 taken"),
        (b"250-taken\r\n", "250 taken"),
        (b"\xef\xbb\xbf250 taken\r\n", "250 taken"),
        (long, "250 xxx"),
    ] {
        let peer = Peer::start().await;
        peer.follow(&[("MESSAGE", Act::Bytes(bytes))]);
        let settings = SmtpSettings { final_timeout: Duration::from_millis(200), ..peer.settings() };
        let mailer = SmtpMailer::new(settings, templates()).unwrap();
        let reply = mailer.deliver(&account_mail(Locale::En)).await.unwrap();
        assert!(reply.starts_with(words) && reply.chars().count() < 1_100, "{reply}");
        assert!(!reply.contains(char::is_control), "{reply:?}");
        assert_eq!(peer.mails().len(), 1);
    }
}

#[tokio::test]
async fn a_refusal_in_gbk_is_judged_by_its_words() {
    let peer = Peer::start().await;
    peer.follow(&[("RCPT", Act::Bytes(b"550 \xd3\xc3\xbb\xa7\xb2\xbb\xb4\xe6\xd4\xda\r\n"))]);
    let refused = peer.mailer().deliver(&account_mail(Locale::En)).await;
    assert_eq!(refused, Err(Permanent("the mail server refused the recipient: 550 用户不存在".to_owned())));
}

#[tokio::test]
async fn a_greeting_in_gbk_stops_no_mail() {
    let peer = Peer::start().await;
    peer.follow(&[("GREETING", Act::Bytes(b"220 \xbb\xb6\xd3\xad ESMTP\r\n"))]);
    let mailer = peer.mailer();
    mailer.check().await.unwrap();
    mailer.deliver(&account_mail(Locale::En)).await.unwrap();
    assert_eq!((peer.mails().len(), peer.connections()), (1, 1));
}

/// The wait after the final dot has its own bound (RFC 5321, section 4.5.3.2.6).
#[tokio::test(start_paused = true)]
async fn a_late_reply_to_the_final_dot_is_waited_for() {
    let peer = Peer::start().await;
    peer.follow(&[("MESSAGE", Act::Late(Duration::from_mins(9), "250 2.0.0 taken"))]);
    assert_eq!(peer.mailer().deliver(&account_mail(Locale::En)).await, Ok("250 2.0.0 taken".to_owned()));
    assert_eq!(peer.mails().len(), 1);

    peer.follow(&[("MESSAGE", Act::Late(Duration::from_mins(11), "250 2.0.0 taken"))]);
    let given_up = peer.mailer().deliver(&account_mail(Locale::En)).await;
    assert_eq!(given_up, Err(Transient("the mail server took longer than 600s".to_owned())));
    peer.follow(&[("RCPT", Act::Late(Duration::from_secs(21), "250 ok"))]);
    let given_up = peer.mailer().deliver(&account_mail(Locale::En)).await;
    assert_eq!(given_up, Err(Transient("the mail server took longer than 20s".to_owned())));
}

#[tokio::test]
async fn the_configured_name_is_given_at_ehlo() {
    let peer = Peer::start().await;
    let settings = SmtpSettings { hello_name: Some("trials.example.com".to_owned()), ..peer.settings() };
    SmtpMailer::new(settings, templates()).unwrap().check().await.unwrap();
    assert_eq!(peer.commands()[0], "EHLO trials.example.com");
    peer.mailer().check().await.unwrap();
    let unset = peer.commands().into_iter().rfind(|command| command.starts_with("EHLO")).unwrap();
    assert!(unset == "EHLO [127.0.0.1]" || unset.contains('.'), "{unset}");
}
