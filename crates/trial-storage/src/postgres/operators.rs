//! Operators, their sessions, and the audit. No decision reads them.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use trial_core::audit::{AuditEntry, AuditQuery, AuditRecord, ChangedBy};
use trial_core::error::LedgerError;
use trial_core::operators::{
    Operator, OperatorAdded, OperatorName, PersonSearch, SESSIONS_PER_OPERATOR, SearchOutcome, SecretHash, Session,
};
use trial_core::ports::{AuditTrail, Operators};

use super::fault::Trouble;
use super::operations::append_audit;
use super::transaction::Kind;
use super::{PostgresLedger, persist};
use crate::convert::{micros, readable};
use crate::operator_rows::{AuditRow, OperatorRow, SessionRow, added, audit_page};
use crate::schema::{operators, sessions};

#[async_trait]
impl Operators for PostgresLedger {
    /// Under the admission lock, so that of two additions with one name, the second sees the first.
    async fn add_operator(&self, operator: Operator, by: ChangedBy) -> Result<OperatorAdded, LedgerError> {
        let asked = Arc::new((operator, by));
        self.in_transaction(Kind::Turn, move |conn| add(conn, Arc::clone(&asked)).boxed()).await
    }

    async fn operators(&self, limit: u32) -> Result<Vec<Operator>, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| list(conn, limit).boxed()).await
    }

    /// Under the admission lock, so that it does not miss a session that begins at the same time.
    async fn revoke_operator(&self, name: OperatorName, by: ChangedBy) -> Result<bool, LedgerError> {
        let asked = Arc::new((name, by));
        self.in_transaction(Kind::Turn, move |conn| revoke(conn, Arc::clone(&asked)).boxed()).await
    }

    async fn operator_by_token(&self, token: SecretHash) -> Result<Option<Operator>, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| of_token(conn, token).boxed()).await
    }

    async fn begin_session(&self, session: Session, by: ChangedBy) -> Result<bool, LedgerError> {
        let asked = Arc::new((session, by));
        self.in_transaction(Kind::Turn, move |conn| begin(conn, Arc::clone(&asked)).boxed()).await
    }

    async fn session(&self, secret: SecretHash) -> Result<Option<(Session, Operator)>, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| find(conn, secret).boxed()).await
    }

    async fn note_session(&self, secret: SecretHash, now: DateTime<Utc>) -> Result<(), LedgerError> {
        self.in_transaction(Kind::Write, move |conn| note(conn, secret, micros(now)).boxed()).await
    }

    async fn end_session(&self, secret: SecretHash, by: ChangedBy) -> Result<(), LedgerError> {
        let by = Arc::new(by);
        self.in_transaction(Kind::Write, move |conn| end(conn, secret, Arc::clone(&by)).boxed()).await
    }
}

#[async_trait]
impl AuditTrail for PostgresLedger {
    async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditEntry>, LedgerError> {
        let query = Arc::new(query);
        self.in_transaction(Kind::Read, move |conn| page(conn, Arc::clone(&query)).boxed()).await
    }
    async fn append_entry(&self, record: AuditRecord) -> Result<(), LedgerError> {
        let record = Arc::new(record);
        self.in_transaction(Kind::Write, move |conn| {
            let record = Arc::clone(&record);
            async move { persist::audit(conn, &record).await }.boxed()
        })
        .await
    }

    async fn record_search(&self, search: PersonSearch) -> Result<SearchOutcome, LedgerError> {
        let search = Arc::new(search);
        self.in_transaction(Kind::Write, move |conn| record_search(conn, Arc::clone(&search)).boxed()).await
    }
}

async fn record_search(mut conn: &AsyncPgConnection, search: Arc<PersonSearch>) -> Result<SearchOutcome, Trouble> {
    let counted = match search.counted() {
        Some((query, skipped)) => {
            // The count below is of committed rows: searches of one operator wait here for each other.
            let of_name = operators::table.filter(operators::name.eq(&search.entry().actor));
            let in_force = of_name.filter(operators::revoked_at.is_null()).select(operators::id);
            let _: Option<Vec<u8>> = in_force.for_no_key_update().get_result(&mut conn).await.optional()?;
            let row: Option<AuditRow> =
                audit_page!(&query).offset(skipped.into()).get_result(&mut conn).await.optional()?;
            row.map(AuditEntry::try_from).transpose()?
        }
        None => None,
    };
    let outcome = search.decide(counted.as_ref());
    if outcome == SearchOutcome::Recorded {
        persist::audit(conn, search.entry()).await?;
    }
    Ok(outcome)
}

async fn page(mut conn: &AsyncPgConnection, query: Arc<AuditQuery>) -> Result<Vec<AuditEntry>, Trouble> {
    let rows: Vec<AuditRow> = audit_page!(&*query).load(&mut conn).await?;
    Ok(readable(rows)?)
}
async fn list(mut conn: &AsyncPgConnection, limit: u32) -> Result<Vec<Operator>, Trouble> {
    let newest = operators::table.order(operators::id.desc()).limit(limit.into());
    let rows: Vec<OperatorRow> = newest.select(OperatorRow::as_select()).load(&mut conn).await?;
    Ok(readable(rows)?)
}

