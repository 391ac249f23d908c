//! Properties of every history.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngSeed, TestRunner};
use trial_core::access_codes::AccessCodeState;
use trial_core::applications::{ApplicationRecord, ApplyOutcome, ApplyRefusal};
use trial_core::fraud_guard::CountSpan;
use trial_core::planner::{Batch, FactKeys, FreshIds, Outcome, Planner, Request};
use trial_core::policy::{CLOCK_SKEW, Policy};
use trial_core::ports::Clock;
use trial_core::return_codes::{ApplyReply, CodeReply};
use trial_core::tenants::{TenantOutcome, TenantStatus};
use trial_core::values::{AccessCodeKind, TenantId};
use trial_core::verification::{Challenge, ChallengeState, CodeOutcome, CodeRefusal};
use trial_testkit::data::{multimedia, voice};
use trial_testkit::scenario::{PHONES, Scenario, Stage, life_scenarios, scenario_phone, scenarios};
use trial_testkit::{FixedClock, KeptAccessCode, MemoryLedger, MemoryState};

use crate::oracle::{Answer, Oracle};

pub(crate) fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 300,
        rng_seed: RngSeed::Fixed(2_026),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A ledger with the scenario's access codes.
fn ledger(scenario: &Scenario) -> MemoryLedger {
    let free = |kind| KeptAccessCode {
        kind,
        state: AccessCodeState::Free,
        holder: None,
        last_holder: None,
        since: FixedClock::default().now(),
    };
    let voice = (0..scenario.voice).map(|n| (voice(n), free(AccessCodeKind::Voice)));
    let multimedia = (0..scenario.multimedia).map(|n| (multimedia(n), free(AccessCodeKind::Multimedia)));
    MemoryLedger::from(MemoryState { access_codes: voice.chain(multimedia).collect(), ..MemoryState::default() })
}

/// Plays the scenario; `look` sees each batch before and after it was decided.
pub(crate) fn play(scenario: &Scenario, mut look: impl FnMut(&MemoryState, &Batch, &[Outcome], &MemoryState)) {
    let (ledger, planner, mut stage) = (ledger(scenario), scenario.planner(), Stage::default());
    for round in &scenario.rounds {
        let batch = stage.batch(round);
        let before = ledger.state();
        let outcomes = ledger.decide(&batch, &planner);
        look(&before, &batch, &outcomes, &ledger.state());
        stage.learn(&outcomes);
    }
}

/// The batch cut into pieces, each as long as the next of `lengths` says.
fn cut(batch: &Batch, cuts: &[Index]) -> Vec<Batch> {
    let mut places: BTreeSet<usize> = cuts.iter().map(|cut| cut.index(batch.requests.len() + 1)).collect();
    places.extend([0, batch.requests.len()]);
    let places: Vec<_> = places.into_iter().collect();
    places
        .windows(2)
        .map(|ends| Batch { now: batch.now, requests: batch.requests[ends[0]..ends[1]].to_vec() })
        .collect()
}

/// Plays the scenario, and asks the oracle the same.
pub(crate) fn assert_agrees_with_the_contract(scenario: &Scenario) {
    let mut oracle = Oracle::new(scenario);
    let mut customers = BTreeMap::new();
    play(scenario, |_, batch, outcomes, after| {
        let told: Vec<_> = outcomes.iter().map(|outcome| told(outcome, &mut customers)).collect();
        assert_eq!(told, oracle.answer(batch));
        assert_eq!(after.violations(Policy::default().trial.unique_by), []);
    });
}

fn told(outcome: &Outcome, customers: &mut BTreeMap<TenantId, usize>) -> Answer {
    match outcome {
        Outcome::SendCode(_, Some(sent)) => Answer::Sending(sent.code.reveal().to_owned(), sent.expires_at),
        Outcome::SendCode(CodeOutcome::Refused(refusal), None) => {
            let reply = CodeReply::from(refusal);
            let wait = reply.retry_after.map(|wait| i64::try_from(wait.as_secs()).unwrap());
            Answer::NoCode(reply.code.as_str(), wait)
        }
        Outcome::SendCode(CodeOutcome::Send { .. }, None) => panic!("a send without a code"),
        Outcome::SendReport => Answer::Noted,
        Outcome::Tenant(_) => panic!("the histories of the contract have no orders"),
        Outcome::Apply(outcome) => {
            let next = customers.len();
            let customer = match outcome {
                ApplyOutcome::Accepted { tenant } => Some(*customers.entry(*tenant).or_insert(next)),
                ApplyOutcome::Replayed { tenant } => Some(customers[tenant]),
                ApplyOutcome::Refused(_) => None,
            };
            Answer::Applied(ApplyReply::from(outcome).code.as_str(), customer)
        }
    }
}

