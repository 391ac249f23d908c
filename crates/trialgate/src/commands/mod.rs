//! The commands, one file for each area.

pub(crate) mod access_codes;
pub(crate) mod applications;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod migrate;
pub(crate) mod openapi;
pub(crate) mod phones;
pub(crate) mod quota;
pub(crate) mod sandbox;
pub(crate) mod secrets;
pub(crate) mod serve;
pub(crate) mod tenants;
mod views;

use trial_core::Phone;
use trial_storage::SqliteLedger;

use crate::cli::Global;
use crate::compose;
use crate::config::Config;

/// Does something with the database that is configured.
///
/// # Errors
/// The configuration or the database cannot be used, or what is done fails.
fn with_ledger<T>(
    global: &Global,
    work: impl AsyncFnOnce(&Config, SqliteLedger) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let config = global.load()?;
    compose::runtime()?.block_on(async {
        let ledger = compose::ledger(&config).await?;
        let done = work(&config, ledger.clone()).await;
        ledger.close().await;
        done
    })
}

/// Reads a phone as the public interface does.
fn phone(text: &str, config: &Config) -> anyhow::Result<Phone> {
    Phone::parse(text, config.phones()).map_err(|error| anyhow::anyhow!("the phone {error}"))
}
