//! Rows as operators and the outbox see them, for every database.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};
use trial_core::access_codes::AccessCodeView;
use trial_core::applications::{ApplicationView, ApplyOutcome};
use trial_core::error::LedgerError;
use trial_core::mails::{DueMail, MailAttempt, MailQueue, MailState, MailView, RefusedMail};
use trial_core::quota::{BudgetView, MailBudget, QuotaDay};
use trial_core::sms::{Delivery, DeliveryState};
use trial_core::tenants::{DueTenant, Tenant};
use trial_core::values::{
    AccessCode, AccessCodeKind, ApplicationId, CodeRequestId, Email, MailHosts, MailId, Phone, RequestId, TenantId,
};
use trial_core::verification::CodeRequestView;
use trial_core::warnings::Warning;

use crate::convert::{bad, count, id, name, optional_id, readable, shown, time};
use crate::rows::{MailRow, apply_outcome, code_outcome};
use crate::schema::{access_codes, applications, code_requests, mail_attempts};

/// The queue, from the number and the oldest of due mails, and from those given up.
pub(crate) fn mail_queue(due: (i64, Option<i64>), failed: i64) -> Result<MailQueue, LedgerError> {
    let (due, oldest) = due;
    Ok(MailQueue {
        due: count(due, "mails.state")?,
        oldest_due: oldest.map(shown),
        failed: count(failed, "mails.state")?,
    })
}

/// A day of the e-mail limit and of mails that owners caused, from the units taken of both, and from the number of the
/// day's mails of each budget and state.
pub(crate) fn quota(
    day: NaiveDate,
    taken: Option<(i64, i64)>,
    mails: &[(String, String, i64)],
) -> Result<QuotaDay, LedgerError> {
    let of = |budget: MailBudget, state: MailState| {
        let found = mails.iter().find(|(b, s, _)| (b.as_str(), s.as_str()) == (budget.as_str(), state.as_str()));
        found.map_or(Ok(0), |(.., number)| count(*number, "mails.state"))
    };
    let (reserved, owner_mails) = taken.unwrap_or_default();
    Ok(QuotaDay {
        day,
        reserved: count(reserved, "quota_days.reserved")?,
        sent: of(MailBudget::Threshold, MailState::Sent)?,
        failed: of(MailBudget::Threshold, MailState::Failed)?,
        owners: BudgetView {
            reserved: count(owner_mails, "quota_days.owner_mails")?,
            sent: of(MailBudget::Owners, MailState::Sent)?,
            failed: of(MailBudget::Owners, MailState::Failed)?,
        },
    })
}

/// A tenant's access codes, from their kinds and texts.
pub(crate) fn access_codes(
    codes: impl IntoIterator<Item = (String, String)>,
) -> Result<BTreeMap<AccessCodeKind, AccessCode>, LedgerError> {
    codes
        .into_iter()
        .map(|(kind, code)| Ok((name(&kind, "access_codes.kind")?, AccessCode::from_stored(&code))))
        .collect()
}

/// The reason for giving up an unreadable mail or event.
pub(crate) fn unreadable(reason: &(dyn std::error::Error + Send + Sync)) -> String {
    format!("its rows cannot be read: {reason}")
}

/// A claimed mail, with its tenant's access codes.
pub(crate) fn due_mail(
    row: MailRow,
    tenant: Option<Tenant>,
    access_codes: BTreeMap<AccessCodeKind, AccessCode>,
    superseded: bool,
) -> Result<DueMail, LedgerError> {
    if tenant.is_none() && row.tenant.is_some() {
        return Err(bad("mails.tenant"));
    }
    Ok(DueMail {
        id: MailId::from_bytes(id(&row.id, "mails.id")?),
        kind: name(&row.kind, "mails.kind")?,
        to: Email::parse_at(MailHosts::Any, &row.recipient).map_err(|_| bad("mails.recipient"))?,
        locale: name(&row.locale, "mails.locale")?,
        created_at: time(row.created_at, "mails.created_at")?,
        attempts: count(row.attempts, "mails.attempts")?,
        tenant,
        access_codes,
        detail: row.detail,
        superseded,
    })
}

/// Recipient, last reply, and time of settlement, if any.
pub(crate) type RefusedRow = (String, Option<String>, Option<i64>);

/// Those that have a reply, and were not given up before `since`.
pub(crate) fn refused(rows: Vec<RefusedRow>, since: i64) -> Vec<RefusedMail> {
    let is_recent = |settled_at: Option<i64>| settled_at.is_none_or(|at| at >= since);
    let rows = rows.into_iter().filter(|(.., settled_at)| is_recent(*settled_at));
    rows.filter_map(|(to, reply, _)| Some(RefusedMail { to, reply: reply? })).collect()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = access_codes)]
pub(crate) struct AccessCodeRow {
    code: String,
    kind: String,
    state: String,
    since: i64,
    tenant: Option<Vec<u8>>,
    last_tenant: Option<Vec<u8>>,
}

impl TryFrom<AccessCodeRow> for AccessCodeView {
    type Error = LedgerError;