/// The effects of one refused request: its record, and for a wrong code the count of attempts.
fn assert_only_the_try(before: &MemoryState, outcome: &Outcome, after: &MemoryState) {
    let mut expected = before.clone();
    match outcome {
        Outcome::SendCode(CodeOutcome::Refused(refusal), _) => {
            expected.code_requests.clone_from(&after.code_requests);
            if matches!(refusal, CodeRefusal::PrefixBlocked(_)) {
                expected.prefix_blocks.clone_from(&after.prefix_blocks);
            }
        }
        Outcome::Apply(ApplyOutcome::Refused(refusal)) => {
            expected.applications.clone_from(&after.applications);
            let (_, record) = after.applications.iter().find(|(id, _)| !before.applications.contains_key(id)).unwrap();
            match refusal {
                ApplyRefusal::WrongCode { .. } => {
                    let phone = expected.phones.get_mut(&record.application.phone).unwrap();
                    phone.failures += 1;
                    for code in [phone.challenge, phone.previous].into_iter().flatten() {
                        let code = expected.challenges.get_mut(&code).unwrap();
                        code.tries += u32::from(is_alive(code, record.at));
                    }
                }
                // A right code counts as arrived, once.
                ApplyRefusal::TenantExists { .. }
                | ApplyRefusal::PoolEmpty { .. }
                | ApplyRefusal::QuotaReached { .. } => {
                    let id = record.challenge.unwrap();
                    let was_known = before.challenges[&id].proven_at;
                    expected.challenges.get_mut(&id).unwrap().proven_at = was_known.or(Some(record.at));
                    if was_known.is_none() {
                        let span = CountSpan::of(before.challenges[&id].made_at);
                        let of_prefix = (record.application.phone.prefix(), span);
                        expected.prefix_spans.entry(of_prefix).or_default().used += 1;
                    }
                }
                // A guess of a used code is counted; the oracle decides which are guesses.
                ApplyRefusal::NoCode { .. } => {
                    let phone = &record.application.phone;
                    let has_used = |earlier: &ApplicationRecord| {
                        earlier.application.phone == *phone && matches!(earlier.outcome, ApplyOutcome::Accepted { .. })
                    };
                    if before.applications.values().any(has_used) {
                        expected.phones.get_mut(phone).unwrap().failures = after.phones[phone].failures;
                    }
                }
                ApplyRefusal::PhoneLocked { .. } | ApplyRefusal::KeyMissing { .. } => {}
            }
        }
        Outcome::Apply(ApplyOutcome::Replayed { .. }) => expected.applications.clone_from(&after.applications),
        Outcome::Tenant(TenantOutcome::Refused(_)) => {}
        Outcome::SendCode(CodeOutcome::Send { .. }, _)
        | Outcome::SendReport
        | Outcome::Tenant(TenantOutcome::Done(_))
        | Outcome::Apply(ApplyOutcome::Accepted { .. }) => return,
    }
    assert_eq!(&expected, after, "{outcome:?}");
}

/// With the policy of scenarios.
fn is_alive(code: &Challenge, now: DateTime<Utc>) -> bool {
    code.state == ChallengeState::Open && code.tries < 2 && now < code.expires_at && code.made_at <= now + CLOCK_SKEW
}

