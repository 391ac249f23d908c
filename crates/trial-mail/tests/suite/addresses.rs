//! Every address that the core accepts can be written to, or is refused before anything is sent.

use trial_core::mails::{DeliveryError, OutgoingMail};
use trial_core::ports::Mailer;
use trial_core::values::{Email, Locale, MailHosts};
use trial_testkit::mail_conformance::account_mail;

use crate::peer::Peer;

fn mail_to(to: Email) -> OutgoingMail {
    OutgoingMail { to, ..account_mail(Locale::En) }
}

#[tokio::test]
async fn takes_every_address_of_rfc_5321() {
    let peer = Peer::start().await;
    let mailer = peer.mailer();
    let addresses = [
        "plain@example.com",
        "o'brien+tag@sub.example.com",
        "\"john doe\"@example.com",
        "\"a@b,c<d>\"@example.com",
        "\"quo\\\"te\"@example.com",
        "user@[192.0.2.1]",
        "user@[IPv6:2001:db8::1]",
        "user@localhost",
    ];
    for address in addresses {
        let email = Email::parse_at(MailHosts::Any, address).unwrap_or_else(|error| panic!("{address}: {error}"));
        mailer.deliver(&mail_to(email)).await.unwrap_or_else(|error| panic!("{address}: {error}"));
        let arrived = peer.mails().pop().unwrap();
        assert_eq!(arrived.to, [format!("RCPT TO:<{address}>")]);
        assert!(arrived.message.contains(&format!("\r\nTo: {address}\r\n")), "{address}: {}", arrived.message);
    }
    assert_eq!(peer.connections(), 1, "one session carries them all");
}

#[tokio::test]
async fn refuses_for_good_addresses_that_smtp_cannot_carry() {
    let peer = Peer::start().await;
    let mailer = peer.mailer();
    for stored in [
        "nobody",
        "@example.com",
        "a@",
        "a\r\nRCPT TO:<b@example.com>@example.com",
        "ä@example.com",
        "a> <b@example.com",
    ] {
        let error = mailer.deliver(&mail_to(Email::from_stored(stored, stored))).await.unwrap_err();
        let expected = "the recipient's address cannot be given to a mail server".to_owned();
        assert_eq!(error, DeliveryError::Permanent(expected), "{stored:?}");
    }
    assert_eq!(peer.connections(), 0);
}
