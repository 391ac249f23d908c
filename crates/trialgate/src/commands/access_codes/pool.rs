//! Lists, retires and releases single access codes.

use std::fmt;

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use trial_core::access_codes::{AccessCodePage, AccessCodeState, AccessCodeView, PoolCommand, PoolOutcome};
use trial_core::values::{AccessCode, AccessCodeKind};

use crate::ambient;
use crate::arguments::whole;
use crate::commands::with_ledger;
use crate::global::Global;
use crate::output::{Output, Table, time};
use crate::process;

/// `trialgate access-codes list`
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Kind of the codes: voice or multimedia
    #[arg(long)]
    kind: AccessCodeKind,
    /// State of the codes: free, leased, quarantined or retired
    #[arg(long, default_value_t = AccessCodeState::Free)]
    state: AccessCodeState,
    /// Start after this code: the last one of the previous page
    #[arg(long, value_name = "CODE", value_parser = AccessCode::parse)]
    after: Option<AccessCode>,
    /// Number of codes to list, at most 1000
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = whole(1..=1000))]
    limit: u32,
    #[command(flatten)]
    output: Output,
}

/// `trialgate access-codes retire`, `release`
#[derive(Debug, Args)]
pub(crate) struct Move {
    /// The access code
    #[arg(value_parser = AccessCode::parse)]
    code: AccessCode,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Serialize)]
struct CodeList {
    access_codes: Vec<Entry>,
    /// Value of `--after` for the next page, if there may be one.
    next_after: Option<String>,
}

#[derive(Debug, Serialize)]
struct Entry {
    code: String,
    kind: &'static str,
    state: &'static str,
    since: DateTime<Utc>,
    tenant: Option<String>,
}

#[derive(Debug, Serialize)]
struct Moved {
    code: String,
    before: &'static str,
    state: &'static str,
}

impl List {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let Self { kind, state, after, limit, output } = self;
        let page = AccessCodePage { kind, state, after, limit };
        let codes = with_ledger(global, async |_, ledger| Ok(ledger.access_codes(page).await?))?;
        let is_full = u32::try_from(codes.len()).is_ok_and(|length| length == limit);
        let next_after = codes.last().filter(|_| is_full).map(|last| last.code.to_string());
        output.show(&CodeList { access_codes: codes.iter().map(Entry::from).collect(), next_after })
    }
}

impl Move {
    pub(crate) fn run(self, order: PoolCommand, global: &Global) -> anyhow::Result<()> {
        let Self { code, output } = self;
        let by = ambient::changed_by(process::operator());
        let asked = code.clone();
        match with_ledger(global, async |_, ledger| Ok(ledger.order_access_code(asked, order, by).await?))? {
            PoolOutcome::Done { before, after } => {
                output.show(&Moved { code: code.to_string(), before: before.as_str(), state: after.as_str() })
            }
            PoolOutcome::Refused(AccessCodeState::Leased) => {
                bail!("{code} is leased to a tenant; close the tenant to release it")
            }
            PoolOutcome::Refused(state) => bail!("{code} is already {state}"),
            PoolOutcome::Unknown => bail!("{code} is not in the pool"),
        }
    }
}

impl From<&AccessCodeView> for Entry {
    fn from(view: &AccessCodeView) -> Self {
        Self {
            code: view.code.to_string(),
            kind: view.kind.as_str(),
            state: view.state.as_str(),
            since: view.since,
            tenant: view.tenant.map(|tenant| tenant.to_string()),
        }
    }
}

impl fmt::Display for CodeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.access_codes.is_empty() {
            return f.write_str("no access codes");
        }
        let mut table = Table::new(["code", "kind", "state", "since", "tenant"]);
        for Entry { code, kind, state, since, tenant } in &self.access_codes {
            let tenant = tenant.clone().unwrap_or_else(|| "-".to_owned());
            table.row([code.clone(), (*kind).to_owned(), (*state).to_owned(), time(*since), tenant]);
        }
        table.fmt(f)?;
        match &self.next_after {
            Some(code) => write!(f, "more: --after {code}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {} (was {})", self.code, self.state, self.before)
    }
}
