//! `trialgate audit list`

use std::fmt;

use clap::{Args, Subcommand};
use serde::Serialize;
use trial_core::audit::{AuditEntry, AuditQuery};
use trial_core::values::AuditId;

use super::{record_reveal, record_search, with_database};
use crate::arguments::whole;
use crate::global::Global;
use crate::output::{Output, time};

/// `trialgate audit …`
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// List changes, newest first
    List(List),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only changes of this actor: an operator, cli:USER, applicant, or trialgate for scheduled tasks
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only this action, such as setting.set
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only changes of this subject: a phone, an id, a name
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// Start after this entry: the last one of the previous page
    #[arg(long, value_name = "ID")]
    before: Option<AuditId>,
    /// Number of entries to list, at most 1000
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = whole(1..=1000))]
    limit: u32,
    /// Show phones and e-mail addresses in full; the audit records this
    #[arg(long)]
    reveal: bool,
    #[command(flatten)]
    output: Output,
}

/// A page of the audit.
#[derive(Debug, Serialize)]
struct AuditList {
    entries: Vec<Entry>,
    /// Value of `--before` for the next page, if there may be one.
    next_before: Option<String>,
}

#[derive(Debug, Serialize)]
struct Entry {
    id: String,
    at: String,
    actor: String,
    action: String,
    subject: String,
    detail: String,
}

impl Audit {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let Self::List(List { actor, action, subject, before, limit, reveal, output }) = self;
        let query = AuditQuery { actor, action, subject, since: None, until: None, before, limit };
        let found = with_database(global, async |config, ledger| {
            record_search(config, ledger, "audit", &query).await?;
            if reveal {
                record_reveal(ledger, "audit.reveal", "audit").await?;
            }
            Ok(ledger.audit().audit(query).await?)
        })?;
        let is_full = u32::try_from(found.len()).is_ok_and(|length| length == limit);
        let last = found.last().map(|entry| entry.id.to_string());
        let entries = found.into_iter().map(|entry| Entry::of(entry, reveal)).collect();
        output.show(&AuditList { entries, next_before: last.filter(|_| is_full) })
    }
}

impl Entry {
    fn of(entry: AuditEntry, reveal: bool) -> Self {
        let shown = (!reveal).then(|| entry.masked_subject());
        let AuditEntry { id, at, actor, action, subject, detail } = entry;
        Self { id: id.to_string(), at: time(at), actor, action, subject: shown.unwrap_or(subject), detail }
    }
}

impl fmt::Display for AuditList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entries.is_empty() {
            return f.write_str("no entries");
        }
        for Entry { at, actor, action, subject, detail, .. } in &self.entries {
            writeln!(f, "{at} {actor}: {action} {subject}")?;
            if !detail.is_empty() {
                writeln!(f, "  {detail}")?;
            }
        }
        match &self.next_before {
            Some(id) => write!(f, "more: --before {id}"),
            None => Ok(()),
        }
    }
}
