//! Proof of work, solved by the protocol's own library.

use std::time::Duration;

use altcha::{Challenge, CounterMode, Payload, Solution, SolveChallengeOptions, solve_challenge};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use trial_core::bot_challenge::{AltchaChallenge, AltchaCost, CHALLENGE_LIVES, ProofRefusal};
use trial_core::ports::Clock as _;
use trial_core::values::{Keyring, SecretKey};
use trial_testkit::{FixedClock, data};

fn now() -> DateTime<Utc> {
    FixedClock::default().now()
}

fn challenge(keyring: &Keyring, entropy: u8) -> Challenge {
    let made = AltchaChallenge::new(AltchaCost::new(10).unwrap(), now(), &[entropy; AltchaChallenge::ENTROPY], keyring);
    serde_json::from_str(&made.to_json()).unwrap()
}

fn solved(challenge: &Challenge) -> Solution {
    solve_challenge(SolveChallengeOptions::new(challenge)).unwrap().unwrap()
}

fn proof(challenge: &Challenge, solution: Solution) -> Value {
    serde_json::to_value(Payload { challenge: challenge.clone(), solution }).unwrap()
}

fn check(proof: &Value, now: DateTime<Utc>) -> Result<[u8; 32], ProofRefusal> {
    let proof = BASE64_STANDARD.encode(proof.to_string());
    AltchaChallenge::check(&proof, now, &data::keyring()).map(|seen| seen.signature)
}

#[test]
fn what_the_protocols_library_solves_is_taken() {
    for entropy in 0..20 {
        let challenge = challenge(&data::keyring(), entropy);
        let proof = proof(&challenge, solved(&challenge));
        let taken = check(&proof, now()).unwrap();
        assert_eq!(check(&proof, now() + CHALLENGE_LIVES - Duration::from_secs(1)), Ok(taken));
        assert_eq!(check(&proof, now() + CHALLENGE_LIVES), Err(ProofRefusal::Expired));
    }
}

#[test]
fn each_challenge_is_its_own_and_is_remembered_while_it_could_come_again() {
    let challenge = challenge(&data::keyring(), 1);
    let proof = BASE64_STANDARD.encode(proof(&challenge, solved(&challenge)).to_string());
    let seen = AltchaChallenge::check(&proof, now(), &data::keyring()).unwrap();
    assert!(seen.expires_at > now() + CHALLENGE_LIVES, "clocks differ");
    assert_ne!(challenge.signature, self::challenge(&data::keyring(), 2).signature);
}

#[test]
fn a_counter_that_solves_nothing_is_wrong() {
    let challenge = challenge(&data::keyring(), 3);
    let right = solved(&challenge);
    assert!(right.counter > 0, "the first counter is no solution of this challenge");
    for counter in 0..right.counter {
        let solution = Solution { counter, ..right.clone() };
        assert_eq!(check(&proof(&challenge, solution), now()), Err(ProofRefusal::Wrong));
    }
}

#[test]
fn a_challenge_that_was_changed_is_not_ours() {
    let challenge = challenge(&data::keyring(), 4);
    let whole = proof(&challenge, solved(&challenge));
    for (name, value) in [
        ("cost", json!(1)),
        ("keyPrefix", json!("")),
        ("expiresAt", json!(now().timestamp() + 1_000_000)),
        ("nonce", json!("00")),
        ("salt", json!("")),
        ("algorithm", json!("SHA-256")),
        ("keyLength", json!(1)),
        ("data", json!({})),
    ] {
        let mut changed = whole.clone();
        changed["challenge"]["parameters"][name] = value;
        // Solved again, at a lower cost.
        if let Ok(easier) = serde_json::from_value::<Challenge>(changed["challenge"].clone()) {
            changed["solution"] = serde_json::to_value(solved(&easier)).unwrap();
        }
        assert_eq!(check(&changed, now()), Err(ProofRefusal::Wrong), "{name}");
    }
    for signature in [json!(null), json!(""), json!("00"), json!("g".repeat(64)), json!("0".repeat(64))] {
        let mut changed = whole.clone();
        changed["challenge"]["signature"] = signature;
        assert_eq!(check(&changed, now()), Err(ProofRefusal::Wrong));
    }
}

#[test]
fn a_counter_as_version_1_wrote_it_is_wrong() {
    let challenge = challenge(&data::keyring(), 5);
    let options = SolveChallengeOptions { counter_mode: CounterMode::String, ..SolveChallengeOptions::new(&challenge) };
    let solution = solve_challenge(options).unwrap().unwrap();
    assert_eq!(check(&proof(&challenge, solution), now()), Err(ProofRefusal::Wrong));
}

#[test]
fn keys_change_while_a_challenge_is_being_solved() {
    let key = |id, byte| SecretKey::new(id, &[byte; 32]).unwrap();
    let of = |keys| Keyring::new(keys).unwrap();
    let challenge = challenge(&of(vec![key("old", 1)]), 6);
    let proof = BASE64_STANDARD.encode(proof(&challenge, solved(&challenge)).to_string());
    let check = |keyring| AltchaChallenge::check(&proof, now(), &keyring).map(|_| ());
    assert_eq!(check(of(vec![key("new", 2), key("old", 1)])), Ok(()));
    assert_eq!(check(of(vec![key("new", 2)])), Err(ProofRefusal::Wrong));
}

#[test]
fn what_is_no_proof_is_said_to_be_none() {
    let check = |proof: &str| AltchaChallenge::check(proof, now(), &data::keyring()).map(|_| ());
    assert_eq!(check(""), Err(ProofRefusal::Missing));
    for wrong in ["-", "e30=", "bnVsbA==", &"A".repeat(10_000)] {
        assert_eq!(check(wrong), Err(ProofRefusal::Wrong), "{wrong}");
    }
}

#[test]
fn the_cost_has_bounds() {
    assert!([1, 20_000].into_iter().all(|rounds| AltchaCost::new(rounds).is_some()));
    assert!([0, 20_001].into_iter().all(|rounds| AltchaCost::new(rounds).is_none()));
}
