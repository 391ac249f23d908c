//! What readiness is judged by.

use trial_core::ports::{MockMailer, MockTrialLedger};
use trial_core::{DeliveryError, LedgerError};
use trial_engine::{Engine, EngineParts};

use crate::stage::{options, parts};

async fn problems(ledger: MockTrialLedger, mailer: MockMailer) -> Vec<(&'static str, Option<String>, bool)> {
    let engine_parts = EngineParts { mailer: std::sync::Arc::new(mailer), ..parts(ledger) };
    let engine = Engine::start(engine_parts, options());
    let health = engine.health();
    health.dependencies().await;
    let told = health.dependencies().await;
    told.into_iter().map(|one| (one.name, one.problem, one.is_vital)).collect()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_the_matter() {
    let mut ledger = MockTrialLedger::new();
    ledger.expect_check().times(2).returning(|| Ok(()));
    let mut mailer = MockMailer::new();
    mailer.expect_check().times(1).returning(|| Ok(()));
    assert_eq!(problems(ledger, mailer).await, [("storage", None, true), ("sms", None, false), ("mail", None, false)]);
}

#[tokio::test(start_paused = true)]
async fn each_problem_is_told_and_mail_is_not_vital() {
    let mut ledger = MockTrialLedger::new();
    ledger.expect_check().times(2).returning(|| Err(LedgerError::Unavailable(Box::from("cause"))));
    let mut mailer = MockMailer::new();
    mailer.expect_check().times(1).returning(|| Err(DeliveryError::Transient("no connection".to_owned())));
    assert_eq!(
        problems(ledger, mailer).await,
        [
            ("storage", Some("the ledger cannot be reached".to_owned()), true),
            ("sms", None, false),
            ("mail", Some("no connection".to_owned()), false),
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
