//! `trialgate compact`: rewrites the database file so that no byte of erased rows is left in it.

use std::fmt;

use clap::Args;
use serde::Serialize;
use trial_core::privacy::Compaction;
use trial_engine::purge;

use super::persons::NOT_PURGED;
use super::with_database;
use crate::global::Global;
use crate::output::Output;

/// `trialgate compact`
#[derive(Debug, Args)]
pub(crate) struct Compact {
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Serialize)]
struct Report {
    rewritten: bool,
}

impl Compact {
    pub(crate) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let (compaction, is_purged) = with_database(global, async |_, ledger| {
            let privacy = ledger.privacy();
            Ok((privacy.compact(u64::MAX).await?, purge(&*privacy).await?))
        })?;
        self.output.show(&Report { rewritten: compaction == Compaction::Done })?;
        if is_purged { Ok(()) } else { anyhow::bail!(NOT_PURGED) }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.rewritten {
            "rewritten: no byte of erased rows is left in the file"
        } else {
            "nothing to do: no row was erased since the last rewrite"
        })
    }
}
