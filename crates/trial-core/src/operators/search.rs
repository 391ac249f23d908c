//! Searches by personal data: each is counted, and recorded before it runs. An answer to "is it this phone?" reveals a
//! masked phone as showing it would.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::applications::ApplicationQuery;
use crate::audit::{AuditEntry, AuditQuery, AuditRecord, ChangedBy};
use crate::operators::Role;
use crate::values::{Keyring, Person, Phone};

/// The action of a search in the audit.
pub const PERSON_SEARCHED: &str = "person.search";
/// The window that searches are counted in. It slides: a search counts for an hour.
const WINDOW: TimeDelta = TimeDelta::hours(1);
/// Searches without a result that one API client may make within an hour, at each instance: it must not guess.
pub const CLIENT_MISSES_PER_HOUR: u32 = 600;

/// Personal data that a read is filtered by.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonalFilter {
    kind: &'static str,
    text: String,
}

/// The filter of a query, which may contain personal data.
pub trait Filter {
    /// The personal data in it, if there is any.
    fn personal(&self) -> Option<PersonalFilter>;
}

/// A search by personal data that is about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonSearch {
    entry: AuditRecord,
    limit: Option<u32>,
}

/// The decision about a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchOutcome {
    /// It is recorded and may be made.
    Recorded,
    /// The operator has reached the hourly limit of the role; nothing is recorded.
    OverLimit {
        /// Searches per hour.
        limit: u32,
        /// When the next one may be made.
        retry_after: Duration,
    },
}

impl Role {
    /// Searches by personal data that one person of this role may make within an hour.
    pub const fn searches_per_hour(self) -> u32 {
        match self {
            Self::Viewer => 60,
            Self::Operator | Self::Admin => 600,
        }
    }
}

impl PersonalFilter {
    fn new(kind: &'static str, text: &str) -> Self {
        Self { kind, text: text.to_owned() }
    }
}

impl Filter for Phone {
    fn personal(&self) -> Option<PersonalFilter> {
        Some(PersonalFilter::new("phone", self.as_str()))
    }
}

impl Filter for Person {
    fn personal(&self) -> Option<PersonalFilter> {
        let kind = match self {
            Self::Phone(_) => "phone",
            Self::Email(_) => "e-mail address",
        };
        Some(PersonalFilter::new(kind, self.as_str()))
    }
}

impl Filter for ApplicationQuery {
    fn personal(&self) -> Option<PersonalFilter> {
        match self {
            Self::Phone(phone) => phone.personal(),
            Self::Email(email) => Some(PersonalFilter::new("e-mail address", email.as_str())),
            Self::Company(company) => Some(PersonalFilter::new("company", company.as_str())),
            Self::RequestId(_) => None,
        }
    }
}

/// A subject that is shown masked is personal data.
impl Filter for AuditQuery {
    fn personal(&self) -> Option<PersonalFilter> {
        let subject = self.subject.as_ref().filter(|subject| crate::audit::masked(subject) != **subject);
        subject.map(|subject| PersonalFilter::new("subject", subject))
    }
}

impl<T: Filter> Filter for Option<T> {
    fn personal(&self) -> Option<PersonalFilter> {
        self.as_ref().and_then(Filter::personal)
    }
}

impl PersonSearch {
    /// A search of `place` in this actor's name. The audit trail gets the keyed hash of the criterion, as by
    /// [`Keyring::pseudonym`]. Without a `role`, as on the command line, there is no limit.
    pub fn new(
        by: ChangedBy,
        place: &'static str,
        filter: &PersonalFilter,
        role: Option<Role>,
        keyring: &Keyring,
    ) -> Self {
        let detail = format!("{place}, by {}", filter.kind);
        let entry = by.entry(PERSON_SEARCHED, keyring.pseudonym_of(&filter.text), detail);
        Self { entry, limit: role.map(Role::searches_per_hour) }
    }

    /// The entry to store if the search may be made.
    pub fn entry(&self) -> &AuditRecord {
        &self.entry
    }

    /// The searches that are counted, newest first, and the number of them to skip: if there is one more, it decides.
    /// `None` if there is no limit.
    pub fn counted(&self) -> Option<(AuditQuery, u32)> {
        let query = AuditQuery {
            actor: Some(self.entry.actor.clone()),
            action: Some(PERSON_SEARCHED.to_owned()),
            since: Some(self.entry.at - WINDOW + TimeDelta::microseconds(1)),
            limit: 1,
            ..AuditQuery::default()
        };
        self.limit.map(|limit| (query, limit.saturating_sub(1)))
    }

    /// Decides by the search that [`PersonSearch::counted`] leads to: the one that reaches the limit.
    pub fn decide(&self, last_of_limit: Option<&AuditEntry>) -> SearchOutcome {
        let (Some(limit), Some(last)) = (self.limit, last_of_limit) else { return SearchOutcome::Recorded };
        SearchOutcome::OverLimit { limit, retry_after: until_it_counts_no_more(last.at, self.entry.at) }
    }
}

/// At most the window, also if a clock was set back since.
fn until_it_counts_no_more(at: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (at + WINDOW - now).min(WINDOW).to_std().unwrap_or_default()
}

/// Hidden, so that the criterion cannot reach a log by way of `{:?}`.
impl std::fmt::Debug for PersonalFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PersonalFilter({} ***)", self.kind)
    }
}