async fn of_token(mut conn: &AsyncPgConnection, token: SecretHash) -> Result<Option<Operator>, Trouble> {
    let found = operators::table.filter(operators::token.eq(token.as_bytes().as_slice()));
    let row: Option<OperatorRow> = found.select(OperatorRow::as_select()).get_result(&mut conn).await.optional()?;
    Ok(row.map(Operator::try_from).transpose()?)
}

/// The operator of a name who is not revoked.
async fn holder(mut conn: &AsyncPgConnection, name: &OperatorName) -> Result<Option<Operator>, Trouble> {
    let of_name = operators::table.filter(operators::name_key.eq(name.key())).filter(operators::revoked_at.is_null());
    let row: Option<OperatorRow> = of_name.select(OperatorRow::as_select()).get_result(&mut conn).await.optional()?;
    Ok(row.map(Operator::try_from).transpose()?)
}

async fn add(mut conn: &AsyncPgConnection, asked: Arc<(Operator, ChangedBy)>) -> Result<OperatorAdded, Trouble> {
    let (operator, by) = &*asked;
    if holder(conn, &operator.name).await?.is_some() {
        return Ok(OperatorAdded::NameTaken);
    }
    diesel::insert_into(operators::table).values(OperatorRow::from(operator)).execute(&mut conn).await?;
    append_audit(conn, by, "operator.add", operator.name.as_str(), added(operator)).await?;
    Ok(OperatorAdded::Done)
}

async fn revoke(mut conn: &AsyncPgConnection, asked: Arc<(OperatorName, ChangedBy)>) -> Result<bool, Trouble> {
    let (name, by) = &*asked;
    let Some(operator) = holder(conn, name).await? else { return Ok(false) };
    let id = operator.id.as_bytes().as_slice();
    let revoked = operators::revoked_at.eq(micros(by.at));
    diesel::update(operators::table.find(id)).set(revoked).execute(&mut conn).await?;
    diesel::delete(sessions::table.filter(sessions::operator.eq(id))).execute(&mut conn).await?;
    let before = format!("before role {}", operator.role);
    append_audit(conn, by, "operator.revoke", operator.name.as_str(), before).await?;
    Ok(true)
}

async fn begin(mut conn: &AsyncPgConnection, asked: Arc<(Session, ChangedBy)>) -> Result<bool, Trouble> {
    let (session, by) = &*asked;
    let valid = operators::table.find(session.operator.as_bytes().as_slice()).filter(operators::revoked_at.is_null());
    let name: Option<String> = valid.select(operators::name).get_result(&mut conn).await.optional()?;
    let Some(name) = name else { return Ok(false) };
    let over = sessions::table.filter(sessions::expires_at.le(micros(by.at)));
    diesel::delete(over).execute(&mut conn).await?;
    diesel::insert_into(sessions::table).values(SessionRow::from(session)).execute(&mut conn).await?;
    let of_operator = sessions::table.filter(sessions::operator.eq(session.operator.as_bytes().as_slice()));
    let newest_first = of_operator.order((sessions::created_at.desc(), sessions::secret.desc()));
    let beyond = newest_first.select(sessions::secret).offset(SESSIONS_PER_OPERATOR.into());
    let oldest: Vec<Vec<u8>> = beyond.load(&mut conn).await?;
    for secret in oldest {
        diesel::delete(sessions::table.find(secret)).execute(&mut conn).await?;
    }
    append_audit(conn, by, "session.begin", &name, "signed in to the console".to_owned()).await?;
    Ok(true)
}

async fn find(mut conn: &AsyncPgConnection, secret: SecretHash) -> Result<Option<(Session, Operator)>, Trouble> {
    let found: Option<(SessionRow, OperatorRow)> = sessions::table
        .inner_join(operators::table.on(operators::id.eq(sessions::operator)))
        .filter(sessions::secret.eq(secret.as_bytes().as_slice()))
        .select((SessionRow::as_select(), OperatorRow::as_select()))
        .get_result(&mut conn)
        .await
        .optional()?;
    Ok(found
        .map(|(session, operator)| Ok::<_, LedgerError>((session.try_into()?, operator.try_into()?)))
        .transpose()?)
}

async fn note(mut conn: &AsyncPgConnection, secret: SecretHash, now: i64) -> Result<(), Trouble> {
    let session = sessions::table.find(secret.as_bytes().as_slice()).filter(sessions::used_at.lt(now));
    diesel::update(session).set(sessions::used_at.eq(now)).execute(&mut conn).await?;
    Ok(())
}

async fn end(mut conn: &AsyncPgConnection, secret: SecretHash, by: Arc<ChangedBy>) -> Result<(), Trouble> {
    let Some((_, operator)) = find(conn, secret).await? else { return Ok(()) };
    let ended = diesel::delete(sessions::table.find(secret.as_bytes().as_slice())).execute(&mut conn).await?;
    if ended > 0 {
        append_audit(conn, &by, "session.end", operator.name.as_str(), "signed out".to_owned()).await?;
    }
    Ok(())
}
