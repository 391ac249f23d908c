//! Pre-screening: applications refused without the admission lock, and those left to be decided.

use proptest::prelude::*;
use trial_core::applications::{Application, ApplyOutcome, ApplyRefusal, NoCodeReason};
use trial_core::planner::{Batch, Effects, Outcome, Plan, Planner, Request, Screened};
use trial_core::policy::Policy;
use trial_core::values::{Keyring, SecretKey};
use trial_core::verification::{SendReport, SendState};
use trial_testkit::MemoryState;
use trial_testkit::data::{application, code_request, email, phone, planner, typed};
use trial_testkit::scenario::scenarios;

use crate::desks::{DAY, MINUTE, MemoryDesk, answer, harness, reply, set_failures};
use crate::properties::{config, play};

fn screened(state: &MemoryState, planner: &Planner, batch: &Batch) -> Screened {
    planner.screen(&state.facts(&batch.screen_keys(planner.policy())), batch)
}

fn planned(state: &MemoryState, planner: &Planner, batch: &Batch) -> Plan {
    planner.plan(&state.facts(&batch.fact_keys(planner.policy())), batch)
}

/// Asserts that pre-screening and a decision give the same outcome and record, without another effect.
fn assert_refused(harness: &MemoryDesk, application: Application, refusal: ApplyRefusal) {
    let (state, planner) = (harness.ledger.state(), planner());
    let batch = harness.batch([Request::Apply(application)]);
    let Screened { outcomes, refused } = screened(&state, &planner, &batch);
    let outcome = Outcome::Apply(ApplyOutcome::Refused(refusal));
    assert_eq!(outcomes, [Some(outcome.clone())]);
    let effects = Effects { applications: refused, ..Effects::default() };
    assert_eq!(planned(&state, &planner, &batch), Plan { outcomes: vec![outcome], effects });
}

fn assert_no_code(harness: &MemoryDesk, application: Application, reason: NoCodeReason) {
    assert_refused(harness, application, ApplyRefusal::NoCode { reason });
}

fn assert_left_by(planner: &Planner, harness: &MemoryDesk, request: Request) {
    let left = Screened { outcomes: vec![None], refused: Vec::new() };
    assert_eq!(screened(&harness.ledger.state(), planner, &harness.batch([request])), left);
}

fn assert_left(harness: &MemoryDesk, request: Request) {
    assert_left_by(&planner(), harness, request);
}

#[tokio::test]
async fn none_was_sent() {
    assert_no_code(&harness(1).await, application(1, "123456"), NoCodeReason::NeverSent);
}

#[tokio::test]
async fn the_message_was_refused() {
    let harness = harness(1).await;
    answer(&harness, 1, reply(SendState::Refused)).await;
    assert_no_code(&harness, application(1, "123456"), NoCodeReason::NeverSent);
}

#[tokio::test]
async fn older_than_its_lifetime() {
    let harness = harness(1).await;
    let right = harness.prepared(1).await;
    harness.wait(5 * MINUTE);
    assert_no_code(&harness, right, NoCodeReason::Expired);
}

#[tokio::test]
async fn used_up() {
    let harness = harness(2).await;
    harness.join(1).await;
    let used = application(1, &harness.code_on(&phone(1)));
    assert_no_code(&harness, Application { email: email(2), ..used.clone() }, NoCodeReason::Used);
    harness.wait(DAY);
    assert_no_code(&harness, used, NoCodeReason::Used);
}

#[tokio::test]
async fn a_guess_of_a_used_code_is_left_to_be_counted() {
    let harness = harness(1).await;
    harness.join(1).await;
    assert_left(&harness, Request::Apply(application(1, "wrong")));
    set_failures(&harness, 1, 100);
    assert_refused(&harness, application(1, "wrong"), ApplyRefusal::PhoneLocked { failures: 100 });
}

#[tokio::test]
async fn spent_by_wrong_tries() {
    let harness = harness(1).await;
    let right = harness.prepared(1).await;
    harness.try_wrong(1, 5).await;
    assert_no_code(&harness, right, NoCodeReason::TooManyTries);
}

