//! Personal data: its retention, the data of one person, and its erasure.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::audit::{AuditRecord, ChangedBy};
use crate::values::{TenantId, named};

/// The retention of expired data; longer than any look-back ([`crate::policy::REPLAY_WINDOW`], daily limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Applications, requests for codes, settled events of the platform, and agreements to the terms. An accepted
    /// application, the code that it consumed and the agreements of its phone are kept for as long as its tenant is in
    /// use.
    pub applications: Duration,
    /// Codes that no application consumed, and phones without other data.
    pub challenges: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { applications: Duration::from_hours(180 * 24), challenges: Duration::from_hours(30 * 24) }
    }
}

/// The shortest retention.
pub const MIN_RETENTION: Duration = Duration::from_hours(48);

/// The kinds of rows that are removed after their retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Expiring {
    /// Applications; with an accepted one, the code that it consumed.
    Applications,
    /// Requests for a code.
    CodeRequests,
    /// Codes; with one that is a phone's current, that phone, unless wrong attempts are counted against it.
    Challenges,
    /// Events that were published or given up.
    Events,
    /// Agreements to the terms, in the audit. They are kept as long as their phone has a tenant in use.
    Agreements,
}

named!(Expiring, "kind of data", {
    Applications => "applications", CodeRequests => "code_requests", Challenges => "challenges", Events => "events",
    Agreements => "agreements",
});

impl Retention {
    /// The instant from which such rows are kept.
    pub fn since(&self, what: Expiring, now: DateTime<Utc>) -> DateTime<Utc> {
        match what {
            Expiring::Challenges => now - self.challenges,
            Expiring::Applications | Expiring::CodeRequests | Expiring::Events | Expiring::Agreements => {
                now - self.applications
            }
        }
    }
}

/// A page of rows to look through, in the order of their ids, which begin with the time of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpiryPage {
    /// The kind of rows.
    pub what: Expiring,
    /// Rows from this instant on are kept.
    pub since: DateTime<Utc>,
    /// Only rows behind this one.
    pub after: [u8; 16],
    /// Rows, at most.
    pub limit: u32,
}

/// The result of one page of removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expired {
    /// Rows that were removed, or would be.
    pub removed: u64,
    /// The last row of the page; `None` if no row after it is old enough.
    pub last: Option<[u8; 16]>,
}

/// Outcome of a compaction of the database's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compaction {
    /// Nothing was erased since the file was last rewritten.
    Clean,
    /// The file was rewritten: it holds the current rows and nothing else.
    Done,
    /// The file is larger than the limit and was left as it is.
    TooLarge {
        /// Its size.
        bytes: u64,
    },
}

/// All data stored about one person: the rows of each table, as JSON.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PersonData(pub BTreeMap<&'static str, Vec<serde_json::Value>>);

impl PersonData {
    /// The audit entry of an export, under the pseudonym of the person.
    pub fn exported(&self, by: ChangedBy, pseudonym: String) -> AuditRecord {
        let rows: Vec<String> = self.counts().into_iter().map(|(table, rows)| format!("{rows} of {table}")).collect();
        let detail = if rows.is_empty() { "no data is stored".to_owned() } else { rows.join(", ") };
        by.entry("person.export", pseudonym, detail)
    }

    /// The number of rows of each table that has any.
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        self.0.iter().filter(|(_, rows)| !rows.is_empty()).map(|(table, rows)| (*table, rows.len())).collect()
    }
}

/// The outcome of an erasure.
#[derive(Debug, Clone, PartialEq)]
pub enum Forgotten {
    /// These rows were erased, or would be.
    Erased(BTreeMap<&'static str, usize>),
    /// Nothing was erased: the person has these tenants in use, which have to be closed first.
    Refused(Vec<TenantId>),
}

/// The replacement of an erased phone, address or company.
pub const ERASED: &str = "erased";
/// The replacement of an erased address; the domain does not exist (RFC 2606).
pub const ERASED_EMAIL: &str = "erased@erased.invalid";
