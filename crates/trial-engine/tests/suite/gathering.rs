//! Late batches: a batch is every request that has arrived when the ledger is ready.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{Semaphore, mpsc};
use trial_core::error::LedgerError;
use trial_core::planner::{Batch, Outcome, Planner};
use trial_core::ports::{Clock, Gather, MockTrialLedger, TrialLedger, Unexpected};
use trial_core::return_codes::{ApplyCode, ApplyReply};
use trial_engine::{Engine, EngineOptions, EngineParts};
use trial_testkit::{FixedClock, data};

use crate::stage::{apply, no_code, options, parts};

/// The outcome of a turn.
#[derive(Clone, Copy)]
enum Turn {
    Comes,
    NeverComes,
    IsForgotten,
}

/// A ledger that gets ready with a permit, and reports when it begins to wait, and the batch that it is given.
struct Turnstile {
    permits: Arc<Semaphore>,
    waits: mpsc::UnboundedSender<()>,
    batches: mpsc::UnboundedSender<Arc<Batch>>,
    turn: Turn,
}

/// The other side of a [`Turnstile`].
struct Warden {
    permits: Arc<Semaphore>,
    waits: mpsc::UnboundedReceiver<()>,
    batches: mpsc::UnboundedReceiver<Arc<Batch>>,
}

fn turnstile(turn: Turn) -> (Turnstile, Warden) {
    let permits = Arc::new(Semaphore::new(0));
    let (waits, told_waits) = mpsc::unbounded_channel();
    let (batches, told_batches) = mpsc::unbounded_channel();
    let warden = Warden { permits: Arc::clone(&permits), waits: told_waits, batches: told_batches };
    (Turnstile { permits, waits, batches, turn }, warden)
}

impl Warden {
    async fn somebody_waits(&mut self) {
        self.waits.recv().await.unwrap();
    }

    fn let_in(&self, turns: usize) {
        self.permits.add_permits(turns);
    }

    async fn size(&mut self) -> usize {
        self.batches.recv().await.unwrap().requests.len()
    }
}

#[async_trait]
impl TrialLedger for Turnstile {
    async fn commit(&self, _: Arc<Batch>, _: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        panic!("nothing is committed out of turn")
    }

    async fn commit_next(&self, gather: Gather, _: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        self.waits.send(()).unwrap();
        self.permits.acquire().await.unwrap().forget();
        match self.turn {
            Turn::NeverComes => return Err(LedgerError::Contended(Box::from("cause"))),
            Turn::IsForgotten => return Ok(vec![no_code()]),
            Turn::Comes => {}
        }
        let batch = gather();
        self.batches.send(Arc::clone(&batch)).unwrap();
        Ok(batch.requests.iter().map(|_| no_code()).collect())
    }

    async fn check(&self) -> Result<(), LedgerError> {
        Ok(())
    }
}

fn start(ledger: Turnstile, options: EngineOptions) -> Engine {
    Engine::start(EngineParts { ledger: Arc::new(ledger), ..parts(MockTrialLedger::new()) }, options)
}

async fn code(reply: tokio::task::JoinHandle<Result<ApplyReply, Unexpected>>) -> ApplyCode {
    reply.await.unwrap().unwrap().code
}

