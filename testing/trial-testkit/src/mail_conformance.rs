//! The conformance suite of mailers, checked from both ends.
//!
//! An adapter's tests implement [`MailHarness`] around the mailer and a fake of the mail server, and expect of
//! [`breaches`] that there are none.

use async_trait::async_trait;
use chrono::{DateTime, Days, Utc};
use trial_core::mails::{AccountMail, DeliveryError, MailContent, OutgoingMail};
use trial_core::ports::Mailer;
use trial_core::values::{AccessCode, Email, Keyring, Locale, MailId, SecretKey, TenantId};

/// The behaviour of the mail server for the next mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailBehaviour {
    /// It accepts them.
    Accept,
    /// It refuses them for now.
    RefuseForNow,
    /// It refuses them for good.
    RefuseForGood,
}

/// A mail that arrived at the server's end, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivedMail {
    /// The recipient of the envelope.
    pub to: String,
    /// `Message-ID`, with its angle brackets.
    pub message_id: String,
    /// The subject.
    pub subject: String,
    /// The body as plain text.
    pub text: String,
    /// The body as HTML.
    pub html: String,
}

/// A mailer under test, with the server's end of it.
#[async_trait]
pub trait MailHarness: Send + Sync {
    /// The mailer.
    fn mailer(&self) -> &dyn Mailer;

    /// Sets the behaviour of the server from now on.
    async fn set_behaviour(&self, behaviour: MailBehaviour);

    /// Every mail that has arrived since the harness was created, oldest first.
    async fn arrived(&self) -> Vec<ArrivedMail>;
}

/// Runs every check; returns one line for each breach, none if the mailer conforms.
pub async fn breaches(harness: &dyn MailHarness) -> Vec<String> {
    let mut breaches = Vec::new();
    for locale in Locale::ALL {
        breaches.extend(accepted(harness, &account_mail(*locale)).await.map(|breach| format!("{locale}: {breach}")));
    }
    breaches.extend(speaks_two_languages(harness).await);
    breaches.extend(delivered_twice(harness).await.map(|breach| format!("delivered twice: {breach}")));
    breaches.extend(refused(harness, MailBehaviour::RefuseForNow).await.map(|breach| format!("for now: {breach}")));
    breaches.extend(refused(harness, MailBehaviour::RefuseForGood).await.map(|breach| format!("for good: {breach}")));
    breaches.extend(accepted(harness, &account_mail(Locale::En)).await.map(|breach| format!("afterwards: {breach}")));
    breaches
}

/// The mail that the checks send.
pub fn account_mail(locale: Locale) -> OutgoingMail {
    let key = SecretKey::new("conformance", &[7; 32]).expect("the key is good");
    let keyring = Keyring::new(vec![key]).expect("there is one key");
    let tenant = TenantId::from_bytes([0x5a; 16]);
    let created_at = at(1_795_000_000);
    let content = MailContent::Account(AccountMail {
        tenant,
        account_name: "admin@5a5a5a5a".to_owned(),
        initial_password: keyring.password("conformance", tenant, 1).expect("the key is there"),
        password_valid_until: created_at + Days::new(7),
        voice: AccessCode::from_stored("4001002003"),
        multimedia: AccessCode::from_stored("web-chat_0001"),
        trial_ends_at: created_at + Days::new(30),
        is_customer: false,
    });
    let to = Email::parse("Ann.Example+trial@example.com").expect("the address is good");
    OutgoingMail { id: MailId::new(created_at, [3; 10]), to, locale, created_at, content }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).expect("the time is in range")
}

async fn accepted(harness: &dyn MailHarness, mail: &OutgoingMail) -> Option<String> {
    let (result, arrived) = deliver(harness, MailBehaviour::Accept, mail).await;
    match &result {
        Err(error) => return Some(format!("a mail that was taken counts as an error: {error}")),
        Ok(reply) if tells_on(reply, mail) => return Some("the reply holds the address or the password".to_owned()),
        Ok(_) => {}
    }
    if let Err(error) = harness.mailer().check().await {
        return Some(format!("the check fails where mails are taken: {error}"));
    }
    let [arrived] = arrived.as_slice() else {
        return Some(format!("{} mails arrived, not one", arrived.len()));
    };
    if arrived.to != mail.to.as_str() {
        return Some("it arrived at another address".to_owned());
    }
    if !arrived.message_id.starts_with(&format!("<{}@", mail.id)) {
        return Some("its Message-ID is not derived from its id".to_owned());
    }
    missing(arrived, mail)
}

