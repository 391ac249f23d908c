use std::collections::HashSet;

use super::{Model, Operation};

/// What is known of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This order of its operations explains every answer. Those are left out that were never done.
    Linearizable(Vec<usize>),
    /// No order does.
    Refused {
        /// An order that explains as many operations as any.
        furthest: Vec<usize>,
    },
    /// The bound was reached.
    Undecided,
}

/// A point of the search: what was done, and what may be tried next.
struct Point<S> {
    state: S,
    candidates: Vec<usize>,
}

/// Looks for an order that explains the history, at most `bound` steps long.
pub fn check<M: Model>(model: &M, history: &[Operation<M::Question, M::Answer>], bound: usize) -> Verdict {
    let mut order: Vec<usize> = Vec::new();
    let mut furthest = Vec::new();
    let mut tried = HashSet::new();
    let start = model.start();
    let mut points = vec![Point { candidates: candidates(history, &order), state: start }];
    for _ in 0..bound {
        if history.iter().enumerate().all(|(place, one)| one.answered.is_none() || order.contains(&place)) {
            return Verdict::Linearizable(order);
        }
        let Some(point) = points.last_mut() else { return Verdict::Refused { furthest } };
        let Some(next) = point.candidates.pop() else {
            points.pop();
            order.pop();
            continue;
        };
        let operation = &history[next];
        let (answer, state) = model.answer(&point.state, next, &operation.question);
        if operation.answered.as_ref().is_some_and(|(_, seen)| *seen != answer) {
            continue;
        }
        order.push(next);
        if !tried.insert((done(&order), model.digest(&state))) {
            order.pop();
            continue;
        }
        if order.len() > furthest.len() {
            furthest.clone_from(&order);
        }
        points.push(Point { candidates: candidates(history, &order), state });
    }
    Verdict::Undecided
}

fn done(order: &[usize]) -> Vec<usize> {
    let mut done = order.to_vec();
    done.sort_unstable();
    done
}

/// What may be next: whatever was begun before the first answer to what is left. The one answered first is tried first, and
/// what may never have been done last.
fn candidates<Q, A>(history: &[Operation<Q, A>], order: &[usize]) -> Vec<usize> {
    let left: Vec<usize> = (0..history.len()).filter(|place| !order.contains(place)).collect();
    let answered = |place: usize| history[place].answered.as_ref().map_or(u64::MAX, |(at, _)| *at);
    let first = left.iter().map(|place| answered(*place)).min().unwrap_or(u64::MAX);
    let mut may: Vec<usize> = left.into_iter().filter(|place| history[*place].begun <= first).collect();
    may.sort_by_key(|place| std::cmp::Reverse((answered(*place), history[*place].begun)));
    may
}
