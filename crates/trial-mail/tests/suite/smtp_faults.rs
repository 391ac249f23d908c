//! The mailer by SMTP, with faults.

use std::time::Duration;

use tokio::net::TcpListener;
use trial_core::mails::DeliveryError::{self, Permanent, Transient};
use trial_core::ports::Mailer;
use trial_core::values::Locale;
use trial_mail::{SmtpMailer, SmtpSettings};
use trial_testkit::mail_conformance::account_mail;

use crate::peer::{Act, Peer, settings, templates};

async fn fault(script: &[(&'static str, Act)]) -> DeliveryError {
    let peer = Peer::start().await;
    peer.follow(script);
    let error = peer.mailer().deliver(&account_mail(Locale::En)).await.unwrap_err();
    assert_eq!(peer.mails().len(), 0);
    error
}

async fn replied(point: &'static str, reply: &'static str) -> DeliveryError {
    fault(&[(point, Act::Reply(reply))]).await
}

#[tokio::test]
async fn retries_after_4xx() {
    for point in ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "MESSAGE"] {
        let error = replied(point, "451 4.3.0 later").await;
        assert!(matches!(&error, Transient(text) if text.ends_with(": 451 4.3.0 later")), "{point}: {error:?}");
    }
}

#[tokio::test]
async fn gives_up_mails_refused_for_their_own_fault() {
    for (point, reply) in [
        ("RCPT", "550 5.1.1 no such user"),
        ("RCPT", "550 no such user"),
        ("RCPT", "501 5.1.3 bad address"),
        ("RCPT", "552 5.2.2 mailbox full"),
        ("RCPT", "556 5.1.10 domain takes no mail"),
        ("MESSAGE", "554 5.6.0 no"),
    ] {
        let error = replied(point, reply).await;
        assert!(matches!(&error, Permanent(text) if text.ends_with(&format!(": {reply}"))), "{error:?}");
    }
    let text = replied("RCPT", "550 5.1.1 no such user").await.to_string();
    assert_eq!(text, "the mail server refused the recipient: 550 5.1.1 no such user");
}

#[tokio::test]
async fn retries_mails_refused_for_our_fault() {
    for (point, reply) in [
        ("GREETING", "554 5.7.1 you are on a list"),
        ("EHLO", "550 5.7.1 who are you"),
        ("MAIL", "550 5.1.8 no such sender"),
        ("MAIL", "530 5.7.0 authenticate first"),
        ("RCPT", "530 5.7.0 authenticate first"),
        ("RCPT", "535 authenticate first"),
        ("RCPT", "554 5.7.1 relay access denied"),
        ("RCPT", "550-5.7.25 no reverse name\r\n550 5.7.25 see the manual"),
        ("RCPT", "503 5.5.1 out of order"),
        ("RCPT", "550 5.1.7 your sender's address is bad"),
        ("DATA", "554 5.3.5 not configured"),
        ("MESSAGE", "550 5.7.1 this looks like spam"),
    ] {
        let error = replied(point, reply).await;
        assert!(matches!(error, Transient(_)), "{point} {reply}: {error:?}");
    }
}

#[tokio::test]
async fn retries_when_it_cannot_sign_in_and_hides_the_login() {
    let peer = Peer::start().await;
    peer.follow(&[
        ("EHLO", Act::Reply("250-peer.example\r\n250 AUTH PLAIN")),
        ("AUTH", Act::Reply("535 5.7.8 wrong password hunter2 for Postmaster")),
    ]);
    let url = format!("smtp://postmaster:hunter2@127.0.0.1:{}", peer.port);
    let mailer = SmtpMailer::new(SmtpSettings { url: url.into(), ..peer.settings() }, templates()).unwrap();
    let expected = "the mail server refused the sign-in: 535 5.7.8 wrong password *** for ***";
    assert_eq!(mailer.deliver(&account_mail(Locale::En)).await, Err(Transient(expected.to_owned())));
    assert_eq!(mailer.check().await, Err(Transient(expected.to_owned())));
}

#[tokio::test]
async fn keeps_the_login_to_itself_where_the_server_repeats_it_in_base64() {
    for (repeated, kept) in [
        ("535 5.7.8 bad AHBvc3RtYXN0ZXIAaHVudGVyMg== (PLAIN)", "535 5.7.8 bad *** (PLAIN)"),
        ("535 5.7.8 aHVudGVyMg", "535 5.7.8 ***"),
        ("535 5.7.8 xxpostmasterxx", "535 5.7.8 xx***xx"),
        ("454 hunt\u{200b}er2 %68unter2 hunter=32", "454 *** *** ***"),
    ] {
        let peer = Peer::start().await;
        peer.follow(&[("EHLO", Act::Reply("250-peer.example\r\n250 AUTH PLAIN")), ("AUTH", Act::Reply(repeated))]);
        let url = format!("smtp://postmaster:hunter2@127.0.0.1:{}", peer.port);
        let mailer = SmtpMailer::new(SmtpSettings { url: url.into(), ..peer.settings() }, templates()).unwrap();
        let expected = format!("the mail server refused the sign-in: {kept}");
        assert_eq!(mailer.check().await, Err(Transient(expected)));
    }
}

#[tokio::test]
async fn hides_the_recipient_that_the_server_repeats() {
    let error =
        replied("RCPT", "550 5.1.1 <Ann.Example+trial@example.com>: ann.example+TRIAL <ann@other.example> no").await;
    assert_eq!(error.to_string(), "the mail server refused the recipient: 550 5.1.1 <***>: *** <***> no");

    let peer = Peer::start().await;
    peer.follow(&[("MESSAGE", Act::Reply("250 2.1.5 Ann.Example+trial@example.com 4711 queued"))]);
    assert_eq!(peer.mailer().deliver(&account_mail(Locale::En)).await, Ok("250 2.1.5 *** 4711 queued".to_owned()));
}

#[tokio::test]
async fn retries_when_the_server_closes_the_connection() {
    for point in ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "MESSAGE"] {
        let error = fault(&[(point, Act::HangUp)]).await;
        assert!(matches!(error, Transient(_)), "{point}: {error:?}");
    }
}

