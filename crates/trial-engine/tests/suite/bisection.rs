//! Poisonous requests: those that the ledger cannot store are found, and the others are decided.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use trial_core::applications::Application;
use trial_core::error::LedgerError;
use trial_core::planner::{Batch, Outcome, Planner, Request};
use trial_core::policy::Policy;
use trial_core::ports::{MockTrialLedger, Operations, TrialLedger, Unexpected};
use trial_core::return_codes::ApplyReply;
use trial_core::values::Phone;
use trial_core::verification::{SendReport, SendState};
use trial_engine::{Engine, EngineOptions, EngineParts, SmsRoute};
use trial_testkit::{FaultyLedger, LedgerFault, LedgerHarness, MemoryLedger, ScriptedGateway, data};

use crate::stage::{options, parts};

const COMMIT: Duration = Duration::from_millis(10);

/// A ledger that refuses a batch as corrupt if it has one of these phones.
struct Poisoned {
    ledger: Arc<MemoryLedger>,
    poison: BTreeSet<Phone>,
    /// The error for a batch that has none of them and is a part of another one.
    neighbours: Option<fn() -> LedgerError>,
    sizes: Mutex<Vec<usize>>,
}

impl Poisoned {
    fn new(ledger: &Arc<MemoryLedger>, poison: impl IntoIterator<Item = u32>) -> Self {
        let poison = poison.into_iter().map(data::phone).collect();
        Self { ledger: Arc::clone(ledger), poison, neighbours: None, sizes: Mutex::default() }
    }

    fn sizes(&self) -> Vec<usize> {
        self.sizes.lock().unwrap().clone()
    }
}

fn phone_of(request: &Request) -> &Phone {
    match request {
        Request::SendCode(asked) => &asked.phone,
        Request::SendReport(SendReport { phone, .. }) | Request::Apply(Application { phone, .. }) => phone,
        Request::Tenant(_) => panic!("no command is given here"),
    }
}

#[async_trait]
impl TrialLedger for Poisoned {
    async fn commit(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        self.sizes.lock().unwrap().push(batch.requests.len());
        tokio::time::sleep(COMMIT).await;
        if batch.requests.iter().any(|(_, request)| self.poison.contains(phone_of(request))) {
            return Err(LedgerError::Corrupt(Box::from("UNIQUE constraint failed")));
        }
        if let Some(error) = self.neighbours {
            return Err(error());
        }
        self.ledger.commit(batch, planner).await
    }

    async fn check(&self) -> Result<(), LedgerError> {
        Ok(())
    }
}

/// Applicants with a code each, and access codes for all of them.
async fn applicants(count: u32) -> (LedgerHarness<MemoryLedger>, Vec<Application>) {
    let harness = LedgerHarness::new(MemoryLedger::default()).with_access_codes(count).await;
    let mut applications = Vec::new();
    for n in 0..count {
        applications.push(harness.prepared(n).await);
    }
    (harness, applications)
}

fn engine(ledger: Arc<dyn TrialLedger>, options: EngineOptions) -> Engine {
    Engine::start(EngineParts { ledger, ..parts(MockTrialLedger::new()) }, options)
}

type Answer = Result<&'static str, Unexpected>;

fn code(reply: Result<ApplyReply, Unexpected>) -> Answer {
    reply.map(|reply| reply.code.as_str())
}

/// Everyone applies at once; the answers.
async fn apply_together(engine: &Engine, applications: Vec<Application>) -> Vec<Answer> {
    let service = engine.service();
    join_all(applications.into_iter().map(|application| service.apply(application)))
        .await
        .into_iter()
        .map(code)
        .collect()
}

fn answers(count: u32, poison: &[u32]) -> Vec<Answer> {
    (0..count).map(|n| if poison.contains(&n) { Err(Unexpected) } else { Ok("000") }).collect()
}

#[tokio::test(start_paused = true)]
async fn a_poisonous_request_does_not_spoil_its_neighbours() {
    for poison in 0..9 {
        let (harness, applications) = applicants(9).await;
        let ledger = Arc::new(Poisoned::new(&harness.ledger, [poison]));
        let engine = engine(ledger.clone(), options());
        assert_eq!(apply_together(&engine, applications).await, answers(9, &[poison]));
        let stock = harness.ledger.access_code_stock().await.unwrap();
        assert_eq!(stock.iter().map(|kind| kind.leased).collect::<Vec<_>>(), [8, 8]);
        assert_eq!(harness.ledger.violations(Policy::default().trial.unique_by).await.unwrap(), []);
        assert_eq!(ledger.sizes()[..2], [9, 9], "the whole is tried once more first");
    }
}

#[tokio::test(start_paused = true)]
async fn halves_are_committed_from_left_to_right() {
    let (harness, applications) = applicants(8).await;
    let ledger = Arc::new(Poisoned::new(&harness.ledger, [2]));
    let engine = engine(ledger.clone(), options());
    assert_eq!(apply_together(&engine, applications).await, answers(8, &[2]));
    assert_eq!(ledger.sizes(), [8, 8, 4, 2, 2, 1, 1, 4]);
    let mut free: Vec<_> = harness.ledger.state().access_codes.into_iter().collect();
    free.retain(|(_, kept)| kept.holder.is_none());
    assert_eq!(free.len(), 2, "the last pair is left: the others were given in the order of the batch");
    assert_eq!(free[0].0, data::voice(8));
}

