//! Finds the requests that the ledger cannot store, so that the others are decided: a batch refused as corrupt is
//! committed once more, and then in halves. The way a batch is split changes no outcome.

use trial_core::error::LedgerError;
use trial_core::planner::Request;

use crate::commit::batch_queue::Gathered;
use crate::commit::group_committer::{Decider, count, source_of};
use crate::commit::request_queue::NotDecided;

/// Commits per batch at most. One poisonous request among 256 takes 17 of them, four at most 55. If nothing can be
/// stored at all, trying every request alone would only hold up all others.
const MAX_COMMITS: usize = 64;

/// Plans and commits again a batch that was `refused` as corrupt, in ever smaller parts if necessary. Requests whose
/// senders have given up by then are left out.
pub(crate) async fn commit_again(decider: &Decider, whole: Gathered, refused: &LedgerError) {
    count(refused);
    let mut parts = vec![whole];
    for attempt in 0..MAX_COMMITS {
        let Some(part) = next_wanted(&mut parts) else { return };
        match decider.commit(&part).await {
            Err(error @ LedgerError::Corrupt(_)) if part.len() == 1 => give_up(part, &error),
            Err(error @ LedgerError::Corrupt(_)) => {
                count(&error);
                // From left to right, as the whole would have been decided.
                let (left, right) = part.halves();
                parts.extend([right, left]);
            }
            ended => {
                if attempt == 0 && ended.is_ok() {
                    note_success(refused);
                }
                decider.conclude(part, ended);
            }
        }
    }
    leave(parts);
}

fn next_wanted(parts: &mut Vec<Gathered>) -> Option<Gathered> {
    std::iter::from_fn(|| parts.pop()).map(Gathered::wanted).find(|part| !part.is_empty())
}

/// The cause has passed: the facts had changed between two instances, or a row was repaired.
fn note_success(refused: &LedgerError) {
    metrics::counter!("trialgate_batches_replanned_total").increment(1);
    tracing::warn!(kind = refused.kind(), source = source_of(refused), "a batch was committed at the second attempt");
}

fn give_up(poisonous: Gathered, error: &LedgerError) {
    count(error);
    metrics::counter!("trialgate_poisonous_requests_total").increment(1);
    let (kind, source) = (error.kind(), source_of(error));
    for (_, request) in &poisonous.batch.requests {
        tracing::error!(kind, source, request_id = exchange(request), "a request cannot be stored");
    }
    poisonous.refuse(NotDecided::Fault);
}

/// The id by which operators find a request.
fn exchange(request: &Request) -> String {
    match request {
        Request::SendCode(asked) => asked.request_id.to_string(),
        Request::SendReport(report) => report.code_request.to_string(),
        Request::Apply(application) => application.request_id.to_string(),
        Request::Tenant(order) => order.tenant.to_string(),
    }
}

fn leave(parts: Vec<Gathered>) {
    let requests: usize = parts.iter().map(Gathered::len).sum();
    if requests > 0 {
        tracing::error!(requests, "too much of a batch cannot be stored; the rest of it was not tried");
    }
    for part in parts {
        part.refuse(NotDecided::Fault);
    }
}
