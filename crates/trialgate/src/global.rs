//! Options of every command.

use std::path::PathBuf;

use crate::config::{Config, Sources};

/// Options of every command.
#[derive(Debug, clap::Args)]
pub(crate) struct Global {
    /// Configuration file [default: `trialgate.toml` in the working directory, if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

impl Global {
    /// Loads the configuration in force.
    ///
    /// # Errors
    /// The configuration cannot be read, or a setting is wrong.
    pub(crate) fn load(&self) -> anyhow::Result<Config> {
        Sources::new(self.config.clone()).load()
    }
}
