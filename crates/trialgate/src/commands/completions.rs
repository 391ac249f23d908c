use std::io;

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::cli::Cli;

/// `trialgate completions SHELL`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    #[expect(clippy::unnecessary_wraps, reason = "every command can fail")]
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        generate(self.shell, &mut Cli::command(), "trialgate", &mut io::stdout());
        Ok(())
    }
}