/// The same request alone, at another instant, is refused by a limit of the phone.
fn is_limited(state: &MemoryState, planner: &Planner, now: DateTime<Utc>, request: &(FreshIds, Request)) -> bool {
    let batch = Batch { now, requests: vec![request.clone()] };
    let plan = planner.plan(&state.facts(&batch.fact_keys(planner.policy())), &batch);
    match &plan.outcomes[0] {
        Outcome::SendCode(CodeOutcome::Refused(refusal), _) => refusal.retry_after().is_some(),
        _ => false,
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_send_is_taken_when_retry_after_says_and_not_a_second_earlier(scenario in scenarios(1..14, 0..10)) {
        let planner = scenario.planner();
        play(&scenario, |before, batch, _, _| {
            let one_by_one = MemoryLedger::from(before.clone());
            for request in &batch.requests {
                let batch = Batch { now: batch.now, requests: vec![request.clone()] };
                let outcomes = one_by_one.decide(&batch, &planner);
                let Outcome::SendCode(CodeOutcome::Refused(refusal), _) = &outcomes[0] else { continue };
                let Some(wait) = refusal.retry_after() else { continue };
                let state = one_by_one.state();
                // A clock that was set back leaves sends in the future, for which no wait is known.
                if state.code_requests.values().any(|kept| kept.record.at > batch.now) {
                    continue;
                }
                assert!(!is_limited(&state, &planner, batch.now + wait, request), "{refusal:?}");
                let earlier = batch.now + wait - TimeDelta::seconds(1);
                assert!(is_limited(&state, &planner, earlier, request), "{refusal:?}");
            }
        });
    }

    #[test]
    fn how_a_batch_is_split_changes_nothing(
        scenario in life_scenarios(1..14, 0..12),
        cuts in proptest::collection::vec(any::<Index>(), 1..4),
    ) {
        let whole = ledger(&scenario);
        let parts = ledger(&scenario);
        let (planner, mut stage) = (scenario.planner(), Stage::default());
        for round in &scenario.rounds {
            let batch = stage.batch(round);
            let outcomes = whole.decide(&batch, &planner);
            let pieces: Vec<_> =
                cut(&batch, &cuts).iter().flat_map(|piece| parts.decide(piece, &planner)).collect();
            prop_assert_eq!(&outcomes, &pieces);
            prop_assert_eq!(whole.state(), parts.state());
            stage.learn(&outcomes);
        }
    }

    #[test]
    fn the_planner_agrees_with_the_contract_read_one_request_at_a_time(scenario in scenarios(1..14, 0..10)) {
        assert_agrees_with_the_contract(&scenario);
    }

    #[test]
    fn every_request_has_one_outcome_and_planning_again_gives_the_same_plan(scenario in life_scenarios(1..8, 0..12)) {
        let planner = scenario.planner();
        play(&scenario, |before, batch, outcomes, _| {
            assert_eq!(outcomes.len(), batch.requests.len());
            let facts = before.facts(&batch.fact_keys(planner.policy()));
            let again = Planner::clone(&planner).plan(&facts, batch);
            assert_eq!(planner.plan(&facts, batch), again);
            assert_eq!(again.outcomes, outcomes);
        });
    }

    /// A ledger loads the named rows, and more do no harm: the planner ignores those that are too old.
    #[test]
    fn facts_that_were_not_asked_for_change_nothing(scenario in scenarios(1..10, 0..8)) {
        let planner = scenario.planner();
        play(&scenario, |before, batch, _, _| {
            // A report is about a message of any age; the window of loaded sends limits it.
            let is_decided = |request: &Request| !matches!(request, Request::SendReport(_));
            let requests = batch.requests.iter().filter(|(_, request)| is_decided(request)).cloned().collect();
            let batch = Batch { now: batch.now, requests };
            let keys = batch.fact_keys(planner.policy());
            let plan = planner.plan(&before.facts(&keys), &batch);
            let more = FactKeys {
                since: keys.since - TimeDelta::days(2),
                tenants_by_phone: before.tenants.values().map(|tenant| tenant.phone.clone()).collect(),
                access_codes: 99,
                sms_budget: true,
                prefixes: (0..PHONES).map(|n| scenario_phone(n).prefix()).collect(),
                ..keys
            };
            assert_eq!(planner.plan(&before.facts(&more), &batch), plan);
        });
    }

    #[test]
    fn access_codes_have_one_holder_and_thresholds_hold(scenario in scenarios(1..10, 0..12)) {
        play(&scenario, |before, _, _, after| {
            assert_eq!(after.violations(Policy::default().trial.unique_by), []);
            let held = |kept: &&KeptAccessCode| kept.holder.is_some();
            assert_eq!(after.access_codes.values().filter(held).count(), 2 * after.tenants.len());
            assert!(after.tenants.len() <= usize::try_from(scenario.voice.min(scenario.multimedia)).unwrap());
            assert!(after.reserved.values().all(|reserved| *reserved <= scenario.threshold));
            for (code, kept) in before.access_codes.iter().filter(|(_, kept)| kept.holder.is_some()) {
                assert_eq!(&after.access_codes[code], kept, "a code that is held stays where it is");
            }
        });
    }

    #[test]
    fn the_invariants_hold_through_the_life_of_tenants(scenario in life_scenarios(1..14, 0..12)) {
        play(&scenario, |_, _, _, after| {
            assert_eq!(after.violations(Policy::default().trial.unique_by), []);
            assert!(after.reserved.values().all(|reserved| *reserved <= scenario.threshold));
            for tenant in after.tenants.values() {
                assert_eq!(tenant.suspended_at.is_some(), tenant.status == TenantStatus::Suspended);
                assert_eq!(tenant.closed_at.is_some(), tenant.status == TenantStatus::Closed);
            }
        });
    }

    #[test]
    fn a_refusal_consumes_nothing_but_the_try(scenario in life_scenarios(1..20, 1..2)) {
        play(&scenario, |before, _, outcomes, after| {
            for outcome in outcomes {
                assert_only_the_try(before, outcome, after);
            }
        });
    }
}

/// The histories reach every outcome; else the properties would prove little.
#[test]
fn the_histories_reach_every_answer() {
    let mut runner = TestRunner::new(config());
    let mut reached = BTreeSet::new();
    for _ in 0..300 {
        let scenario = scenarios(1..14, 0..10).new_tree(&mut runner).unwrap().current();
        let mut customers = BTreeMap::new();
        play(&scenario, |_, _, outcomes, _| {
            for outcome in outcomes {
                reached.insert(match (told(outcome, &mut customers), outcome) {
                    (Answer::Sending(..), _) => "sending".to_owned(),
                    (Answer::NoCode(..), Outcome::SendCode(CodeOutcome::Refused(refusal), _)) => rule(refusal),
                    (Answer::Applied(..), Outcome::Apply(ApplyOutcome::Refused(refusal))) => rule(refusal),
                    (Answer::Applied(..), Outcome::Apply(ApplyOutcome::Replayed { .. })) => "replayed".to_owned(),
                    (Answer::Applied(..), _) => "accepted".to_owned(),
                    _ => "noted".to_owned(),
                });
            }
        });
    }
    let expected = [
        "accepted",
        "budget_spent",
        "daily_limit",
        "hourly_limit",
        "no_code expired",
        "no_code never_sent",
        "no_code too_many_tries",
        "no_code used",
        "noted",
        "phone_locked",
        "pool_empty",
        "prefix_blocked",
        "quota_reached",
        "replayed",
        "sending",
        "sends_failed",
        "tenant_exists company",
        "tenant_exists email",
        "tenant_exists phone",
        "too_soon",
        "wrong_code",
    ];
    assert_eq!(reached.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn the_lives_reach_every_order_and_refusal() {
    let mut runner = TestRunner::new(config());
    let mut reached = BTreeSet::new();
    for _ in 0..500 {
        let scenario = life_scenarios(15..50, 1..7).new_tree(&mut runner).unwrap().current();
        play(&scenario, |_, batch, outcomes, _| {
            for ((_, request), outcome) in batch.requests.iter().zip(outcomes) {
                if let (Request::Tenant(order), Outcome::Tenant(outcome)) = (request, outcome) {
                    reached.insert(match outcome {
                        TenantOutcome::Refused(refusal) => rule(refusal),
                        TenantOutcome::Done(change) => {
                            format!("{} {} to {}", order.order.action(), change.before, change.after)
                        }
                    });
                }
            }
        });
    }
    for expected in [
        "access_codes_gone",
        "quota_reached",
        "status",
        "tenant_exists phone",
        "tenant.advance suspended to closed",
        "tenant.advance trial to suspended",
        "tenant.close commercial to closed",
        "tenant.close suspended to closed",
        "tenant.close trial to closed",
        "tenant.convert suspended to commercial",
        "tenant.convert trial to commercial",
        "tenant.extend suspended to trial",
        "tenant.extend trial to trial",
        "tenant.reopen closed to commercial",
        "tenant.reopen closed to suspended",
        "tenant.reopen closed to trial",
        "tenant.resend_mail trial to trial",
        "tenant.resume suspended to commercial",
        "tenant.resume suspended to trial",
        "tenant.suspend commercial to suspended",
        "tenant.suspend trial to suspended",
        "trial_over",
    ] {
        assert!(reached.contains(expected), "{expected} is not among {reached:#?}");
    }
}

/// The rule that refused, with its reason.
fn rule(refusal: &impl serde::Serialize) -> String {
    let stored = serde_json::to_value(refusal).unwrap();
    let text = |key: &str| stored[key].as_str().map(|text| format!(" {text}")).unwrap_or_default();
    format!("{}{}{}", stored["rule"].as_str().unwrap(), text("reason"), text("shared"))
}
