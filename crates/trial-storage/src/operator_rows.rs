//! Rows of operators, their sessions and the audit, for every database.

use diesel::prelude::*;
use trial_core::audit::AuditEntry;
use trial_core::error::LedgerError;
use trial_core::operators::{Operator, OperatorName, SecretHash, Session};
use trial_core::values::{AuditId, OperatorId};

use crate::convert::{bad, id, micros, name, shown, time};
use crate::schema::{audit, operators, sessions};
use crate::statement::Literal;

/// The entries of the audit that have indexes of their own.
pub(crate) const NOT_OF_APPLICANTS: Literal = Literal("audit.actor <> 'applicant'");

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = operators, treat_none_as_default_value = false)]
pub(crate) struct OperatorRow {
    id: Vec<u8>,
    name: String,
    name_key: String,
    role: String,
    token: Vec<u8>,
    created_at: i64,
    created_by: String,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub(crate) struct SessionRow {
    secret: Vec<u8>,
    operator: Vec<u8>,
    created_at: i64,
    used_at: i64,
    expires_at: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit)]
pub(crate) struct AuditRow {
    id: Vec<u8>,
    at: i64,
    actor: String,
    action: String,
    subject: String,
    detail: String,
}

impl From<&Operator> for OperatorRow {
    fn from(operator: &Operator) -> Self {
        Self {
            id: operator.id.as_bytes().to_vec(),
            name: operator.name.to_string(),
            name_key: operator.name.key(),
            role: operator.role.to_string(),
            token: operator.token.as_bytes().to_vec(),
            created_at: micros(operator.created_at),
            created_by: operator.created_by.replace('\0', "\u{FFFD}"),
            expires_at: operator.expires_at.map(micros),
            revoked_at: operator.revoked_at.map(micros),
        }
    }
}

impl TryFrom<OperatorRow> for Operator {
    type Error = LedgerError;

    fn try_from(row: OperatorRow) -> Result<Self, LedgerError> {
        Ok(Self {
            id: OperatorId::from_bytes(id(&row.id, "operators.id")?),
            name: OperatorName::from_stored(&row.name),
            role: name(&row.role, "operators.role")?,
            token: hash(&row.token, "operators.token")?,
            created_at: time(row.created_at, "operators.created_at")?,
            created_by: row.created_by,
            expires_at: row.expires_at.map(|at| time(at, "operators.expires_at")).transpose()?,
            revoked_at: row.revoked_at.map(|at| time(at, "operators.revoked_at")).transpose()?,
        })
    }
}

impl From<&Session> for SessionRow {
    fn from(session: &Session) -> Self {
        Self {
            secret: session.secret.as_bytes().to_vec(),
            operator: session.operator.as_bytes().to_vec(),
            created_at: micros(session.created_at),
            used_at: micros(session.used_at),
            expires_at: micros(session.expires_at),
        }
    }
}

impl TryFrom<SessionRow> for Session {
    type Error = LedgerError;

    fn try_from(row: SessionRow) -> Result<Self, LedgerError> {
        Ok(Self {
            secret: hash(&row.secret, "sessions.secret")?,
            operator: OperatorId::from_bytes(id(&row.operator, "sessions.operator")?),
            created_at: time(row.created_at, "sessions.created_at")?,
            used_at: time(row.used_at, "sessions.used_at")?,
            expires_at: time(row.expires_at, "sessions.expires_at")?,
        })
    }
}

impl TryFrom<AuditRow> for AuditEntry {
    type Error = LedgerError;

    fn try_from(row: AuditRow) -> Result<Self, LedgerError> {
        Ok(Self {
            id: AuditId::from_bytes(id(&row.id, "audit.id")?),
            at: shown(row.at),
            actor: row.actor,
            action: row.action,
            subject: row.subject,
            detail: row.detail,
        })
    }
}

fn hash(bytes: &[u8], column: &'static str) -> Result<SecretHash, LedgerError> {
    bytes.try_into().map(SecretHash::from_bytes).map_err(|_| bad(column))
}

/// The audit text of a new operator.
pub(crate) fn added(operator: &Operator) -> String {
    let until = operator.expires_at.map_or_else(|| "revoked".to_owned(), |end| end.to_rfc3339());
    format!("role {}, until {until}", operator.role)
}

/// The matching entries, newest first: for both databases, whose queries are of different types.
macro_rules! audit_page {
    ($query:expr) => {{
        use crate::schema::audit::{action, actor, at, id, subject, table};
        let asked = $query;
        let (first, end) = asked.ids();
        let mut page = table.order(id.desc()).limit(asked.limit.into()).select(AuditRow::as_select()).into_boxed();
        if asked.leaves_applicants_out() {
            page = page.filter(crate::operator_rows::NOT_OF_APPLICANTS);
        }
        if let Some(wanted) = &asked.actor {
            page = page.filter(actor.eq(crate::postgres::storable(wanted).into_owned()));
        }
        if let Some(wanted) = &asked.action {
            page = page.filter(action.eq(crate::postgres::storable(wanted).into_owned()));
        }
        if let Some(wanted) = &asked.subject {
            page = page.filter(subject.eq(crate::postgres::storable(wanted).into_owned()));
        }
        if let Some(first) = &first {
            page = page.filter(id.ge(first.as_bytes().to_vec()));
        }
        if let Some(end) = &end {
            page = page.filter(id.lt(end.as_bytes().to_vec()));
        }
        if let Some(since) = asked.since {
            page = page.filter(at.ge(crate::convert::micros(since)));
        }
        if let Some(until) = asked.until {
            page = page.filter(at.lt(crate::convert::micros(until)));
        }
        page
    }};
}
pub(crate) use audit_page;
