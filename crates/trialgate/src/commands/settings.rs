//! `trialgate settings …`: runtime settings.

use std::fmt;
use std::sync::Arc;

use anyhow::bail;
use clap::Subcommand;
use serde::Serialize;
use trial_core::policy::{
    Policy, SettingChange, SettingCommand, SettingKey, SettingOutcome, SettingRefusal, SettingsInForce,
};

use super::with_database;
use crate::ambient;
use crate::arguments::setting;
use crate::config::Config;
use crate::global::Global;
use crate::ledger::Ledger;
use crate::output::{Output, Table, time};
use crate::process;

/// Most changes in one listing.
const LISTED: u32 = 100;

/// `trialgate settings …`
#[derive(Debug, Subcommand)]
pub(crate) enum Settings {
    /// List runtime settings: the value in force, the configured one and the bounds
    List {
        #[command(flatten)]
        output: Output,
    },
    /// List changes, newest first
    History {
        /// Only changes of this setting, such as `verification.max_tries`
        #[arg(long, value_name = "KEY", value_parser = setting)]
        key: Option<SettingKey>,
        #[command(flatten)]
        output: Output,
    },
    /// Change a setting at once on every instance, without a restart
    Set {
        /// The setting, such as `verification.max_tries`
        #[arg(value_parser = setting)]
        key: SettingKey,
        /// New value, written as in the configuration: 5, 60s, 30d
        value: String,
        #[command(flatten)]
        output: Output,
    },
    /// Return a setting to its configured value
    Reset {
        /// The setting, such as `verification.max_tries`
        #[arg(value_parser = setting)]
        key: SettingKey,
        #[command(flatten)]
        output: Output,
    },
}

/// A setting.
#[derive(Debug, Serialize)]
struct SettingReport {
    key: &'static str,
    value: String,
    configured: String,
    changed: bool,
    least: String,
    most: String,
    what: &'static str,
}

#[derive(Debug, Serialize)]
struct SettingList {
    /// Number of the last change.
    number: u64,
    settings: Vec<SettingReport>,
}

/// One change.
#[derive(Debug, Serialize)]
struct ChangeReport {
    number: u64,
    key: &'static str,
    /// `None` after a reset.
    value: Option<String>,
    at: String,
    actor: String,
}

#[derive(Debug, Serialize)]
struct History {
    changes: Vec<ChangeReport>,
}

impl Settings {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let (output, change) = match self {
            Self::List { output } => (output, None),
            Self::History { key, output } => {
                let made = with_database(global, async |_, ledger| {
                    Ok(ledger.settings().setting_changes(key, LISTED).await?)
                })?;
                return output.show(&History { changes: made.into_iter().map(ChangeReport::from).collect() });
            }
            Self::Set { key, value, output } => {
                let value = key.parse(&value).map_err(|error| anyhow::anyhow!("`{key}`: {error}"))?;
                (output, Some((key, Some(value))))
            }
            Self::Reset { key, output } => (output, Some((key, None))),
        };
        let list = with_database(global, async |config, ledger| {
            let in_force = match change {
                Some((key, value)) => make(config, ledger, SettingCommand { key, value, seen: None }).await?,
                None => ledger.settings().settings().await?,
            };
            Ok(SettingList::new(&in_force, &config.policy))
        })?;
        output.show(&list)
    }
}

/// Changes a setting, or says why not.
pub(super) async fn make(config: &Config, ledger: &Ledger, order: SettingCommand) -> anyhow::Result<SettingsInForce> {
    let (configured, by) = (Arc::new(config.policy.clone()), ambient::changed_by(process::operator()));
    match ledger.settings().change_setting(order, configured, by).await? {
        SettingOutcome::Changed(in_force) | SettingOutcome::AlreadySo(in_force) => Ok(in_force),
        SettingOutcome::Refused(SettingRefusal::Faulty(fault)) => bail!("nothing was changed: {fault}"),
        SettingOutcome::Refused(SettingRefusal::Unseen(number)) => {
            bail!("nothing was changed: settings were changed meanwhile (change {number}); run the command again")
        }
    }
}

impl SettingList {
    fn new(in_force: &SettingsInForce, policy: &Policy) -> Self {
        let report = |key: &SettingKey| {
            let (configured, changed) = (key.of(policy), in_force.overrides.get(*key));
            let (least, most) = key.range();
            SettingReport {
                key: key.as_str(),
                value: changed.unwrap_or(configured).to_string(),
                configured: configured.to_string(),
                changed: changed.is_some(),
                least: least.to_string(),
                most: most.to_string(),
                what: key.what(),
            }
        };
        Self { number: in_force.number, settings: SettingKey::ALL.iter().map(report).collect() }
    }
}

impl From<SettingChange> for ChangeReport {
    fn from(change: SettingChange) -> Self {
        let SettingChange { number, key, value, at, actor } = change;
        Self { number, key: key.as_str(), value: value.map(|value| value.to_string()), at: time(at), actor }
    }
}

impl fmt::Display for SettingList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["setting", "in force", "configured", "changed", "min", "max"]);
        for setting in &self.settings {
            table.row([
                setting.key.to_owned(),
                setting.value.clone(),
                setting.configured.clone(),
                if setting.changed { "yes" } else { "" }.to_owned(),
                setting.least.clone(),
                setting.most.clone(),
            ]);
        }
        table.fmt(f)
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["number", "at", "who", "setting", "value"]);
        for change in &self.changes {
            table.row([
                change.number.to_string(),
                change.at.clone(),
                change.actor.clone(),
                change.key.to_owned(),
                change.value.clone().unwrap_or_else(|| "as configured".to_owned()),
            ]);
        }
        table.fmt(f)
    }
}
