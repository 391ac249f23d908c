//! Lists, retires and releases single access codes.

use std::fmt;

use anyhow::bail;
use clap::Args;
use serde::Serialize;
use trial_core::access_codes::{AccessCodePage, AccessCodeState, PoolCommand, PoolOutcome};
use trial_core::values::{AccessCode, AccessCodeKind};
use trial_engine::operations::access_codes::{self, AccessCodeReport};
use trial_engine::operations::page::Page;

use crate::arguments::whole;
use crate::commands::{with_database, with_ledger};
use crate::global::Global;
use crate::output::{Output, Printed, Table, more, time};
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
struct Moved {
    code: String,
    before: &'static str,
    state: &'static str,
}

impl List {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let Self { kind, state, after, limit, output } = self;
        let page = AccessCodePage { kind, state, after, limit };
        output.show(&Printed(with_ledger(global, async |_, ledger| Ok(access_codes::list(&*ledger, page).await?))?))
    }
}

impl Move {
    pub(crate) fn run(self, order: PoolCommand, global: &Global) -> anyhow::Result<()> {
        let Self { code, output } = self;
        let asked = code.clone();
        let ordered = with_database(global, async |_, ledger| {
            let by = ledger.changed_by(process::operator());
            Ok(ledger.operations().order_access_code(asked, order, by).await?)
        })?;
        match ordered {
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

impl fmt::Display for Printed<Page<AccessCodeReport>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.items.is_empty() {
            return f.write_str("no access codes");
        }
        let mut table = Table::new(["code", "kind", "state", "since", "tenant"]);
        for AccessCodeReport { code, kind, state, since, tenant } in &self.0.items {
            let tenant = tenant.clone().unwrap_or_else(|| "-".to_owned());
            table.row([code.clone(), (*kind).to_owned(), (*state).to_owned(), time(*since), tenant]);
        }
        write!(f, "{table}{}", more(&self.0, "--after"))
    }
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {} (was {})", self.code, self.state, self.before)
    }
}
