//! The specification's own libraries verify our signatures, by the very lines that the documentation gives receivers.

mod program;

use serde_json::{Value, json};
use trial_core::ports::{Clock as _, TenantPlatform as _};
use trial_outbound::webhooks::WebhookPlatform;
use trial_testkit::FixedClock;
use trial_testkit::platform_conformance::event;

use super::receiver::{Arrived, Receiver};
use super::webhook::{SECRETS, settings};
use program::{Language, Program};

/// An event as received, signed now by these keys.
async fn arrived(secrets: &[&str], clock: FixedClock) -> Arrived {
    let receiver = Receiver::start("204 No Content").await;
    let lookup = std::sync::Arc::new(trial_outbound::webhooks::SystemLookup);
    let platform = WebhookPlatform::new(settings(receiver.url(), secrets), std::sync::Arc::new(clock), lookup).unwrap();
    platform.tell(&event(3)).await.unwrap();
    receiver.arrived().remove(0)
}

/// The libraries refuse messages older than 5 minutes by the clock of this machine.
#[expect(clippy::disallowed_methods, reason = "the libraries go by the clock of this machine")]
fn this_minute() -> FixedClock {
    let clock = FixedClock::default();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let behind = i64::try_from(now.as_secs()).unwrap() - clock.now().timestamp();
    match u64::try_from(behind) {
        Ok(behind) => clock.advance(std::time::Duration::from_secs(behind)),
        Err(_) => clock.step_back(std::time::Duration::from_secs(behind.unsigned_abs())),
    }
    clock
}

async fn verdict(program: &mut Program, arrived: &Arrived, secret: &str) -> Value {
    program.ask(&json!({ "headers": arrived.headers, "body": arrived.body, "secret": secret })).await
}

async fn judge(language: Language) {
    let mut receiver = Program::start(language);
    let by_one = arrived(&SECRETS[..1], this_minute()).await;
    let wanted: Value = serde_json::from_str(&event(3).payload).unwrap();
    assert_eq!(verdict(&mut receiver, &by_one, SECRETS[0]).await, json!({ "event": wanted }));
    assert!(verdict(&mut receiver, &by_one, SECRETS[1]).await["error"].is_string(), "another key");
    let by_two = arrived(&SECRETS[..2], this_minute()).await;
    for secret in &SECRETS[..2] {
        assert_eq!(verdict(&mut receiver, &by_two, secret).await, json!({ "event": wanted }), "while keys change");
    }
    let forged = Arrived { body: by_one.body.replace("trial_started", "converted"), ..by_one.clone() };
    assert!(verdict(&mut receiver, &forged, SECRETS[0]).await["error"].is_string(), "other words");
    let stale = this_minute();
    stale.step_back(std::time::Duration::from_mins(10));
    let stale = arrived(&SECRETS[..1], stale).await;
    assert!(verdict(&mut receiver, &stale, SECRETS[0]).await["error"].is_string(), "an old message");
}

#[tokio::test]
async fn the_library_of_npm_verifies_our_signatures() {
    judge(Language::JavaScript).await;
}

#[tokio::test]
async fn the_library_of_pypi_verifies_our_signatures() {
    judge(Language::Python).await;
}
