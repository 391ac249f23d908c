//! The commands, one file for each area.

pub(crate) mod access_codes;
pub(crate) mod applications;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod callers;
pub(crate) mod clock;
pub(crate) mod compact;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod database;
mod decide;
pub(crate) mod doctor;
pub(crate) mod mail;
pub(crate) mod man;
pub(crate) mod migrate;
pub(crate) mod openapi;
pub(crate) mod operators;
pub(crate) mod persons;
pub(crate) mod phones;
pub(crate) mod prefixes;
pub(crate) mod quota;
pub(crate) mod retention;
pub(crate) mod sandbox;
pub(crate) mod secrets;
pub(crate) mod serve;
pub(crate) mod settings;
pub(crate) mod sweep;
pub(crate) mod tenants;
pub(crate) mod webhooks;

use std::sync::Arc;

use anyhow::bail;
use trial_core::operators::{Filter, PersonSearch, SearchOutcome};
use trial_core::policy::Policy;
use trial_core::ports::Operations;
use trial_core::values::Phone;
use trial_engine::operations::Disclosure;

use crate::compose;
use crate::config::Config;
use crate::global::Global;
use crate::ledger::Ledger;
use crate::process;

/// Runs `work` with the configured database.
///
/// # Errors
/// The configuration or the database cannot be used, or `work` fails.
fn with_database<T>(
    global: &Global,
    work: impl AsyncFnOnce(&Config, &Ledger) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let config = global.load()?;
    compose::runtime()?.block_on(async {
        let ledger = Ledger::of(&config).await?;
        let done = work(&config, &ledger).await;
        ledger.close().await;
        done
    })
}

/// As [`with_database`], with the operations of the database.
///
/// # Errors
/// As for [`with_database`].
fn with_ledger<T>(
    global: &Global,
    work: impl AsyncFnOnce(&Config, Arc<dyn Operations>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    with_database(global, async |config, ledger| work(config, ledger.operations()).await)
}

/// Records a search of `place` by personal data before it is run. The command line has no search limit.
///
/// # Errors
/// No key is configured, or the entry cannot be stored.
async fn record_search(
    config: &Config,
    ledger: &Ledger,
    place: &'static str,
    filter: &impl Filter,
) -> anyhow::Result<()> {
    let Some(personal) = filter.personal() else { return Ok(()) };
    let by = ledger.changed_by(process::operator());
    let search = PersonSearch::new(by, place, &personal, None, &config.keyring()?);
    match ledger.audit().record_search(search).await? {
        SearchOutcome::Recorded => Ok(()),
        SearchOutcome::OverLimit { limit, .. } => bail!("more than {limit} searches within an hour; wait"),
    }
}

/// Records a reveal of phones and addresses before they are shown.
///
/// # Errors
/// The entry cannot be stored.
async fn reveal(ledger: &Ledger, action: &'static str, subject: &str) -> anyhow::Result<Disclosure> {
    let by = ledger.changed_by(process::operator());
    Ok(Disclosure::reveal(&*ledger.audit(), by, action, subject).await?)
}

/// The policy in force: the configured one with the changes of operators.
///
/// # Errors
/// The database cannot be read.
async fn policy_in_force(config: &Config, ledger: &Ledger) -> anyhow::Result<Policy> {
    Ok(ledger.settings().settings().await?.overrides.policy(&config.policy))
}

/// Parses a phone as the public interface does.
fn phone(text: &str, config: &Config) -> anyhow::Result<Phone> {
    Phone::parse(text, config.phones()).map_err(|error| anyhow::anyhow!("the phone {error}"))
}
