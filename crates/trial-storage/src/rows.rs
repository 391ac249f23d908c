//! Rows as they are stored, and the records they stand for. What is inserted borrows; what is read owns.

use diesel::prelude::*;
use trial_core::{
    AcceptedApplication, AccessCodeState, ApplicationId, ApplicationRecord, ApplyOutcome, AuditRecord, Challenge,
    ChallengeId, CodeOutcome, CodeRequestId, CodeRequestRecord, CompanyKey, CompanyName, Email, EmailKey, LedgerError,
    MailId, MailRecord, MailState, MailView, OutboxMail, PastSend, Phone, Tenant, TenantFact, TenantId,
};

use crate::convert::{bad, count, day_number, id, integer, json, micros, name, time};
use crate::schema::{applications, audit, challenges, code_requests, mails, tenants};

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
}

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
        }
    }
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

/// What a code request came to, from its stored columns.
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

#[derive(Insertable)]
#[diesel(table_name = mails, treat_none_as_default_value = false)]
pub(crate) struct NewMail<'a> {
    pub(crate) id: &'a [u8],
    pub(crate) kind: &'static str,
    pub(crate) tenant: &'a [u8],
    pub(crate) recipient: &'a str,
    pub(crate) locale: &'static str,
    pub(crate) state: &'static str,
    pub(crate) attempts: i32,
    pub(crate) created_at: i64,
    pub(crate) next_attempt_at: i64,
    pub(crate) quota_day: i32,
    pub(crate) quota_unit: i64,
    pub(crate) quota_threshold: i64,
}

impl<'a> From<&'a MailRecord> for NewMail<'a> {
    fn from(mail: &'a MailRecord) -> Self {
        Self {
            id: mail.id.as_bytes(),
            kind: mail.kind.as_str(),
            tenant: mail.tenant.as_bytes(),
            recipient: mail.to.as_str(),
            locale: mail.locale.as_str(),
            state: MailState::Due.as_str(),
            attempts: 0,
            created_at: micros(mail.created_at),
            next_attempt_at: micros(mail.created_at),
            quota_day: day_number(mail.quota.day),
            quota_unit: mail.quota.unit.into(),
            quota_threshold: mail.quota.threshold.into(),
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = mails)]
pub(crate) struct MailRow {
    pub(crate) id: Vec<u8>,
    pub(crate) kind: String,
    tenant: Vec<u8>,
    pub(crate) recipient: String,
    pub(crate) locale: String,
    state: String,
    pub(crate) attempts: i32,
    pub(crate) created_at: i64,
    next_attempt_at: i64,
    last_reply: Option<String>,
}

impl TryFrom<MailRow> for MailView {
    type Error = LedgerError;

    fn try_from(row: MailRow) -> Result<Self, LedgerError> {
        Ok(Self {
            id: MailId::from_bytes(id(&row.id, "mails.id")?),
            state: name(&row.state, "mails.state")?,
            attempts: count(row.attempts, "mails.attempts")?,
            created_at: time(row.created_at, "mails.created_at")?,
            next_attempt_at: time(row.next_attempt_at, "mails.next_attempt_at")?,
            last_reply: row.last_reply,
        })
    }
}

impl TryFrom<MailRow> for OutboxMail {
    type Error = LedgerError;

    fn try_from(row: MailRow) -> Result<Self, LedgerError> {
        Ok(Self {
            kind: name(&row.kind, "mails.kind")?,
            tenant: TenantId::from_bytes(id(&row.tenant, "mails.tenant")?),
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
}

/// How an outcome is told apart in its column; the reply cache of accepted applications is found by the first.
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
        }
    }
}

/// What an application came to, from its stored columns.
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