#[tokio::test]
async fn the_phone_is_locked() {
    let harness = harness(1).await;
    let right = harness.prepared(1).await;
    set_failures(&harness, 1, 100);
    for application in [right, application(1, "wrong")] {
        assert_refused(&harness, application, ApplyRefusal::PhoneLocked { failures: 100 });
    }
}

#[tokio::test]
async fn a_living_code_is_left_whether_right_or_wrong() {
    let harness = harness(1).await;
    let right = harness.prepared(1).await;
    assert_left(&harness, Request::Apply(Application { code: typed("wrong"), ..right.clone() }));
    assert_left(&harness, Request::Apply(right));
}

#[tokio::test]
async fn what_comes_after_the_code_is_left() {
    let harness = harness(0).await;
    let right = harness.prepared(1).await;
    assert_left(&harness, Request::Apply(right.clone()));
    let other = Keyring::new(vec![SecretKey::new("other", &[9; 32]).unwrap()]).unwrap();
    assert_left_by(&Planner::new(Policy::default().into(), other.into()), &harness, Request::Apply(right));
}

#[tokio::test]
async fn a_replay_is_left_even_of_a_locked_phone() {
    let harness = harness(1).await;
    let first = harness.prepared(1).await;
    assert_eq!(harness.apply_for_code(first.clone()).await, "000");
    assert_left(&harness, Request::Apply(first.clone()));
    set_failures(&harness, 1, 100);
    assert_left(&harness, Request::Apply(first));
}

#[tokio::test]
async fn other_requests_are_left_and_need_no_rows() {
    let harness = harness(1).await;
    let sent = harness.send(&phone(1)).await;
    let report = SendReport {
        code_request: sent.code_request,
        phone: sent.phone,
        challenge: sent.challenge,
        gateway: "scripted".to_owned(),
        reply: reply(SendState::Refused),
    };
    set_failures(&harness, 1, 100);
    for request in [Request::SendCode(code_request(&phone(1))), Request::SendReport(report)] {
        let keys = harness.batch([request.clone()]).screen_keys(&Policy::default());
        assert_eq!(keys, harness.batch([]).screen_keys(&Policy::default()));
        assert_left(&harness, request);
    }
}

#[tokio::test]
async fn each_request_has_its_answer_in_its_place() {
    let harness = harness(1).await;
    let right = harness.prepared(2).await;
    let requests = [application(1, "123456"), right, application(1, "123456")].map(Request::Apply);
    let batch = harness.batch(requests);
    let Screened { outcomes, refused } = screened(&harness.ledger.state(), &planner(), &batch);
    assert_eq!(outcomes.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true]);
    let ids: Vec<_> = [0, 2].map(|place: usize| batch.requests[place].0.application).into();
    assert_eq!(refused.iter().map(|record| record.id).collect::<Vec<_>>(), ids);
}

/// Returns `true` if no other decision can change the outcome.
fn is_beyond_help(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Apply(ApplyOutcome::Refused(ApplyRefusal::NoCode { .. } | ApplyRefusal::PhoneLocked { .. }))
    )
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_screened_out_is_refused_by_planning_it_alone_and_nothing_else_is(
        scenario in scenarios(1..12, 0..10),
    ) {
        let planner = scenario.planner();
        play(&scenario, |before, batch, _, _| {
            let Screened { outcomes, refused } = screened(before, &planner, batch);
            assert_eq!(outcomes.len(), batch.requests.len());
            let mut refused = refused.into_iter();
            for (request, outcome) in batch.requests.iter().zip(outcomes) {
                let alone = Batch { now: batch.now, requests: vec![request.clone()] };
                let plan = planned(before, &planner, &alone);
                let counts_nothing = plan.effects.phones.is_empty();
                assert_eq!(outcome.is_some(), is_beyond_help(&plan.outcomes[0]) && counts_nothing);
                if let Some(outcome) = outcome {
                    let effects = Effects { applications: refused.by_ref().take(1).collect(), ..Effects::default() };
                    assert_eq!(plan, Plan { outcomes: vec![outcome], effects });
                }
            }
            assert_eq!(refused.next(), None);
        });
    }
}
