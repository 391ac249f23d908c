//! Rows as stored, and their records. Inserted rows borrow; read rows own.

use diesel::prelude::*;
use trial_core::access_codes::{AccessCodeState, HeldCode};
use trial_core::applications::{AcceptedApplication, ApplicationRecord, ApplyOutcome};
use trial_core::audit::AuditRecord;
use trial_core::error::LedgerError;
use trial_core::mails::{MailRecord, MailState, MailView, OutboxMail};
use trial_core::planner::TenantFact;
use trial_core::return_codes::{ApplyReply, CodeReply};
use trial_core::tenants::Tenant;
use trial_core::values::{
    AccessCode, ApplicationId, ChallengeId, CodeRequestId, CompanyKey, CompanyName, Email, EmailKey, MailId, Phone,
    TenantId,
};
use trial_core::verification::{Challenge, CodeOutcome, CodeRequestRecord, PastSend, SendUpdate};

use crate::convert::{
    bad, clamped, count, day_number, id, integer, json, micros, name, optional_id, optional_time, shown, time,
};
use crate::schema::{access_codes, applications, audit, challenges, code_requests, mails, tenants};

#[derive(Insertable)]
#[diesel(table_name = challenges, treat_none_as_default_value = false)]
pub(crate) struct NewChallenge<'a> {
    pub(crate) id: &'a [u8],
    pub(crate) phone: &'a str,
    pub(crate) key_id: &'a str,
    pub(crate) made_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) tries: i32,
    pub(crate) state: &'static str,
    pub(crate) proven_at: Option<i64>,
}

impl<'a> From<&'a Challenge> for NewChallenge<'a> {
    fn from(challenge: &'a Challenge) -> Self {
        Self {
            id: challenge.id.as_bytes(),
            phone: challenge.phone.as_str(),
            key_id: &challenge.key_id,
            made_at: micros(challenge.made_at),
            expires_at: micros(challenge.expires_at),
            tries: integer(challenge.tries),
            state: challenge.state.as_str(),
            proven_at: challenge.proven_at.map(micros),
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = challenges)]
pub(crate) struct ChallengeRow {
    id: Vec<u8>,
    key_id: String,
    made_at: i64,
    expires_at: i64,
    tries: i32,
    state: String,
    proven_at: Option<i64>,
}

diesel::alias! {
    // The code before a phone's current one.
    pub(crate) const PREVIOUS: Alias<Previous> = challenges as previous_challenges;
}

type ChallengeColumns = (
    challenges::id,
    challenges::key_id,
    challenges::made_at,
    challenges::expires_at,
    challenges::tries,
    challenges::state,
    challenges::proven_at,
);

/// The columns of a [`ChallengeRow`] in its order, to select from [`PREVIOUS`].
pub(crate) const CHALLENGE_COLUMNS: ChallengeColumns = (
    challenges::id,
    challenges::key_id,
    challenges::made_at,
    challenges::expires_at,
    challenges::tries,
    challenges::state,
    challenges::proven_at,
);

impl ChallengeRow {
    pub(crate) fn into_challenge(self, phone: &Phone) -> Result<Challenge, LedgerError> {
        Ok(Challenge {
            id: ChallengeId::from_bytes(id(&self.id, "challenges.id")?),
            phone: phone.clone(),
            key_id: self.key_id,
            made_at: time(self.made_at, "challenges.made_at")?,
            expires_at: time(self.expires_at, "challenges.expires_at")?,
            tries: count(self.tries, "challenges.tries")?,
            state: name(&self.state, "challenges.state")?,
            proven_at: optional_time(self.proven_at, "challenges.proven_at")?,
        })
    }
}

#[derive(Insertable)]
#[diesel(table_name = code_requests, treat_none_as_default_value = false)]
pub(crate) struct NewCodeRequest<'a> {
    pub(crate) id: &'a [u8],
    pub(crate) request_id: &'a str,
    pub(crate) at: i64,
    pub(crate) phone: &'a str,
    pub(crate) country_code: i32,
    pub(crate) challenge: Option<&'a [u8]>,
    pub(crate) state: Option<&'static str>,
    pub(crate) refusal: Option<String>,
    pub(crate) return_code: &'static str,
}

