//! `trialgate tenants …`

mod orders;

use std::fmt;

use anyhow::bail;
use clap::Subcommand;
use trial_core::tenants::{TenantAction, TenantSearch};
use trial_core::values::TenantId;
use trial_engine::operations::page::Page;
use trial_engine::operations::tenants::{self, TenantReport};

use crate::arguments::whole;
use crate::commands::mail::described;
use crate::commands::{reveal, with_database};
use crate::global::Global;
use crate::output::{Output, Printed, Table, more, time};
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

impl Tenants {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        match self {
            Self::List { before, asking, limit, output } => {
                let search = TenantSearch { by: None, status: None, asks_conversion: asking, before, limit };
                output.show(&Printed(with_database(global, async |_, ledger| {
                    let disclosure = reveal(ledger, "tenants.reveal", "tenants").await?;
                    Ok(tenants::list(&*ledger.operations(), search, disclosure).await?)
                })?))
            }
            Self::Show { id, output } => {
                let found = with_database(global, async |_, ledger| {
                    let disclosure = reveal(ledger, "tenant.reveal", &id.to_string()).await?;
                    Ok(tenants::show(&*ledger.operations(), id, disclosure).await?)
                })?;
                let Some(tenant) = found else { bail!("there is no tenant {id}") };
                output.show(&Printed(tenant))
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

fn code(code: Option<&String>) -> String {
    code.cloned().unwrap_or_else(|| "-".to_owned())
}

impl fmt::Display for Printed<Page<TenantReport>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.items.is_empty() {
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
        for tenant in &self.0.items {
            table.row([
                tenant.id.clone(),
                tenant
                    .conversion_asked_at
                    .map_or_else(|| tenant.status.to_owned(), |_| format!("{} (conversion requested)", tenant.status)),
                time(tenant.created_at),
                time(tenant.trial_ends_at),
                code(tenant.access_codes.voice.as_ref()),
                code(tenant.access_codes.multimedia.as_ref()),
                tenant.phone.clone(),
                tenant.email.clone(),
                tenant.company_name.clone(),
            ]);
        }
        write!(f, "{table}{}", more(&self.0, "--before"))
    }
}

impl fmt::Display for Printed<TenantReport> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenant = &self.0;
        writeln!(f, "tenant       {}", tenant.id)?;
        writeln!(f, "status       {}", tenant.status)?;
        writeln!(f, "company      {}", tenant.company_name)?;
        writeln!(f, "phone        {}", tenant.phone)?;
        writeln!(f, "e-mail       {}", tenant.email)?;
        writeln!(f, "account      {}", tenant.account_name)?;
        writeln!(f, "created      {}", time(tenant.created_at))?;
        writeln!(f, "trial ends   {}", time(tenant.trial_ends_at))?;
        let moments = [
            ("conversion   requested ", tenant.conversion_asked_at),
            ("converted    ", tenant.converted_at),
            ("suspended    ", tenant.suspended_at),
            ("closes       ", tenant.closes_at),
            ("closed       ", tenant.closed_at),
        ];
        for (name, at) in moments {
            if let Some(at) = at {
                writeln!(f, "{name}{}", time(at))?;
            }
        }
        writeln!(f, "voice        {}", code(tenant.access_codes.voice.as_ref()))?;
        writeln!(f, "multimedia   {}", code(tenant.access_codes.multimedia.as_ref()))?;
        for mail in &tenant.mails {
            writeln!(f, "{}", described(mail))?;
        }
        Ok(())
    }
}
