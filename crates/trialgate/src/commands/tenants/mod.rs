//! `trialgate tenants …`

mod orders;

use std::collections::BTreeMap;
use std::fmt;

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::Subcommand;
use serde::Serialize;
use trial_core::tenants::{Tenant, TenantAction, TenantSearch, TenantView};
use trial_core::values::{AccessCodeKind, TenantId};

use crate::arguments::whole;
use crate::commands::views::MailReport;
use crate::commands::{record_reveal, with_database};
use crate::global::Global;
use crate::output::{Output, Table, time};
use orders::Wanted;

/// `trialgate tenants …`
#[derive(Debug, Subcommand)]
pub(crate) enum Tenants {
    /// List tenants, newest first
    List {
        /// Start after this tenant: the last one of the previous page
        #[arg(long, value_name = "ID")]
        before: Option<TenantId>,
        /// Only tenants whose owner requests a conversion
        #[arg(long)]
        asking: bool,
        /// Number of tenants to list, at most 1000
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = whole(1..=1000))]
        limit: u32,
        #[command(flatten)]
        output: Output,
    },
    /// Show one tenant
    Show {
        /// The tenant's id
        id: TenantId,
        #[command(flatten)]
        output: Output,
    },
    /// Convert a trial to a commercial tenant: it keeps its id and access codes, and the codes leave the pool
    Convert(Wanted),
    /// Extend a trial from its end or from now, whichever is later; an expired trial is resumed
    Extend {
        #[command(flatten)]
        wanted: Wanted,
        /// Number of days
        #[arg(long, value_name = "N", default_value_t = 30, value_parser = whole(1..=366))]
        days: u32,
    },
    /// Suspend a tenant
    Suspend(Wanted),
    /// Resume a suspended tenant; extend an expired trial instead
    Resume(Wanted),
    /// Close a tenant: its access codes go to quarantine. `reopen` undoes this while they are there
    Close(Wanted),
    /// Reopen a closed tenant while its access codes are quarantined
    Reopen(Wanted),
    /// Send the account mail again; an initial password that is about to expire is replaced
    ResendMail(Wanted),
}

/// A page of tenants.
#[derive(Debug, Serialize)]
struct TenantList {
    tenants: Vec<TenantReport>,
    /// Value of `--before` for the next page, if there may be one.
    next_before: Option<String>,
}

/// A tenant with its access codes and mails.
#[derive(Debug, Serialize)]
struct TenantReport {
    id: String,
    status: &'static str,
    company: String,
    phone: String,
    email: String,
    account_name: String,
    created_at: DateTime<Utc>,
    trial_ends_at: DateTime<Utc>,
    /// Time of the owner's request for a conversion.
    #[serde(skip_serializing_if = "Option::is_none")]
    conversion_asked_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    converted_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspended_at: Option<DateTime<Utc>>,
    /// Time at which a suspended trial will be closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    closes_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<DateTime<Utc>>,
    access_codes: BTreeMap<&'static str, String>,
    mails: Vec<MailReport>,
}

impl Tenants {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        match self {
            Self::List { before, asking, limit, output } => {
                let search = TenantSearch { by: None, status: None, asks_conversion: asking, before, limit };
                let tenants = with_database(global, async |_, ledger| {
                    record_reveal(ledger, "tenants.reveal", "tenants").await?;
                    Ok(ledger.operations().search_tenants(search).await?)
                })?;
                let is_full = u32::try_from(tenants.len()).is_ok_and(|length| length == limit);
                let last = tenants.last().map(|view| view.tenant.id.to_string());
                let tenants = tenants.iter().map(TenantReport::from).collect();
                output.show(&TenantList { tenants, next_before: last.filter(|_| is_full) })
            }
            Self::Show { id, output } => {
                let found = with_database(global, async |_, ledger| {
                    record_reveal(ledger, "tenant.reveal", &id.to_string()).await?;
                    Ok(ledger.operations().tenant(id).await?)
                })?;
                let Some(tenant) = found else { bail!("there is no tenant {id}") };
                output.show(&TenantReport::from(&tenant))
            }
            Self::Convert(wanted) => wanted.order(TenantAction::Convert, global),
            Self::Extend { wanted, days } => wanted.order(TenantAction::Extend(orders::days(days)), global),
            Self::Suspend(wanted) => wanted.order(TenantAction::Suspend, global),
            Self::Resume(wanted) => wanted.order(TenantAction::Resume, global),
            Self::Close(wanted) => wanted.order(TenantAction::Close, global),
            Self::Reopen(wanted) => wanted.order(TenantAction::Reopen, global),
            Self::ResendMail(wanted) => wanted.order(TenantAction::ResendMail, global),
        }
    }
}

