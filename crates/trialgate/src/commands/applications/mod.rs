//! `trialgate applications find`

mod printer;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use trial_core::applications::ApplicationQuery;
use trial_core::values::{CompanyName, Email, MailHosts, RequestId};
use trial_engine::operations::Disclosure;
use trial_engine::operations::timeline::{self, TimelineParts};

use super::{phone, policy_in_force, record_search, reveal, with_database};
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
            Ok(timeline::find(parts, query, limit, Disclosure::Revealed).await?)
        })?))
    }
}

impl Wanted {
    fn query(&self, config: &Config) -> anyhow::Result<ApplicationQuery> {
        if let Some(text) = &self.phone {
            return Ok(ApplicationQuery::Phone(phone(text, config)?));
        }
        if let Some(text) = &self.request_id {
            let id = RequestId::from_caller(text).ok_or_else(|| anyhow!("{text:?} is not a request id"))?;
            return Ok(ApplicationQuery::RequestId(id));
        }
        if let Some(text) = &self.company {
            let company = CompanyName::parse(text).map_err(|error| anyhow!("the company {error}"))?;
            return Ok(ApplicationQuery::Company(company.key().clone()));
        }
        let email = Email::parse_at(MailHosts::Any, self.email.as_deref().unwrap_or_default());
        Ok(ApplicationQuery::Email(email.map_err(|error| anyhow!("the e-mail {error}"))?.key().clone()))
    }
}
