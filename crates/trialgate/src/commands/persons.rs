//! `trialgate export` and `trialgate forget`: shows or erases the data of one person.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use serde::Serialize;
use trial_core::ports::Privacy;
use trial_core::privacy::{Compaction, Forgotten};
use trial_core::values::{Email, MailHosts, Person, TenantId};
use trial_engine::{COMPACT_LIMIT, purge};

use super::{phone, record_search, with_database};
use crate::captured;
use crate::config::Config;
use crate::global::Global;
use crate::output::{Output, complain, say};
use crate::process;

/// Said when rows are deleted but their bytes are still in the database's files.
pub(super) const NOT_PURGED: &str = "done, but bytes of erased rows are still in the database's log (the file that ends in -wal), \
    because another program reads the database; run the same command again when it has finished";

/// Bytes of erased rows left in the database's files.
pub(super) enum Remains {
    Nothing,
    /// In the write-ahead log, which another program reads.
    InLog,
    /// In a file too large to be rewritten while the service runs.
    InFile {
        mib: u64,
    },
}

impl Remains {
    /// Removes the bytes of erased rows from the database's files.
    ///
    /// # Errors
    /// The database cannot be used.
    pub(super) async fn removed(privacy: &dyn Privacy) -> anyhow::Result<Self> {
        let unfinished = "done, but the database file could not be rewritten, and copies of erased rows may be \
            left in it; run `trialgate compact`";
        let compaction = privacy.compact(COMPACT_LIMIT).await.context(unfinished)?;
        let is_purged = purge(privacy).await?;
        Ok(match compaction {
            _ if !is_purged => Self::InLog,
            Compaction::TooLarge { bytes } => Self::InFile { mib: bytes >> 20 },
            Compaction::Clean | Compaction::Done => Self::Nothing,
        })
    }

    /// # Errors
    /// The command has to be run again.
    pub(super) fn report(self) -> anyhow::Result<()> {
        match self {
            Self::Nothing => {}
            Self::InLog => bail!(NOT_PURGED),
            Self::InFile { mib } => complain(&format!(
                "copies of erased rows may be left in unused parts of the database file ({mib} MiB); run \
                 `trialgate compact` at a quiet time"
            )),
        }
        Ok(())
    }
}

/// Key of the person.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Whose {
    /// The person with this phone, in any usual spelling
    #[arg(long)]
    phone: Option<String>,
    /// The person with this e-mail address
    #[arg(long)]
    email: Option<String>,
}

/// `trialgate export`
#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    whose: Whose,
}

/// `trialgate forget`
#[derive(Debug, Args)]
pub(crate) struct Forget {
    #[command(flatten)]
    whose: Whose,
    /// Erase the data; without this option, only show what would be erased
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    output: Output,
}

impl Whose {
    fn person(&self, config: &Config) -> anyhow::Result<Person> {
        if let Some(text) = &self.phone {
            return Ok(Person::Phone(phone(text, config)?));
        }
        let text = self.email.as_deref().unwrap_or_default();
        let email = Email::parse_at(MailHosts::Any, text).map_err(|error| anyhow!("the e-mail address {error}"))?;
        Ok(Person::Email(email.key().clone()))
    }
}

impl Export {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let data = with_database(global, async |config, ledger| {
            let person = self.whose.person(config)?;
            let pseudonym = config.keyring()?.pseudonym(&person);
            let data = ledger.privacy().held_on(person).await?;
            // Access is recorded before anything is shown.
            let by = ledger.changed_by(process::operator());
            ledger.audit().append_entry(data.exported(by, pseudonym)).await?;
            Ok(data)
        })?;
        say(&serde_json::to_string_pretty(&data.0)?)
    }
}

impl Forget {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let Self { whose, yes, output } = self;
        let (forgotten, remains) = with_database(global, async |config, ledger| {
            let person = whose.person(config)?;
            let pseudonym = config.keyring()?.pseudonym(&person);
            record_search(config, ledger, "forget", &person).await?;
            let privacy = captured::privacy(config, ledger);
            let by = ledger.changed_by(process::operator());
            let forgotten = privacy.forget(person, pseudonym, !yes, by).await?;
            let is_erased = yes && matches!(forgotten, Forgotten::Erased(_));
            let remains = if is_erased { Remains::removed(&*privacy).await? } else { Remains::Nothing };
            Ok((forgotten, remains))
        })?;
        match forgotten {
            Forgotten::Erased(rows) => output.show(&Report { done: yes, rows })?,
            Forgotten::Refused(tenants) => bail!(refusal(&tenants)),
        }
        remains.report()
    }
}

fn refusal(tenants: &[TenantId]) -> String {
    let ids: Vec<_> = tenants.iter().map(ToString::to_string).collect();
    format!("this person has a tenant in use; close it first: {}", ids.join(", "))
}

/// Rows that were erased, or would be.
#[derive(Debug, Serialize)]
struct Report {
    done: bool,
    /// Rows, by table.
    rows: BTreeMap<&'static str, usize>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows.is_empty() {
            return f.write_str("no data of this person");
        }
        let rows: Vec<_> = self.rows.iter().map(|(table, rows)| format!("{table} {rows}")).collect();
        let rows = rows.join(", ");
        if self.done { write!(f, "erased: {rows}") } else { write!(f, "would be erased: {rows}; add --yes to erase") }
    }
}