    fn try_from(row: AccessCodeRow) -> Result<Self, LedgerError> {
        let tenant = row.tenant.or(row.last_tenant);
        Ok(Self {
            code: AccessCode::from_stored(&row.code),
            kind: name(&row.kind, "access_codes.kind")?,
            state: name(&row.state, "access_codes.state")?,
            since: shown(row.since),
            tenant: optional_id(tenant.as_deref(), "access_codes.tenant")?.map(TenantId::from_bytes),
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = mail_attempts)]
pub(crate) struct MailAttemptRow {
    attempt: i32,
    at: i64,
    result: String,
    reply: String,
}

impl TryFrom<MailAttemptRow> for MailAttempt {
    type Error = LedgerError;

    fn try_from(row: MailAttemptRow) -> Result<Self, LedgerError> {
        Ok(Self {
            attempt: count(row.attempt, "mail_attempts.attempt")?,
            at: shown(row.at),
            result: row.result,
            reply: row.reply,
        })
    }
}

#[derive(QueryableByName)]
pub(crate) struct ClockMarkRow {
    #[diesel(sql_type = Nullable<BigInt>)]
    seen_at: Option<i64>,
}

impl ClockMarkRow {
    pub(crate) fn seen_at(&self) -> Option<DateTime<Utc>> {
        self.seen_at.map(shown)
    }
}

/// Warnings of a day as stored: name, time, text.
pub(crate) fn warnings(day: NaiveDate, rows: Vec<(String, i64, String)>) -> Vec<Warning> {
    rows.into_iter().map(|(name, at, words)| Warning { day, name, at: shown(at), words }).collect()
}

/// Tenants whose next step is due.
pub(crate) fn due_tenants(rows: Vec<(Option<i64>, Vec<u8>)>) -> Result<Vec<DueTenant>, LedgerError> {
    let due = rows.into_iter().map(|(since, tenant)| {
        Ok(DueTenant {
            since: shown(since.unwrap_or_default()),
            tenant: TenantId::from_bytes(id(&tenant, "tenants.id")?),
        })
    });
    due.collect()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = code_requests)]
pub(crate) struct CodeRequestRow {
    id: Vec<u8>,
    request_id: String,
    at: i64,
    phone: String,
    country_code: i32,
    challenge: Option<Vec<u8>>,
    state: Option<String>,
    refusal: Option<String>,
    gateway: Option<String>,
    reply: Option<String>,
    delivery: Option<String>,
    delivery_reason: Option<String>,
    delivery_at: Option<i64>,
}

impl TryFrom<CodeRequestRow> for CodeRequestView {
    type Error = LedgerError;

    fn try_from(row: CodeRequestRow) -> Result<Self, LedgerError> {
        Ok(Self {
            id: CodeRequestId::from_bytes(id(&row.id, "code_requests.id")?),
            request_id: RequestId::from_stored(&row.request_id),
            at: shown(row.at),
            phone: Phone::from_canonical(&row.phone, count(row.country_code, "code_requests.country_code")?),
            outcome: code_outcome(row.challenge.as_deref(), row.state.as_deref(), row.refusal.as_deref())?,
            gateway: row.gateway,
            reply: row.reply,
            delivery: delivery(row.delivery.as_deref(), row.delivery_reason, row.delivery_at)?,
        })
    }
}

fn delivery(state: Option<&str>, reason: Option<String>, at: Option<i64>) -> Result<Option<Delivery>, LedgerError> {
    let Some(state) = delivery_state(state)? else { return Ok(None) };
    let at = shown(at.ok_or_else(|| bad("code_requests.delivery_at"))?);
    Ok(Some(Delivery { state, reason, at }))
}

/// The progress of a message, as far as known.
pub(crate) fn delivery_state(stored: Option<&str>) -> Result<Option<DeliveryState>, LedgerError> {
    stored.map(|state| name(state, "code_requests.delivery")).transpose()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = applications)]
pub(crate) struct ApplicationRow {
    id: Vec<u8>,
    request_id: String,
    at: i64,
    phone: String,
    country_code: i32,
    email: String,
    email_key: String,
    company: String,
    outcome: String,
    tenant: Option<Vec<u8>>,
    refusal: Option<String>,
}

/// An application without its tenant's mails.
impl TryFrom<ApplicationRow> for ApplicationView {
    type Error = LedgerError;

    fn try_from(row: ApplicationRow) -> Result<Self, LedgerError> {
        Ok(Self {
            outcome: apply_outcome(&row.outcome, row.tenant.as_deref(), row.refusal.as_deref())?,
            id: ApplicationId::from_bytes(id(&row.id, "applications.id")?),
            request_id: RequestId::from_stored(&row.request_id),
            at: shown(row.at),
            phone: Phone::from_canonical(&row.phone, count(row.country_code, "applications.country_code")?),
            email: Email::from_stored(&row.email, &row.email_key),
            company: row.company,
            mails: Vec::new(),
        })
    }
}

/// The tenant that an application led to, to which its mails belong.
pub(crate) fn tenant_of(application: &ApplicationView) -> Option<TenantId> {
    match application.outcome {
        ApplyOutcome::Accepted { tenant } => Some(tenant),
        ApplyOutcome::Replayed { .. } | ApplyOutcome::Refused(_) => None,
    }
}

pub(crate) fn mails(rows: Vec<MailRow>) -> Result<Vec<MailView>, LedgerError> {
    readable(rows)
}
