//! Tenants with their access codes and mails.

use chrono::{DateTime, Utc};
use serde::Serialize;
use trial_core::error::LedgerError;
use trial_core::mails::MailKind;
use trial_core::ports::Operations;
use trial_core::tenants::{Tenant, TenantChange, TenantSearch, TenantView};
use trial_core::values::{AccessCodeKind, TenantId};
use utoipa::ToSchema;

use super::disclosure::Disclosure;
use super::mails::MailReport;
use super::page::{Page, one_more};

/// A tenant with its access codes and mails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Tenant)]
pub struct TenantReport {
    /// Its id.
    pub id: String,
    /// trial, suspended, commercial or closed.
    pub status: &'static str,
    /// The company.
    pub company_name: String,
    /// Masked unless `reveal` is true.
    pub phone: String,
    /// Masked unless `reveal` is true.
    pub email: String,
    /// Name of its first account.
    pub account_name: String,
    /// When the trial began.
    pub created_at: DateTime<Utc>,
    /// When the trial ends.
    pub trial_ends_at: DateTime<Utc>,
    /// Time of the owner's request for a conversion; null if there is none.
    #[schema(required)]
    pub conversion_asked_at: Option<DateTime<Utc>>,
    /// Time of its conversion; null if it was not converted.
    #[schema(required)]
    pub converted_at: Option<DateTime<Utc>>,
    /// Time of its suspension; null unless it is suspended.
    #[schema(required)]
    pub suspended_at: Option<DateTime<Utc>>,
    /// End of the grace period, at which it is closed; null unless its trial is suspended.
    #[schema(required)]
    pub closes_at: Option<DateTime<Utc>>,
    /// Time of its closing; null unless it is closed.
    #[schema(required)]
    pub closed_at: Option<DateTime<Utc>>,
    /// Its access codes.
    pub access_codes: HeldCodes,
    /// Oldest first.
    pub mails: Vec<MailReport>,
}

/// Access codes of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HeldCodes {
    /// The voice code.
    #[schema(required)]
    pub voice: Option<String>,
    /// The multimedia code.
    #[schema(required)]
    pub multimedia: Option<String>,
}

/// Result of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Changed)]
pub struct TenantChangeReport {
    /// Id of the tenant.
    pub id: String,
    /// Status before.
    pub before: &'static str,
    /// Status after.
    pub status: &'static str,
    /// End of the trial.
    pub trial_ends_at: DateTime<Utc>,
    /// Kind of the mail that was queued; null if none.
    #[schema(required)]
    pub mail: Option<&'static str>,
    /// `true` if a mail waits until enough of the daily e-mail limit is left.
    pub mail_waits: bool,
}

/// A page of tenants, newest first.
///
/// # Errors
/// [`LedgerError`] if the query fails.
pub async fn list(
    operations: &dyn Operations,
    search: TenantSearch,
    disclosure: Disclosure,
) -> Result<Page<TenantReport>, LedgerError> {
    let limit = search.limit;
    let found = operations.search_tenants(TenantSearch { limit: one_more(limit), ..search }).await?;
    Ok(Page::of(limit, found, |view| view.tenant.id.to_string(), |view| TenantReport::new(view, disclosure)))
}

/// One tenant.
///
/// # Errors
/// [`LedgerError`] if the query fails.
pub async fn show(
    operations: &dyn Operations,
    id: TenantId,
    disclosure: Disclosure,
) -> Result<Option<TenantReport>, LedgerError> {
    Ok(operations.tenant(id).await?.map(|view| TenantReport::new(&view, disclosure)))
}

impl TenantReport {
    fn new(view: &TenantView, disclosure: Disclosure) -> Self {
        let tenant = &view.tenant;
        let held = |kind| view.access_codes.get(&kind).map(ToString::to_string);
        Self {
            id: tenant.id.to_string(),
            status: tenant.status.as_str(),
            company_name: tenant.company.as_str().to_owned(),
            phone: disclosure.phone(&tenant.phone),
            email: disclosure.email(&tenant.email),
            account_name: Tenant::account_name(tenant.id),
            created_at: tenant.created_at,
            trial_ends_at: tenant.trial_ends_at,
            conversion_asked_at: tenant.conversion_asked_at,
            converted_at: tenant.converted_at,
            suspended_at: tenant.suspended_at,
            closes_at: tenant.closes_at,
            closed_at: tenant.closed_at,
            access_codes: HeldCodes {
                voice: held(AccessCodeKind::Voice),
                multimedia: held(AccessCodeKind::Multimedia),
            },
            mails: view.mails.iter().map(MailReport::from).collect(),
        }
    }
}

impl TenantChangeReport {
    /// The change of this tenant.
    pub fn new(tenant: TenantId, change: &TenantChange) -> Self {
        Self {
            id: tenant.to_string(),
            before: change.before.as_str(),
            status: change.after.as_str(),
            trial_ends_at: change.trial_ends_at,
            mail: change.mail.map(MailKind::as_str),
            mail_waits: change.mail_waits,
        }
    }
}
