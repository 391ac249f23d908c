//! `trialgate applications find`

mod printer;

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use trial_core::applications::ApplicationQuery;
use trial_engine::operations::timeline::TimelineParts;
use trial_engine::operations::{Disclosure, SearchField, requests};

use super::{policy_in_force, record_search, reveal, with_database};
use crate::arguments::whole;
use crate::config::Config;
use crate::global::Global;
use crate::output::{Output, Printed};

/// `trialgate applications …`
#[derive(Debug, Subcommand)]
pub(crate) enum Applications {
    /// Show the timeline of one applicant, oldest first, with what to do
    ///
    /// Phones and e-mail addresses are shown in full.
    Find {
        #[command(flatten)]
        wanted: Wanted,
        /// Number of requests of each kind, newest first, at most 10000
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = whole(1..=10_000))]
        limit: u32,
        #[command(flatten)]
        output: Output,
    },
}

/// Search keys of an applicant.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Wanted {
    /// Requests with this phone, in any usual spelling
    #[arg(long)]
    phone: Option<String>,
    /// The request that was answered with this `X-Request-Id`
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// Applications with this address, and code requests of their phones
    #[arg(long)]
    email: Option<String>,
    /// Applications of this company, and code requests of their phones
    #[arg(long, value_name = "NAME")]
    company: Option<String>,
}

impl Applications {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let Self::Find { wanted, limit, output } = self;
        output.show(&Printed(with_database(global, async |config, ledger| {
            let query = wanted.query(config)?;
            match &query {
                ApplicationQuery::RequestId(id) => _ = reveal(ledger, "applications.reveal", id.as_str()).await?,
                _ => record_search(config, ledger, "applications", &query).await?,
            }
            let policy = &policy_in_force(config, ledger).await?;
            let (operations, audit) = (&*ledger.operations(), &*ledger.audit());
            let parts = TimelineParts { operations, audit, policy, now: ledger.clock().now() };
            Ok(requests::find(parts, query, limit, Disclosure::Revealed).await?)
        })?))
    }
}

impl Wanted {
    fn query(&self, config: &Config) -> anyhow::Result<ApplicationQuery> {
        let given = [
            ("phone", SearchField::Phone, &self.phone),
            ("request id", SearchField::RequestId, &self.request_id),
            ("e-mail", SearchField::Email, &self.email),
            ("company", SearchField::Company, &self.company),
        ];
        let given = given.into_iter().find_map(|(name, field, text)| Some((name, field, text.as_deref()?)));
        let (name, field, text) = given.context("give a phone, a request id, an e-mail or a company")?;
        field.parse(text, config.phones()).map_err(|error| anyhow!("the {name} {error}"))
    }
}
