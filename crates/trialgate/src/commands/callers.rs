use std::collections::BTreeSet;
use std::fmt;

use anyhow::bail;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Subcommand;
use serde::Serialize;
use trial_core::ports::Entropy;
use trial_core::{
    Caller, CallerAdded, CallerChange, CallerChanged, CallerCredentials, CallerId, CallerName, CallerRefusal,
    CallerSecret, DEFAULT_CALLER_RATE, Keyring, MAX_CALLER_RATE, Scope,
};

use super::with_database;
use crate::cli::Global;
use crate::compose::{self, OsEntropy};
use crate::output::{Output, Table, time};

/// Callers that one listing shows.
const LISTED: u32 = 1_000;

/// `trialgate callers …`
#[derive(Debug, Subcommand)]
pub(crate) enum Callers {
    /// Let a back end sign requests; prints its access key and its secret, which is not shown again
    Add {
        /// The name that the audit knows it by: letters, digits, '.', '_' and '-'
        name: CallerName,
        /// What it may ask for: verify-codes, apply or query; may be given more than once. Without it, everything
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<Scope>,
        /// Requests a minute that it may make at each instance; 0 for no limit
        #[arg(long, value_name = "N", default_value_t = DEFAULT_CALLER_RATE,
            value_parser = clap::value_parser!(u32).range(..=i64::from(MAX_CALLER_RATE)))]
        rate: u32,
        #[command(flatten)]
        output: Output,
    },
    /// List who is, and was, let in, newest first
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Let it in no more, at once, until it is resumed
    Suspend(Named),
    /// Let it in again
    Resume(Named),
    /// Give it a second secret, which is not shown again; both sign
    Rotate(Named),
    /// Take the older of its two secrets back
    RetireSecret(Named),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Named {
    /// The name
    name: CallerName,
    #[command(flatten)]
    output: Output,
}

/// A caller, without its secrets.
#[derive(Debug, Serialize)]
struct CallerReport {
    name: String,
    access_key: String,
    state: &'static str,
    scopes: Vec<&'static str>,
    rate: u32,
    secrets: usize,
    created_at: String,
    created_by: String,
    suspended_at: Option<String>,
}

/// A caller, with a secret that is new.
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

impl Callers {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        match self {
            Self::Add { name, scopes, rate, output } => add(global, name, scopes, rate, output),
            Self::List { output } => {
                let listed = with_database(global, async |_, ledger| Ok(ledger.callers().callers(LISTED).await?))?;
                output.show(&CallerList { callers: listed.iter().map(CallerReport::new).collect() })
            }
            Self::Suspend(named) => change(global, named, CallerChange::Suspend),
            Self::Resume(named) => change(global, named, CallerChange::Resume),
            Self::RetireSecret(named) => change(global, named, CallerChange::RetireSecret),
            Self::Rotate(named) => rotate(global, named),
        }
    }
}

fn add(global: &Global, name: CallerName, scopes: Vec<Scope>, rate: u32, output: Output) -> anyhow::Result<()> {
    let by = compose::changed_by(compose::operator());
    let scopes: BTreeSet<_> =
        if scopes.is_empty() { Scope::ALL.iter().copied().collect() } else { scopes.into_iter().collect() };
    let CallerCredentials { access_key, secret } = CallerCredentials::new(&random());
    let (caller, added) = with_database(global, async |config, ledger| {
        let caller = Caller {
            id: CallerId::new(by.at, random()),
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
        CallerAdded::Done => output.show(&WithSecret::new(&caller, &secret)),
        CallerAdded::NameTaken => bail!("there is a caller {} already; choose another name", caller.name),
    }
}

fn change(global: &Global, Named { name, output }: Named, change: CallerChange) -> anyhow::Result<()> {
    let by = compose::changed_by(compose::operator());
    let changed =
        with_database(global, async |_, ledger| Ok(ledger.callers().change_caller(name, change, by).await?))?;
    match changed {
        CallerChanged::Done(caller) => output.show(&CallerReport::new(&caller)),
        CallerChanged::Refused(refusal) => bail!("{refusal}"),
    }
}

fn rotate(global: &Global, Named { name, output }: Named) -> anyhow::Result<()> {
    let by = compose::changed_by(compose::operator());
    let CallerCredentials { secret, .. } = CallerCredentials::new(&random());
    let changed = with_database(global, async |config, ledger| {
        let callers = ledger.callers();
        let listed = callers.callers(LISTED).await?;
        let holder = listed.iter().find(|caller| caller.removed_at.is_none() && caller.name.key() == name.key());
        let Some(holder) = holder else { return Ok(CallerChanged::Refused(CallerRefusal::Unknown)) };
        let sealed = secret.seal(&holder.access_key, &config.keyring()?, &random::<{ Keyring::NONCE }>());
        Ok(callers.change_caller(name, CallerChange::Rotate(sealed), by).await?)
    })?;
    match changed {
        CallerChanged::Done(caller) => output.show(&WithSecret::new(&caller, &secret)),
        CallerChanged::Refused(refusal) => bail!("{refusal}"),
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsEntropy.fill(&mut bytes);
    bytes
}

impl CallerReport {
    fn new(caller: &Caller) -> Self {
        let instant = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
        Self {
            name: caller.name.to_string(),
            access_key: caller.access_key.clone(),
            state: caller.status().as_str(),
            scopes: caller.scopes.iter().map(|scope| scope.as_str()).collect(),
            rate: caller.rate,
            secrets: caller.secrets().count(),
            created_at: instant(caller.created_at),
            created_by: caller.created_by.clone(),
            suspended_at: caller.suspended_at.map(instant),
        }
    }
}

impl WithSecret {
    fn new(caller: &Caller, secret: &CallerSecret) -> Self {
        Self { caller: CallerReport::new(caller), secret_key: secret.reveal().to_owned() }
    }
}

impl fmt::Display for CallerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, state, secrets, .. } = self;
        let plural = if *secrets == 1 { "secret" } else { "secrets" };
        write!(f, "{name} is {state}, and has {secrets} {plural}")
    }
}

impl fmt::Display for WithSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CallerReport { name, access_key, scopes, rate, .. } = &self.caller;
        let scopes = scopes.join(", ");
        let rate = if *rate == 0 { "without a limit".to_owned() } else { format!("{rate} times a minute") };
        write!(
            f,
            "{name} may ask for {scopes}, {rate}. The secret is not shown again:\naccess_key {access_key}\nsecret_key {}",
            self.secret_key
        )
    }
}

impl fmt::Display for CallerList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["name", "access key", "state", "scopes", "rate", "secrets", "since", "added by"]);
        for caller in &self.callers {
            let at = &caller.created_at;
            table.row([
                caller.name.clone(),
                caller.access_key.clone(),
                caller.state.to_owned(),
                caller.scopes.join(" "),
                caller.rate.to_string(),
                caller.secrets.to_string(),
                at.parse().map_or_else(|_| at.clone(), time),
                caller.created_by.clone(),
            ]);
        }
        table.fmt(f)
    }
}
