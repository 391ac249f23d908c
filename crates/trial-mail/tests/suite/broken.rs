//! The conformance suite finds faults: mailers that break one rule each.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use trial_core::mails::{DeliveryError, OutgoingMail};
use trial_core::ports::Mailer;
use trial_testkit::mail_conformance::{ArrivedMail, MailBehaviour, MailHarness, breaches};

use crate::sandbox::{Sandbox, sandbox};

type Delivered = Result<String, DeliveryError>;

/// Changes the mailer's answer, or the view of it.
struct Broken {
    sandbox: Sandbox,
    result: fn(Delivered, &OutgoingMail) -> Delivered,
    seen: fn(ArrivedMail, usize) -> ArrivedMail,
    behaviour: fn(MailBehaviour) -> MailBehaviour,
    ready: bool,
    looks: AtomicUsize,
}

fn broken() -> Broken {
    Broken {
        sandbox: sandbox(),
        result: |result, _| result,
        seen: |arrived, _| arrived,
        behaviour: |behaviour| behaviour,
        ready: true,
        looks: AtomicUsize::new(0),
    }
}

#[async_trait]
impl Mailer for Broken {
    async fn deliver(&self, mail: &OutgoingMail) -> Delivered {
        (self.result)(self.sandbox.mailer.deliver(mail).await, mail)
    }

    async fn check(&self) -> Result<(), DeliveryError> {
        self.ready.then_some(()).ok_or_else(|| DeliveryError::Transient("asleep".to_owned()))
    }
}

#[async_trait]
impl MailHarness for Broken {
    fn mailer(&self) -> &dyn Mailer {
        self
    }

    async fn set_behaviour(&self, behaviour: MailBehaviour) {
        self.sandbox.behave((self.behaviour)(behaviour));
    }

    async fn arrived(&self) -> Vec<ArrivedMail> {
        let look = self.looks.fetch_add(1, Ordering::Relaxed);
        self.sandbox.captured().into_iter().map(|arrived| (self.seen)(arrived, look)).collect()
    }
}

async fn expect_breach(broken: Broken, breach: &str) {
    let found = breaches(&broken).await;
    assert!(found.iter().any(|line| line.contains(breach)), "{breach:?} is not in {found:?}");
}

#[tokio::test]
async fn finds_a_changed_password() {
    let seen = |arrived: ArrivedMail, _| ArrivedMail { text: arrived.text.to_lowercase(), ..arrived };
    expect_breach(Broken { seen, ..broken() }, "the text does not hold the initial password").await;
    let seen = |arrived: ArrivedMail, _| ArrivedMail { html: arrived.html.replace("<code>", "<code>x"), ..arrived };
    expect_breach(Broken { seen, ..broken() }, "the HTML does not hold the tenant id").await;
}

#[tokio::test]
async fn finds_one_language_for_all() {
    let seen = |arrived: ArrivedMail, _| ArrivedMail { subject: "Hello".to_owned(), ..arrived };
    expect_breach(Broken { seen, ..broken() }, "the languages do not differ").await;
}

#[tokio::test]
async fn finds_a_message_id_of_its_own() {
    let seen = |arrived: ArrivedMail, _| ArrivedMail { message_id: "<1@sender.example>".to_owned(), ..arrived };
    expect_breach(Broken { seen, ..broken() }, "Message-ID is not derived").await;
    let seen =
        |arrived: ArrivedMail, look| ArrivedMail { message_id: format!("{}{look}", arrived.message_id), ..arrived };
    expect_breach(Broken { seen, ..broken() }, "delivered twice").await;
}

#[tokio::test]
async fn finds_a_wrong_recipient() {
    let seen = |arrived: ArrivedMail, _| ArrivedMail { to: "bob@example.com".to_owned(), ..arrived };
    expect_breach(Broken { seen, ..broken() }, "another address").await;
}

#[tokio::test]
async fn finds_refusals_that_are_taken_for_one_another() {
    let result = |result: Delivered, _: &OutgoingMail| {
        result.map_err(|error| match error {
            DeliveryError::Transient(reason) => DeliveryError::Permanent(reason),
            DeliveryError::Permanent(reason) => DeliveryError::Transient(reason),
        })
    };
    expect_breach(Broken { result, ..broken() }, "for now: it counts as refused for good").await;
    expect_breach(Broken { result, ..broken() }, "for good: it counts as refused for now").await;
}

#[tokio::test]
async fn finds_a_refused_mail_that_arrives() {
    let behaviour = |_| MailBehaviour::Accept;
    let result = |_, _: &OutgoingMail| Err(DeliveryError::Transient("no".to_owned()));
    expect_breach(Broken { result, behaviour, ..broken() }, "for now: it arrived").await;
    expect_breach(Broken { behaviour, ..broken() }, "for good: it counts as sent").await;
}

#[tokio::test]
async fn finds_a_reason_that_tells_the_address() {
    let result = |result: Delivered, mail: &OutgoingMail| {
        result.map_err(|_| DeliveryError::Permanent(format!("no such user: {}", mail.to.as_str())))
    };
    expect_breach(Broken { result, ..broken() }, "for good: the reason holds the address").await;
}

#[tokio::test]
async fn finds_a_check_that_fails_for_nothing() {
    expect_breach(Broken { ready: false, ..broken() }, "the check fails").await;
}
