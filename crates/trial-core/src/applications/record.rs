//! Applications for a trial, as submitted and as stored.

use chrono::{DateTime, Utc};

use crate::applications::{Agreement, ApplyOutcome};
use crate::values::{
    ApplicationId, ChallengeId, CompanyKey, CompanyName, Email, EmailKey, Locale, Phone, RequestId, SubmittedCode,
    TenantId,
};
use crate::verification::Challenge;

/// A visitor applies for a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// The HTTP exchange.
    pub request_id: RequestId,
    /// The company.
    pub company: CompanyName,
    /// The phone.
    pub phone: Phone,
    /// The verification code as the applicant typed it.
    pub code: SubmittedCode,
    /// The address that the account details are sent to.
    pub email: Email,
    /// The language of the mail.
    pub locale: Locale,
    /// The terms that were agreed to, if any were shown.
    pub agreed: Option<Agreement>,
}

/// One application, accepted or refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationRecord {
    /// Its id.
    pub id: ApplicationId,
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// The application.
    pub application: Application,
    /// The code that it was compared with, if the phone had one.
    pub challenge: Option<ChallengeId>,
    /// The outcome.
    pub outcome: ApplyOutcome,
}

/// An application that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedApplication {
    /// Its id.
    pub id: ApplicationId,
    /// When it was accepted.
    pub at: DateTime<Utc>,
    /// The code that it consumed.
    pub challenge: Challenge,
    /// Its mailbox.
    pub email: EmailKey,
    /// Its company.
    pub company: CompanyKey,
    /// The tenant that was created.
    pub tenant: TenantId,
}