#[tokio::test(start_paused = true)]
async fn several_poisonous_requests_are_found() {
    let poison = [0, 7, 8, 19];
    let (harness, applications) = applicants(20).await;
    let engine = engine(Arc::new(Poisoned::new(&harness.ledger, poison)), options());
    assert_eq!(apply_together(&engine, applications).await, answers(20, &poison));
}

#[tokio::test(start_paused = true)]
async fn the_next_batch_is_decided_as_ever() {
    let (harness, mut applications) = applicants(3).await;
    let ledger = Arc::new(Poisoned::new(&harness.ledger, [0]));
    let engine = engine(ledger.clone(), options());
    let last = applications.split_off(2);
    assert_eq!(apply_together(&engine, applications).await, answers(2, &[0]));
    assert_eq!(apply_together(&engine, last).await, [Ok("000")]);
    assert_eq!(ledger.sizes(), [2, 2, 1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_passing_cause_costs_one_more_attempt() {
    let (harness, applications) = applicants(5).await;
    let ledger = Arc::new(FaultyLedger::new(MemoryLedger::clone(&harness.ledger)));
    ledger.fail_commits([LedgerFault::Corrupt]);
    let engine = engine(ledger.clone(), options());
    assert_eq!(apply_together(&engine, applications).await, answers(5, &[]));
    let batches = ledger.batches();
    assert_eq!(batches.len(), 2);
    assert_eq!(batches[0], batches[1], "the same batch is planned again");
}

#[tokio::test(start_paused = true)]
async fn another_failure_is_answered_to_the_part_that_it_met() {
    let (harness, applications) = applicants(4).await;
    let error: fn() -> LedgerError = || LedgerError::Contended(Box::from("cause"));
    let ledger = Poisoned { neighbours: Some(error), ..Poisoned::new(&harness.ledger, [1]) };
    let engine = engine(Arc::new(ledger), options());
    let busy = Ok("005");
    assert_eq!(apply_together(&engine, applications).await, [busy, Err(Unexpected), busy, busy]);
}

#[tokio::test(start_paused = true)]
async fn the_second_attempt_may_fail_otherwise() {
    for (fault, answer) in [(LedgerFault::Unavailable, "003"), (LedgerFault::LostAfterCommit, "005")] {
        let (harness, applications) = applicants(3).await;
        let ledger = Arc::new(FaultyLedger::new(MemoryLedger::clone(&harness.ledger)));
        ledger.fail_commits([LedgerFault::Corrupt, fault]);
        let engine = engine(ledger.clone(), options());
        assert_eq!(apply_together(&engine, applications).await, [Ok(answer); 3]);
        assert_eq!(ledger.batches().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_can_store_nothing_is_not_tried_for_ever() {
    let (harness, applications) = applicants(100).await;
    let ledger = Arc::new(Poisoned::new(&harness.ledger, 0..100));
    let engine = engine(ledger.clone(), options());
    let all: Vec<_> = (0..100).collect();
    assert_eq!(apply_together(&engine, applications).await, answers(100, &all));
    assert_eq!(ledger.sizes().len(), 65, "the first commit and 64 more");
}

#[tokio::test(start_paused = true)]
async fn a_request_given_up_meanwhile_is_not_committed_again() {
    let (harness, applications) = applicants(4).await;
    let ledger = Arc::new(Poisoned::new(&harness.ledger, [0]));
    let engine = engine(ledger.clone(), EngineOptions { wait: COMMIT * 3 / 2, ..options() });
    assert_eq!(apply_together(&engine, applications).await, [Ok("005"); 4]);
    engine.stop().await.unwrap();
    assert_eq!(ledger.sizes(), [4, 4], "the halves are not tried");
}

#[tokio::test(start_paused = true)]
async fn a_gateways_reply_is_stored_beside_a_poisonous_request() {
    let harness = LedgerHarness::new(MemoryLedger::default());
    let ledger = Arc::new(Poisoned::new(&harness.ledger, [0]));
    let engine_parts = EngineParts {
        ledger,
        gateways: vec![SmsRoute::everywhere(Arc::new(ScriptedGateway::default()))],
        ..parts(MockTrialLedger::new())
    };
    let engine = Engine::start(engine_parts, options());
    let service = engine.service();
    let (spoilt, sent) = tokio::join!(
        service.send_code(data::code_request(&data::phone(0))),
        service.send_code(data::code_request(&data::phone(1))),
    );
    assert_eq!((spoilt, sent.unwrap().code.as_str()), (Err(Unexpected), "200"));
    engine.stop().await.unwrap();
    let requests = harness.ledger.state().code_requests;
    let state = |outcome| match outcome {
        trial_core::verification::CodeOutcome::Send { state, .. } => state,
        trial_core::verification::CodeOutcome::Refused(_) => panic!("a code is sent"),
    };
    assert_eq!(
        requests.into_values().map(|kept| state(kept.record.outcome)).collect::<Vec<_>>(),
        [SendState::Accepted]
    );
}