impl From<&TenantView> for TenantReport {
    fn from(view: &TenantView) -> Self {
        let tenant = &view.tenant;
        let codes = view.access_codes.iter().map(|(kind, code)| (kind.as_str(), code.to_string()));
        Self {
            id: tenant.id.to_string(),
            status: tenant.status.as_str(),
            company: tenant.company.as_str().to_owned(),
            phone: tenant.phone.to_string(),
            email: tenant.email.as_str().to_owned(),
            account_name: Tenant::account_name(tenant.id),
            created_at: tenant.created_at,
            trial_ends_at: tenant.trial_ends_at,
            conversion_asked_at: tenant.conversion_asked_at,
            converted_at: tenant.converted_at,
            suspended_at: tenant.suspended_at,
            closes_at: tenant.closes_at,
            closed_at: tenant.closed_at,
            access_codes: codes.collect(),
            mails: view.mails.iter().map(MailReport::from).collect(),
        }
    }
}

impl TenantReport {
    fn access_code(&self, kind: AccessCodeKind) -> String {
        self.access_codes.get(kind.as_str()).cloned().unwrap_or_else(|| "-".to_owned())
    }
}

impl fmt::Display for TenantList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tenants.is_empty() {
            return f.write_str("no tenants");
        }
        let mut table = Table::new([
            "tenant",
            "status",
            "created",
            "trial ends",
            "voice",
            "multimedia",
            "phone",
            "e-mail",
            "company",
        ]);
        for tenant in &self.tenants {
            table.row([
                tenant.id.clone(),
                tenant
                    .conversion_asked_at
                    .map_or_else(|| tenant.status.to_owned(), |_| format!("{} (conversion requested)", tenant.status)),
                time(tenant.created_at),
                time(tenant.trial_ends_at),
                tenant.access_code(AccessCodeKind::Voice),
                tenant.access_code(AccessCodeKind::Multimedia),
                tenant.phone.clone(),
                tenant.email.clone(),
                tenant.company.clone(),
            ]);
        }
        table.fmt(f)?;
        match &self.next_before {
            Some(id) => write!(f, "more: --before {id}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for TenantReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "tenant       {}", self.id)?;
        writeln!(f, "status       {}", self.status)?;
        writeln!(f, "company      {}", self.company)?;
        writeln!(f, "phone        {}", self.phone)?;
        writeln!(f, "e-mail       {}", self.email)?;
        writeln!(f, "account      {}", self.account_name)?;
        writeln!(f, "created      {}", time(self.created_at))?;
        writeln!(f, "trial ends   {}", time(self.trial_ends_at))?;
        let moments = [
            ("conversion   requested ", self.conversion_asked_at),
            ("converted    ", self.converted_at),
            ("suspended    ", self.suspended_at),
            ("closes       ", self.closes_at),
            ("closed       ", self.closed_at),
        ];
        for (name, at) in moments {
            if let Some(at) = at {
                writeln!(f, "{name}{}", time(at))?;
            }
        }
        writeln!(f, "voice        {}", self.access_code(AccessCodeKind::Voice))?;
        writeln!(f, "multimedia   {}", self.access_code(AccessCodeKind::Multimedia))?;
        for mail in &self.mails {
            writeln!(f, "{mail}")?;
        }
        Ok(())
    }
}
