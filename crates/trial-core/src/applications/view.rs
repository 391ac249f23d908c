//! Searches among applications, and their views.

use chrono::{DateTime, Utc};

use crate::applications::ApplyOutcome;
use crate::mails::MailView;
use crate::return_codes::ApplyCode;
use crate::values::{ApplicationId, CompanyKey, Email, EmailKey, Phone, RequestId};
use crate::verification::CodeRequestView;

/// Applications of one hour that came to one return code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourCount {
    /// The beginning of the hour.
    pub hour: DateTime<Utc>,
    /// The published return code, such as `006`.
    pub return_code: String,
    /// How many.
    pub applications: u64,
    /// How many of them made a tenant.
    pub tenants: u64,
}

/// Whose applications are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplicationQuery {
    /// Everything about a phone.
    Phone(Phone),
    /// The exchange with this id.
    RequestId(RequestId),
    /// Applications with this address.
    Email(EmailKey),
    /// Applications of this company.
    Company(CompanyKey),
}

/// A search among applications. What is `None` is not asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationSearch {
    /// Whose.
    pub by: Option<ApplicationQuery>,
    /// Those that came to this.
    pub return_code: Option<ApplyCode>,
    /// Not before this, to the millisecond.
    pub since: Option<DateTime<Utc>>,
    /// Before this, to the millisecond.
    pub until: Option<DateTime<Utc>>,
    /// Only applications older than this one.
    pub before: Option<ApplicationId>,
    /// At most so many.
    pub limit: u32,
}

/// What happened, oldest first.
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
    /// What was decided.
    pub outcome: ApplyOutcome,
    /// Its tenant's mails, if it was accepted.
    pub mails: Vec<MailView>,
}
