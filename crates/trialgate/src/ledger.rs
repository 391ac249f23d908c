//! The configured ledger: the part of the composition that names databases.

use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::task::JoinHandle;
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::ports::{
    ApiClients, AuditTrail, Clock, EventOperations, EventOutbox, NumberRanges, Operations, Operators, Outbox, Portal,
    Privacy, Receipts, Screen, SettingsStore, TrialLedger, Upkeep,
};
use trial_engine::{CountedReceipts, SharedClock, TimeParts, TimeServer};
use trial_storage::{PostgresLedger, PostgresOptions, SqliteLedger, SqliteOptions};

use crate::ambient::{OsEntropy, SystemClock};
use crate::config::{Config, DEFAULT_FILE, Database, ServiceUrl, Settings};

/// A ledger on one of the databases.
#[derive(Clone)]
pub(crate) enum Ledger {
    Sqlite(SqliteLedger),
    Postgres(PostgresLedger, SharedClock),
}

/// The clock of a database server.
struct ServerTime(PostgresLedger);

#[async_trait]
impl TimeServer for ServerTime {
    async fn time(&self) -> Result<DateTime<Utc>, LedgerError> {
        self.0.server_time().await
    }
}

/// The sentence for operators, if the database is the default one for want of a configuration.
pub(crate) fn no_file(config: &Config) -> Option<String> {
    let is_default = config.file.is_none() && config.settings.storage == Settings::default().storage;
    is_default.then(|| {
        format!("there is no {DEFAULT_FILE} in this directory, so defaults are used; name a configuration with `--config FILE`")
    })
}

/// Adds the sentence of [`no_file`] to an error.
///
/// # Errors
/// That of `outcome`.
pub(crate) fn or_no_file<T>(config: &Config, outcome: anyhow::Result<T>) -> anyhow::Result<T> {
    match no_file(config) {
        Some(notice) => outcome.context(notice),
        None => outcome,
    }
}

/// A database of a server whose migrations have all run, with the server's clock.
async fn postgres(url: &ServiceUrl) -> anyhow::Result<(PostgresLedger, SharedClock)> {
    let ledger = PostgresLedger::open(PostgresOptions::new(url.reveal())).await?;
    let clock = SharedClock::of(&ServerTime(ledger.clone()), Arc::new(SystemClock)).await?;
    Ok((ledger, clock))
}

impl Ledger {
    /// Opens a database whose migrations have all run.
    ///
    /// # Errors
    /// The database cannot be used; the message says what to do.
    pub(crate) async fn open(database: &Database) -> anyhow::Result<Self> {
        Ok(match database {
            Database::Sqlite(file) => Self::Sqlite(SqliteLedger::open(SqliteOptions::new(file)).await?),
            Database::Postgres { url, .. } => {
                let (ledger, clock) = postgres(url).await?;
                Self::Postgres(ledger, clock)
            }
        })
    }

