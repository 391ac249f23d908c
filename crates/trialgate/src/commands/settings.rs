//! `trialgate settings …`: runtime settings.

use std::fmt;
use std::sync::Arc;

use anyhow::bail;
use clap::Subcommand;
use trial_core::policy::{SettingCommand, SettingKey, SettingOutcome, SettingRefusal};
use trial_engine::operations::page::List;
use trial_engine::operations::settings::{self, SettingChangeReport, SettingsReport};

use super::with_database;
use crate::arguments::setting;
use crate::config::Config;
use crate::global::Global;
use crate::ledger::Ledger;
use crate::output::{Output, Printed, Table, time};
use crate::process;

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

impl Settings {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let (output, change) = match self {
            Self::List { output } => (output, None),
            Self::History { key, output } => {
                let history =
                    with_database(global, async |_, ledger| Ok(settings::history(&*ledger.settings(), key).await?))?;
                return output.show(&Printed(history));
            }
            Self::Set { key, value, output } => {
                let value = key.parse(&value).map_err(|error| anyhow::anyhow!("`{key}`: {error}"))?;
                (output, Some((key, Some(value))))
            }
            Self::Reset { key, output } => (output, Some((key, None))),
        };
        let list = with_database(global, async |config, ledger| {
            if let Some((key, value)) = change {
                make(config, ledger, SettingCommand { key, value, seen: None }).await?;
            }
            Ok(settings::list(&*ledger.settings(), &config.policy).await?)
        })?;
        output.show(&Printed(list))
    }
}

/// Changes a setting, or says why not.
pub(super) async fn make(config: &Config, ledger: &Ledger, order: SettingCommand) -> anyhow::Result<()> {
    let (configured, by) = (Arc::new(config.policy.clone()), ledger.changed_by(process::operator()));
    match ledger.settings().change_setting(order, configured, by).await? {
        SettingOutcome::Changed(_) | SettingOutcome::AlreadySo(_) => Ok(()),
        SettingOutcome::Refused(SettingRefusal::Faulty(fault)) => bail!("nothing was changed: {fault}"),
        SettingOutcome::Refused(SettingRefusal::Unseen(number)) => {
            bail!("nothing was changed: settings were changed meanwhile (change {number}); run the command again")
        }
    }
}

impl fmt::Display for Printed<SettingsReport> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["setting", "in force", "configured", "changed", "min", "max"]);
        for setting in &self.0.items {
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

impl fmt::Display for Printed<List<SettingChangeReport>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["number", "at", "who", "setting", "value"]);
        for change in &self.0.items {
            table.row([
                change.number.to_string(),
                time(change.at),
                change.actor.clone(),
                change.key.to_owned(),
                change.value.clone().unwrap_or_else(|| "as configured".to_owned()),
            ]);
        }
        table.fmt(f)
    }
}
