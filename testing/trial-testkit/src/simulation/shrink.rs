//! Shrinking of failed runs.

use super::mutation::Mutation;
use super::step::Scheduled;
use super::{Failure, play};

/// Runs per shrinking, at most.
const BOUND: usize = 400;

/// The steps without which the run no longer fails, as far as found within the bound: parts are left out, half of the
/// steps first, then ever fewer.
pub(super) fn shrink(
    seed: u64,
    mutation: Option<Mutation>,
    failed: &[Scheduled],
    first: &Failure,
) -> (Vec<Scheduled>, Failure) {
    let mut history = failed[..failed.len().min(first.step + 1)].to_vec();
    let mut failure = first.clone();
    if let Err(earlier) = play(seed, mutation, &history) {
        failure = earlier;
    } else {
        // The steps after the failure are not needed.
        history = failed.to_vec();
    }
    let mut runs = 0;
    let mut size = history.len().div_ceil(2);
    while size > 0 && runs < BOUND {
        let before = history.len();
        let mut from = 0;
        while from < history.len() && runs < BOUND {
            let until = (from + size).min(history.len());
            let rest: Vec<Scheduled> = [&history[..from], &history[until..]].concat();
            runs += 1;
            match play(seed, mutation, &rest) {
                Err(smaller) if smaller.broken == failure.broken => {
                    history = rest;
                    failure = smaller;
                }
                _ => from = until,
            }
        }
        // Parts that were needed before may now be superfluous.
        size = if size == 1 && history.len() < before { 1 } else { size / 2 };
    }
    (history, failure)
}
