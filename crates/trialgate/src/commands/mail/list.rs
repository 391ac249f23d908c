//! `trialgate mail list`

use std::fmt;

use clap::Args;
use serde::Serialize;
use trial_core::mails::{MailPage, MailState, OutboxMail};
use trial_core::values::MailId;

use crate::arguments::whole;
use crate::commands::views::MailReport;
use crate::commands::{record_reveal, with_database};
use crate::global::Global;
use crate::output::Output;

/// `trialgate mail list`
#[derive(Debug, Args)]
pub(crate) struct List {
    /// State of the mails: due, sent, failed or overtaken
    #[arg(long, value_name = "STATE", default_value_t = MailState::Failed)]
    state: MailState,
    /// Start after this mail: the last one of the previous page
    #[arg(long, value_name = "ID")]
    before: Option<MailId>,
    /// Number of mails to list, at most 1000
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = whole(1..=1000))]
    limit: u32,
    #[command(flatten)]
    output: Output,
}

/// A page of mails.
#[derive(Debug, Serialize)]
struct MailList {
    mails: Vec<Entry>,
    /// Value of `--before` for the next page, if there may be one.
    next_before: Option<String>,
    #[serde(skip)]
    state: MailState,
}

#[derive(Debug, Serialize)]
struct Entry {
    tenant: Option<String>,
    to: String,
    #[serde(flatten)]
    mail: MailReport,
}

impl List {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let Self { state, before, limit, output } = self;
        let page = MailPage { state: Some(state), tenant: None, before, limit };
        let mails = with_database(global, async |_, ledger| {
            record_reveal(ledger, "mails.reveal", "mails").await?;
            Ok(ledger.operations().mails(page).await?)
        })?;
        let is_full = u32::try_from(mails.len()).is_ok_and(|length| length == limit);
        let last = mails.last().map(|entry| entry.mail.id.to_string());
        let mails = mails.iter().map(Entry::from).collect();
        output.show(&MailList { mails, next_before: last.filter(|_| is_full), state })
    }
}

impl From<&OutboxMail> for Entry {
    fn from(entry: &OutboxMail) -> Self {
        Self {
            tenant: entry.tenant.map(|tenant| tenant.to_string()),
            to: entry.to.clone(),
            mail: MailReport::from(&entry.mail),
        }
    }
}

impl fmt::Display for MailList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.mails.is_empty() {
            return write!(f, "no {} mail", self.state);
        }
        for Entry { tenant, to, mail, .. } in &self.mails {
            write!(f, "{mail}; to {to}")?;
            match tenant {
                Some(tenant) => writeln!(f, " of tenant {tenant}")?,
                None => writeln!(f)?,
            }
        }
        match &self.next_before {
            Some(id) => write!(f, "more: --before {id}"),
            None => Ok(()),
        }
    }
}
