//! Personal data in captured messages: erased from the sandbox inbox together with the database's rows.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::ports::Privacy;
use trial_core::privacy::{Compaction, Expired, Expiring, ExpiryPage, Forgotten, PersonData};
use trial_core::values::Person;
use trial_sandbox::{Inbox, Recipient};

use crate::config::Config;
use crate::ledger::Ledger;

/// Name of captured messages beside the database's tables.
const CAPTURED: &str = "captured_messages";
/// Columns that hold recipients of messages.
const RECIPIENTS: [&str; 4] = ["phone", "email", "email_key", "recipient"];

/// The data of persons in the database and in the inbox.
pub(crate) fn privacy(config: &Config, ledger: &Ledger) -> Arc<dyn Privacy> {
    Arc::new(CapturedPrivacy { database: ledger.privacy(), inbox: config.inbox() })
}

struct CapturedPrivacy {
    database: Arc<dyn Privacy>,
    inbox: PathBuf,
}

impl CapturedPrivacy {
    async fn erase(
        &self,
        is_erased: impl Fn(&Recipient, DateTime<Utc>) -> bool + Send + 'static,
        dry_run: bool,
    ) -> Result<usize, LedgerError> {
        let inbox = self.inbox.clone();
        let erased = tokio::task::spawn_blocking(move || Inbox::erase(&inbox, is_erased, dry_run)).await;
        let unavailable = |error: Box<dyn std::error::Error + Send + Sync>| LedgerError::Unavailable(error);
        erased.map_err(|error| unavailable(error.into()))?.map_err(|error| unavailable(error.into()))
    }
}

/// Recipients of the person's messages: rows link addresses to phones and phones to addresses.
fn recipients(person: &Person, held: &PersonData) -> BTreeSet<Recipient> {
    let rows = held.0.values().flatten().filter_map(Value::as_object);
    let columns = rows.flat_map(|row| RECIPIENTS.iter().filter_map(|name| row.get(*name)?.as_str()));
    columns.chain([person.as_str()]).map(Recipient::new).collect()
}

#[async_trait]
impl Privacy for CapturedPrivacy {
    async fn expire(&self, page: ExpiryPage, dry_run: bool) -> Result<Expired, LedgerError> {
        let mut expired = self.database.expire(page, dry_run).await?;
        // Once per run, with the page of code requests that the messages belong to.
        if page.what == Expiring::CodeRequests && page.after == [0; 16] {
            let messages = self.erase(move |_, at| at < page.since, dry_run).await?;
            expired.removed += u64::try_from(messages).unwrap_or(u64::MAX);
        }
        Ok(expired)
    }

    async fn expire_portal(&self, now: DateTime<Utc>) -> Result<u64, LedgerError> {
        self.database.expire_portal(now).await
    }

    async fn expire_prefixes(&self, now: DateTime<Utc>) -> Result<u64, LedgerError> {
        self.database.expire_prefixes(now).await
    }

    async fn purge(&self) -> Result<bool, LedgerError> {
        self.database.purge().await
    }

    async fn compact(&self, limit: u64) -> Result<Compaction, LedgerError> {
        self.database.compact(limit).await
    }

    async fn held_on(&self, person: Person) -> Result<PersonData, LedgerError> {
        self.database.held_on(person).await
    }

    async fn forget(
        &self,
        person: Person,
        pseudonym: String,
        dry_run: bool,
        by: ChangedBy,
    ) -> Result<Forgotten, LedgerError> {
        let held = self.database.held_on(person.clone()).await?;
        let recipients = recipients(&person, &held);
        let judged = self.database.forget(person.clone(), pseudonym.clone(), true, by.clone()).await?;
        if matches!(judged, Forgotten::Refused(_)) {
            return Ok(judged);
        }
        // Before the rows are erased: they name the messages to erase.
        let messages = self.erase(move |to, _| recipients.contains(to), dry_run).await?;
        let mut forgotten = if dry_run { judged } else { self.database.forget(person, pseudonym, false, by).await? };
        if let Forgotten::Erased(rows) = &mut forgotten
            && messages > 0
        {
            rows.insert(CAPTURED, messages);
        }
        Ok(forgotten)
    }
}
