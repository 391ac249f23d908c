use clap::Args;

use crate::cli::Global;
use crate::ledger::Ledger;
use crate::{compose, output};

/// `trialgate migrate`
#[derive(Debug, Args)]
pub(crate) struct Migrate;

impl Migrate {
    #[expect(clippy::unused_self, reason = "every command is run alike")]
    pub(crate) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let config = global.load()?;
        let run = compose::runtime()?.block_on(Ledger::migrate(&config.database))?;
        let database = &config.database;
        match run.as_slice() {
            [] => output::say(&format!("{database} is up to date")),
            names => output::say(&format!("{database}: ran {}", names.join(", "))),
        }
    }
}