impl<'a> From<&'a CodeRequestRecord> for NewCodeRequest<'a> {
    fn from(record: &'a CodeRequestRecord) -> Self {
        let (challenge, state, refusal) = match &record.outcome {
            CodeOutcome::Send { challenge, state } => {
                (Some(challenge.as_bytes().as_slice()), Some(state.as_str()), None)
            }
            CodeOutcome::Refused(refusal) => (None, None, Some(to_json(refusal))),
        };
        Self {
            id: record.id.as_bytes(),
            request_id: record.request_id.as_str(),
            at: micros(record.at),
            phone: record.phone.as_str(),
            country_code: record.phone.country_code().into(),
            challenge,
            state,
            refusal,
            return_code: CodeReply::from(&record.outcome).code.as_str(),
        }
    }
}

/// The return code once the gateway has replied.
pub(crate) fn code_after(update: &SendUpdate) -> &'static str {
    CodeReply::from(update.reply.state()).code.as_str()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = code_requests)]
pub(crate) struct PastSendRow {
    id: Vec<u8>,
    challenge: Option<Vec<u8>>,
    at: i64,
    state: Option<String>,
}

impl TryFrom<PastSendRow> for PastSend {
    type Error = LedgerError;

    fn try_from(row: PastSendRow) -> Result<Self, LedgerError> {
        let challenge = row.challenge.ok_or_else(|| bad("code_requests.challenge"))?;
        let state = row.state.ok_or_else(|| bad("code_requests.state"))?;
        Ok(Self {
            code_request: CodeRequestId::from_bytes(id(&row.id, "code_requests.id")?),
            challenge: ChallengeId::from_bytes(id(&challenge, "code_requests.challenge")?),
            at: time(row.at, "code_requests.at")?,
            state: name(&state, "code_requests.state")?,
        })
    }
}

/// The outcome of a code request, from its stored columns.
pub(crate) fn code_outcome(
    challenge: Option<&[u8]>,
    state: Option<&str>,
    refusal: Option<&str>,
) -> Result<CodeOutcome, LedgerError> {
    match (challenge, state, refusal) {
        (Some(challenge), Some(state), None) => Ok(CodeOutcome::Send {
            challenge: ChallengeId::from_bytes(id(challenge, "code_requests.challenge")?),
            state: name(state, "code_requests.state")?,
        }),
        (None, None, Some(refusal)) => Ok(CodeOutcome::Refused(json(refusal, "code_requests.refusal")?)),
        _ => Err(bad("code_requests.state")),
    }
}

#[derive(Insertable)]
#[diesel(table_name = tenants, treat_none_as_default_value = false)]
pub(crate) struct NewTenant<'a> {
    pub(crate) id: &'a [u8],
    pub(crate) status: &'static str,
    pub(crate) phone: &'a str,
    pub(crate) country_code: i32,
    pub(crate) email: &'a str,
    pub(crate) email_key: &'a str,
    pub(crate) company: &'a str,
    pub(crate) company_key: &'a str,
    pub(crate) created_at: i64,
    pub(crate) trial_ends_at: i64,
    pub(crate) key_id: &'a str,
    pub(crate) password_issue: i32,
    pub(crate) password_issued_at: i64,
    pub(crate) locale: &'static str,
    pub(crate) converted_at: Option<i64>,
    pub(crate) suspended_at: Option<i64>,
    pub(crate) closes_at: Option<i64>,
    pub(crate) closed_at: Option<i64>,
    pub(crate) told_until: i64,
    pub(crate) next_step_at: Option<i64>,
    pub(crate) conversion_asked_at: Option<i64>,
}

