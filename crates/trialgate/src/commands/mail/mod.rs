//! Mails: how far they got, and what they say.

mod list;
mod preview;
mod retry;

use clap::Subcommand;

use crate::cli::Global;

/// `trialgate mail …`
#[derive(Debug, Subcommand)]
pub(crate) enum Mail {
    /// List mails of the outbox, newest first
    List(list::List),
    /// Have a failed mail tried again, or all that failed since a time
    Retry(retry::Retry),
    /// Print a mail as it would be sent, about nobody, by the templates in force
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
