//! The port of personal data: retention, export and erasure.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::ChangedBy;
use crate::error::LedgerError;
use crate::privacy::{Compaction, Expired, ExpiryPage, Forgotten, PersonData};
use crate::values::Person;

/// Removes expired data, and returns and erases what is stored about one person.
///
/// # Errors
/// All methods: [`LedgerError::Unavailable`] if the database cannot be reached, [`LedgerError::Contended`] if it stays
/// busy.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Privacy: Send + Sync {
    /// Looks through one page of old rows and removes those that nothing needs any more; with `dry_run`, only counts
    /// them. Safe to run concurrently.
    async fn expire(&self, page: ExpiryPage, dry_run: bool) -> Result<Expired, LedgerError>;

    /// Removes expired portal sessions, and sign-in attempts of hours before this one; returns the number of rows.
    async fn expire_portal(&self, now: DateTime<Utc>) -> Result<u64, LedgerError>;

    /// Removes counts of number ranges, and expired blocks, that are too old to matter; returns the number of rows.
    async fn expire_prefixes(&self, now: DateTime<Utc>) -> Result<u64, LedgerError>;

    /// Removes what was erased and expired from the database's files too, where deleting a row leaves its bytes behind;
    /// `false` if a reader prevents it for now. A server's database reclaims them by itself.
    async fn purge(&self) -> Result<bool, LedgerError> {
        Ok(true)
    }

    /// Rewrites the database's file if rows were erased since it was last rewritten: a database that moves rows between
    /// pages leaves copies of them in unused parts of pages, where no later erasure of the row reaches them. Nothing
    /// can be stored meanwhile, so a file of more than `limit` bytes is left as it is. Has to be followed by
    /// [`Privacy::purge`]. A server's database has no such file.
    ///
    /// # Errors
    /// [`LedgerError::Contended`] if another program writes all the time, [`LedgerError::Unavailable`] if the file
    /// cannot be written.
    async fn compact(&self, limit: u64) -> Result<Compaction, LedgerError> {
        let _ = limit;
        Ok(Compaction::Clean)
    }

    /// Returns everything that is stored about a person.
    async fn held_on(&self, person: Person) -> Result<PersonData, LedgerError>;

    /// Erases everything that is stored about a person, unless they have a tenant in use. Their audit entries are kept
    /// under the pseudonym, with an entry of the erasure. With `dry_run`, only returns what would be erased.
    async fn forget(
        &self,
        person: Person,
        pseudonym: String,
        dry_run: bool,
        by: ChangedBy,
    ) -> Result<Forgotten, LedgerError>;
}
