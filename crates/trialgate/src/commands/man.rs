//! `trialgate man`: manual pages.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, CommandFactory};

use crate::cli::Cli;
use crate::output;

/// `trialgate man DIR`
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The directory, which is created if it does not exist
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Man {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let directory = self.directory.display();
        let wrong = || format!("cannot write manual pages into {directory}");
        fs::create_dir_all(&self.directory).with_context(wrong)?;
        clap_mangen::generate_to(Cli::command(), &self.directory).with_context(wrong)?;
        output::say(&format!("wrote manual pages into {directory}; show one with `man -l {directory}/trialgate.1`"))
    }
}
