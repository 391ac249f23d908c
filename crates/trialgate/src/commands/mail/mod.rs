//! Mails: what they say.

mod preview;

use clap::Subcommand;

use crate::cli::Global;

/// `trialgate mail …`
#[derive(Debug, Subcommand)]
pub(crate) enum Mail {
    /// Print a mail as it would be sent, about nobody, by the templates in force
    Preview(preview::Preview),
}

impl Mail {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        match self {
            Self::Preview(preview) => preview.run(global),
        }
    }
}