#[tokio::test]
async fn retries_when_the_server_talks_nonsense() {
    for greeting in ["SSH-2.0-OpenSSH_9.2", "HTTP/1.1 400 Bad Request", "", "999 what"] {
        let error = fault(&[("GREETING", Act::Reply(greeting))]).await;
        assert!(matches!(error, Transient(_)), "{greeting}: {error:?}");
    }
}

#[tokio::test]
async fn retries_when_the_server_is_absent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mailer = SmtpMailer::new(settings(format!("smtp://127.0.0.1:{port}")), templates()).unwrap();
    let error = mailer.deliver(&account_mail(Locale::En)).await.unwrap_err();
    assert!(matches!(&error, Transient(text) if text.starts_with("no session with the mail server: ")), "{error:?}");
    assert!(matches!(mailer.check().await, Err(Transient(_))));
}

#[tokio::test]
async fn retries_when_the_server_falls_silent() {
    for point in ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "MESSAGE"] {
        let peer = Peer::start().await;
        peer.follow(&[(point, Act::FallSilent)]);
        let settings = SmtpSettings {
            timeout: Duration::from_millis(20),
            final_timeout: Duration::from_millis(20),
            ..peer.settings()
        };
        let mailer = SmtpMailer::new(settings, templates()).unwrap();
        let error = mailer.deliver(&account_mail(Locale::En)).await.unwrap_err();
        assert_eq!(error, Transient("the mail server took longer than 20ms".to_owned()), "{point}");
    }
}

/// A session that was cut short must not carry the next mail: it would end up inside the last one.
#[tokio::test]
async fn uses_no_session_again_that_was_cut_short() {
    for point in ["RCPT", "DATA", "MESSAGE"] {
        let peer = Peer::start().await;
        let mailer = peer.mailer();
        mailer.check().await.unwrap();
        peer.follow(&[(point, Act::FallSilent)]);
        let mail = account_mail(Locale::En);
        tokio::select! {
            biased;
            result = mailer.deliver(&mail) => panic!("the server was to be silent: {result:?}"),
            () = said(&peer, if point == "MESSAGE" { "." } else { point }) => {}
        }
        peer.follow(&[]);
        mailer.deliver(&mail).await.unwrap();
        assert_eq!((peer.connections(), peer.mails().len()), (2, 1), "{point}");
    }
}

/// Waits until the server has got a command.
async fn said(peer: &Peer, verb: &str) {
    while !peer.commands().iter().any(|line| line.starts_with(verb)) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn uses_a_session_again_that_only_refused() {
    let peer = Peer::start().await;
    let mailer = peer.mailer();
    peer.follow(&[("RCPT", Act::Reply("550 5.1.1 no such user"))]);
    mailer.deliver(&account_mail(Locale::En)).await.unwrap_err();
    peer.follow(&[]);
    mailer.deliver(&account_mail(Locale::En)).await.unwrap();
    assert_eq!((peer.connections(), peer.mails().len()), (1, 1));
}

#[tokio::test]
async fn opens_another_session_when_the_server_ended_the_idle_one() {
    for end in [Act::HangUp, Act::Reply("421 4.4.2 idle for too long")] {
        let peer = Peer::start().await;
        let mailer = peer.mailer();
        mailer.deliver(&account_mail(Locale::En)).await.unwrap();
        peer.follow(&[("RSET", end)]);
        mailer.deliver(&account_mail(Locale::En)).await.unwrap();
        assert_eq!((peer.connections(), peer.mails().len()), (2, 2));
    }
}

#[tokio::test]
async fn says_nothing_in_the_clear_where_tls_is_asked_for() {
    let peer = Peer::start().await;
    for scheme in ["smtp+starttls", "smtps"] {
        let url = format!("{scheme}://user:hunter2@127.0.0.1:{}", peer.port);
        let mailer = SmtpMailer::new(SmtpSettings { url: url.into(), ..peer.settings() }, templates()).unwrap();
        let error = mailer.deliver(&account_mail(Locale::En)).await.unwrap_err();
        assert!(matches!(error, Transient(_)), "{scheme}: {error:?}");
    }
    assert!(peer.commands().iter().all(|line| !line.starts_with("AUTH") && !line.starts_with("MAIL")));
}

#[tokio::test]
async fn checks_by_a_session_and_a_noop() {
    let peer = Peer::start().await;
    let mailer = peer.mailer();
    mailer.check().await.unwrap();
    let verbs: Vec<String> = peer.commands().iter().map(|line| line.chars().take(4).collect()).collect();
    assert_eq!(verbs, ["EHLO", "NOOP"]);
    peer.follow(&[("NOOP", Act::Reply("421 4.3.2 shutting down"))]);
    let expected = "the mail server does not answer: 421 4.3.2 shutting down".to_owned();
    assert_eq!(mailer.check().await, Err(Transient(expected)));
}
