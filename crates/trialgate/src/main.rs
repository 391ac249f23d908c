//! The Trialgate binary: configuration, command line, composition. See `docs/cli.md` and `docs/configuration.md`.

mod adapters;
mod ambient;
mod arguments;
mod captured;
mod certificate;
mod cli;
mod commands;
mod compose;
mod config;
#[cfg(test)]
mod documents;
mod global;
mod ledger;
mod logging;
mod output;
mod prepare;
mod process;
mod shutdown;
#[cfg(feature = "otlp")]
mod traces;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

fn main() -> ExitCode {
    process::restrict();
    let cli = cli::Cli::parse();
    let signals = shutdown::end_first_process().context("cannot catch signals");
    output::exit_code(signals.and_then(|()| cli.run()))
}
