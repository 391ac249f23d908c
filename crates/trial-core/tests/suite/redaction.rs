//! A redacted reply of another server contains none of our secrets in any spelling, but the facts that help operations.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use trial_core::mails::{
    AccountMail, DeliveryError, LifecycleMail, MailContent, MailKind, OutgoingMail, PasswordChangedMail, PasswordMail,
};
use trial_core::policy::Policy;
use trial_core::portal::PortalLinkClaim;
use trial_core::privacy::{Redaction, UrlError, check_url, shown_url};
use trial_core::sms::{GatewayReply, SmsMessage};
use trial_core::values::{
    AccessCode, CodeRequestId, Email, Keyring, Locale, MailId, Phone, SecretKey, TenantId, VerificationCode,
};

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

#[test]
fn what_helps_operations_is_kept() {
    let mail = mail(MailKind::Account);
    for words in [
        "250 2.0.0 Ok: queued as 4D1F2A0B7C",
        "250 2.0.0 OK 1795000000 d9443c01a7336-1e0b1f8si2 - gsmtp",
        "451 4.7.1 Greylisted, try again in 300 seconds",
        "550 5.1.1 no such user here",
        "554 5.7.1 Service unavailable; client host [192.0.2.1] blocked using zen.spamhaus.org",
        "550-5.7.25 no reverse name, see the manual: Mon, 30 Nov 2026 06:02:49 +0000 (UTC)",
        "421 4.4.2 mx.example.org Error: timeout exceeded and/or 99% full",
        "the mail server refused the recipient: 552 5.2.2 mailbox full (a=b, c=d)",
        "TLSv1.3/AES: postfix/smtpd/4711 said no",
        "",
    ] {
        assert_eq!(mail.redaction().redact(words), words);
    }
}

#[test]
fn mailboxes_and_urls_are_hidden_whatever_they_are() {
    for (words, kept) in [
        ("550 5.1.1 <ann@example.com>: no such user", "550 5.1.1 <***>: no such user"),
        ("ann@example.com", "***"),
        ("a@b.example, c@d.example; e", "***, ***; e"),
        ("to:ann+x@example.com", "to:***"),
        ("<\"a b\\\" <c\"@example.com> unknown", "<***> unknown"),
        ("<ann@[IPv6:2001:db8::1]> and <ann@[127.0.0.1]>", "<***> and <***>"),
        ("SRS0=x=y=example.com=ann@relay.example", "***"),
        ("für@例子.example 不存在", "*** 不存在"),
        ("ann%40example.com unknown", "*** unknown"),
        ("ａｎｎ＠example.com", "***"),
        ("554 URL https://portal.example.com/new-password?link=abc. Listed", "554 URL ***. Listed"),
        ("see (http://x.example/?a=b) or smtp://user:pw@host", "see (***) or ***"),
        ("HTTPS:\\/\\/x.example\\/y is bad", "*** is bad"),
        ("https%3A%2F%2Fx.example%2Fy%3Fz is bad", "*** is bad"),
        ("look at x.example.com/a/b?c, or x.example.com:8080?token", "look at ***, or ***"),
        ("a\r\n  b\u{7}", "a b"),
    ] {
        assert_eq!(Redaction::default().redact(words), kept, "{words}");
    }
}

#[test]
fn numbers_that_could_be_a_phone_or_a_code_are_hidden_where_that_is_asked_for() {
    for (words, kept) in [
        ("Invalid app_key.", "Invalid app_key."),
        ("The 'To' number +16673280001 is not valid", "The 'To' number +*** is not valid"),
        ("to 166-7328 0001, please", "to ***, please"),
        ("code 012345", "code ***"),
        ("code ０１２３４５", "code ***"),
        ("code %30%31%32%33%34%35", "code ***"),
        ("error 42 of 100", "error 42 of 100"),
        ("03\u{0}1\u{7f}00 of 12", "*** of 12"),
        ("status MK:0011", "status MK:0011"),
        ("MK:0011, MN:0059; SC:0001 (ID:1241)", "MK:0011, MN:0059; SC:0001 (ID:1241)"),
        ("MK:00112", "MK:***"),
        ("to:0001, To:0001, AMK0:0011, X:0011, LIMIT:0011", "to:***, To:***, AMK0:***, X:***, LIMIT:***"),
        ("MK:0011 16673280001", "MK:***"),
        ("TO:1667 3280 001", "TO:***"),
    ] {
        assert_eq!(Redaction::default().numbers().redact(words), kept, "{words}");
    }
}

#[test]
fn short_names_are_hidden_where_they_are_words() {
    let redaction = Redaction::default().personal("ann").personal("");
    assert_eq!(redaction.redact("ann anna ANN-ann: an %61nn, YW5u"), "*** anna ***-***: an ***, YW5u");
}

