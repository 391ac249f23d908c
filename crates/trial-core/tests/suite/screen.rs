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

use crate::desks::{DAY, MINUTE, MemoryDesk, answer, desk, reply, set_failures};
use crate::properties::{config, play};

fn screened(state: &MemoryState, planner: &Planner, batch: &Batch) -> Screened {
    planner.screen(&state.facts(&batch.screen_keys(planner.policy())), batch)
}

fn planned(state: &MemoryState, planner: &Planner, batch: &Batch) -> Plan {
    planner.plan(&state.facts(&batch.fact_keys(planner.policy())), batch)
}

/// Asserts that pre-screening and a decision give the same outcome and record, without another effect.
fn assert_refused(desk: &MemoryDesk, application: Application, refusal: ApplyRefusal) {
    let (state, planner) = (desk.ledger.state(), planner());
    let batch = desk.batch([Request::Apply(application)]);
    let Screened { outcomes, refused } = screened(&state, &planner, &batch);
    let outcome = Outcome::Apply(ApplyOutcome::Refused(refusal));
    assert_eq!(outcomes, [Some(outcome.clone())]);
    let effects = Effects { applications: refused, ..Effects::default() };
    assert_eq!(planned(&state, &planner, &batch), Plan { outcomes: vec![outcome], effects });
}

fn assert_no_code(desk: &MemoryDesk, application: Application, reason: NoCodeReason) {
    assert_refused(desk, application, ApplyRefusal::NoCode { reason });
}

fn assert_left_by(planner: &Planner, desk: &MemoryDesk, request: Request) {
    let left = Screened { outcomes: vec![None], refused: Vec::new() };
    assert_eq!(screened(&desk.ledger.state(), planner, &desk.batch([request])), left);
}

fn assert_left(desk: &MemoryDesk, request: Request) {
    assert_left_by(&planner(), desk, request);
}

#[tokio::test]
async fn none_was_sent() {
    assert_no_code(&desk(1).await, application(1, "123456"), NoCodeReason::NeverSent);
}

#[tokio::test]
async fn the_message_was_refused() {
    let desk = desk(1).await;
    answer(&desk, 1, reply(SendState::Refused)).await;
    assert_no_code(&desk, application(1, "123456"), NoCodeReason::NeverSent);
}

#[tokio::test]
async fn older_than_its_lifetime() {
    let desk = desk(1).await;
    let right = desk.prepared(1).await;
    desk.wait(5 * MINUTE);
    assert_no_code(&desk, right, NoCodeReason::Expired);
}

#[tokio::test]
async fn used_up() {
    let desk = desk(2).await;
    desk.join(1).await;
    let used = application(1, &desk.code_on(&phone(1)));
    assert_no_code(&desk, Application { email: email(2), ..used.clone() }, NoCodeReason::Used);
    desk.wait(DAY);
    assert_no_code(&desk, used, NoCodeReason::Used);
}

#[tokio::test]
async fn a_guess_of_a_used_code_is_left_to_be_counted() {
    let desk = desk(1).await;
    desk.join(1).await;
    assert_left(&desk, Request::Apply(application(1, "wrong")));
    set_failures(&desk, 1, 100);
    assert_refused(&desk, application(1, "wrong"), ApplyRefusal::PhoneLocked { failures: 100 });
}

#[tokio::test]
async fn spent_by_wrong_tries() {
    let desk = desk(1).await;
    let right = desk.prepared(1).await;
    desk.try_wrong(1, 5).await;
    assert_no_code(&desk, right, NoCodeReason::TooManyTries);
}

#[tokio::test]
async fn the_phone_is_locked() {
    let desk = desk(1).await;
    let right = desk.prepared(1).await;
    set_failures(&desk, 1, 100);
    for application in [right, application(1, "wrong")] {
        assert_refused(&desk, application, ApplyRefusal::PhoneLocked { failures: 100 });
    }
}

#[tokio::test]
async fn a_living_code_is_left_whether_right_or_wrong() {
    let desk = desk(1).await;
    let right = desk.prepared(1).await;
    assert_left(&desk, Request::Apply(Application { code: typed("wrong"), ..right.clone() }));
    assert_left(&desk, Request::Apply(right));
}

#[tokio::test]
async fn what_comes_after_the_code_is_left() {
    let desk = desk(0).await;
    let right = desk.prepared(1).await;
    assert_left(&desk, Request::Apply(right.clone()));
    let other = Keyring::new(vec![SecretKey::new("other", &[9; 32]).unwrap()]).unwrap();
    assert_left_by(&Planner::new(Policy::default().into(), other.into()), &desk, Request::Apply(right));
}

#[tokio::test]
async fn a_replay_is_left_even_of_a_locked_phone() {
    let desk = desk(1).await;
    let first = desk.prepared(1).await;
    assert_eq!(desk.apply_for_code(first.clone()).await, "000");
    assert_left(&desk, Request::Apply(first.clone()));
    set_failures(&desk, 1, 100);
    assert_left(&desk, Request::Apply(first));
}

#[tokio::test]
async fn other_requests_are_left_and_need_no_rows() {
    let desk = desk(1).await;
    let sent = desk.send(&phone(1)).await;
    let report = SendReport {
        code_request: sent.code_request,
        phone: sent.phone,
        challenge: sent.challenge,
        gateway: "scripted".to_owned(),
        reply: reply(SendState::Refused),
    };
    set_failures(&desk, 1, 100);
    for request in [Request::SendCode(code_request(&phone(1))), Request::SendReport(report)] {
        let keys = desk.batch([request.clone()]).screen_keys(&Policy::default());
        assert_eq!(keys, desk.batch([]).screen_keys(&Policy::default()));
        assert_left(&desk, request);
    }
}

#[tokio::test]
async fn each_request_has_its_answer_in_its_place() {
    let desk = desk(1).await;
    let right = desk.prepared(2).await;
    let requests = [application(1, "123456"), right, application(1, "123456")].map(Request::Apply);
    let batch = desk.batch(requests);
    let Screened { outcomes, refused } = screened(&desk.ledger.state(), &planner(), &batch);
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
