//! `trialgate mail …`: lists, retries and previews mails.

mod list;
mod preview;
mod retry;

use clap::Subcommand;

use crate::global::Global;

/// `trialgate mail …`
#[derive(Debug, Subcommand)]
pub(crate) enum Mail {
    /// List mails, newest first
    List(list::List),
    /// Retry a failed mail, or all mails that failed since a time
    Retry(retry::Retry),
    /// Print a mail with example data, from the templates in force
    Preview(preview::Preview),
}

impl Mail {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        match self {
            Self::List(list) => list.run(global),
            Self::Retry(retry) => retry.run(global),
            Self::Preview(preview) => preview.run(global),
        }
    }
}
