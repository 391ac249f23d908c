//! `trialgate applications find`

mod timeline;

use std::collections::BTreeSet;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use trial_core::applications::{ApplicationQuery, TimelineView};
use trial_core::ports::Operations;
use trial_core::values::{CompanyName, Email, MailHosts, Phone, RequestId};

use super::{phone, record_reveal, record_search, with_database};
use crate::arguments::whole;
use crate::config::Config;
use crate::global::Global;
use crate::output::Output;
use timeline::Timeline;

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
        let found = with_database(global, async |config, ledger| {
            let query = wanted.query(config)?;
            match &query {
                ApplicationQuery::RequestId(id) => record_reveal(ledger, "applications.reveal", id.as_str()).await?,
                _ => record_search(config, ledger, "applications", &query).await?,
            }
            find(&*ledger.operations(), query, limit).await
        })?;
        output.show(&Timeline::from(&found))
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

/// A code request has neither address nor company: it is found by the phones of the applications.
async fn find(ledger: &dyn Operations, query: ApplicationQuery, limit: u32) -> anyhow::Result<TimelineView> {
    let says_no_codes = matches!(query, ApplicationQuery::Email(_) | ApplicationQuery::Company(_));
    let mut found = ledger.find_applications(query, limit).await?;
    if says_no_codes {
        let phones: BTreeSet<Phone> = found.applications.iter().map(|application| application.phone.clone()).collect();
        for phone in phones {
            let of_phone = ledger.find_applications(ApplicationQuery::Phone(phone), limit).await?;
            found.code_requests.extend(of_phone.code_requests);
        }
    }
    Ok(found)
}
