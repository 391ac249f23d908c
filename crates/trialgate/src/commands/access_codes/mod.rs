//! The pool of access codes.

mod import;
mod pool;
mod stock;

use std::path::PathBuf;

use clap::Subcommand;
use trial_core::access_codes::PoolCommand;

use crate::global::Global;
use crate::output::Output;

/// `trialgate access-codes …`
#[derive(Debug, Subcommand)]
pub(crate) enum AccessCodes {
    /// Import access codes: all rows, or none if one is bad
    Import {
        /// CSV or .xlsx with the header `kind,code`; kind is voice or multimedia; `-` reads standard input
        file: PathBuf,
        /// Show what would change without changing anything
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        output: Output,
    },
    /// List access codes of one kind and state
    List(pool::List),
    /// Take an access code out of use
    Retire(pool::Move),
    /// Return an access code to the pool: a quarantined one before its time, or a retired one
    Release(pool::Move),
    /// Count the access codes of each kind and state
    Stock {
        #[command(flatten)]
        output: Output,
    },
}

impl AccessCodes {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        match self {
            Self::Import { file, dry_run, output } => import::run(global, &file, dry_run, output),
            Self::List(list) => list.run(global),
            Self::Retire(code) => code.run(PoolCommand::Retire, global),
            Self::Release(code) => code.run(PoolCommand::Release, global),
            Self::Stock { output } => stock::run(global, output),
        }
    }
}
