//! `trialgate migrate`: creates or upgrades the database, or transfers it to PostgreSQL.

mod moving;

use std::fmt;

use clap::Args;
use serde::Serialize;

use crate::compose;
use crate::config::ServiceUrl;
use crate::global::Global;
use crate::ledger::{Ledger, no_file, or_no_file};
use crate::output::{Output, complain};

/// `trialgate migrate`
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// Transfer everything out of this SQLite database (sqlite:PATH), which refuses to be used afterwards
    #[arg(long, value_name = "URL", requires = "to", value_parser = url)]
    from: Option<ServiceUrl>,
    /// Transfer into this PostgreSQL database (postgres://…); it must be empty or hold an interrupted transfer of the
    /// same source
    #[arg(long, value_name = "URL", requires = "from", value_parser = url)]
    to: Option<ServiceUrl>,
    #[command(flatten)]
    output: Output,
}

/// Migrations that ran.
#[derive(Debug, Serialize)]
struct MigrateReport {
    database: String,
    ran: Vec<String>,
}

#[expect(clippy::unnecessary_wraps, reason = "a parser of arguments may fail; what is wrong is said without the URL")]
fn url(text: &str) -> Result<ServiceUrl, std::convert::Infallible> {
    Ok(ServiceUrl::new(text))
}

impl Migrate {
    pub(crate) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let config = global.load()?;
        if let (Some(from), Some(to)) = (&self.from, &self.to) {
            return moving::run(&config, from, to, self.output);
        }
        let ran = or_no_file(&config, compose::runtime()?.block_on(Ledger::migrate(&config.database)))?;
        if let Some(notice) = no_file(&config) {
            complain(&format!("warning: {notice}"));
        }
        self.output.show(&MigrateReport { database: config.database.to_string(), ran })
    }
}

impl fmt::Display for MigrateReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { database, ran } = self;
        match ran.as_slice() {
            [] => write!(f, "{database} is up to date"),
            names => write!(f, "{database}: ran {}", names.join(", ")),
        }
    }
}
