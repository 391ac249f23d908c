//! Filters that may hold personal data. A handler gets the filter only after its search is recorded.

use std::time::Duration;

use trial_core::audit::ChangedBy;
use trial_core::clients::ApiClientName;
use trial_core::error::LedgerError;
use trial_core::operators::{Filter, Operator, PersonSearch, SearchOutcome};

use super::{Ops, failed};
use crate::problem::{Kind, Problem};

/// A filter whose search is not recorded yet.
pub(crate) struct Unrecorded<F>(F);

/// The reason why a search or reveal was not recorded.
#[derive(Debug)]
pub(crate) enum NotRecorded {
    /// The operator has reached the hourly limit of searches.
    OverLimit { limit: u32, retry_after: Duration },
    /// The operator has reached the hourly limit of reveals.
    TooManyReveals { limit: u32, retry_after: Duration },
    /// The entry cannot be stored.
    Failed(LedgerError),
}

impl<F: Filter> Unrecorded<F> {
    pub(crate) fn new(filter: F) -> Self {
        Self(filter)
    }

    /// Records the search of `place` if it is by personal data, and returns the filter.
    ///
    /// # Errors
    /// The operator has reached the limit, or the entry cannot be stored; the search must not run then.
    pub(crate) async fn record(self, ops: &Ops, operator: &Operator, place: &'static str) -> Result<F, NotRecorded> {
        let Some(personal) = self.0.personal() else { return Ok(self.0) };
        let by = ops.access.changed_by(operator);
        let search = PersonSearch::new(by, place, &personal, Some(operator.role), &ops.parts.keyring);
        match ops.parts.audit.record_search(search).await.map_err(NotRecorded::Failed)? {
            SearchOutcome::Recorded => Ok(self.0),
            SearchOutcome::OverLimit { limit, retry_after } => {
                let name = operator.name.as_str();
                tracing::warn!(operator = name, limit, "an operator reached the limit of searches by personal data");
                Err(NotRecorded::OverLimit { limit, retry_after })
            }
        }
    }
}

impl<F: Filter> Unrecorded<F> {
    /// Records a search by an API client, which is limited by its number of misses.
    ///
    /// # Errors
    /// `NotRecorded::Failed` if the entry cannot be stored; the search must not run then.
    pub(crate) async fn record_for(
        self,
        ops: &Ops,
        client: &ApiClientName,
        place: &'static str,
    ) -> Result<F, NotRecorded> {
        let Some(personal) = self.0.personal() else { return Ok(self.0) };
        let by = ChangedBy::now(format!("caller:{client}"), &*ops.clock, &*ops.entropy);
        let search = PersonSearch::new(by, place, &personal, None, &ops.parts.keyring);
        ops.parts.audit.record_search(search).await.map_err(NotRecorded::Failed)?;
        Ok(self.0)
    }
}

impl From<NotRecorded> for Problem {
    fn from(reason: NotRecorded) -> Self {
        match reason {
            NotRecorded::OverLimit { limit, retry_after } => {
                let detail = format!(
                    "you have made {limit} searches by phone, e-mail address, company or subject within an hour, which is \
                     as many as your role may make; search by id or request id, or wait"
                );
                Self::new(Kind::RateLimited).detail(detail).retry_after(retry_after)
            }
            NotRecorded::TooManyReveals { limit, retry_after } => {
                let detail = format!(
                    "you have had phones and addresses shown in full {limit} times within an hour, which is as often as \
                     one operator may; ask without `reveal`, or wait"
                );
                Self::new(Kind::RateLimited).detail(detail).retry_after(retry_after)
            }
            NotRecorded::Failed(error) => failed(error),
        }
    }
}
