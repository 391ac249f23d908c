//! Searches among applications, and their views.

use chrono::{DateTime, Utc};

use crate::applications::ApplyOutcome;
use crate::mails::MailView;
use crate::return_codes::ApplyCode;
use crate::values::{ApplicationId, CompanyKey, Email, EmailKey, Phone, RequestId};
use crate::verification::CodeRequestView;

/// The number of applications of one hour that got one return code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourCount {
    /// The beginning of the hour.
    pub hour: DateTime<Utc>,
    /// The return code.
    pub return_code: ApplyCode,
    /// The number of applications.
    pub applications: u64,
    /// The number of them that created a tenant.
    pub tenants: u64,
}

/// The criterion of a search among applications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplicationQuery {
    /// Applications and code requests of a phone.
    Phone(Phone),
    /// The exchange with this id.
    RequestId(RequestId),
    /// Applications with this address.
    Email(EmailKey),
    /// Applications of this company.
    Company(CompanyKey),
}

/// A search among applications. `None` is no restriction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationSearch {
    /// The criterion.
    pub by: Option<ApplicationQuery>,
    /// Those with this return code.
    pub return_code: Option<ApplyCode>,
    /// Not before this, to the millisecond.
    pub since: Option<DateTime<Utc>>,
    /// Before this, to the millisecond.
    pub until: Option<DateTime<Utc>>,
    /// Only applications older than this one.
    pub before: Option<ApplicationId>,
    /// The page size.
    pub limit: u32,
}

/// Code requests and applications, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimelineView {
    /// Requests for a code.
    pub code_requests: Vec<CodeRequestView>,
    /// Applications.
    pub applications: Vec<ApplicationView>,
}

/// An application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationView {
    /// Its id.
    pub id: ApplicationId,
    /// The exchange.
    pub request_id: RequestId,
    /// When.
    pub at: DateTime<Utc>,
    /// The phone.
    pub phone: Phone,
    /// The mailbox.
    pub email: Email,
    /// The company.
    pub company: String,
    /// The outcome.
    pub outcome: ApplyOutcome,
    /// Its tenant's mails, if it was accepted.
    pub mails: Vec<MailView>,
}
