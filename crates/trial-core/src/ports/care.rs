//! The data of persons.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::operations::ChangedBy;
use crate::{Expired, ExpiryPage, Forgotten, LedgerError, Person, PersonData};

/// Removes what is over, and shows and forgets what is held on one person.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait DataCare: Send + Sync {
    /// Looks through a stretch of old rows and removes those that nothing needs any more; with `dry_run`, only counts them.
    /// Several at once do no harm.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing of the stretch is removed then.
    async fn expire(&self, page: ExpiryPage, dry_run: bool) -> Result<Expired, LedgerError>;

    /// Forgets sessions of the portal whose time is over, and tries to sign in of hours before this one; says how many rows
    /// those were.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is removed then.
    async fn expire_portal(&self, now: DateTime<Utc>) -> Result<u64, LedgerError>;

    /// Forgets counts of number prefixes that are too old to matter, and blocks that were over for as long; says how many
    /// rows those were.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is removed then.
    async fn expire_prefixes(&self, now: DateTime<Utc>) -> Result<u64, LedgerError>;

    /// Removes what was erased and expired from the database's files too, where deleting a row leaves its bytes behind;
    /// `false` if somebody who reads prevents it for now. A server's database reclaims them by itself.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] if the database cannot be reached.
    async fn purge(&self) -> Result<bool, LedgerError> {
        Ok(true)
    }

    /// Shows everything that is held on a person.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn held_on(&self, person: Person) -> Result<PersonData, LedgerError>;

    /// Erases everything that is held on a person, unless he has a tenant in use. What the audit says of him is kept under
    /// the pseudonym; so is that he was forgotten. With `dry_run`, only says what it would come to.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is erased then.
    async fn forget(
        &self,
        person: Person,
        pseudonym: String,
        dry_run: bool,
        by: ChangedBy,
    ) -> Result<Forgotten, LedgerError>;
}
