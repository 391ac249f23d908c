//! Pre-screening: refused at once and recorded, or left to be decided.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use trial_core::applications::{Application, ApplicationQuery, ApplyOutcome, ApplyRefusal, NoCodeReason};
use trial_core::planner::{Batch, Outcome, Request};
use trial_core::ports::{Operations, Outbox, Screen, TrialLedger};
use trial_core::sms::GatewayReply;
use trial_core::tenants::TenantPage;
use trial_core::verification::SendReport;

use super::differential::{HISTORIES, import, views};
use super::{LedgerFactory, assert_sound, harness, in_the_end};
use crate::data::{application, code_request, email, phone};
use crate::scenario::{Scenario, Stage, scenarios};
use crate::{LedgerHarness, MemoryLedger};

/// The parts of a ledger that these checks need.
trait Screening: TrialLedger + Screen + Outbox + Operations + 'static {}

impl<L: TrialLedger + Screen + Outbox + Operations + 'static> Screening for L {}

/// Applications that no decision can accept, one for each reason.
async fn beyond_help<L: Screening>(harness: &LedgerHarness<L>) -> Vec<(Application, ApplyRefusal)> {
    let no_code = |reason| ApplyRefusal::NoCode { reason };
    harness.try_wrong(1, 100).await;
    let locked = application(1, &harness.code_on(&phone(1)));
    let expired = harness.prepared(2).await;
    harness.wait(Duration::from_mins(5));
    let spent = harness.prepared(3).await;
    harness.try_wrong(3, 5).await;
    harness.join(4).await;
    let used = Application { email: email(99), ..application(4, &harness.code_on(&phone(4))) };
    let unsent = harness.ask(&phone(5)).await.expect("a code is sent");
    harness.report(&unsent, GatewayReply::Refused { reason: "scripted".to_owned() }).await;
    vec![
        (locked, ApplyRefusal::PhoneLocked { failures: 100 }),
        (expired, no_code(NoCodeReason::Expired)),
        (spent, no_code(NoCodeReason::TooManyTries)),
        (used, no_code(NoCodeReason::Used)),
        (application(5, unsent.code.reveal()), no_code(NoCodeReason::NeverSent)),
        (application(6, "123456"), no_code(NoCodeReason::NeverSent)),
    ]
}

/// Without requests there are no answers.
pub async fn screening_nothing_has_no_answer<F: LedgerFactory<Ledger: Screen>>(factory: &F) {
    assert_eq!(harness(factory, 0).await.screen([]).await, []);
}

/// Every reason for pre-screening: refused as a decision would refuse it, recorded, and nothing else. Copies are each
/// recorded.
pub async fn screened_out_applications_are_on_the_timeline<F: LedgerFactory<Ledger: Screen>>(factory: &F) {
    let harness = harness(factory, 9).await;
    let (applications, refusals): (Vec<_>, Vec<_>) = beyond_help(&harness).await.into_iter().unzip();
    let requests = || applications.iter().chain(&applications).cloned().map(Request::Apply);
    let expected: Vec<_> = refusals
        .iter()
        .chain(&refusals)
        .map(|refusal| Outcome::Apply(ApplyOutcome::Refused(refusal.clone())))
        .collect();
    harness.wait(Duration::from_secs(1));
    let before = standing(&harness, &applications).await;
    let screened = harness.screen(requests()).await;
    assert_eq!(screened.into_iter().map(Option::unwrap).collect::<Vec<_>>(), expected);
    for (application, refusal) in applications.iter().zip(&refusals) {
        let query = ApplicationQuery::Phone(application.phone.clone());
        let found = harness.ledger.find_applications(query, 999).await.unwrap().applications;
        let recorded: Vec<_> = found.into_iter().filter(|view| view.at == harness.now()).collect();
        assert_eq!(recorded.len(), 2, "{refusal}");
        for view in recorded {
            assert_eq!(view.outcome, ApplyOutcome::Refused(refusal.clone()));
            assert_eq!((&view.request_id, &view.email), (&application.request_id, &application.email));
        }
    }
    assert_eq!(standing(&harness, &applications).await, before);
    assert_eq!(harness.commit(requests()).await, expected, "it could have been decided as well");
    assert_sound(&*harness.ledger).await;
}

/// The state that a refusal must leave unchanged.
async fn standing<L: Screening>(harness: &LedgerHarness<L>, applications: &[Application]) -> String {
    let mut failures = Vec::new();
    for application in applications {
        failures.push(harness.ledger.phone_failures(application.phone.clone()).await.unwrap());
    }
    let stock = harness.ledger.access_code_stock().await.unwrap();
    let quota = harness.ledger.quota(harness.now().date_naive()).await.unwrap();
    let tenants = harness.ledger.tenants(TenantPage { before: None, limit: 99 }).await.unwrap();
    format!("{failures:?} {stock:?} {quota:?} {tenants:?}")
}

/// A living code, right or wrong, a replay, and any request but an application: left, without a trace.
pub async fn screening_leaves_what_must_be_decided<F: LedgerFactory<Ledger: Screen>>(factory: &F) {
    let harness = harness(factory, 2).await;
    let replay = harness.prepared(1).await;
    assert_eq!(harness.apply_for_code(replay.clone()).await, "000");
    let right = harness.prepared(2).await;
    harness.send(&phone(3)).await;
    let sent = harness.ask(&phone(4)).await.expect("a code is sent");
    let report = SendReport {
        code_request: sent.code_request,
        phone: sent.phone,
        challenge: sent.challenge,
        gateway: "scripted".to_owned(),
        reply: GatewayReply::Refused { reason: "scripted".to_owned() },
    };
    let requests = [
        Request::Apply(replay.clone()),
        Request::Apply(right.clone()),
        Request::Apply(application(3, "wrong")),
        Request::SendCode(code_request(&phone(5))),
        Request::SendReport(report),
    ];
    assert_eq!(harness.screen(requests).await, [const { None }; 5]);
    for (n, records) in (1..=5).zip([1, 0, 0, 0, 0]) {
        let timeline = harness.ledger.find_applications(ApplicationQuery::Phone(phone(n)), 9).await.unwrap();
        assert_eq!(timeline.applications.len(), records);
    }
    assert_eq!(harness.ledger.phone_failures(phone(3)).await.unwrap(), Some(0), "no attempt is counted");
    assert_eq!(harness.ledger.phone_failures(phone(5)).await.unwrap(), None, "no code was made");
    assert_eq!(harness.apply_for_code(right).await, "000");
    assert_eq!(harness.apply_for_code(replay).await, "000");
    assert_sound(&*harness.ledger).await;
}