/// The first fact of the mail that one of the bodies lacks, or spells differently.
fn missing(arrived: &ArrivedMail, mail: &OutgoingMail) -> Option<String> {
    let account = account_of(mail);
    let facts = [
        ("tenant id", account.tenant.to_string()),
        ("account name", account.account_name.clone()),
        ("initial password", account.initial_password.reveal().to_owned()),
        ("voice access code", account.voice.as_str().to_owned()),
        ("multimedia access code", account.multimedia.as_str().to_owned()),
    ];
    for (name, fact) in facts {
        for (body, words) in [("text", words(&arrived.text)), ("HTML", words(&arrived.html))] {
            if !words.contains(&fact.as_str()) {
                return Some(format!("the {body} does not hold the {name} as it is"));
            }
        }
    }
    if arrived.subject.is_empty() || arrived.subject.contains(account.initial_password.reveal()) {
        return Some("the subject is empty or holds the password".to_owned());
    }
    None
}

/// The words between white space, angle brackets and characters outside ASCII; facts have none of these.
fn words(body: &str) -> Vec<&str> {
    body.split(|c: char| c.is_whitespace() || !c.is_ascii() || matches!(c, '<' | '>')).collect()
}

async fn speaks_two_languages(harness: &dyn MailHarness) -> Option<String> {
    let mut subjects = Vec::new();
    for locale in Locale::ALL {
        let (_, arrived) = deliver(harness, MailBehaviour::Accept, &account_mail(*locale)).await;
        subjects.extend(arrived.into_iter().map(|mail| mail.subject));
    }
    subjects.dedup();
    (subjects.len() != Locale::ALL.len()).then(|| "the languages do not differ in the subject".to_owned())
}

async fn delivered_twice(harness: &dyn MailHarness) -> Option<String> {
    let mail = account_mail(Locale::En);
    let (_, first) = deliver(harness, MailBehaviour::Accept, &mail).await;
    let (_, second) = deliver(harness, MailBehaviour::Accept, &mail).await;
    (first != second).then(|| "the two cannot be recognised as the same mail".to_owned())
}

async fn refused(harness: &dyn MailHarness, behaviour: MailBehaviour) -> Option<String> {
    let mail = account_mail(Locale::En);
    let (result, arrived) = deliver(harness, behaviour, &mail).await;
    let reason = match (behaviour, result) {
        (MailBehaviour::RefuseForNow, Err(DeliveryError::Transient(reason)))
        | (MailBehaviour::RefuseForGood, Err(DeliveryError::Permanent(reason))) => reason,
        (_, Ok(_)) => return Some("it counts as sent".to_owned()),
        (_, Err(DeliveryError::Transient(_))) => return Some("it counts as refused for now".to_owned()),
        (_, Err(DeliveryError::Permanent(_))) => return Some("it counts as refused for good".to_owned()),
    };
    if !arrived.is_empty() {
        return Some("it arrived all the same".to_owned());
    }
    tells_on(&reason, &mail).then(|| "the reason holds the address or the password".to_owned())
}

/// Delivers one mail; returns the result and the mails that arrived.
async fn deliver(
    harness: &dyn MailHarness,
    behaviour: MailBehaviour,
    mail: &OutgoingMail,
) -> (Result<String, DeliveryError>, Vec<ArrivedMail>) {
    harness.set_behaviour(behaviour).await;
    let before = harness.arrived().await.len();
    let result = harness.mailer().deliver(mail).await;
    let arrived = harness.arrived().await.split_off(before);
    (result, arrived)
}

fn account_of(mail: &OutgoingMail) -> &AccountMail {
    match &mail.content {
        MailContent::Account(account) => account,
        other => panic!("the checks send accounts, not {other:?}"),
    }
}

/// Replies and reasons are stored and shown to operators, who must see neither address nor password.
fn tells_on(words: &str, mail: &OutgoingMail) -> bool {
    let account = account_of(mail);
    let words = words.to_lowercase();
    let address = mail.to.as_str().to_lowercase();
    let local = address.split('@').next().unwrap_or(&address);
    words.contains(local) || words.contains(&account.initial_password.reveal().to_lowercase())
}