#[test]
fn a_long_part_of_a_secret_is_hidden_as_the_whole_is() {
    let redaction = Redaction::default().secret("abcdefghijklmnopqrstuvwxyz0123456789");
    assert_eq!(redaction.redact("token ijklmnopqrstuvwx… is cut"), "token ***… is cut");
    assert_eq!(redaction.redact("token ijklmn is short"), "token ijklmn is short");
}

#[test]
fn what_is_kept_is_one_short_line_and_a_secret_at_the_end_of_what_is_read_is_not_in_it() {
    let redaction = Redaction::default().secret("hunter2hunter2");
    assert_eq!(redaction.redact(&"验 ".repeat(1_000)).chars().count(), 301);
    for before in 1_980..2_000 {
        let words = format!("{} hunter2hunter2", "https://x/".repeat(200).chars().take(before).collect::<String>());
        assert!(!redaction.redact(&words).contains("hun"), "{before}");
    }
}

#[test]
fn a_login_is_hidden_in_the_base64_that_a_server_repeats() {
    let redaction = Redaction::default().login("trials@example.com", "s3cr3t-pw");
    for login in ["\0trials@example.com\0s3cr3t-pw", "trials@example.com:s3cr3t-pw", "s3cr3t-pw", "trials@example.com"]
    {
        let words = format!("535 5.7.8 Error: authentication failed: {} (wrong)", STANDARD.encode(login));
        assert_eq!(redaction.redact(&words), "535 5.7.8 Error: authentication failed: *** (wrong)", "{login:?}");
    }
}

/// A mail of each kind; a new kind has to be added here.
fn mail(kind: MailKind) -> OutgoingMail {
    let keyring = Keyring::new(vec![SecretKey::new("test", &[7; 32]).unwrap()]).unwrap();
    let tenant = TenantId::from_bytes([0x5a; 16]);
    let account_name = format!("admin@{tenant}");
    let life = || LifecycleMail {
        tenant,
        account_name: account_name.clone(),
        trial_ends_at: NOW,
        closes_at: None,
        recoverable_until: None,
        is_customer: false,
    };
    let content = match kind {
        MailKind::Account => MailContent::Account(AccountMail {
            tenant,
            account_name,
            initial_password: keyring.password("test", tenant, 1).unwrap(),
            password_valid_until: NOW,
            voice: AccessCode::from_stored("4001002003"),
            multimedia: AccessCode::from_stored("web-chat_0001"),
            trial_ends_at: NOW,
            is_customer: false,
        }),
        MailKind::Reminder => MailContent::Reminder(life()),
        MailKind::Suspended => MailContent::Suspended(life()),
        MailKind::Closed => MailContent::Closed(life()),
        MailKind::Warning => MailContent::Warning("voice access codes: 9 free".to_owned()),
        MailKind::Password => MailContent::Password(PasswordMail {
            account_name,
            link: PortalLinkClaim { tenant, issue: 1, made_at: NOW }.sign(&keyring),
            valid_until: NOW,
        }),
        MailKind::PasswordChanged => {
            MailContent::PasswordChanged(PasswordChangedMail { account_name, changed_at: NOW, changes: None })
        }
    };
    let to = Email::parse("Ann.Example+trial@example.org").unwrap();
    OutgoingMail { id: MailId::new(NOW, [3; 10]), to, locale: Locale::En, created_at: NOW, content }
}

/// The texts that must not be stored from a reply to the mail.
fn secrets(mail: &OutgoingMail) -> Vec<String> {
    let of_content = match &mail.content {
        MailContent::Account(account) => {
            vec![account.initial_password.reveal().to_owned(), account.account_name.clone()]
        }
        MailContent::Password(asked) => vec![asked.link.reveal().to_owned(), asked.account_name.clone()],
        MailContent::Reminder(life) | MailContent::Suspended(life) | MailContent::Closed(life) => {
            vec![life.account_name.clone()]
        }
        MailContent::PasswordChanged(changed) => vec![changed.account_name.clone()],
        MailContent::Warning(_) => Vec::new(),
    };
    let address = mail.to.as_str();
    let local = address.split('@').next().unwrap();
    of_content.into_iter().chain([address.to_owned(), local.to_owned()]).collect()
}

/// The ways in which a server may repeat a text.
fn written(text: &str, way: usize, place: usize) -> String {
    let percent = |text: &str| text.bytes().fold(String::new(), |text, b| text + &format!("%{b:02X}"));
    let (before, after) = text.split_at(place % text.len());
    match way {
        0 => text.to_owned(),
        1 => text.to_uppercase(),
        2 => text.to_lowercase(),
        3 => percent(text),
        4 => percent(&percent(text)),
        5 => format!("{before}{}", percent(after)),
        6 => STANDARD.encode(text),
        7 => URL_SAFE_NO_PAD.encode(text),
        8 => STANDARD.encode(format!("\0someone\0{text}")),
        9 => STANDARD.encode(format!("{}{text}{}", "x".repeat(place % 3), "y".repeat(place % 5))),
        10 => format!("{before}=\r\n{after}"),
        11 => format!("{before}\r\n {after}"),
        12 => text.bytes().fold(String::new(), |text, b| text + &format!("={b:02X}")),
        13 => format!("{before}\u{200b}{after}"),
        14 => text.chars().map(full_width).collect(),
        15 => STANDARD.encode(percent(text)),
        _ => text.chars().flat_map(|c| [c, ' ']).collect(),
    }
}

