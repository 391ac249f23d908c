//! Proof of work, each solution accepted once.

use std::sync::Arc;

use altcha::{Challenge, Payload, SolveChallengeOptions, solve_challenge};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use trial_core::bot_challenge::{AltchaCost, CHALLENGE_LIVES, GuardUnusable, GuardVerdict, ProofRefusal};
use trial_core::error::LedgerError;
use trial_core::ports::{Callers, Guard as _, MockCallers};
use trial_engine::{AltchaGuard, Signatures};
use trial_testkit::{FixedClock, MemoryLedger, SeededEntropy, data};

const USED: GuardVerdict = GuardVerdict::Refused(ProofRefusal::Used);

/// An instance.
fn guard(ledger: Arc<dyn Callers>, clock: &FixedClock, seed: u64) -> AltchaGuard {
    AltchaGuard {
        cost: AltchaCost::new(10).unwrap(),
        keyring: Arc::new(data::keyring()),
        replays: Arc::new(Signatures::start(ledger, Arc::new(clock.clone()))),
        clock: Arc::new(clock.clone()),
        entropy: Arc::new(SeededEntropy::new(seed)),
    }
}

fn solved(challenge: &str) -> String {
    let challenge: Challenge = serde_json::from_str(challenge).unwrap();
    let solution = solve_challenge(SolveChallengeOptions::new(&challenge)).unwrap().unwrap();
    BASE64_STANDARD.encode(serde_json::to_vec(&Payload { challenge, solution }).unwrap())
}

#[tokio::test(start_paused = true)]
async fn work_is_taken_once_at_whatever_instance() {
    let (ledger, clock) = (Arc::new(MemoryLedger::default()), FixedClock::default());
    let (one, other) = (guard(ledger.clone(), &clock, 1), guard(ledger, &clock, 2));
    let (first, second) = (one.challenge().unwrap(), one.challenge().unwrap());
    assert_ne!(first, second);
    let proof = solved(&first);
    assert_eq!(other.judge(&proof).await.unwrap(), GuardVerdict::Passed);
    assert_eq!((one.judge(&proof).await.unwrap(), other.judge(&proof).await.unwrap()), (USED, USED));
    assert_eq!(one.judge(&solved(&second)).await.unwrap(), GuardVerdict::Passed);
}

#[tokio::test(start_paused = true)]
async fn a_refused_proof_is_not_recorded() {
    let clock = FixedClock::default();
    let guard = guard(Arc::new(MockCallers::new()), &clock, 1);
    let proof = solved(&guard.challenge().unwrap());
    for (proof, refusal) in [("", ProofRefusal::Missing), ("e30=", ProofRefusal::Wrong)] {
        assert_eq!(guard.judge(proof).await.unwrap(), GuardVerdict::Refused(refusal));
    }
    clock.advance(CHALLENGE_LIVES);
    assert_eq!(guard.judge(&proof).await.unwrap(), GuardVerdict::Refused(ProofRefusal::Expired));
}

#[tokio::test(start_paused = true)]
async fn no_proof_passes_while_the_ledger_cannot_be_used() {
    let mut callers = MockCallers::new();
    callers.expect_remember_signatures().once().returning(|_, _| Err(LedgerError::Unavailable("gone".into())));
    let guard = guard(Arc::new(callers), &FixedClock::default(), 1);
    let proof = solved(&guard.challenge().unwrap());
    assert!(matches!(guard.judge(&proof).await, Err(GuardUnusable::Memory(LedgerError::Unavailable(_)))));
}