/// Applications between the refused ones get the same outcomes as without pre-screening.
pub async fn the_others_are_decided_as_without_screening<F: LedgerFactory<Ledger: Screen>>(factory: &F) {
    let harness = harness(factory, 9).await;
    let mut requests = Vec::new();
    for n in 1..=3 {
        requests.push(Request::Apply(harness.prepared(n).await));
        requests.push(Request::Apply(application(90 + n, "123456")));
    }
    let screened = harness.screen(requests.clone()).await;
    assert_eq!(screened.iter().map(Option::is_none).collect::<Vec<_>>(), [true, false, true, false, true, false]);
    let left = requests.into_iter().zip(screened).filter(|(_, screened)| screened.is_none());
    for outcome in harness.commit(left.map(|(request, _)| request)).await {
        assert!(matches!(outcome, Outcome::Apply(ApplyOutcome::Accepted { .. })), "{outcome:?}");
    }
    assert_sound(&*harness.ledger).await;
}

/// The same histories, pre-screened before each decision, have the same answers and leave the same state.
pub async fn it_screens_like_the_ledger_in_memory<F: LedgerFactory<Ledger: Screen>>(factory: &F) {
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(43), ..Config::default() });
    let histories = scenarios(1..14, 0..9);
    for number in 0..HISTORIES {
        let scenario = histories.new_tree(&mut runner).expect("it filters nothing").current();
        compare(number, &scenario, &MemoryLedger::default(), &factory.fresh().await).await;
    }
}

async fn compare<L: Screening>(number: usize, scenario: &Scenario, memory: &MemoryLedger, tested: &L) {
    let planner = scenario.planner();
    import(scenario, memory).await;
    import(scenario, tested).await;
    let mut stage = Stage::default();
    for (place, round) in scenario.rounds.iter().enumerate() {
        let batch = Arc::new(stage.batch(round));
        let expected = memory.screen(Arc::clone(&batch), Arc::clone(&planner)).await.unwrap();
        let screened = tested.screen(Arc::clone(&batch), Arc::clone(&planner)).await.unwrap();
        assert_eq!(screened, expected, "history {number}, round {place}: {scenario:#?}");
        let left = Arc::new(left_of(&batch, &screened));
        let expected = memory.commit(Arc::clone(&left), Arc::clone(&planner)).await.unwrap();
        let outcomes = tested.commit(left, Arc::clone(&planner)).await.unwrap();
        assert_eq!(outcomes, expected, "history {number}, round {place}: {scenario:#?}");
        stage.learn(&outcomes);
        assert_eq!(views(tested, &batch).await, views(memory, &batch).await, "history {number}, round {place}");
    }
    assert_sound(tested).await;
}

fn left_of(batch: &Batch, screened: &[Option<Outcome>]) -> Batch {
    let left = batch.requests.iter().zip(screened).filter(|(_, screened)| screened.is_none());
    Batch { now: batch.now, requests: left.map(|(request, _)| request.clone()).collect() }
}

/// Forty tasks pre-screen copies of one application while others decide them: before the acceptance the code lives,
/// after it the copy is a replay, and there is nothing between. A ledger that loads the code and the accepted
/// applications at different instants sees a used code and no acceptance.
pub async fn copies_of_one_application_are_never_screened_out<F: LedgerFactory<Ledger: Screen>>(factory: &F) {
    let harness = Arc::new(harness(factory, 8).await);
    for n in 1..=8 {
        let application = harness.prepared(n).await;
        let copies = (0..40).map(|place| {
            let (harness, application) = (Arc::clone(&harness), application.clone());
            tokio::spawn(async move { screen_and_decide(&harness, application, place % 2 == 0).await })
        });
        for copy in join_all(copies).await {
            copy.expect("no copy is answered by anything but 000");
        }
    }
    let tenants = harness.ledger.tenants(TenantPage { before: None, limit: 99 }).await.unwrap();
    assert_eq!(tenants.iter().map(|view| view.mails.len()).collect::<Vec<_>>(), [1; 8]);
    assert_sound(&*harness.ledger).await;
}

/// Pre-screens and decides one application a few times, alternately.
async fn screen_and_decide<L: Screening>(harness: &LedgerHarness<L>, application: Application, screens_first: bool) {
    for turn in 0..4 {
        let batch = harness.batch([Request::Apply(application.clone())]);
        if (turn % 2 == 0) == screens_first {
            let screened = in_the_end(|| harness.try_screen(Arc::clone(&batch))).await;
            assert_eq!(screened, [None]);
        } else {
            let outcomes = in_the_end(|| harness.try_commit(Arc::clone(&batch))).await;
            let is_000 = |outcome: &Outcome| {
                matches!(outcome, Outcome::Apply(ApplyOutcome::Accepted { .. } | ApplyOutcome::Replayed { .. }))
            };
            assert!(is_000(&outcomes[0]), "{outcomes:?}");
        }
    }
}