const WAYS: usize = 17;

fn full_width(c: char) -> char {
    if c.is_ascii_graphic() { char::from_u32(u32::from(c) + 0xFEE0).unwrap_or(c) } else { c }
}

/// Returns `true` if the text can still be read: all of a short one, or twelve characters in a row of a long one.
fn survives(written: &str, kept: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect::<Vec<_>>();
    let (written, kept) = (plain(written), plain(kept));
    let length = written.len().min(12);
    length >= 6 && written.windows(length).any(|part| kept.windows(length).any(|window| window == part))
}

#[test]
fn no_secret_of_any_kind_of_mail_survives_in_any_encoding() {
    for kind in MailKind::ALL {
        let mail = mail(*kind);
        for secret in secrets(&mail) {
            for (way, place) in (0..WAYS).flat_map(|way| [7, 16].map(move |place| (way, place))) {
                let quoted = written(&secret, way, place);
                for words in [
                    format!("554 5.7.1 {quoted} is listed"),
                    format!("554 5.7.1 rejected:{quoted}"),
                    format!("554 x{quoted}y"),
                    format!("554 <a href='https://portal.example.com/new-password?link={quoted}'>"),
                ] {
                    let kept = mail.redaction().redact(&words);
                    assert!(kept.starts_with("554") && !survives(&quoted, &kept), "{kind} {way} {place}: {kept}");
                }
            }
        }
    }
}

#[test]
fn errors_of_a_delivery_are_redacted_and_stay_what_they_are() {
    let redaction = Redaction::default().secret("hunter2hunter2");
    let words = |error: DeliveryError| error.redacted(&redaction);
    assert_eq!(
        words(DeliveryError::Transient("450 hunter2hunter2".to_owned())),
        DeliveryError::Transient("450 ***".to_owned())
    );
    assert_eq!(
        words(DeliveryError::Permanent("550 hunter2hunter2".to_owned())),
        DeliveryError::Permanent("550 ***".to_owned())
    );
}

fn message() -> SmsMessage {
    SmsMessage {
        code_request: CodeRequestId::new(NOW, [0; 10]),
        to: Phone::parse("16673280001", &Policy::default().phone).unwrap(),
        code: VerificationCode::fixed("031415").unwrap(),
        valid_minutes: 5,
        locale: Locale::En,
    }
}

#[test]
fn an_id_of_a_provider_is_kept_unless_it_has_the_code_or_the_phone_in_it() {
    let kept = |id: &str| {
        let reply = GatewayReply::Accepted { provider_id: Some(id.to_owned()) }.redacted(&message().redaction());
        assert!(matches!(reply, GatewayReply::Accepted { .. }), "the message is accepted all the same");
        reply.detail().map(str::to_owned)
    };
    for id in ["SM0123456789abcdef", "2ea20735-f856-4376-afbf-570bd70a46ee_11840135", "17950000001", "<7@smsc.example>"]
    {
        assert_eq!(kept(id).as_deref(), Some(id));
    }
    for id in [
        "031415",
        "1795031415000",
        "0314-15",
        "MDMxNDE1",
        "%3031415",
        "+8616673280001-1",
        "166 7328 0001",
        "id=MTY2NzMyODAwMDE=",
    ] {
        assert_eq!(kept(id), None, "{id}");
    }
    assert_eq!(kept(&"x".repeat(3_000)), None);
}

#[test]
fn reasons_of_a_gateway_have_neither_code_nor_phone() {
    let said = |make: fn(String) -> GatewayReply| {
        make("E031415 for +8616673280001, code 21211".to_owned()).redacted(&message().redaction())
    };
    for make in [
        |reason| GatewayReply::Refused { reason },
        |reason| GatewayReply::Throttled { reason },
        |reason| GatewayReply::Unreached { reason },
        |reason| GatewayReply::Unknown { reason },
    ] {
        assert_eq!(said(make), make("E*** for +86***, code 21211".to_owned()));
    }
}

