//! `trialgate callers …`: API clients, which sign their requests.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{anyhow, bail};
use clap::Subcommand;
use serde::Serialize;
use trial_core::clients::{
    ApiClient, ApiClientAdded, ApiClientChange, ApiClientChanged, ApiClientCredentials, ApiClientLimits, ApiClientName,
    ApiClientRefusal, ApiClientSecret, DEFAULT_CLIENT_RATE, MAX_CLIENT_RATE, Scope,
};
use trial_core::ports::Entropy;
use trial_core::values::{ApiClientId, Keyring};
use trial_engine::operations::clients::{self, ApiClientReport};
use trial_engine::operations::page::List;
use trial_engine::operations::{Reencrypted, clients_in_use, reencrypt_client_secrets};

use super::with_database;
use crate::ambient::OsEntropy;
use crate::arguments::whole;
use crate::global::Global;
use crate::ledger::Ledger;
use crate::output::{Output, Printed, Table, time};
use crate::process;

/// `trialgate callers …`
#[derive(Debug, Subcommand)]
pub(crate) enum Callers {
    /// Add an API client; its access key and secret are printed once
    Add {
        /// Name of the client in the audit: letters, digits, '.', '_' and '-'
        name: ApiClientName,
        /// Request the client may send: verify-codes, apply or query; may be repeated [default: all]
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<Scope>,
        /// Requests per minute at each instance; 0 for no limit
        #[arg(long, value_name = "N", default_value_t = DEFAULT_CLIENT_RATE,
            value_parser = whole(0..=MAX_CLIENT_RATE))]
        rate: u32,
        #[command(flatten)]
        output: Output,
    },
    /// List API clients, newest first
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Block this client until it is resumed
    Suspend(Named),
    /// Unblock a suspended client
    Resume(Named),
    /// Add a second secret, printed once; both sign until `retire-secret`
    Rotate(Named),
    /// Retire the older of two secrets
    RetireSecret(Named),
    /// Change the scopes or the rate of a client; an omitted option keeps its value
    Set {
        /// Name of the client
        name: ApiClientName,
        #[command(flatten)]
        limits: Limits,
        #[command(flatten)]
        output: Output,
    },
    /// Remove a client for good: its key is rejected, and its name is free again
    Remove {
        #[command(flatten)]
        named: Named,
        /// Remove the client; without this option, only show what would change
        #[arg(long)]
        yes: bool,
    },
    /// Re-encrypt the secrets of all clients with the first of `secrets.keys`, so that older keys can be removed
    Reseal {
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Limits {
    /// Request the client may send: verify-codes, apply or query; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<Scope>,
    /// Requests per minute at each instance; 0 for no limit
    #[arg(long, value_name = "N", value_parser = whole(0..=MAX_CLIENT_RATE))]
    rate: Option<u32>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Named {
    /// Name of the client
    name: ApiClientName,
    #[command(flatten)]
    output: Output,
}

/// An API client with a new secret.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WithSecret {
    #[serde(flatten)]
    caller: ApiClientReport,
    secret_key: String,
}

/// An API client with changed limits.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct WithLimits(ApiClientReport);

/// An API client that was removed, or would be.
#[derive(Debug, Serialize)]
struct Removed {
    done: bool,
    #[serde(flatten)]
    caller: ApiClientReport,
}

/// Result of a re-encryption.
#[derive(Debug, Serialize)]
struct ResealReport {
    /// Id of the current key.
    key: String,
    /// Clients whose secrets were re-encrypted.
    resealed: usize,
    /// Clients whose secrets had the current key already.
    already: usize,
    /// Clients whose secrets could not be re-encrypted.
    failed: Vec<NotResealed>,
}

#[derive(Debug, Serialize)]
struct NotResealed {
    name: String,
    /// The error, and what to do.
    reason: String,
}

impl Callers {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        match self {
            Self::Add { name, scopes, rate, output } => add(global, name, scopes, rate, output),
            Self::List { output } => output.show(&Printed(with_database(global, async |config, ledger| {
                Ok(clients::list(&*ledger.callers(), &config.keyring()?).await?)
            })?)),
            Self::Suspend(named) => change(global, named, ApiClientChange::Suspend),
            Self::Resume(named) => change(global, named, ApiClientChange::Resume),
            Self::RetireSecret(named) => change(global, named, ApiClientChange::RetireSecret),
            Self::Rotate(named) => rotate(global, named),
            Self::Set { name, limits, output } => set(global, name, limits, output),
            Self::Remove { named, yes } => remove(global, named, yes),
            Self::Reseal { output } => reseal(global, output),
        }
    }
}

