//! Operators, their sessions, and the audit.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use trial_core::audit::{AuditEntry, AuditQuery, AuditRecord, ChangedBy};
use trial_core::error::LedgerError;
use trial_core::operators::{
    Operator, OperatorAdded, OperatorName, PersonSearch, SESSIONS_PER_OPERATOR, SearchOutcome, SecretHash, Session,
};
use trial_core::ports::{AuditTrail, Operators};

use super::operations::append_audit;
use super::{SqliteLedger, fault, snapshot};
use crate::convert::{micros, readable};
use crate::operator_rows::{AuditRow, OperatorRow, SessionRow, added, audit_page};
use crate::rows::NewAudit;
use crate::schema::{audit, operators, sessions};

#[async_trait]
impl Operators for SqliteLedger {
    async fn add_operator(&self, operator: Operator, by: ChangedBy) -> Result<OperatorAdded, LedgerError> {
        self.writer.transact(move |conn| add(conn, &operator, &by)).await
    }

    async fn operators(&self, limit: u32) -> Result<Vec<Operator>, LedgerError> {
        self.reader()
            .run(move |conn| {
                let newest = operators::table.order(operators::id.desc()).limit(limit.into());
                let rows = newest.select(OperatorRow::as_select()).load(conn).map_err(fault)?;
                readable(rows)
            })
            .await
    }

    async fn revoke_operator(&self, name: OperatorName, by: ChangedBy) -> Result<bool, LedgerError> {
        self.writer.transact(move |conn| revoke(conn, &name, &by)).await
    }

    async fn operator_by_token(&self, token: SecretHash) -> Result<Option<Operator>, LedgerError> {
        self.reader()
            .run(move |conn| {
                let of_token = operators::table.filter(operators::token.eq(token.as_bytes().as_slice()));
                let row = of_token.select(OperatorRow::as_select()).first(conn).optional().map_err(fault)?;
                row.map(Operator::try_from).transpose()
            })
            .await
    }

    async fn begin_session(&self, session: Session, by: ChangedBy) -> Result<bool, LedgerError> {
        self.writer.transact(move |conn| begin(conn, &session, &by)).await
    }

    async fn session(&self, secret: SecretHash) -> Result<Option<(Session, Operator)>, LedgerError> {
        self.reader().run(move |conn| snapshot(conn, |conn| find(conn, secret))).await
    }

    async fn note_session(&self, secret: SecretHash, now: DateTime<Utc>) -> Result<(), LedgerError> {
        self.writer
            .transact(move |conn| {
                let session =
                    sessions::table.find(secret.as_bytes().as_slice()).filter(sessions::used_at.lt(micros(now)));
                diesel::update(session).set(sessions::used_at.eq(micros(now))).execute(conn).map(drop).map_err(fault)
            })
            .await
    }

    async fn end_session(&self, secret: SecretHash, by: ChangedBy) -> Result<(), LedgerError> {
        self.writer
            .transact(move |conn| {
                let Some((_, operator)) = find(conn, secret)? else { return Ok(()) };
                let session = sessions::table.find(secret.as_bytes().as_slice());
                diesel::delete(session).execute(conn).map_err(fault)?;
                append_audit(conn, &by, "session.end", operator.name.as_str(), "signed out".to_owned())
            })
            .await
    }
}

#[async_trait]
impl AuditTrail for SqliteLedger {
    async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditEntry>, LedgerError> {
        self.reader()
            .run(move |conn| {
                let rows: Vec<AuditRow> = audit_page!(&query).load(conn).map_err(fault)?;
                readable(rows)
            })
            .await
    }
    async fn append_entry(&self, record: AuditRecord) -> Result<(), LedgerError> {
        self.writer.transact(move |conn| append_entry(conn, &record)).await
    }

    async fn record_search(&self, search: PersonSearch) -> Result<SearchOutcome, LedgerError> {
        self.writer.transact(move |conn| record_search(conn, &search)).await
    }
}

fn append_entry(conn: &mut SqliteConnection, record: &AuditRecord) -> Result<(), LedgerError> {
    diesel::insert_into(audit::table).values(NewAudit::from(record)).execute(conn).map(drop).map_err(fault)
}

