//! The health that readiness is judged by.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::advance;
use trial_core::error::LedgerError;
use trial_core::mails::DeliveryError;
use trial_core::planner::{Batch, Outcome, Planner};
use trial_core::ports::{MockMailer, MockTrialLedger, TrialLedger};
use trial_core::return_codes::ApplyReply;
use trial_engine::{Engine, EngineParts};

use crate::stage::{apply, options, parts};

const EXPECTED: [(&str, Option<String>, bool); 4] =
    [("storage", None, true), ("sms", None, false), ("mail", None, false), ("clock", None, false)];

async fn storage(engine: &Engine) -> Option<String> {
    engine.health().dependencies().await.swap_remove(0).problem
}

fn sound_mailer() -> Arc<MockMailer> {
    let mut mailer = MockMailer::new();
    mailer.expect_check().returning(|| Ok(()));
    Arc::new(mailer)
}

/// Another session holds the lock of decisions, or the standby that they wait for is gone.
#[tokio::test(start_paused = true)]
async fn failed_decisions_are_reported_until_one_succeeds() {
    let mut ledger = MockTrialLedger::new();
    ledger.expect_commit().times(1).returning(|_, _| Err(LedgerError::Contended(Box::from("lock timeout"))));
    ledger.expect_check().times(1).returning(|| Ok(()));
    let engine = Engine::start(EngineParts { mailer: sound_mailer(), ..parts(ledger) }, options());
    assert_eq!(apply(&engine, 1).await.unwrap(), Ok(ApplyReply::CONFLICT));
    let busy = Some("the database is held by another session; try again: lock timeout".to_owned());
    assert_eq!(storage(&engine).await, busy, "the ledger is not asked for what the last decision said");
    advance(Duration::from_secs(2)).await;
    assert_eq!(storage(&engine).await, busy, "a failure is remembered for longer than a success");
    advance(Duration::from_secs(2)).await;
    assert_eq!(storage(&engine).await, None, "nothing waits: a probe finds out");
    assert_eq!(storage(&engine).await, None, "and is remembered for a moment");
}

/// Readiness recovers without requests, which no proxy sends while it is 503.
#[tokio::test(start_paused = true)]
async fn a_failed_probe_is_repeated_after_a_moment() {
    let mut answers = vec![Ok(()), Err(LedgerError::Contended(Box::from("lock timeout")))];
    let mut ledger = MockTrialLedger::new();
    ledger.expect_check().times(2).returning(move || answers.pop().unwrap());
    let engine = Engine::start(EngineParts { mailer: sound_mailer(), ..parts(ledger) }, options());
    assert!(storage(&engine).await.is_some());
    assert!(storage(&engine).await.is_some(), "it is remembered for a moment");
    advance(Duration::from_secs(1)).await;
    assert_eq!(storage(&engine).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_beyond_its_bound_is_reported() {
    let engine = Engine::start(EngineParts { mailer: sound_mailer(), ..parts(Stuck) }, options());
    let reply = apply(&engine, 1);
    tokio::task::yield_now().await;
    advance(Duration::from_secs(4)).await;
    assert_eq!(storage(&engine).await, None, "it may still be decided in time");
    advance(Duration::from_secs(2)).await;
    assert_eq!(storage(&engine).await.as_deref(), Some("requests have waited for a decision for 6 s"));
    assert_eq!(reply.await.unwrap(), Ok(ApplyReply::CONFLICT));
}

/// A ledger that never answers.
struct Stuck;

#[async_trait]
impl TrialLedger for Stuck {
    async fn commit(&self, _: Arc<Batch>, _: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        std::future::pending().await
    }

    async fn check(&self) -> Result<(), LedgerError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_ends_by_a_fault_of_the_program_is_reported() {
    let mut ledger = MockTrialLedger::new();
    ledger.expect_commit().returning(|_, _| panic!("a fault of the program"));
    let mut engine = Engine::start(parts(ledger), options());
    let reply = apply(&engine, 1);
    assert_eq!(engine.ended().await.to_string(), "deciding ended by a fault of the program");
    reply.await.unwrap().unwrap_err();
    engine.stop().await.unwrap();
}

async fn problems(ledger: MockTrialLedger, mailer: MockMailer) -> Vec<(&'static str, Option<String>, bool)> {
    let engine_parts = EngineParts { mailer: Arc::new(mailer), ..parts(ledger) };
    let engine = Engine::start(engine_parts, options());
    let health = engine.health();
    health.dependencies().await;
    let told = health.dependencies().await;
    told.into_iter().map(|one| (one.name, one.problem, one.is_vital)).collect()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_the_matter() {
    let mut ledger = MockTrialLedger::new();
    ledger.expect_check().times(1).returning(|| Ok(()));
    let mut mailer = MockMailer::new();
    mailer.expect_check().times(1).returning(|| Ok(()));
    assert_eq!(problems(ledger, mailer).await, EXPECTED);
}

#[tokio::test(start_paused = true)]
async fn each_problem_is_reported_and_mail_is_not_vital() {
    let mut ledger = MockTrialLedger::new();
    ledger.expect_check().times(1).returning(|| Err(LedgerError::Unavailable(Box::from("cause"))));
    let mut mailer = MockMailer::new();
    mailer.expect_check().times(1).returning(|| Err(DeliveryError::Transient("no connection".to_owned())));
    assert_eq!(
        problems(ledger, mailer).await,
        [
            ("storage", Some("the ledger cannot be reached: cause".to_owned()), true),
            ("sms", None, false),
            ("mail", Some("no connection".to_owned()), false),
            ("clock", None, false),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_stopped_engine_is_not_ready() {
    let engine = Engine::start(parts(MockTrialLedger::new()), options());
    let health = engine.health();
    engine.stop().await.unwrap();
    assert_eq!(health.dependencies().await[0].problem.as_deref(), Some("nothing is decided any more"));
}