impl<'a> From<&'a Tenant> for NewTenant<'a> {
    fn from(tenant: &'a Tenant) -> Self {
        Self {
            id: tenant.id.as_bytes(),
            status: tenant.status.as_str(),
            phone: tenant.phone.as_str(),
            country_code: tenant.phone.country_code().into(),
            email: tenant.email.as_str(),
            email_key: tenant.email.key().as_str(),
            company: tenant.company.as_str(),
            company_key: tenant.company.key().as_str(),
            created_at: micros(tenant.created_at),
            trial_ends_at: micros(tenant.trial_ends_at),
            key_id: &tenant.key_id,
            password_issue: integer(tenant.password_issue),
            password_issued_at: micros(tenant.password_issued_at),
            locale: tenant.locale.as_str(),
            converted_at: tenant.converted_at.map(micros),
            suspended_at: tenant.suspended_at.map(micros),
            closes_at: tenant.closes_at.map(micros),
            closed_at: tenant.closed_at.map(micros),
            told_until: micros(tenant.told_until),
            next_step_at: tenant.next_step_at.map(micros),
            conversion_asked_at: tenant.conversion_asked_at.map(micros),
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = tenants)]
pub(crate) struct TenantRow {
    id: Vec<u8>,
    status: String,
    phone: String,
    country_code: i32,
    email: String,
    email_key: String,
    company: String,
    company_key: String,
    created_at: i64,
    trial_ends_at: i64,
    key_id: String,
    password_issue: i32,
    password_issued_at: i64,
    locale: String,
    converted_at: Option<i64>,
    suspended_at: Option<i64>,
    closes_at: Option<i64>,
    closed_at: Option<i64>,
    told_until: i64,
    next_step_at: Option<i64>,
    conversion_asked_at: Option<i64>,
}

impl TenantRow {
    /// The row with valid instants, for listings: no decision depends on it.
    pub(crate) fn shown(mut self) -> Self {
        for at in [&mut self.created_at, &mut self.trial_ends_at, &mut self.password_issued_at, &mut self.told_until] {
            *at = clamped(*at);
        }
        for at in [
            &mut self.converted_at,
            &mut self.suspended_at,
            &mut self.closes_at,
            &mut self.closed_at,
            &mut self.next_step_at,
            &mut self.conversion_asked_at,
        ] {
            *at = at.map(clamped);
        }
        self
    }
}

impl TryFrom<TenantRow> for Tenant {
    type Error = LedgerError;