fn record_search(conn: &mut SqliteConnection, search: &PersonSearch) -> Result<SearchOutcome, LedgerError> {
    let counted = match search.counted() {
        Some((query, skipped)) => {
            let row: Option<AuditRow> =
                audit_page!(&query).offset(skipped.into()).first(conn).optional().map_err(fault)?;
            row.map(AuditEntry::try_from).transpose()?
        }
        None => None,
    };
    let outcome = search.decide(counted.as_ref());
    if outcome == SearchOutcome::Recorded {
        append_entry(conn, search.entry())?;
    }
    Ok(outcome)
}

/// The operator of a name who is not revoked.
fn holder(conn: &mut SqliteConnection, name: &OperatorName) -> Result<Option<Operator>, LedgerError> {
    let of_name = operators::table.filter(operators::name_key.eq(name.key())).filter(operators::revoked_at.is_null());
    let row = of_name.select(OperatorRow::as_select()).first(conn).optional().map_err(fault)?;
    row.map(Operator::try_from).transpose()
}

fn add(conn: &mut SqliteConnection, operator: &Operator, by: &ChangedBy) -> Result<OperatorAdded, LedgerError> {
    if holder(conn, &operator.name)?.is_some() {
        return Ok(OperatorAdded::NameTaken);
    }
    diesel::insert_into(operators::table).values(OperatorRow::from(operator)).execute(conn).map_err(fault)?;
    append_audit(conn, by, "operator.add", operator.name.as_str(), added(operator))?;
    Ok(OperatorAdded::Done)
}

fn revoke(conn: &mut SqliteConnection, name: &OperatorName, by: &ChangedBy) -> Result<bool, LedgerError> {
    let Some(operator) = holder(conn, name)? else { return Ok(false) };
    let id = operator.id.as_bytes().as_slice();
    let revoked = operators::revoked_at.eq(micros(by.at));
    diesel::update(operators::table.find(id)).set(revoked).execute(conn).map_err(fault)?;
    diesel::delete(sessions::table.filter(sessions::operator.eq(id))).execute(conn).map_err(fault)?;
    append_audit(conn, by, "operator.revoke", operator.name.as_str(), format!("before role {}", operator.role))?;
    Ok(true)
}

fn begin(conn: &mut SqliteConnection, session: &Session, by: &ChangedBy) -> Result<bool, LedgerError> {
    let id = session.operator.as_bytes().as_slice();
    let valid = operators::table.find(id).filter(operators::revoked_at.is_null());
    let name: Option<String> = valid.select(operators::name).first(conn).optional().map_err(fault)?;
    let Some(name) = name else { return Ok(false) };
    let over = sessions::table.filter(sessions::expires_at.le(micros(by.at)));
    diesel::delete(over).execute(conn).map_err(fault)?;
    diesel::insert_into(sessions::table).values(SessionRow::from(session)).execute(conn).map_err(fault)?;
    let newest_first = (sessions::created_at.desc(), sessions::secret.desc());
    let of_operator = sessions::table.filter(sessions::operator.eq(id)).order(newest_first);
    // SQLite has no OFFSET without LIMIT.
    let beyond = of_operator.select(sessions::secret).limit(i64::MAX).offset(SESSIONS_PER_OPERATOR.into());
    let oldest: Vec<Vec<u8>> = beyond.load(conn).map_err(fault)?;
    for secret in oldest {
        diesel::delete(sessions::table.find(secret)).execute(conn).map_err(fault)?;
    }
    append_audit(conn, by, "session.begin", &name, "signed in to the console".to_owned())?;
    Ok(true)
}

fn find(conn: &mut SqliteConnection, secret: SecretHash) -> Result<Option<(Session, Operator)>, LedgerError> {
    let found: Option<(SessionRow, OperatorRow)> = sessions::table
        .inner_join(operators::table.on(operators::id.eq(sessions::operator)))
        .filter(sessions::secret.eq(secret.as_bytes().as_slice()))
        .select((SessionRow::as_select(), OperatorRow::as_select()))
        .first(conn)
        .optional()
        .map_err(fault)?;
    found.map(|(session, operator)| Ok((session.try_into()?, operator.try_into()?))).transpose()
}
