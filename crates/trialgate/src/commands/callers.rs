//! `trialgate callers …`: API clients, which sign their requests.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{anyhow, bail};
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Subcommand;
use serde::Serialize;
use trial_core::clients::{
    ApiClient, ApiClientAdded, ApiClientChange, ApiClientChanged, ApiClientCredentials, ApiClientLimits, ApiClientName,
    ApiClientRefusal, ApiClientSecret, DEFAULT_CLIENT_RATE, MAX_CLIENT_RATE, Scope,
};
use trial_core::ports::Entropy;
use trial_core::values::{ApiClientId, Keyring};
use trial_engine::operations::{Reencrypted, clients_in_use, reencrypt_client_secrets};

use super::with_database;
use crate::ambient::{self, OsEntropy, SystemClock};
use crate::arguments::whole;
use crate::global::Global;
use crate::ledger::Ledger;
use crate::output::{Output, Table, time};
use crate::process;

/// Most API clients in one listing.
const LISTED: u32 = 1_000;

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

/// An API client, without its secrets.
#[derive(Debug, Serialize)]
struct CallerReport {
    name: String,
    access_key: String,
    state: &'static str,
    scopes: Vec<&'static str>,
    rate: u32,
    secrets: usize,
    /// Ids of the keys that encrypt the secrets.
    sealed_by: Vec<String>,
    created_at: String,
    created_by: String,
    suspended_at: Option<String>,
    removed_at: Option<String>,
}

/// An API client with a new secret.
#[derive(Debug, Serialize)]
struct WithSecret {
    #[serde(flatten)]
    caller: CallerReport,
    secret_key: String,
}

#[derive(Debug, Serialize)]
struct CallerList {
    callers: Vec<CallerReport>,
}

/// An API client with changed limits.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct WithLimits(CallerReport);

/// An API client that was removed, or would be.
#[derive(Debug, Serialize)]
struct Removed {
    done: bool,
    #[serde(flatten)]
    caller: CallerReport,
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
            Self::List { output } => {
                let listed = with_database(global, async |_, ledger| Ok(ledger.callers().callers(LISTED).await?))?;
                output.show(&CallerList { callers: listed.iter().map(CallerReport::new).collect() })
            }
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
    let by = ambient::changed_by(process::operator());
    let scopes: BTreeSet<_> =
        if scopes.is_empty() { Scope::ALL.iter().copied().collect() } else { scopes.into_iter().collect() };
    let ApiClientCredentials { access_key, secret } = ApiClientCredentials::new(&random());
    let (caller, added) = with_database(global, async |config, ledger| {
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
        Ok((caller, added))
    })?;
    match added {
        ApiClientAdded::Done => output.show(&WithSecret::new(&caller, &secret)),
        ApiClientAdded::NameTaken => bail!("API client {} exists already; choose another name", caller.name),
    }
}

fn change(global: &Global, Named { name, output }: Named, change: ApiClientChange) -> anyhow::Result<()> {
    output.show(&CallerReport::new(&changed(global, name, change)?))
}

fn changed(global: &Global, name: ApiClientName, change: ApiClientChange) -> anyhow::Result<ApiClient> {
    let by = ambient::changed_by(process::operator());
    done(with_database(global, async |_, ledger| Ok(ledger.callers().change_caller(name, change, by).await?))?)
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
    let by = ambient::changed_by(process::operator());
    let ApiClientCredentials { secret, .. } = ApiClientCredentials::new(&random());
    let changed = with_database(global, async |config, ledger| {
        let holder = holder(ledger, &name).await?;
        let sealed = secret.seal(&holder.access_key, &config.keyring()?, &random::<{ Keyring::NONCE }>());
        Ok(ledger.callers().change_caller(name, ApiClientChange::Rotate(sealed), by).await?)
    })?;
    output.show(&WithSecret::new(&done(changed)?, &secret))
}

fn set(global: &Global, name: ApiClientName, limits: Limits, output: Output) -> anyhow::Result<()> {
    let Limits { scopes, rate } = limits;
    let scopes = Some(scopes).filter(|scopes| !scopes.is_empty()).map(|scopes| scopes.into_iter().collect());
    let changed = changed(global, name, ApiClientChange::Set(ApiClientLimits { scopes, rate }))?;
    output.show(&WithLimits(CallerReport::new(&changed)))
}

fn remove(global: &Global, Named { name, output }: Named, yes: bool) -> anyhow::Result<()> {
    let caller = if yes {
        changed(global, name, ApiClientChange::Remove)?
    } else {
        with_database(global, async |_, ledger| holder(ledger, &name).await)?
    };
    output.show(&Removed { done: yes, caller: CallerReport::new(&caller) })
}

fn reseal(global: &Global, output: Output) -> anyhow::Result<()> {
    let actor = process::operator();
    let report = with_database(global, async |config, ledger| {
        let keyring = config.keyring()?;
        let came = reencrypt_client_secrets(&*ledger.callers(), &keyring, &actor, &SystemClock, &OsEntropy).await?;
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

impl CallerReport {
    fn new(caller: &ApiClient) -> Self {
        let instant = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
        Self {
            name: caller.name.to_string(),
            access_key: caller.access_key.clone(),
            state: caller.status().as_str(),
            scopes: caller.scopes.iter().map(|scope| scope.as_str()).collect(),
            rate: caller.rate,
            secrets: caller.secrets().count(),
            sealed_by: caller.secrets().map(|secret| secret.key_id.clone()).collect(),
            created_at: instant(caller.created_at),
            created_by: caller.created_by.clone(),
            suspended_at: caller.suspended_at.map(instant),
            removed_at: caller.removed_at.map(instant),
        }
    }

    /// Scopes and rate.
    fn limits(&self) -> String {
        let Self { name, scopes, rate, .. } = self;
        let rate = if *rate == 0 { "no rate limit".to_owned() } else { format!("at most {rate} per minute") };
        format!("{name} may request {}; {rate}", scopes.join(", "))
    }
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
    fn new(caller: &ApiClient, secret: &ApiClientSecret) -> Self {
        Self { caller: CallerReport::new(caller), secret_key: secret.reveal().to_owned() }
    }
}

impl fmt::Display for CallerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, state, secrets, .. } = self;
        let plural = if *secrets == 1 { "secret" } else { "secrets" };
        write!(f, "{name} is {state} and has {secrets} {plural}")
    }
}

impl fmt::Display for WithSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (limits, access_key) = (self.caller.limits(), &self.caller.access_key);
        write!(
            f,
            "{limits}. Copy the secret now; it is not shown again:\naccess_key {access_key}\nsecret_key {}",
            self.secret_key
        )
    }
}

impl fmt::Display for WithLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.limits())
    }
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CallerReport { name, access_key, .. } = &self.caller;
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

impl fmt::Display for CallerList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table =
            Table::new(["name", "access key", "state", "scopes", "rate", "secrets", "key ids", "since", "added by"]);
        for caller in &self.callers {
            let at = &caller.created_at;
            table.row([
                caller.name.clone(),
                caller.access_key.clone(),
                caller.state.to_owned(),
                caller.scopes.join(" "),
                caller.rate.to_string(),
                caller.secrets.to_string(),
                caller.sealed_by.join(" "),
                at.parse().map_or_else(|_| at.clone(), time),
                caller.created_by.clone(),
            ]);
        }
        table.fmt(f)
    }
}