#[tokio::test(start_paused = true)]
async fn requests_that_arrive_before_the_ledger_is_ready_are_decided_together() {
    let (ledger, mut warden) = turnstile(Turn::Comes);
    let engine = start(ledger, options());
    let first = apply(&engine, 0);
    warden.somebody_waits().await;
    let others: Vec<_> = (1..=7).map(|n| apply(&engine, n)).collect();
    tokio::task::yield_now().await;
    warden.let_in(1);
    assert_eq!(warden.size().await, 8);
    for reply in std::iter::once(first).chain(others) {
        assert_eq!(code(reply).await, ApplyCode::NoCode);
    }
    engine.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_its_bound_whenever_its_turn_comes() {
    let (ledger, mut warden) = turnstile(Turn::Comes);
    let engine = start(ledger, EngineOptions { batch_limit: 3, ..options() });
    let replies: Vec<_> = (0..8).map(|n| apply(&engine, n)).collect();
    warden.somebody_waits().await;
    tokio::task::yield_now().await;
    warden.let_in(3);
    assert_eq!((warden.size().await, warden.size().await, warden.size().await), (3, 3, 2));
    for reply in replies {
        assert_eq!(code(reply).await, ApplyCode::NoCode);
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_of_the_instant_of_its_turn() {
    let (ledger, mut warden) = turnstile(Turn::Comes);
    let clock = FixedClock::default();
    let base = parts(MockTrialLedger::new());
    let engine_parts = EngineParts { ledger: Arc::new(ledger), clock: Arc::new(clock.clone()), ..base };
    let engine = Engine::start(engine_parts, options());
    let reply = apply(&engine, 1);
    warden.somebody_waits().await;
    clock.advance(std::time::Duration::from_secs(2));
    warden.let_in(1);
    assert_eq!(warden.batches.recv().await.unwrap().now, clock.now());
    assert_eq!(code(reply).await, ApplyCode::NoCode);
}

#[tokio::test(start_paused = true)]
async fn a_request_given_up_before_the_ledger_is_ready_is_not_decided() {
    let (ledger, mut warden) = turnstile(Turn::Comes);
    let engine = start(ledger, options());
    let hung_up = apply(&engine, 0);
    warden.somebody_waits().await;
    let patient = apply(&engine, 1);
    tokio::task::yield_now().await;
    hung_up.abort();
    tokio::task::yield_now().await;
    warden.let_in(1);
    assert_eq!(warden.size().await, 1, "the patient one alone");
    assert_eq!(code(patient).await, ApplyCode::NoCode);
}

#[tokio::test(start_paused = true)]
async fn an_empty_batch_is_harmless() {
    let (ledger, mut warden) = turnstile(Turn::Comes);
    let engine = start(ledger, options());
    let hung_up = apply(&engine, 0);
    warden.somebody_waits().await;
    hung_up.abort();
    tokio::task::yield_now().await;
    warden.let_in(2);
    assert_eq!(warden.size().await, 0);
    let next = apply(&engine, 1);
    assert_eq!(warden.size().await, 1);
    assert_eq!(code(next).await, ApplyCode::NoCode);
    engine.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_batch_is_formed_of_abandoned_requests() {
    let (ledger, mut warden) = turnstile(Turn::Comes);
    let engine = start(ledger, EngineOptions { batch_limit: 1, ..options() });
    let first = apply(&engine, 0);
    warden.somebody_waits().await;
    let hung_up: Vec<_> = (1..=3).map(|n| apply(&engine, n)).collect();
    tokio::task::yield_now().await;
    hung_up.iter().for_each(tokio::task::JoinHandle::abort);
    tokio::task::yield_now().await;
    warden.let_in(9);
    assert_eq!(code(first).await, ApplyCode::NoCode);
    engine.stop().await.unwrap();
    assert_eq!(warden.size().await, 1);
    assert!(warden.batches.recv().await.is_none(), "the first alone");
}

#[tokio::test(start_paused = true)]
async fn an_unavailable_ledger_is_reported_to_all_waiting_requests() {
    let (ledger, mut warden) = turnstile(Turn::NeverComes);
    let engine = start(ledger, EngineOptions { batch_limit: 4, ..options() });
    let replies: Vec<_> = (0..6).map(|n| apply(&engine, n)).collect();
    warden.somebody_waits().await;
    tokio::task::yield_now().await;
    warden.let_in(1);
    warden.somebody_waits().await;
    tokio::task::yield_now().await;
    assert_eq!(
        replies.iter().map(tokio::task::JoinHandle::is_finished).collect::<Vec<_>>(),
        [true, true, true, true, false, false]
    );
    warden.let_in(1);
    for reply in replies {
        assert_eq!(reply.await.unwrap(), Ok(ApplyReply::CONFLICT));
    }
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_answers_without_a_batch_is_a_fault() {
    let (ledger, warden) = turnstile(Turn::IsForgotten);
    let engine = start(ledger, options());
    warden.let_in(1);
    assert_eq!(engine.service().apply(data::application(1, "000000")).await, Err(Unexpected));
}

#[tokio::test(start_paused = true)]
async fn waiting_requests_are_decided_when_the_engine_stops() {
    let (ledger, mut warden) = turnstile(Turn::Comes);
    let engine = start(ledger, EngineOptions { batch_limit: 2, ..options() });
    let service = engine.service();
    let replies: Vec<_> = (0..5).map(|n| apply(&engine, n)).collect();
    warden.somebody_waits().await;
    tokio::task::yield_now().await;
    let stopping = tokio::spawn(engine.stop());
    tokio::task::yield_now().await;
    warden.let_in(3);
    stopping.await.unwrap().unwrap();
    for reply in replies {
        assert_eq!(code(reply).await, ApplyCode::NoCode);
    }
    assert_eq!(service.apply(data::application(9, "000000")).await, Ok(ApplyReply::CONFLICT));
}
