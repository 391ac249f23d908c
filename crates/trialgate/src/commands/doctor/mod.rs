//! `trialgate doctor`: checks every setting and dependency.

mod checks;
mod platform;
mod report;

use anyhow::bail;
use clap::Args;

use crate::compose;
use crate::global::Global;
use crate::output::Output;
use report::Report;

/// `trialgate doctor`
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    output: Output,
}

impl Doctor {
    pub(crate) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let mut report = Report::default();
        match global.load() {
            Ok(config) => compose::runtime()?.block_on(checks::all(&config, &mut report)),
            Err(error) => report.fail("configuration", format!("{error:#}")),
        }
        self.output.show(&report)?;
        match report.failures() {
            0 => Ok(()),
            1 => bail!("1 check failed"),
            failures => bail!("{failures} checks failed"),
        }
    }
}