    /// Opens the configured database; the error mentions a missing configuration.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub(crate) async fn of(config: &Config) -> anyhow::Result<Self> {
        or_no_file(config, Self::open(&config.database).await)
    }

    /// Checks the settings of the database and the files that they name, without opening it.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub(crate) fn check(database: &Database) -> anyhow::Result<()> {
        match database {
            Database::Sqlite(_) => Ok(()),
            Database::Postgres { url, .. } => Ok(PostgresOptions::new(url.reveal()).check()?),
        }
    }

    /// Runs pending migrations; returns their names.
    ///
    /// # Errors
    /// The database cannot be used; the message says what to do.
    pub(crate) async fn migrate(database: &Database) -> anyhow::Result<Vec<String>> {
        Ok(match database {
            Database::Sqlite(file) => SqliteLedger::migrate(&SqliteOptions::new(file)).await?,
            Database::Postgres { url, .. } => PostgresLedger::migrate(&PostgresOptions::new(url.reveal())).await?,
        })
    }

    /// Puts a refused database back into use; returns the reason of the refusal.
    ///
    /// # Errors
    /// As for [`Self::open`], which a refused file does not pass.
    pub(crate) async fn confirm(database: &Database, actor: String) -> anyhow::Result<Option<String>> {
        match database {
            Database::Sqlite(file) => {
                let by = ChangedBy::now(actor, &SystemClock, &OsEntropy);
                let place = SqliteLedger::confirm(&SqliteOptions::new(file), by).await?;
                Ok(place.map(|place| format!("it was transferred to {place}")))
            }
            Database::Postgres { url, .. } => {
                let (ledger, clock) = postgres(url).await?;
                let reason = ledger.confirm(ChangedBy::now(actor, &clock, &OsEntropy)).await;
                ledger.close();
                Ok(reason?)
            }
        }
    }

    /// The clock of decisions: the database server's, if there is one.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        match self {
            Self::Sqlite(_) => Arc::new(SystemClock),
            Self::Postgres(_, clock) => Arc::new(clock.clone()),
        }
    }

    /// This actor, and the time of a change by [`Self::clock`], for the audit.
    pub(crate) fn changed_by(&self, actor: String) -> ChangedBy {
        ChangedBy::now(actor, &*self.clock(), &OsEntropy)
    }

    /// Reader of the database server's clock, if there is one.
    pub(crate) fn time(&self) -> Option<TimeParts> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(ledger, clock) => {
                Some(TimeParts { clock: clock.clone(), server: Arc::new(ServerTime(ledger.clone())) })
            }
        }
    }

    /// Decisions on requests.
    pub(crate) fn decisions(&self) -> Arc<dyn TrialLedger> {
        match self {
            Self::Sqlite(ledger) => Arc::new(ledger.clone()),
            Self::Postgres(ledger, _) => Arc::new(ledger.clone()),
        }
    }

    /// Pre-screening, if several instances share the database.
    pub(crate) fn screen(&self) -> Option<Arc<dyn Screen>> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(ledger, _) => Some(Arc::new(ledger.clone())),
        }
    }

    /// Scheduled tasks.
    pub(crate) fn upkeep(&self) -> Arc<dyn Upkeep> {
        match self {
            Self::Sqlite(ledger) => Arc::new(ledger.clone()),
            Self::Postgres(ledger, _) => Arc::new(ledger.clone()),
        }
    }

    /// Outbox of mails.
    pub(crate) fn outbox(&self) -> Arc<dyn Outbox> {
        match self {
            Self::Sqlite(ledger) => Arc::new(ledger.clone()),
            Self::Postgres(ledger, _) => Arc::new(ledger.clone()),
        }
    }

    /// Outbox of platform events.
    pub(crate) fn event_outbox(&self) -> Arc<dyn EventOutbox> {
        match self {
            Self::Sqlite(ledger) => Arc::new(ledger.clone()),
            Self::Postgres(ledger, _) => Arc::new(ledger.clone()),
        }
    }

    /// Operators' queries and commands on events.
    pub(crate) fn event_operations(&self) -> Arc<dyn EventOperations> {
        match self {
            Self::Sqlite(ledger) => Arc::new(ledger.clone()),
            Self::Postgres(ledger, _) => Arc::new(ledger.clone()),
        }
    }

    /// Retention, export and erasure of personal data.
    pub(crate) fn privacy(&self) -> Arc<dyn Privacy> {
        match self {
            Self::Sqlite(ledger) => Arc::new(ledger.clone()),
            Self::Postgres(ledger, _) => Arc::new(ledger.clone()),
        }
    }

    /// Delivery receipts of SMS.
    pub(crate) fn receipts(&self) -> Arc<dyn Receipts> {
        let kept: Arc<dyn Receipts> = match self {
            Self::Sqlite(ledger) => Arc::new(ledger.clone()),
            Self::Postgres(ledger, _) => Arc::new(ledger.clone()),
        };
        Arc::new(CountedReceipts::new(kept))
    }

    /// Operators' queries and commands.
    pub(crate) fn operations(&self) -> Arc<dyn Operations> {
        match self {
            Self::Sqlite(ledger) => Arc::new(ledger.clone()),
            Self::Postgres(ledger, _) => Arc::new(ledger.clone()),
        }
    }

    /// Operators of the service.
    pub(crate) fn operators(&self) -> Arc<dyn Operators> {
        match self {
            Self::Sqlite(ledger) => Arc::new(ledger.clone()),
            Self::Postgres(ledger, _) => Arc::new(ledger.clone()),
        }
    }

    /// API clients.
    pub(crate) fn callers(&self) -> Arc<dyn ApiClients> {
        match self {
            Self::Sqlite(ledger) => Arc::new(ledger.clone()),
            Self::Postgres(ledger, _) => Arc::new(ledger.clone()),
        }
    }

    /// Accounts of the owners' portal.
    pub(crate) fn portal(&self) -> Arc<dyn Portal> {
        match self {
            Self::Sqlite(ledger) => Arc::new(ledger.clone()),
            Self::Postgres(ledger, _) => Arc::new(ledger.clone()),
        }
    }

    /// Number ranges of the fraud guard.
    pub(crate) fn prefixes(&self) -> Arc<dyn NumberRanges> {
        match self {
            Self::Sqlite(ledger) => Arc::new(ledger.clone()),
            Self::Postgres(ledger, _) => Arc::new(ledger.clone()),
        }
    }

    /// Runtime settings.
    pub(crate) fn settings(&self) -> Arc<dyn SettingsStore> {
        match self {
            Self::Sqlite(ledger) => Arc::new(ledger.clone()),
            Self::Postgres(ledger, _) => Arc::new(ledger.clone()),
        }
    }

    /// The audit.
    pub(crate) fn audit(&self) -> Arc<dyn AuditTrail> {
        match self {
            Self::Sqlite(ledger) => Arc::new(ledger.clone()),
            Self::Postgres(ledger, _) => Arc::new(ledger.clone()),
        }
    }

    /// Concerns about the database server's settings; `true` marks grave ones.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub(crate) async fn concerns(&self) -> Result<Vec<(bool, String)>, LedgerError> {
        match self {
            Self::Sqlite(_) => Ok(Vec::new()),
            Self::Postgres(ledger, _) => ledger.concerns().await,
        }
    }

    /// The task that watches the database's servers, if there is one; at the first call.
    pub(crate) fn watching(&self) -> Option<JoinHandle<()>> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(ledger, _) => ledger.watching(),
        }
    }

    /// Finishes pending work and closes every connection.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(ledger) => ledger.close().await,
            Self::Postgres(ledger, _) => ledger.close(),
        }
    }
}
