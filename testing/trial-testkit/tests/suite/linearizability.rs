//! The check of linearizability, and recorded runs.

use trial_core::return_codes::{ApplyCode, SendCode};
use trial_testkit::linearizability::{Answer, Model, Operation, PlannerModel, Question, Verdict, check};
use trial_testkit::simulation::{Mutation, planner, record};

const BOUND: usize = 20_000;
const SEEDS: u64 = 100;

/// A register: `Some` writes and returns the previous value, `None` reads.
struct Register;

impl Model for Register {
    type State = u32;
    type Question = Option<u32>;
    type Answer = u32;

    fn start(&self) -> u32 {
        0
    }

    fn answer(&self, state: &u32, _place: usize, question: &Option<u32>) -> (u32, u32) {
        (*state, question.unwrap_or(*state))
    }

    fn digest(&self, state: &u32) -> u64 {
        u64::from(*state)
    }
}

fn operation<Q, A>(begun: u64, question: Q, answered: Option<(u64, A)>) -> Operation<Q, A> {
    Operation { begun, question, answered }
}

fn registered(history: &[Operation<Option<u32>, u32>]) -> Verdict {
    check(&Register, history, BOUND)
}

#[test]
fn operations_at_the_same_time_may_have_been_in_any_order() {
    let write = operation(1, Some(7), Some((4, 0)));
    assert_eq!(registered(&[write.clone(), operation(2, None, Some((3, 7)))]), Verdict::Linearizable(vec![0, 1]));
    assert_eq!(registered(&[write, operation(2, None, Some((3, 0)))]), Verdict::Linearizable(vec![1, 0]));
}

#[test]
fn an_operation_answered_before_the_next_began_came_before_it() {
    let write = operation(1, Some(7), Some((2, 0)));
    let stale = operation(3, None, Some((4, 0)));
    assert_eq!(registered(&[write.clone(), stale]), Verdict::Refused { furthest: vec![0] });
    let seen = operation(3, None, Some((4, 7)));
    let unseen = operation(5, None, Some((6, 0)));
    assert!(matches!(registered(&[write, seen, unseen]), Verdict::Refused { .. }), "a write is not taken back");
}

#[test]
fn an_unanswered_operation_may_be_late_or_never_but_not_before_it_began() {
    let lost = operation(3, Some(7), None);
    let read = |begun, value| operation(begun, None, Some((begun + 1, value)));
    assert!(matches!(registered(&[lost.clone(), read(5, 0), read(7, 7)]), Verdict::Linearizable(_)));
    assert!(matches!(registered(&[lost.clone(), read(5, 0), read(7, 0)]), Verdict::Linearizable(_)));
    assert!(matches!(registered(&[read(1, 7), lost.clone()]), Verdict::Refused { .. }));
    assert!(matches!(registered(&[lost, read(5, 7), read(7, 0)]), Verdict::Refused { .. }));
}

#[test]
fn a_history_over_the_bound_is_not_called_good() {
    let crowd: Vec<_> = (0..8).map(|n| operation(1, Some(n), Some((9, 99)))).collect();
    assert_eq!(check(&Register, &crowd, 3), Verdict::Undecided);
}

fn trial(begun: u64, phone: u32, company: u32, answer: ApplyCode) -> Operation<Question, Answer> {
    let question = Question::Trial { phone, company, email: phone, is_right: true };
    operation(begun, question, Some((begun + 1, Answer::Trial(answer))))
}

fn sent(begun: u64, phone: u32) -> Operation<Question, Answer> {
    operation(begun, Question::Code { phone }, Some((begun + 1, Answer::Code(SendCode::Sent))))
}

fn judged(history: &[Operation<Question, Answer>]) -> Verdict {
    let start = record(1, None).start;
    check(&PlannerModel::new(planner(), start), history, BOUND)
}

#[test]
fn answers_that_the_rules_do_not_give_are_refused() {
    let good = [sent(1, 1), trial(3, 1, 1, ApplyCode::Success), trial(5, 1, 1, ApplyCode::Success)];
    assert!(matches!(judged(&good), Verdict::Linearizable(_)));
    let without_a_code = [trial(1, 1, 1, ApplyCode::Success)];
    let twice_a_code = [sent(1, 1), sent(3, 1)];
    let forgotten = [sent(1, 1), trial(3, 1, 1, ApplyCode::Success), trial(5, 1, 1, ApplyCode::NoCode)];
    let used_again = [sent(1, 1), trial(3, 1, 1, ApplyCode::Success), trial(5, 1, 2, ApplyCode::Success)];
    for bad in [&without_a_code[..], &twice_a_code, &forgotten, &used_again] {
        assert!(matches!(judged(bad), Verdict::Refused { .. }), "{bad:?}");
    }
}

fn of_run(seed: u64, mutation: Option<Mutation>) -> (usize, Verdict) {
    let recorded = record(seed, mutation);
    let definite = recorded.history.iter().filter(|operation| operation.answered.is_some()).count();
    (definite, check(&PlannerModel::new(planner(), recorded.start), &recorded.history, BOUND))
}

#[test]
fn runs_of_several_instances_that_fail_and_end_are_linearizable() {
    let mut answers = 0;
    for seed in 0..SEEDS {
        let (definite, verdict) = of_run(seed, None);
        assert!(matches!(verdict, Verdict::Linearizable(_)), "seed {seed}: {verdict}");
        answers += definite;
    }
    assert!(answers > 1_500, "{answers} answers in {SEEDS} runs");
}

#[test]
fn runs_with_a_bug_are_refused() {
    let bugs = [
        Mutation::AnswerWithoutStoring,
        Mutation::ThresholdIgnored,
        Mutation::QuotaNotCounted,
        Mutation::ReplayForgotten,
        Mutation::SendsForgotten,
        Mutation::CompanyNotLookedAt,
    ];
    for bug in bugs {
        let refused = (0..SEEDS).any(|seed| matches!(of_run(seed, Some(bug)).1, Verdict::Refused { .. }));
        assert!(refused, "never refused: {bug}");
    }
}