fn add(global: &Global, name: ApiClientName, scopes: Vec<Scope>, rate: u32, output: Output) -> anyhow::Result<()> {
    let scopes: BTreeSet<_> =
        if scopes.is_empty() { Scope::ALL.iter().copied().collect() } else { scopes.into_iter().collect() };
    let ApiClientCredentials { access_key, secret } = ApiClientCredentials::new(&random());
    let (added_client, added) = with_database(global, async |config, ledger| {
        let by = ledger.changed_by(process::operator());
        let caller = ApiClient {
            id: ApiClientId::new(by.at, random()),
            name,
            secret: secret.seal(&access_key, &config.keyring()?, &random::<{ Keyring::NONCE }>()),
            access_key,
            next_secret: None,
            scopes,
            rate,
            created_at: by.at,
            created_by: by.actor.clone(),
            suspended_at: None,
            removed_at: None,
        };
        let added = ledger.callers().add_caller(caller.clone(), by).await?;
        Ok((WithSecret::new(&caller, &secret, &config.keyring()?), added))
    })?;
    match added {
        ApiClientAdded::Done => output.show(&added_client),
        ApiClientAdded::NameTaken => {
            bail!("API client {} exists already; choose another name", added_client.caller.name)
        }
    }
}

fn change(global: &Global, Named { name, output }: Named, change: ApiClientChange) -> anyhow::Result<()> {
    output.show(&Printed(changed(global, name, change)?))
}

fn changed(global: &Global, name: ApiClientName, change: ApiClientChange) -> anyhow::Result<ApiClientReport> {
    with_database(global, async |config, ledger| {
        let by = ledger.changed_by(process::operator());
        let client = done(ledger.callers().change_caller(name, change, by).await?)?;
        Ok(ApiClientReport::new(&client, &config.keyring()?))
    })
}

fn done(changed: ApiClientChanged) -> anyhow::Result<ApiClient> {
    match changed {
        ApiClientChanged::Done(caller) => Ok(*caller),
        ApiClientChanged::Refused(refusal) => bail!("{refusal}"),
    }
}

/// The API client of this name that is not removed.
async fn holder(ledger: &Ledger, name: &ApiClientName) -> anyhow::Result<ApiClient> {
    let known = clients_in_use(&*ledger.callers()).await?;
    let holder = known.into_iter().find(|caller| caller.name.key() == name.key());
    holder.ok_or_else(|| anyhow!("{}", ApiClientRefusal::Unknown))
}

fn rotate(global: &Global, Named { name, output }: Named) -> anyhow::Result<()> {
    let ApiClientCredentials { secret, .. } = ApiClientCredentials::new(&random());
    let changed = with_database(global, async |config, ledger| {
        let holder = holder(ledger, &name).await?;
        let sealed = secret.seal(&holder.access_key, &config.keyring()?, &random::<{ Keyring::NONCE }>());
        let by = ledger.changed_by(process::operator());
        let client = done(ledger.callers().change_caller(name, ApiClientChange::Rotate(sealed), by).await?)?;
        Ok(WithSecret::new(&client, &secret, &config.keyring()?))
    })?;
    output.show(&changed)
}

fn set(global: &Global, name: ApiClientName, limits: Limits, output: Output) -> anyhow::Result<()> {
    let Limits { scopes, rate } = limits;
    let scopes = Some(scopes).filter(|scopes| !scopes.is_empty()).map(|scopes| scopes.into_iter().collect());
    let changed = changed(global, name, ApiClientChange::Set(ApiClientLimits { scopes, rate }))?;
    output.show(&WithLimits(changed))
}

