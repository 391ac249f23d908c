//! Group commit: the content of a batch, and the answers when nothing can be decided.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use trial_core::error::LedgerError;
use trial_core::planner::{Batch, Outcome, Planner};
use trial_core::ports::{MockTrialLedger, TrialLedger, Unexpected};
use trial_core::return_codes::{ApplyCode, ApplyReply};
use trial_engine::{Engine, EngineOptions};
use trial_testkit::data;

use crate::stage::{apply, no_code, options, parts};

type Failure = fn() -> LedgerError;

/// A return code, or 500.
type Answer = Result<&'static str, Unexpected>;

/// A ledger that fails `commits` times.
fn refusing(error: fn() -> LedgerError, commits: usize) -> MockTrialLedger {
    let mut ledger = MockTrialLedger::new();
    ledger.expect_commit().times(commits).returning(move |_, _| Err(error()));
    ledger
}

/// A ledger whose commits wait for a permit each, and which reports the size of each batch it is handed.
struct GatedLedger {
    permits: Arc<Semaphore>,
    sizes: mpsc::UnboundedSender<usize>,
}

impl GatedLedger {
    fn new() -> (Self, Arc<Semaphore>, mpsc::UnboundedReceiver<usize>) {
        let permits = Arc::new(Semaphore::new(0));
        let (sizes, told) = mpsc::unbounded_channel();
        (Self { permits: Arc::clone(&permits), sizes }, permits, told)
    }
}

#[async_trait::async_trait]
impl TrialLedger for GatedLedger {
    async fn commit(&self, batch: Arc<Batch>, _: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        self.sizes.send(batch.requests.len()).unwrap();
        self.permits.acquire().await.unwrap().forget();
        Ok(batch.requests.iter().map(|_| no_code()).collect())
    }

    async fn check(&self) -> Result<(), LedgerError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn requests_during_a_commit_are_decided_together() {
    let (ledger, permits, mut sizes) = GatedLedger::new();
    let engine = Engine::start(parts(ledger), options());
    let first = apply(&engine, 0);
    assert_eq!(sizes.recv().await, Some(1), "a lone request is committed at once");
    let others: Vec<_> = (1..=7).map(|n| apply(&engine, n)).collect();
    tokio::task::yield_now().await;
    permits.add_permits(2);
    assert_eq!(sizes.recv().await, Some(7), "one commit for all that came meanwhile");
    for reply in std::iter::once(first).chain(others) {
        assert_eq!(reply.await.unwrap().unwrap().code, ApplyCode::NoCode);
    }
    engine.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_its_bound() {
    let (ledger, permits, mut sizes) = GatedLedger::new();
    let engine = Engine::start(parts(ledger), EngineOptions { batch_limit: 3, ..options() });
    let first = apply(&engine, 0);
    assert_eq!(sizes.recv().await, Some(1));
    let others: Vec<_> = (1..=5).map(|n| apply(&engine, n)).collect();
    tokio::task::yield_now().await;
    permits.add_permits(3);
    assert_eq!((sizes.recv().await, sizes.recv().await), (Some(3), Some(2)));
    for reply in std::iter::once(first).chain(others) {
        reply.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_is_answered_005_at_once() {
    let (ledger, _permits, mut sizes) = GatedLedger::new();
    let engine = Engine::start(parts(ledger), EngineOptions { queue_length: 1, ..options() });
    let _deciding = apply(&engine, 0);
    sizes.recv().await;
    let _queued = apply(&engine, 1);
    tokio::task::yield_now().await;
    let started = tokio::time::Instant::now();
    let reply = engine.service().apply(data::application(2, "000000")).await.unwrap();
    assert_eq!(reply, ApplyReply::CONFLICT);
    assert_eq!(reply.retry_after, Some(Duration::from_mins(1)));
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_wait_over_its_bound_is_answered_005() {
    let (ledger, _permits, _sizes) = GatedLedger::new();
    let engine = Engine::start(parts(ledger), options());
    let started = tokio::time::Instant::now();
    let reply = engine.service().apply(data::application(1, "000000")).await.unwrap();
    assert_eq!(reply, ApplyReply::CONFLICT);
    assert_eq!(started.elapsed(), options().wait);
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_request_is_not_decided() {
    let (ledger, permits, mut sizes) = GatedLedger::new();
    let engine = Engine::start(parts(ledger), options());
    let first = apply(&engine, 0);
    sizes.recv().await;
    let hung_up = apply(&engine, 1);
    let patient = apply(&engine, 2);
    tokio::task::yield_now().await;
    hung_up.abort();
    tokio::task::yield_now().await;
    permits.add_permits(2);
    assert_eq!(sizes.recv().await, Some(1), "the patient one alone");
    first.await.unwrap().unwrap();
    patient.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn each_failure_of_the_ledger_has_its_answer() {
    let answers: [(Failure, usize, Answer, Answer); 4] = [
        (|| LedgerError::Contended(Box::from("cause")), 1, Ok("005"), Ok("202")),
        (|| LedgerError::CommitUnknown(Box::from("cause")), 1, Ok("005"), Ok("202")),
        (|| LedgerError::Unavailable(Box::from("cause")), 1, Ok("003"), Ok("202")),
        (|| LedgerError::Corrupt(Box::from("cause")), 2, Err(Unexpected), Err(Unexpected)),
    ];
    for (error, commits, apply, send_code) in answers {
        let engine = Engine::start(parts(refusing(error, commits)), options());
        let reply = engine.service().apply(data::application(1, "000000")).await;
        assert_eq!(reply.map(|reply| reply.code.as_str()), apply, "{}", error());

        let engine = Engine::start(parts(refusing(error, commits)), options());
        let reply = engine.service().send_code(data::code_request(&data::phone(1))).await;
        assert_eq!(reply.map(|reply| reply.code.as_str()), send_code, "{}", error());
    }
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_answers_too_few_is_a_fault() {
    let mut ledger = MockTrialLedger::new();
    ledger.expect_commit().times(1).returning(|_, _| Ok(Vec::new()));
    let engine = Engine::start(parts(ledger), options());
    assert_eq!(engine.service().apply(data::application(1, "000000")).await, Err(Unexpected));
}

#[tokio::test(start_paused = true)]
async fn a_failed_batch_does_not_fail_the_next() {
    let mut ledger = MockTrialLedger::new();
    let mut first = true;
    ledger.expect_commit().times(2).returning(move |_, _| {
        if std::mem::take(&mut first) { Err(LedgerError::Contended(Box::from("cause"))) } else { Ok(vec![no_code()]) }
    });
    let engine = Engine::start(parts(ledger), options());
    let reply = |code| Ok(ApplyReply { code, retry_after: None });
    assert_eq!(engine.service().apply(data::application(1, "000000")).await, Ok(ApplyReply::CONFLICT));
    assert_eq!(engine.service().apply(data::application(1, "000000")).await, reply(ApplyCode::NoCode));
}

#[tokio::test(start_paused = true)]
async fn fresh_ids_differ_within_a_batch() {
    let mut ledger = MockTrialLedger::new();
    ledger.expect_commit().times(1..).returning(|batch, _| {
        let ids: std::collections::BTreeSet<_> = batch.requests.iter().map(|(ids, _)| ids.tenant).collect();
        assert_eq!(ids.len(), batch.requests.len());
        Ok(batch.requests.iter().map(|_| no_code()).collect())
    });
    let engine = Engine::start(parts(ledger), options());
    let all: Vec<_> = (0..20).map(|n| apply(&engine, n)).collect();
    for reply in all {
        assert_eq!(reply.await.unwrap().unwrap().code, ApplyCode::NoCode);
    }
}