    fn try_from(row: TenantRow) -> Result<Self, LedgerError> {
        Ok(Self {
            id: TenantId::from_bytes(id(&row.id, "tenants.id")?),
            status: name(&row.status, "tenants.status")?,
            phone: Phone::from_canonical(&row.phone, count(row.country_code, "tenants.country_code")?),
            email: Email::from_stored(&row.email, &row.email_key),
            company: CompanyName::from_stored(&row.company, &row.company_key),
            created_at: time(row.created_at, "tenants.created_at")?,
            trial_ends_at: time(row.trial_ends_at, "tenants.trial_ends_at")?,
            key_id: row.key_id,
            password_issue: count(row.password_issue, "tenants.password_issue")?,
            password_issued_at: time(row.password_issued_at, "tenants.password_issued_at")?,
            locale: name(&row.locale, "tenants.locale")?,
            converted_at: optional_time(row.converted_at, "tenants.converted_at")?,
            suspended_at: optional_time(row.suspended_at, "tenants.suspended_at")?,
            closes_at: optional_time(row.closes_at, "tenants.closes_at")?,
            closed_at: optional_time(row.closed_at, "tenants.closed_at")?,
            told_until: time(row.told_until, "tenants.told_until")?,
            next_step_at: optional_time(row.next_step_at, "tenants.next_step_at")?,
            conversion_asked_at: optional_time(row.conversion_asked_at, "tenants.conversion_asked_at")?,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = tenants)]
pub(crate) struct TenantFactRow {
    id: Vec<u8>,
    status: String,
    phone: String,
    country_code: i32,
    email_key: String,
    company_key: String,
}

impl TryFrom<TenantFactRow> for TenantFact {
    type Error = LedgerError;

    fn try_from(row: TenantFactRow) -> Result<Self, LedgerError> {
        Ok(Self {
            id: TenantId::from_bytes(id(&row.id, "tenants.id")?),
            status: name(&row.status, "tenants.status")?,
            phone: Phone::from_canonical(&row.phone, count(row.country_code, "tenants.country_code")?),
            email: EmailKey::from_stored(&row.email_key),
            company: CompanyKey::from_stored(&row.company_key),
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = access_codes)]
pub(crate) struct HeldCodeRow {
    code: String,
    kind: String,
    state: String,
    since: i64,
}

impl TryFrom<HeldCodeRow> for HeldCode {
    type Error = LedgerError;

    fn try_from(row: HeldCodeRow) -> Result<Self, LedgerError> {
        Ok(Self {
            code: AccessCode::from_stored(&row.code),
            kind: name(&row.kind, "access_codes.kind")?,
            state: name(&row.state, "access_codes.state")?,
            since: time(row.since, "access_codes.since")?,
        })
    }
}

#[derive(Insertable)]
#[diesel(table_name = mails, treat_none_as_default_value = false)]
pub(crate) struct NewMail<'a> {
    pub(crate) id: &'a [u8],
    pub(crate) kind: &'static str,
    pub(crate) tenant: Option<&'a [u8]>,
    pub(crate) recipient: &'a str,
    pub(crate) locale: &'static str,
    pub(crate) state: &'static str,
    pub(crate) attempts: i32,
    pub(crate) created_at: i64,
    pub(crate) next_attempt_at: i64,
    pub(crate) quota_day: Option<i32>,
    pub(crate) quota_unit: Option<i64>,
    pub(crate) quota_threshold: Option<i64>,
    pub(crate) priority: i32,
    pub(crate) detail: Option<&'a str>,
    pub(crate) quota_budget: &'static str,
}

impl<'a> From<&'a MailRecord> for NewMail<'a> {
    fn from(mail: &'a MailRecord) -> Self {
        Self {
            id: mail.id.as_bytes(),
            kind: mail.kind.as_str(),
            tenant: mail.tenant.as_ref().map(|tenant| tenant.as_bytes().as_slice()),
            recipient: mail.to.as_str(),
            locale: mail.locale.as_str(),
            state: MailState::Due.as_str(),
            attempts: 0,
            created_at: micros(mail.created_at),
            next_attempt_at: micros(mail.created_at),
            quota_day: mail.quota.map(|unit| day_number(unit.day)),
            quota_unit: mail.quota.map(|unit| unit.unit.into()),
            quota_threshold: mail.quota.map(|unit| unit.threshold.into()),
            priority: mail.kind.priority().into(),
            detail: mail.detail.as_deref(),
            quota_budget: mail.kind.budget().as_str(),
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = mails)]
pub(crate) struct MailRow {
    pub(crate) id: Vec<u8>,
    pub(crate) kind: String,
    pub(crate) tenant: Option<Vec<u8>>,
    pub(crate) recipient: String,
    pub(crate) locale: String,
    state: String,
    pub(crate) attempts: i32,
    pub(crate) created_at: i64,
    next_attempt_at: i64,
    last_reply: Option<String>,
    pub(crate) detail: Option<String>,
}

impl TryFrom<MailRow> for MailView {
    type Error = LedgerError;

    fn try_from(row: MailRow) -> Result<Self, LedgerError> {
        Ok(Self {
            id: MailId::from_bytes(id(&row.id, "mails.id")?),
            kind: name(&row.kind, "mails.kind")?,
            state: name(&row.state, "mails.state")?,
            attempts: count(row.attempts, "mails.attempts")?,
            created_at: shown(row.created_at),
            next_attempt_at: shown(row.next_attempt_at),
            last_reply: row.last_reply,
        })
    }
}

impl TryFrom<MailRow> for OutboxMail {
    type Error = LedgerError;

    fn try_from(row: MailRow) -> Result<Self, LedgerError> {
        Ok(Self {
            tenant: optional_id(row.tenant.as_deref(), "mails.tenant")?.map(TenantId::from_bytes),
            to: row.recipient.clone(),
            mail: row.try_into()?,
        })
    }
}

#[derive(Insertable)]
#[diesel(table_name = applications, treat_none_as_default_value = false)]
pub(crate) struct NewApplication<'a> {
    pub(crate) id: &'a [u8],
    pub(crate) request_id: &'a str,
    pub(crate) at: i64,
    pub(crate) phone: &'a str,
    pub(crate) country_code: i32,
    pub(crate) email: &'a str,
    pub(crate) email_key: &'a str,
    pub(crate) company: &'a str,
    pub(crate) company_key: &'a str,
    pub(crate) challenge: Option<&'a [u8]>,
    pub(crate) outcome: &'static str,
    pub(crate) tenant: Option<&'a [u8]>,
    pub(crate) refusal: Option<String>,
    pub(crate) return_code: &'static str,
}

/// The kinds of outcome in their column; the reply cache of accepted applications is found by the first.
pub(crate) const ACCEPTED: &str = "accepted";
const REPLAYED: &str = "replayed";
const REFUSED: &str = "refused";

impl<'a> From<&'a ApplicationRecord> for NewApplication<'a> {
    fn from(record: &'a ApplicationRecord) -> Self {
        let (outcome, tenant, refusal) = match &record.outcome {
            ApplyOutcome::Accepted { tenant } => (ACCEPTED, Some(tenant.as_bytes().as_slice()), None),
            ApplyOutcome::Replayed { tenant } => (REPLAYED, Some(tenant.as_bytes().as_slice()), None),
            ApplyOutcome::Refused(refusal) => (REFUSED, None, Some(to_json(refusal))),
        };
        let application = &record.application;
        Self {
            id: record.id.as_bytes(),
            request_id: application.request_id.as_str(),
            at: micros(record.at),
            phone: application.phone.as_str(),
            country_code: application.phone.country_code().into(),
            email: application.email.as_str(),
            email_key: application.email.key().as_str(),
            company: application.company.as_str(),
            company_key: application.company.key().as_str(),
            challenge: record.challenge.as_ref().map(|challenge| challenge.as_bytes().as_slice()),
            outcome,
            tenant,
            refusal,
            return_code: ApplyReply::from(&record.outcome).code.as_str(),
        }
    }
}

/// The outcome of an application, from its stored columns.
pub(crate) fn apply_outcome(
    outcome: &str,
    tenant: Option<&[u8]>,
    refusal: Option<&str>,
) -> Result<ApplyOutcome, LedgerError> {
    let tenant = tenant.map(|tenant| id(tenant, "applications.tenant").map(TenantId::from_bytes)).transpose()?;
    match (outcome, tenant, refusal) {
        (ACCEPTED, Some(tenant), None) => Ok(ApplyOutcome::Accepted { tenant }),
        (REPLAYED, Some(tenant), None) => Ok(ApplyOutcome::Replayed { tenant }),
        (REFUSED, None, Some(refusal)) => Ok(ApplyOutcome::Refused(json(refusal, "applications.refusal")?)),
        _ => Err(bad("applications.outcome")),
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = applications)]
pub(crate) struct AcceptedRow {
    id: Vec<u8>,
    at: i64,
    email_key: String,
    company_key: String,
    tenant: Option<Vec<u8>>,
}

impl AcceptedRow {
    pub(crate) fn into_accepted(
        self,
        challenge: ChallengeRow,
        phone: &Phone,
    ) -> Result<AcceptedApplication, LedgerError> {
        let tenant = self.tenant.ok_or_else(|| bad("applications.tenant"))?;
        Ok(AcceptedApplication {
            id: ApplicationId::from_bytes(id(&self.id, "applications.id")?),
            at: time(self.at, "applications.at")?,
            challenge: challenge.into_challenge(phone)?,
            email: EmailKey::from_stored(&self.email_key),
            company: CompanyKey::from_stored(&self.company_key),
            tenant: TenantId::from_bytes(id(&tenant, "applications.tenant")?),
        })
    }
}

#[derive(Insertable)]
#[diesel(table_name = audit, treat_none_as_default_value = false)]
pub(crate) struct NewAudit<'a> {
    pub(crate) id: &'a [u8],
    pub(crate) at: i64,
    pub(crate) actor: &'a str,
    pub(crate) action: &'static str,
    pub(crate) subject: &'a str,
    pub(crate) detail: &'a str,
}

impl<'a> From<&'a AuditRecord> for NewAudit<'a> {
    fn from(record: &'a AuditRecord) -> Self {
        Self {
            id: record.id.as_bytes(),
            at: micros(record.at),
            actor: &record.actor,
            action: record.action,
            subject: &record.subject,
            detail: &record.detail,
        }
    }
}

pub(crate) const FREE: &str = AccessCodeState::Free.as_str();

fn to_json(refusal: &impl serde::Serialize) -> String {
    #[expect(clippy::expect_used, reason = "refusals are plain data with text keys")]
    serde_json::to_string(refusal).expect("refusals are plain data with text keys")
}