/// What is secret in this message is hidden wherever it stands, also where a carrier's code would.
#[test]
fn codes_of_carriers_are_kept_and_this_messages_are_not() {
    for (words, kept) in [
        ("code MK:0011", "code MK:0011"),
        ("status 200, and \"40013\" at /code", "status 200, and \"40013\" at /code"),
        ("status 200, and \"031415\" at /code", "status 200, and \"***\" at /code"),
        ("MK:031415", "MK:***"),
    ] {
        let reply = GatewayReply::Refused { reason: words.to_owned() }.redacted(&message().redaction());
        assert_eq!(reply, GatewayReply::Refused { reason: kept.to_owned() });
    }
}

#[test]
fn urls_are_shown_without_what_could_be_secret() {
    for (url, shown) in [
        (
            "postgres://trials:pw@db1:5432,db2/trials?sslmode=require",
            "postgres://***@db1:5432,db2/trials?sslmode=require",
        ),
        (
            "postgres://db/trials?password=pw&user=u&sslmode=require",
            "postgres://db/trials?password=***&user=***&sslmode=require",
        ),
        ("postgres://db/trials?Pass%77ord=pw&pw", "postgres://db/trials?***&***"),
        ("postgresql:///trials?host=/run/postgresql", "postgresql:///trials?host=/run/postgresql"),
        ("postgres://u:pw@h/db;password=pw", "postgres://***@h/***"),
        ("postgres://u@h;password=pw/db?sslmode=require", "postgres://***@***/db?sslmode=require"),
        ("postgres://h;password=pw", "postgres://***"),
        ("postgres://h/db=pw", "postgres://h/***"),
        ("sqlite:trialgate.db", "sqlite:trialgate.db"),
        ("sqlite:///srv/a@b/trialgate.db", "sqlite:///srv/a@b/trialgate.db"),
        ("smtps://trials%40example.com:pw@mail.example.com:465", "smtps://***@mail.example.com:465"),
        ("https://hooks.example.com/services/T0/B0/pw?token=pw#pw", "https://hooks.example.com/***?token=***#***"),
        ("http://collector:4318/", "http://collector:4318/"),
        ("https://user:pw@proxy.example.com", "https://***@proxy.example.com"),
        ("host=db password=pw", "***"),
        ("", ""),
    ] {
        assert_eq!(check_url(url), Ok(()), "{url}");
        assert_eq!(shown_url(url), shown, "{url}");
    }
    for (url, shown) in [
        ("postgres://u:p@ss/w:rd@host/db", "postgres://***"),
        ("postgres://u:p@ss@host/db", "postgres://***"),
        ("postgres://u:pa/ss@host/db", "postgres://***"),
        ("postgres://u:pa?ss@host/db", "postgres://***"),
        ("postgres://u:pa#ss@host/db", "postgres://***"),
        ("smtps://trials@example.com:pw@mail.example.com", "smtps://***"),
        ("https://u:12/ss@host/x", "https://***"),
    ] {
        let error = check_url(url).unwrap_err().to_string();
        assert!(error.contains("percent-encode") && !error.contains("ss@"), "{error}");
        assert_eq!(shown_url(url), shown);
    }
}

#[test]
fn urls_that_no_client_can_use_are_refused() {
    for url in ["smtp://u%zz:p@host", "postgres://u:p%zz@h/d", "postgres://u:p%4@h/d", "smtps://u:100%@h"] {
        assert_eq!(check_url(url), Err(UrlError::Percent), "{url}");
    }
    for url in ["smtp://host:0", "postgres://u:p@h1:5432,h2:0/d", "https://[::1]:00/x"] {
        assert_eq!(check_url(url), Err(UrlError::PortZero), "{url}");
    }
    for url in ["smtp://u%25:p%40@host:25", "https://h/100%", "https://[fe80::0]/", "smtp://h:250", "http://h?a=%zz"] {
        assert_eq!(check_url(url), Ok(()), "{url}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(17), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_password_in_a_url_is_never_shown(password in "[!-~]{6,20}", scheme in "postgres|smtps|https") {
        for url in [
            format!("{scheme}://user:{password}@host.example.com/db"),
            format!("{scheme}://host.example.com/db?password={password}"),
            format!("{scheme}://user@host.example.com/db;password={password}"),
        ] {
            prop_assert!(!shown_url(&url).contains(&password), "{}", shown_url(&url));
        }
    }

    #[test]
    fn no_password_survives_in_any_encoding(password in "[!-~]{6,40}", way in 0..WAYS, place in 1..40_usize, glue in "[a-z ]{0,6}") {
        let quoted = written(&password, way, place);
        let kept = Redaction::default().login("someone", &password).redact(&format!("535 {glue}{quoted}{glue}"));
        prop_assert!(!survives(&quoted, &kept), "{} {}", quoted, kept);
    }

    #[test]
    fn whatever_is_said_is_one_short_line(words in any::<String>()) {
        let kept = message().redaction().numbers().redact(&words);
        prop_assert!(kept.chars().count() <= 301 && !kept.contains(char::is_control));
    }
}
