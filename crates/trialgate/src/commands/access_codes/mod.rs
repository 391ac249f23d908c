mod import;
mod stock;

use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::Global;
use crate::output::Output;

/// `trialgate access-codes …`
#[derive(Debug, Subcommand)]
pub(crate) enum AccessCodes {
    /// Load access codes: all of them, or none if one row is bad
    Import {
        /// CSV in UTF-8 with the header `kind,code`; kind is voice or multimedia
        file: PathBuf,
        /// Only say what it would come to
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Count the pool
    Stock {
        #[command(flatten)]
        output: Output,
    },
}

impl AccessCodes {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        match self {
            Self::Import { file, dry_run, output } => import::run(global, &file, dry_run, output),
            Self::Stock { output } => stock::run(global, output),
        }
    }
}
