use clap::Args;

use crate::output;

/// `trialgate openapi`
#[derive(Debug, Args)]
pub(crate) struct Openapi;

impl Openapi {
    #[expect(clippy::unused_self, reason = "every command is run alike")]
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        output::say(&trial_http::openapi_json())
    }
}