fn remove(global: &Global, Named { name, output }: Named, yes: bool) -> anyhow::Result<()> {
    let caller = if yes {
        changed(global, name, ApiClientChange::Remove)?
    } else {
        with_database(global, async |config, ledger| {
            Ok(ApiClientReport::new(&holder(ledger, &name).await?, &config.keyring()?))
        })?
    };
    output.show(&Removed { done: yes, caller })
}

fn reseal(global: &Global, output: Output) -> anyhow::Result<()> {
    let actor = process::operator();
    let report = with_database(global, async |config, ledger| {
        let keyring = config.keyring()?;
        let clock = ledger.clock();
        let came = reencrypt_client_secrets(&*ledger.callers(), &keyring, &actor, &*clock, &OsEntropy).await?;
        Ok(ResealReport::new(keyring.current_id(), came))
    })?;
    output.show(&report)?;
    match report.failed.as_slice() {
        [] => Ok(()),
        failed => bail!(
            "not all secrets are encrypted with the key {:?}: {}",
            report.key,
            failed.iter().map(|not| format!("{}: {}", not.name, not.reason)).collect::<Vec<_>>().join("; ")
        ),
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsEntropy.fill(&mut bytes);
    bytes
}

/// Scopes and rate.
fn limits(client: &ApiClientReport) -> String {
    let ApiClientReport { name, scopes, rate, .. } = client;
    let rate = if *rate == 0 { "no rate limit".to_owned() } else { format!("at most {rate} per minute") };
    format!("{name} may request {}; {rate}", scopes.join(", "))
}

impl ResealReport {
    fn new(key: &str, came: Reencrypted) -> Self {
        let Reencrypted { resealed, current, lost, overtaken } = came;
        let lost = lost.into_iter().map(|(name, error)| {
            let advice =
                format!("`trialgate callers rotate {name}` adds a new secret, and `retire-secret` retires this one");
            NotResealed { name: name.to_string(), reason: format!("{error}; or {advice}") }
        });
        let overtaken = overtaken.into_iter().map(|name| {
            let reason = "its secrets changed repeatedly meanwhile; run the command again".to_owned();
            NotResealed { name: name.to_string(), reason }
        });
        let (resealed, already) = (resealed.len(), current.len());
        Self { key: key.to_owned(), resealed, already, failed: lost.chain(overtaken).collect() }
    }
}

impl WithSecret {
    fn new(caller: &ApiClient, secret: &ApiClientSecret, keyring: &Keyring) -> Self {
        Self { caller: ApiClientReport::new(caller, keyring), secret_key: secret.reveal().to_owned() }
    }
}

impl fmt::Display for Printed<ApiClientReport> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ApiClientReport { name, state, secrets, .. } = &self.0;
        let plural = if *secrets == 1 { "secret" } else { "secrets" };
        write!(f, "{name} is {state} and has {secrets} {plural}")
    }
}

impl fmt::Display for WithSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (limits, access_key) = (limits(&self.caller), &self.caller.access_key);
        write!(
            f,
            "{limits}. Copy the secret now; it is not shown again:\naccess_key {access_key}\nsecret_key {}",
            self.secret_key
        )
    }
}

impl fmt::Display for WithLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&limits(&self.0))
    }
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ApiClientReport { name, access_key, .. } = &self.caller;
        if self.done {
            write!(f, "{name} is removed; access key {access_key} is rejected from now on")
        } else {
            write!(f, "{name} would be removed for good and access key {access_key} rejected; add --yes to remove it")
        }
    }
}

impl fmt::Display for ResealReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, resealed, already, failed } = self;
        write!(
            f,
            "encrypted with the key {key:?}: {resealed} re-encrypted, {already} unchanged, {} failed",
            failed.len()
        )
    }
}

impl fmt::Display for Printed<List<ApiClientReport>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table =
            Table::new(["name", "access key", "state", "scopes", "rate", "secrets", "key ids", "since", "added by"]);
        for caller in &self.0.items {
            table.row([
                caller.name.clone(),
                caller.access_key.clone(),
                caller.state.to_owned(),
                caller.scopes.join(" "),
                caller.rate.to_string(),
                caller.secrets.to_string(),
                caller.sealed_by.join(" "),
                time(caller.created_at),
                caller.created_by.clone(),
            ]);
        }
        table.fmt(f)
    }
}
