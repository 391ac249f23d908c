//! `trialgate mail list`

use std::fmt;

use clap::Args;
use serde::Serialize;
use trial_core::mails::{MailPage, MailState};
use trial_core::values::MailId;
use trial_engine::operations::mails::{self, OutboxMailReport};
use trial_engine::operations::page::Page;

use super::described;
use crate::arguments::whole;
use crate::commands::{reveal, with_database};
use crate::global::Global;
use crate::output::{Output, more};

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

/// A page of mails of one state.
#[derive(Debug, Serialize)]
struct MailList {
    #[serde(flatten)]
    page: Page<OutboxMailReport>,
    #[serde(skip)]
    state: MailState,
}

impl List {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let Self { state, before, limit, output } = self;
        let page = MailPage { state: Some(state), tenant: None, before, limit };
        let page = with_database(global, async |_, ledger| {
            let disclosure = reveal(ledger, "mails.reveal", "mails").await?;
            Ok(mails::list(&*ledger.operations(), page, disclosure).await?)
        })?;
        output.show(&MailList { page, state })
    }
}

impl fmt::Display for MailList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.page.items.is_empty() {
            return write!(f, "no {} mail", self.state);
        }
        for OutboxMailReport { tenant, to, mail } in &self.page.items {
            write!(f, "{}; to {to}", described(mail))?;
            match tenant {
                Some(tenant) => writeln!(f, " of tenant {tenant}")?,
                None => writeln!(f)?,
            }
        }
        f.write_str(&more(&self.page, "--before"))
    }
}
