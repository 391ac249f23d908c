//! The simulation: runs without failure, and deliberate bugs that it finds.

use trial_testkit::simulation::{Mutation, find, simulate};

const SEEDS: u64 = 200;

#[test]
fn everything_holds_in_every_world() {
    let mut accepted = 0;
    for seed in 0..SEEDS {
        match find(seed, None) {
            Ok(seen) => accepted += seen.accepted,
            Err(found) => panic!("{found}"),
        }
    }
    assert!(accepted > SEEDS, "{accepted} acceptances in {SEEDS} seeds: the world is too hostile to tell anything");
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let digest = |seed| simulate(seed, None).map(|seen| seen.digest);
    for seed in 0..20 {
        assert_eq!(digest(seed), digest(seed), "seed {seed}");
    }
    assert_ne!(digest(1), digest(2));
}

fn first_found(mutation: Mutation) -> Option<u64> {
    (0..SEEDS).find(|seed| simulate(*seed, Some(mutation)).is_err())
}

#[test]
fn every_mutation_is_found() {
    let missed: Vec<_> = Mutation::ALL.iter().filter(|mutation| first_found(**mutation).is_none()).collect();
    assert!(missed.is_empty(), "not found in {SEEDS} seeds: {missed:?}");
}

#[test]
fn a_failed_history_is_shrunk() {
    let seed = first_found(Mutation::MailNotStored).unwrap();
    let found = find(seed, Some(Mutation::MailNotStored)).unwrap_err();
    assert!(found.history.len() <= 9, "an acceptance takes access codes, a code, and an application: {found}");
    assert!(found.to_string().contains(&format!("seed {seed}")));
}
