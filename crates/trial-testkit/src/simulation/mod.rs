//! A simulated world: several real engines over one ledger, applicants and operators, and everything that goes wrong.
//!
//! A seed makes a schedule of steps: requests, orders, time that passes, clocks that are wrong, storage that fails before and
//! after a commit, gateways, mail servers and platforms that refuse, are late or never answer, and instances that end at any
//! await of any task and start again. Every instance has a runtime and a paused clock of its own, and takes its turns in
//! order, each one poll of a task, so the same seed gives the same history. After every step everything that has to hold is
//! looked at.
//! A run that fails is made smaller until nothing more can be left out.

mod dice;
mod gate;
mod instance;
mod monitor;
mod mutation;
mod outside;
mod record;
mod run;
mod shrink;
mod step;
mod storage;
mod world;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use trial_core::{BreakerMode, BreakerPolicy, Planner};

use crate::data;
pub use mutation::Mutation;
pub use record::Recorded;
pub use step::{Call, Fate, Scheduled, Step, Typed};

/// Steps of a seed.
pub const LENGTH: usize = 120;
/// The e-mail threshold that holds until operations set one.
const FIRST_THRESHOLD: u32 = 8;

/// What a run came to, in which everything held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Of everything that happened, in order.
    pub digest: u64,
    /// Answers to applicants.
    pub answers: u64,
    /// Of these, 000.
    pub accepted: u64,
}

/// Something did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// After which step, from 0; the number of steps, if after the last.
    pub step: usize,
    /// What.
    pub broken: String,
}

/// A failure, and the least that leads to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The seed.
    pub seed: u64,
    /// What failed in the whole run.
    pub failure: Failure,
    /// The steps that are left.
    pub history: Vec<Scheduled>,
    /// What fails in these.
    pub shrunk: Failure,
}

/// Plays the schedule of a seed.
///
/// # Errors
/// Something did not hold.
pub fn simulate(seed: u64, mutation: Option<Mutation>) -> Result<Seen, Failure> {
    play(seed, mutation, &step::schedule(seed, LENGTH))
}

/// Plays the schedule of a seed; what fails is made smaller.
///
/// # Errors
/// Something did not hold.
pub fn find(seed: u64, mutation: Option<Mutation>) -> Result<Seen, Box<Found>> {
    let schedule = step::schedule(seed, LENGTH);
    play(seed, mutation, &schedule).map_err(|failure| {
        let (history, shrunk) = shrink::shrink(seed, mutation, &schedule, &failure);
        Box::new(Found { seed, failure, history, shrunk })
    })
}

/// Plays a short run in which no time passes: several instances, storage that fails, instances that end; nothing else goes
/// wrong. Records what was asked and answered.
pub fn record(seed: u64, mutation: Option<Mutation>) -> Recorded {
    run::Run::new(seed, mutation).record(&step::crowd(seed), step::PREPARED)
}

fn play(seed: u64, mutation: Option<Mutation>, schedule: &[Scheduled]) -> Result<Seen, Failure> {
    run::Run::new(seed, mutation).play(schedule)
}

/// Rules under which a short run gets everywhere.
pub fn planner() -> Arc<Planner> {
    data::planner_with(|policy| {
        // New codes are made beside living ones.
        policy.verification.code_cap = Duration::from_mins(5);
        policy.verification.max_tries = 3;
        policy.verification.max_failures = 4;
        policy.trial.quarantine = Duration::from_hours(48);
        policy.trial.grace = Duration::from_hours(24);
        policy.trial.low_water = 2;
        // It is told what would be blocked, and nobody is kept from going on.
        policy.abuse.breaker = BreakerPolicy {
            mode: BreakerMode::Shadow,
            min_sends: 3,
            min_conversion: 60,
            block_for: Duration::from_hours(2),
        };
        policy.quota.first_threshold = FIRST_THRESHOLD;
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
        writeln!(f, "the least that leads to it ({} steps; {}):", self.history.len(), self.shrunk.broken)?;
        for (place, scheduled) in self.history.iter().enumerate() {
            writeln!(f, "{place:4}  {:?}, then {} turns", scheduled.step, scheduled.turns)?;
        }
        Ok(())
    }
}
