//! Stopping finishes what was accepted.

use std::sync::Arc;
use std::time::Duration;

use trial_core::mails::MailState;
use trial_core::ports::{MockTrialLedger, Outbox};
use trial_core::return_codes::{ApplyReply, CodeReply};
use trial_engine::{Engine, EngineParts};
use trial_testkit::{LedgerHarness, MemoryLedger, RecordingMailer, data};

use crate::stage::{options, parts};

#[tokio::test(start_paused = true)]
async fn queued_requests_are_decided_and_no_later_ones() {
    let harness = LedgerHarness::new(MemoryLedger::default()).with_access_codes(50).await;
    let mut applications = Vec::new();
    for n in 1..=50 {
        applications.push(harness.prepared(n).await);
    }
    let engine_parts = EngineParts { ledger: harness.ledger.clone(), ..parts(MockTrialLedger::new()) };
    let engine = Engine::start(engine_parts, options());
    let service = engine.service();
    let replies: Vec<_> = applications
        .into_iter()
        .map(|application| {
            let service = service.clone();
            tokio::spawn(async move { service.apply(application).await.unwrap().code.as_str() })
        })
        .collect();
    tokio::task::yield_now().await;
    engine.stop().await.unwrap();
    for reply in replies {
        assert_eq!(reply.await.unwrap(), "000");
    }
    assert_eq!(service.apply(data::application(99, "000000")).await, Ok(ApplyReply::CONFLICT));
    assert_eq!(service.send_code(data::code_request(&data::phone(99))).await, Ok(CodeReply::EXCEPTION));
}

#[tokio::test(start_paused = true)]
async fn a_delivery_under_way_is_finished_and_settled() {
    let harness = LedgerHarness::new(MemoryLedger::default()).with_access_codes(1).await;
    let tenant = harness.join(1).await;
    let mailer = Arc::new(RecordingMailer::default());
    let outbox: Arc<dyn Outbox> = harness.ledger.clone();
    let engine_parts = EngineParts {
        outbox,
        mailer: mailer.clone(),
        clock: Arc::new(harness.clock.clone()),
        ..parts(MockTrialLedger::new())
    };
    let engine = Engine::start(engine_parts, options());
    while mailer.mails().is_empty() {
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    engine.stop().await.unwrap();
    let view = trial_core::ports::Operations::tenant(&*harness.ledger, tenant).await.unwrap().unwrap();
    assert_eq!(view.mails[0].state, MailState::Sent);
}
