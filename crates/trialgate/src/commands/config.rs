//! `trialgate config …`: prints and checks the configuration.

use anyhow::Context;
use clap::Subcommand;
use trial_core::ports::Clock;

use crate::ambient::SystemClock;
use crate::certificate::Verdict;
use crate::config::DEFAULT_FILE;
use crate::global::Global;
use crate::output;
use crate::prepare::prepare;

/// `trialgate config …`
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the configuration in force as TOML, with every key; secrets are hidden
    Show,
    /// Check whether `serve` would start with this configuration; list everything missing or wrong
    Check,
}

impl ConfigCommand {
    pub(crate) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let config = global.load()?;
        let source = config.file.as_ref().map_or_else(
            || format!("no file ({DEFAULT_FILE} is not in the working directory)"),
            |file| file.display().to_string(),
        );
        match self {
            Self::Show => {
                let settings = toml::to_string(&config.settings).context("cannot write the configuration as TOML")?;
                output::say(&format!("# In force: {source}, then the environment, then the defaults.\n{settings}"))
            }
            Self::Check => {
                let prepared = prepare(&config)?;
                if let Some(identity) = &prepared.identity
                    && let Verdict::EndsSoon(text) | Verdict::Invalid(text) =
                        Verdict::of(&identity.presented(), SystemClock.now())
                {
                    output::complain(&format!("warning: {text}"));
                }
                if let Some(concern) = config.default_region_concern() {
                    output::complain(&format!("warning: {concern}"));
                }
                output::say(&format!("the configuration is valid and complete: {source}"))
            }
        }
    }
}
