//! Searches among tenants, and their views.

use std::collections::BTreeMap;

use crate::applications::ApplicationQuery;
use crate::mails::MailView;
use crate::tenants::{Tenant, TenantStatus};
use crate::values::{AccessCode, AccessCodeKind, TenantId};

/// A tenant with its access codes and mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantView {
    /// The tenant.
    pub tenant: Tenant,
    /// Its access codes, by kind.
    pub access_codes: BTreeMap<AccessCodeKind, AccessCode>,
    /// Its mails, oldest first.
    pub mails: Vec<MailView>,
}

/// A page of tenants of one status, or of one customer, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantSearch {
    /// Those whose accepted application is found by this.
    pub by: Option<ApplicationQuery>,
    /// Those of this status.
    pub status: Option<TenantStatus>,
    /// Only those whose owner asks for conversion.
    pub asks_conversion: bool,
    /// Only tenants older than this one.
    pub before: Option<TenantId>,
    /// The page size.
    pub limit: u32,
}

/// A page of tenants, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantPage {
    /// Only tenants older than this one.
    pub before: Option<TenantId>,
    /// The page size.
    pub limit: u32,
}
