use clap::Args;
use trial_storage::SqliteLedger;

use crate::cli::Global;
use crate::{compose, output};

/// `trialgate migrate`
#[derive(Debug, Args)]
pub(crate) struct Migrate;

impl Migrate {
    #[expect(clippy::unused_self, reason = "every command is run alike")]
    pub(crate) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let config = global.load()?;
        let run = compose::runtime()?.block_on(SqliteLedger::migrate(&compose::database(&config)))?;
        let file = config.database.display();
        match run.as_slice() {
            [] => output::say(&format!("{file} is up to date")),
            names => output::say(&format!("{file}: ran {}", names.join(", "))),
        }
    }
}
