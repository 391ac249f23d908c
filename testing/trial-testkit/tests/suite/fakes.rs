//! The fakes of the test kit.

use std::time::Duration;

use trial_core::mails::DeliveryError;
use trial_core::policy::Policy;
use trial_core::ports::{Clock, Entropy, Mailer, SmsGateway};
use trial_core::sms::{GatewayReply, SmsMessage};
use trial_core::values::{CodeRequestId, Locale, Phone, PhonePolicy};
use trial_testkit::data::{foreign_phone, keyring, phone};
use trial_testkit::{
    FaultyLedger, FixedClock, LedgerFault, LedgerHarness, MemoryLedger, RecordingMailer, ScriptedGateway, SeededEntropy,
};

#[test]
fn the_clock_moves_only_when_set() {
    let clock = FixedClock::default();
    let start = clock.now();
    assert_eq!(start.to_rfc3339(), "2026-03-02T08:00:00+00:00");
    let shared = clock.clone();
    clock.advance(Duration::from_secs(90));
    clock.step_back(Duration::from_secs(30));
    assert_eq!(shared.now(), start + Duration::from_mins(1));
}

#[test]
fn entropy_follows_from_its_seed() {
    let draws = |seed| {
        let entropy = SeededEntropy::new(seed);
        let mut odd = [0; 13];
        entropy.fill(&mut odd);
        (odd, entropy.draw::<40>())
    };
    assert_eq!(draws(1), draws(1));
    assert_ne!(draws(1), draws(2));
}

#[test]
fn numbered_phones_are_served() {
    let policy = Policy::default().phone;
    for n in [0, 1, 99_999_999] {
        assert_eq!(Phone::parse(phone(n).as_str(), &policy), Ok(phone(n)));
    }
    let wider = PhonePolicy::from_codes("CN", &["HK".to_owned()]).unwrap();
    assert_eq!(Phone::parse(foreign_phone(3).as_str(), &wider).unwrap().country_code(), 852);
}

#[tokio::test]
async fn a_ledger_fails_by_its_script() {
    let harness = LedgerHarness::new(FaultyLedger::new(MemoryLedger::default()));
    harness.ledger.fail_commits([LedgerFault::Contended, LedgerFault::LostBeforeCommit, LedgerFault::LostAfterCommit]);
    let mut kinds = Vec::new();
    for n in 1..4 {
        let asked = trial_testkit::data::code_request(&phone(n));
        let batch = harness.batch([trial_core::planner::Request::SendCode(asked)]);
        kinds.push(harness.try_commit(batch).await.unwrap_err().kind());
    }
    assert_eq!(kinds, ["contended", "commit_unknown", "commit_unknown"]);
    let kept = harness.ledger.inner().state();
    assert_eq!(kept.phones.keys().collect::<Vec<_>>(), [&phone(3)], "only the last got through");
    assert!(harness.ask(&phone(1)).await.is_ok(), "the script is used up");
    assert_eq!(harness.ledger.batches().len(), 4);
}

#[tokio::test]
async fn a_screen_fails_by_its_script() {
    let harness = LedgerHarness::new(FaultyLedger::new(MemoryLedger::default()));
    harness.ledger.fail_screens([LedgerFault::Unavailable, LedgerFault::LostAfterCommit]);
    let mut screened = Vec::new();
    for n in 1..4 {
        let application = trial_testkit::data::application(n, "123456");
        let batch = harness.batch([trial_core::planner::Request::Apply(application)]);
        screened
            .push(harness.try_screen(batch).await.map_err(|error| error.kind()).map(|answers| answers[0].is_some()));
    }
    assert_eq!(screened, [Err("unavailable"), Err("commit_unknown"), Ok(true)]);
    assert_eq!(harness.ledger.inner().state().applications.len(), 2, "all but the first got through");
}

#[tokio::test]
async fn a_gateway_answers_by_its_script() {
    let unknown = GatewayReply::Unknown { reason: "lost".to_owned() };
    let gateway = ScriptedGateway::new([unknown.clone()]);
    let id = trial_core::values::ChallengeId::from_bytes([1; 16]);
    let message = SmsMessage {
        code_request: CodeRequestId::from_bytes([2; 16]),
        to: phone(1),
        code: keyring().current_code(id, &phone(1)),
        valid_minutes: 5,
        locale: Locale::En,
    };
    assert_eq!(gateway.send(&message).await, unknown);
    assert_eq!(gateway.send(&message).await, GatewayReply::Accepted { provider_id: None });
    assert_eq!(gateway.messages(), [message.clone(), message]);
}

#[tokio::test]
async fn a_mailer_answers_by_its_script() {
    let failure = DeliveryError::Transient("451 later".to_owned());
    let mailer = RecordingMailer::new([None, Some(failure.clone())]);
    let harness = LedgerHarness::new(MemoryLedger::default()).with_access_codes(1).await;
    harness.join(1).await;
    let lease = trial_core::mails::Lease {
        id: trial_core::values::LeaseId::from_bytes([3; 16]),
        now: harness.now(),
        until: harness.now() + Duration::from_mins(1),
        horizon: harness.now() + Duration::from_hours(1),
    };
    let due = trial_core::ports::Outbox::claim(&*harness.ledger, lease, 1).await.unwrap();
    let mail = due[0].compose(&keyring(), &Policy::default().trial, harness.now()).unwrap();
    assert_eq!(mailer.deliver(&mail).await, Ok("250 OK".to_owned()));
    assert_eq!(mailer.deliver(&mail).await, Err(failure));
    assert_eq!(mailer.mails(), [mail.clone(), mail]);
    assert!(mailer.check().await.is_ok());
}
