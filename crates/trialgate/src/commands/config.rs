//! `trialgate config …`: prints and checks the configuration.

use anyhow::Context;
use clap::Subcommand;
use trial_core::ports::Clock;

use crate::ambient::SystemClock;
use crate::certificate::Verdict;
use crate::config::{Config, DEFAULT_FILE, json_schema};
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
    /// Print the JSON Schema of the configuration, for editors
    Schema,
}

impl ConfigCommand {
    pub(crate) fn run(&self, global: &Global) -> anyhow::Result<()> {
        match self {
            Self::Show => show(&global.load()?),
            Self::Check => check(&global.load()?),
            Self::Schema => output::say(&serde_json::to_string_pretty(&json_schema())?),
        }
    }
}

fn show(config: &Config) -> anyhow::Result<()> {
    let settings = config.settings.to_toml().context("cannot write the configuration as TOML")?;
    let source = source(config);
    output::say(&format!("# In force: {source}, then the environment, then the defaults.\n{settings}"))
}

fn check(config: &Config) -> anyhow::Result<()> {
    let prepared = prepare(config)?;
    if let Some(identity) = &prepared.identity
        && let Verdict::EndsSoon(text) | Verdict::Invalid(text) = Verdict::of(&identity.presented(), SystemClock.now())
    {
        output::complain(&format!("warning: {text}"));
    }
    if let Some(concern) = config.default_region_concern() {
        output::complain(&format!("warning: {concern}"));
    }
    output::say(&format!("the configuration is valid and complete: {}", source(config)))
}

fn source(config: &Config) -> String {
    config.file.as_ref().map_or_else(
        || format!("no file ({DEFAULT_FILE} is not in the working directory)"),
        |file| file.display().to_string(),
    )
}
