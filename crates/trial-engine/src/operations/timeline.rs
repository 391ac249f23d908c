//! The timeline of an applicant: every face shows the same events.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use trial_core::applications::{ApplicationQuery, ApplicationView, ApplyOutcome, ApplyRefusal, TimelineView};
use trial_core::audit::AuditQuery;
use trial_core::error::LedgerError;
use trial_core::policy::Policy;
use trial_core::ports::{AuditTrail, Operations};
use trial_core::timeline::{TimelineEntry, TimelineSources};
use trial_core::values::Phone;
use utoipa::ToSchema;

use super::access_codes;
use super::disclosure::Disclosure;

/// The time before a request from which on its timeline begins.
const BEFORE: TimeDelta = TimeDelta::hours(24);
/// Requests of each kind in the timeline of a request, at most: the newest; and changes of one tenant.
pub(super) const MOST: u32 = 200;

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Event)]
pub struct TimelineEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// `code_request`, `receipt`, `application`, `mail` or `change`.
    pub kind: &'static str,
    /// Request id of the exchange, if there was one.
    #[schema(required)]
    pub request_id: Option<String>,
    /// The phone of a request; masked unless `reveal` is true.
    #[schema(required)]
    pub phone: Option<String>,
    /// The e-mail address of an application; masked unless `reveal` is true.
    #[schema(required)]
    pub email: Option<String>,
    /// The company of an application.
    #[schema(required)]
    pub company_name: Option<String>,
    /// The published return code, if one was answered.
    #[schema(required)]
    pub return_code: Option<&'static str>,
    /// The event in words.
    pub words: String,
    /// The facts behind it, in words.
    pub facts: Vec<String>,
    /// Remediation, if any.
    #[schema(required)]
    pub what_to_do: Option<&'static str>,
}

/// The ports and the instant that a timeline is built with.
#[derive(Clone, Copy)]
pub struct TimelineParts<'a> {
    /// The queries.
    pub operations: &'a dyn Operations,
    /// The changes of tenants.
    pub audit: &'a dyn AuditTrail,
    /// The policy in force.
    pub policy: &'a Policy,
    /// Now.
    pub now: DateTime<Utc>,
}

impl TimelineParts<'_> {
    /// The requests of this phone from a day before this instant on.
    pub(super) async fn around(&self, phone: &Phone, at: DateTime<Utc>) -> Result<TimelineView, LedgerError> {
        let mut found = self.operations.find_applications(ApplicationQuery::Phone(phone.clone()), MOST).await?;
        found.code_requests.retain(|request| request.at >= at - BEFORE);
        found.applications.retain(|application| application.at >= at - BEFORE);
        Ok(found)
    }

    /// The events of these requests, of their mails and of their tenants, oldest first.
    pub(super) async fn events(
        &self,
        timeline: TimelineView,
        disclosure: Disclosure,
    ) -> Result<Vec<TimelineEvent>, LedgerError> {
        let applications = &timeline.applications;
        let mut attempts = BTreeMap::new();
        for mail in applications.iter().flat_map(|application| &application.mails) {
            attempts.insert(mail.id, self.operations.mail_attempts(mail.id).await?);
        }
        let tenants: BTreeSet<_> = applications.iter().filter_map(ApplicationView::tenant).collect();
        let mut audit = Vec::new();
        for tenant in tenants {
            let query = AuditQuery { subject: Some(tenant.to_string()), limit: MOST, ..AuditQuery::default() };
            audit.extend(self.audit.audit(query).await?);
        }
        let lacks_codes =
            |outcome: &ApplyOutcome| matches!(outcome, ApplyOutcome::Refused(ApplyRefusal::PoolEmpty { .. }));
        let pool = if applications.iter().any(|application| lacks_codes(&application.outcome)) {
            access_codes::outlook(self.operations, self.policy, self.now).await?
        } else {
            Vec::new()
        };
        let entries = TimelineSources { timeline, attempts, audit, pool }.tell();
        Ok(entries.into_iter().map(|entry| TimelineEvent::new(entry, disclosure)).collect())
    }
}

impl TimelineEvent {
    fn new(entry: TimelineEntry, disclosure: Disclosure) -> Self {
        let TimelineEntry { at, kind, code, words, facts, advice, request_id, applicant } = entry;
        let applicant = applicant.as_ref();
        Self {
            at,
            kind,
            request_id: request_id.map(|id| id.to_string()),
            phone: applicant.map(|applicant| disclosure.phone(&applicant.phone)),
            email: applicant.and_then(|applicant| applicant.email.as_ref()).map(|email| disclosure.email(email)),
            company_name: applicant.and_then(|applicant| applicant.company.clone()),
            return_code: code,
            words,
            facts,
            what_to_do: advice,
        }
    }
}
