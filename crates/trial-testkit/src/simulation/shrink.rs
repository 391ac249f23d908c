use super::mutation::Mutation;
use super::step::Scheduled;
use super::{Failure, play};

/// Runs that making a history smaller may take.
const BOUND: usize = 400;

/// The steps without which the run does not fail any more, as far as that is found within the bound: parts are left out,
/// half of the steps first, then ever fewer.
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
        // It takes what came after: the whole is what is made smaller.
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
        // What could not be left out before, may be now.
        size = if size == 1 && history.len() < before { 1 } else { size / 2 };
    }
    (history, failure)
}
