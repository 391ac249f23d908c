//! `trialgate retention run`: removes expired rows. A running service does so by itself.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde::Serialize;
use trial_core::ports::Privacy;
use trial_core::privacy::{Expired, Expiring, ExpiryPage};

use super::persons::Remains;
use super::{clock, with_database};
use crate::captured;
use crate::global::Global;
use crate::output::Output;

/// Rows per transaction.
const STRETCH: u32 = 500;

/// `trialgate retention …`
#[derive(Debug, Subcommand)]
pub(crate) enum RetentionCommand {
    /// Remove expired rows once, as `serve` does by itself
    Run(Run),
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Show what would be removed without changing anything
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    dry_run: bool,
    removed: BTreeMap<&'static str, u64>,
}

impl RetentionCommand {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let Self::Run(Run { dry_run, output }) = self;
        let (removed, remains) = with_database(global, async |config, ledger| {
            let (privacy, retention) = (captured::privacy(config, ledger), config.retention());
            let mut removed = BTreeMap::new();
            let now = match clock::watch(config, ledger).look().await? {
                Ok(now) => now,
                Err(gap) if dry_run => gap.now,
                Err(gap) => bail!("nothing was removed: {gap}"),
            };
            for what in Expiring::ALL {
                removed.insert(what.as_str(), expire(&*privacy, retention.since(*what, now), *what, dry_run).await?);
            }
            if !dry_run {
                removed.insert("portal", privacy.expire_portal(now).await?);
                removed.insert("prefixes", privacy.expire_prefixes(now).await?);
            }
            let remains = if dry_run { Remains::Nothing } else { Remains::removed(&*privacy).await? };
            Ok((removed, remains))
        })?;
        output.show(&Report { dry_run, removed })?;
        remains.report()
    }
}

async fn expire(privacy: &dyn Privacy, since: DateTime<Utc>, what: Expiring, dry_run: bool) -> anyhow::Result<u64> {
    let (mut after, mut rows) = ([0; 16], 0);
    loop {
        let Expired { removed, last } =
            privacy.expire(ExpiryPage { what, since, after, limit: STRETCH }, dry_run).await?;
        rows += removed;
        match last {
            Some(last) => after = last,
            None => return Ok(rows),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<_> =
            self.removed.iter().map(|(what, rows)| format!("{} {rows}", what.replace('_', " "))).collect();
        write!(f, "{}: {}", if self.dry_run { "would be removed" } else { "removed" }, rows.join(", "))
    }
}
