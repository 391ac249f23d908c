//! The requests to endpoints, the refused addresses, and the meaning of an answer.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use trial_core::platform::PublishError;
use trial_core::ports::{Clock as _, TenantPlatform as _};
use trial_outbound::webhooks::{
    Lookup, SigningSecret, SystemLookup, UnusableWebhook, WebhookPlatform, WebhookSettings,
};
use trial_testkit::FixedClock;
use trial_testkit::platform_conformance::event;

use super::receiver::Receiver;

pub(crate) const SECRETS: [&str; 3] = [
    "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=",
    "whsec_eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg=",
];

pub(crate) fn settings(url: impl Into<String>, secrets: &[&str]) -> WebhookSettings {
    let secrets = secrets.iter().map(|secret| SigningSecret::parse(secret).unwrap());
    let timeout = Duration::from_secs(5);
    WebhookSettings { url: url.into(), secrets: secrets.collect(), allow_private_addresses: true, timeout }
}

fn made(settings: WebhookSettings) -> Result<WebhookPlatform, UnusableWebhook> {
    WebhookPlatform::new(settings, Arc::new(FixedClock::default()), Arc::new(SystemLookup))
}

pub(crate) fn platform(receiver: &Receiver) -> WebhookPlatform {
    made(settings(receiver.url(), &SECRETS[..1])).unwrap()
}

#[tokio::test]
async fn an_event_is_one_signed_post() {
    let receiver = Receiver::start("200 OK\r\n\r\n{}").await;
    let told = event(7);
    assert_eq!(platform(&receiver).tell(&told).await, Ok("status 200".to_owned()));
    let [arrived] = receiver.arrived().try_into().unwrap();
    assert_eq!((arrived.target.as_str(), &arrived.body), ("/hooks?token=secret", &told.payload));
    let timestamp = FixedClock::default().now().timestamp();
    let signature = SigningSecret::parse(SECRETS[0]).unwrap().sign(&told.id.to_string(), timestamp, &told.payload);
    for (name, value) in [
        ("content-type", "application/json"),
        ("webhook-id", &told.id.to_string()),
        ("webhook-timestamp", &timestamp.to_string()),
        ("webhook-signature", &signature),
    ] {
        assert_eq!(arrived.headers[name], value, "{name}");
    }
}

#[tokio::test]
async fn no_more_than_two_keys_sign() {
    let receiver = Receiver::start("200 OK").await;
    made(settings(receiver.url(), &SECRETS)).unwrap().tell(&event(1)).await.unwrap();
    let signatures = receiver.arrived()[0].headers["webhook-signature"].clone();
    assert_eq!(signatures.split(' ').count(), 2);
}

#[tokio::test]
async fn only_2xx_is_success_and_no_redirection_is_followed() {
    let elsewhere = Receiver::start("200 OK").await;
    let receiver = Receiver::start("200 OK").await;
    let platform = platform(&receiver);
    for (answer, reason) in [
        (format!("302 Found\r\nLocation: {}", elsewhere.url()), "status 302"),
        (format!("307 Temporary\r\nLocation: {}", elsewhere.url()), "status 307"),
        ("400 Bad\r\n\r\n+8616673280001".to_owned(), "status 400"),
        ("503 Busy".to_owned(), "status 503"),
    ] {
        receiver.answer(&answer);
        let told = platform.tell(&event(1)).await;
        assert_eq!(told, Err(PublishError::transient(reason)), "nothing of the body is repeated");
    }
    assert_eq!(elsewhere.arrived().len(), 0);
}

#[tokio::test]
async fn a_missing_answer_is_transient_and_its_reason_has_no_secret() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://127.0.0.1:{}/hooks?token=secret", listener.local_addr().unwrap().port());
    let timeout = Duration::from_millis(50);
    let silent = made(WebhookSettings { timeout, ..settings(&url, &SECRETS[..1]) }).unwrap();
    let told = silent.tell(&event(1)).await.unwrap_err();
    assert_eq!(told, PublishError::transient("no answer within 0 s"));
    drop(listener);
    let refused = made(settings(&url, &SECRETS[..1])).unwrap().tell(&event(1)).await.unwrap_err().to_string();
    assert!(refused.starts_with("no connection: ") && !refused.contains("secret"), "{refused}");
}

#[tokio::test]
async fn a_body_without_end_is_not_read_to_its_end() {
    let receiver = Receiver::start(&format!("200 OK\r\n\r\n{}", "x".repeat(1 << 20))).await;
    assert_eq!(platform(&receiver).tell(&event(1)).await, Ok("status 200".to_owned()));
}

#[test]
fn addresses_that_are_private_or_none_are_refused() {
    let refused = |url: &str, allow_private_addresses| {
        made(WebhookSettings { allow_private_addresses, ..settings(url, &SECRETS[..1]) }).err()
    };
    for url in ["https://platform.example.com/hooks", "https://8.8.8.8/", "https://[2606:4700::1111]/"] {
        assert!(refused(url, false).is_none(), "{url}");
    }
    for url in [
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://169.254.169.254/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[fd00::1]/",
        "https://100.64.0.1/",
    ] {
        assert!(matches!(refused(url, false), Some(UnusableWebhook::Private)), "{url}");
        assert!(refused(url, true).is_none(), "{url}");
    }
    for url in ["http://platform.example.com/", "ftp://platform.example.com/", "platform.example.com", ""] {
        assert!(matches!(refused(url, false), Some(UnusableWebhook::Url)), "{url}");
    }
    assert!(matches!(made(settings("https://8.8.8.8/", &[])).err(), Some(UnusableWebhook::NoSecret)));
}

/// A name server that gives one address first, and others from then on.
struct Rebinding(std::sync::Mutex<Vec<Vec<IpAddr>>>);

#[async_trait]
impl Lookup for Rebinding {
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        assert_eq!(host, "platform.example.com");
        let mut answers = self.0.lock().unwrap();
        Ok(if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() })
    }
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_leads_nowhere() {
    let receiver = Receiver::start("200 OK").await;
    let url = format!("https://platform.example.com:{}/hooks", receiver.port);
    let loopback = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let metadata = vec!["169.254.169.254".parse().unwrap(), "::ffff:127.0.0.1".parse().unwrap()];
    let lookup = Arc::new(Rebinding(vec![metadata, loopback.clone(), loopback.clone()].into()));
    let guarded = WebhookSettings { allow_private_addresses: false, ..settings(url, &SECRETS[..1]) };
    let clock = Arc::new(FixedClock::default());
    let platform = WebhookPlatform::new(guarded, clock.clone(), lookup).unwrap();
    for _ in 0..3 {
        let reason = platform.tell(&event(1)).await.unwrap_err().to_string();
        assert!(reason.contains("platform.webhook.allow_private_addresses"), "{reason}");
    }
    let url = format!("http://platform.example.com:{}/hooks", receiver.port);
    let lookup = Arc::new(Rebinding(vec![loopback].into()));
    let allowed = WebhookPlatform::new(settings(url, &SECRETS[..1]), clock, lookup).unwrap();
    assert_eq!(allowed.tell(&event(1)).await, Ok("status 200".to_owned()), "the same name, where it is allowed");
}
