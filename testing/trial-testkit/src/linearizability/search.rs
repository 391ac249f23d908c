//! The search for an order that explains a history.

use std::collections::HashSet;

use super::{Model, Operation};

/// The verdict on a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This order of its operations explains every answer. Operations that were never done are left out.
    Linearizable(Vec<usize>),
    /// No order does.
    Refused {
        /// An order that explains as many operations as any.
        furthest: Vec<usize>,
    },
    /// The bound was reached.
    Undecided,
}

/// A point of the search: the operations done, and those to be tried next.
struct Point<S> {
    state: S,
    digest: u64,
    candidates: Vec<usize>,
}

/// Looks for an order that explains the history, at most `bound` steps long.
pub fn check<M: Model>(model: &M, history: &[Operation<M::Question, M::Answer>], bound: usize) -> Verdict {
    let mut order: Vec<usize> = Vec::new();
    let mut is_done = vec![false; history.len()];
    let mut furthest = Vec::new();
    let mut tried = HashSet::new();
    let state = model.start();
    let mut points = vec![Point { digest: model.digest(&state), candidates: candidates(history, &is_done), state }];
    for _ in 0..bound {
        if history.iter().zip(&is_done).all(|(one, is_done)| *is_done || one.answered.is_none()) {
            return Verdict::Linearizable(order);
        }
        let Some(point) = points.last_mut() else { return Verdict::Refused { furthest } };
        let Some(next) = point.candidates.pop() else {
            points.pop();
            if let Some(last) = order.pop() {
                is_done[last] = false;
            }
            continue;
        };
        let operation = &history[next];
        let (answer, state) = model.answer(&point.state, next, &operation.question);
        let digest = model.digest(&state);
        let is_explained = match &operation.answered {
            Some((_, seen)) => *seen == answer,
            // An operation that changes nothing may as well never have been done.
            None => digest != point.digest,
        };
        if !is_explained {
            continue;
        }
        is_done[next] = true;
        if !tried.insert((packed(&is_done), digest)) {
            is_done[next] = false;
            continue;
        }
        order.push(next);
        if order.len() > furthest.len() {
            furthest.clone_from(&order);
        }
        points.push(Point { state, digest, candidates: candidates(history, &is_done) });
    }
    Verdict::Undecided
}

/// Eight in a byte: there is one for each tried point.
fn packed(is_done: &[bool]) -> Box<[u8]> {
    is_done.chunks(8).map(|eight| eight.iter().fold(0, |byte, done| byte << 1 | u8::from(*done))).collect()
}

/// The operations that may be next: those that began before the first answer to a remaining one. The one answered first
/// is tried first, and operations that may never have been done last.
fn candidates<Q, A>(history: &[Operation<Q, A>], is_done: &[bool]) -> Vec<usize> {
    let left = || history.iter().enumerate().filter(|(place, _)| !is_done[*place]);
    let answered = |one: &Operation<Q, A>| one.answered.as_ref().map_or(u64::MAX, |(at, _)| *at);
    let first = left().map(|(_, one)| answered(one)).min().unwrap_or(u64::MAX);
    let mut may: Vec<usize> = left().filter(|(_, one)| one.begun <= first).map(|(place, _)| place).collect();
    may.sort_by_key(|place| std::cmp::Reverse((answered(&history[*place]), history[*place].begun)));
    may
}
