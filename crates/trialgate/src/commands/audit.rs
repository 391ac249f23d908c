//! `trialgate audit list`

use std::fmt;

use clap::{Args, Subcommand};
use trial_core::audit::AuditQuery;
use trial_core::values::AuditId;
use trial_engine::operations::Disclosure;
use trial_engine::operations::audit::{self, AuditReport};
use trial_engine::operations::page::Page;

use super::{record_search, with_database};
use crate::arguments::whole;
use crate::global::Global;
use crate::output::{Output, Printed, more, time};

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

impl Audit {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let Self::List(List { actor, action, subject, before, limit, reveal, output }) = self;
        let query = AuditQuery { actor, action, subject, since: None, until: None, before, limit };
        output.show(&Printed(with_database(global, async |config, ledger| {
            record_search(config, ledger, "audit", &query).await?;
            let disclosure =
                if reveal { super::reveal(ledger, "audit.reveal", "audit").await? } else { Disclosure::Masked };
            Ok(audit::list(&*ledger.audit(), query, disclosure).await?)
        })?))
    }
}

impl fmt::Display for Printed<Page<AuditReport>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.items.is_empty() {
            return f.write_str("no entries");
        }
        for AuditReport { at, actor, action, subject, detail, .. } in &self.0.items {
            writeln!(f, "{} {actor}: {action} {subject}", time(*at))?;
            if !detail.is_empty() {
                writeln!(f, "  {detail}")?;
            }
        }
        f.write_str(&more(&self.0, "--before"))
    }
}
