//! Proof of work, each solution accepted once.

use std::sync::Arc;

use altcha::{Challenge, Payload, SolveChallengeOptions, solve_challenge};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use trial_core::bot_challenge::{AltchaCost, BotChallengeUnusable, BotChallengeVerdict, CHALLENGE_LIVES, ProofRefusal};
use trial_core::error::LedgerError;
use trial_core::ports::{ApiClients, BotChallenge as _, MockApiClients};
use trial_engine::{AltchaBotChallenge, Signatures};
use trial_testkit::{FixedClock, MemoryLedger, SeededEntropy, data};

const USED: BotChallengeVerdict = BotChallengeVerdict::Refused(ProofRefusal::Used);

/// An instance.
fn guard(ledger: Arc<dyn ApiClients>, clock: &FixedClock, seed: u64) -> AltchaBotChallenge {
    AltchaBotChallenge {
        cost: AltchaCost::new(10).unwrap(),
        keyring: Arc::new(data::keyring()),
        replays: Arc::new(Signatures::start(ledger, Arc::new(clock.clone())).0),
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
    assert_eq!(other.judge(&proof).await.unwrap(), BotChallengeVerdict::Passed);
    assert_eq!((one.judge(&proof).await.unwrap(), other.judge(&proof).await.unwrap()), (USED, USED));
    assert_eq!(one.judge(&solved(&second)).await.unwrap(), BotChallengeVerdict::Passed);
}

#[tokio::test(start_paused = true)]
async fn a_refused_proof_is_not_recorded() {
    let clock = FixedClock::default();
    let guard = guard(Arc::new(MockApiClients::new()), &clock, 1);
    let proof = solved(&guard.challenge().unwrap());
    for (proof, refusal) in [("", ProofRefusal::Missing), ("e30=", ProofRefusal::Wrong)] {
        assert_eq!(guard.judge(proof).await.unwrap(), BotChallengeVerdict::Refused(refusal));
    }
    clock.advance(CHALLENGE_LIVES);
    assert_eq!(guard.judge(&proof).await.unwrap(), BotChallengeVerdict::Refused(ProofRefusal::Expired));
}

#[tokio::test(start_paused = true)]
async fn no_proof_passes_while_the_ledger_cannot_be_used() {
    let mut callers = MockApiClients::new();
    callers.expect_remember_signatures().once().returning(|_, _| Err(LedgerError::Unavailable("gone".into())));
    let guard = guard(Arc::new(callers), &FixedClock::default(), 1);
    let proof = solved(&guard.challenge().unwrap());
    assert!(matches!(guard.judge(&proof).await, Err(BotChallengeUnusable::Memory(LedgerError::Unavailable(_)))));
}
