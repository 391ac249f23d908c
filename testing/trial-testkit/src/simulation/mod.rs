//! A simulated world: several real engines over one ledger, applicants and operators, and faults of every kind.
//!
//! A seed makes a schedule of steps: requests, commands, time that passes, clocks of machines and of the server that
//! jump, storage that fails before and after a commit, stale replicas in place of the server, logs that nobody reads,
//! gateways, mail servers and platforms that refuse, are late or never answer, and instances that end at any await of
//! any task and start again. Every instance has a runtime and a paused clock of its own, and instances run in turn, each
//! one poll of a task, so the same seed gives the same history. After every step every invariant is checked. A failed run
//! is shrunk until no step can be left out.

mod dice;
mod gate;
mod instance;
mod log;
mod monitor;
mod mutation;
mod outside;
mod record;
mod run;
mod server;
mod session;
mod shrink;
mod step;
mod storage;
mod world;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use trial_core::planner::Planner;
use trial_core::policy::{BreakerMode, BreakerPolicy};

use crate::data;
pub use mutation::Mutation;
pub use record::Recorded;
pub use step::{Call, Fate, Scheduled, Step, Typed};

/// Steps of a seed.
pub const LENGTH: usize = 120;
/// The daily e-mail limit until operators set one.
const FIRST_THRESHOLD: u32 = 8;

/// The result of a run without failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The digest of everything that happened, in order.
    pub digest: u64,
    /// Answers to applicants.
    pub answers: u64,
    /// Answers of 000.
    pub accepted: u64,
}

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The step, from 0; the number of steps, if after the last.
    pub step: usize,
    /// The invariant.
    pub broken: String,
}

/// A failure, and the shortest history found that leads to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The seed.
    pub seed: u64,
    /// The failure of the whole run.
    pub failure: Failure,
    /// The remaining steps.
    pub history: Vec<Scheduled>,
    /// Their failure.
    pub shrunk: Failure,
}

/// Plays the schedule of a seed.
///
/// # Errors
/// The first broken invariant.
pub fn simulate(seed: u64, mutation: Option<Mutation>) -> Result<Seen, Failure> {
    play(seed, mutation, &step::schedule(seed, LENGTH))
}

/// Plays the schedule of a seed; shrinks a failure.
///
/// # Errors
/// The first broken invariant.
pub fn find(seed: u64, mutation: Option<Mutation>) -> Result<Seen, Box<Found>> {
    let schedule = step::schedule(seed, LENGTH);
    play(seed, mutation, &schedule).map_err(|failure| {
        let (history, shrunk) = shrink::shrink(seed, mutation, &schedule, &failure);
        Box::new(Found { seed, failure, history, shrunk })
    })
}

/// Plays a short run in which no time passes: several instances, storage that fails, instances that end; no other
/// faults. Records the questions and answers.
pub fn record(seed: u64, mutation: Option<Mutation>) -> Recorded {
    run::Run::new(seed, mutation).record(&step::crowd(seed), step::PREPARED)
}

fn play(seed: u64, mutation: Option<Mutation>, schedule: &[Scheduled]) -> Result<Seen, Failure> {
    run::Run::new(seed, mutation).play(schedule)
}

/// A policy under which a short run reaches every rule.
pub fn planner() -> Arc<Planner> {
    data::planner_with(|policy| {
        // New codes are created beside living ones.
        policy.verification.code_cap = Duration::from_mins(5);
        policy.verification.max_tries = 3;
        policy.verification.max_failures = 4;
        policy.trial.quarantine = Duration::from_hours(48);
        policy.trial.grace = Duration::from_hours(24);
        policy.trial.low_water = 2;
        // Blocks are observed, and stop nobody.
        policy.abuse.breaker = BreakerPolicy {
            mode: BreakerMode::Shadow,
            min_sends: 3,
            min_conversion: 60,
            block_for: Duration::from_hours(2),
        };
        policy.quota.threshold = FIRST_THRESHOLD;
        policy.platform_listens = true;
    })
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {}: after step {}, this does not hold: {}",
            self.seed, self.failure.step, self.failure.broken
        )?;
        writeln!(f, "the shortest history found ({} steps; {}):", self.history.len(), self.shrunk.broken)?;
        for (place, scheduled) in self.history.iter().enumerate() {
            writeln!(f, "{place:4}  {:?}, then {} turns", scheduled.step, scheduled.turns)?;
        }
        Ok(())
    }
}
