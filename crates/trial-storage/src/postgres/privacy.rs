//! Personal data: see [`crate::privacy`].

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::platform::PlatformEvent;
use trial_core::ports::Privacy;
use trial_core::privacy::{Expired, Expiring, ExpiryPage, Forgotten, PersonData};
use trial_core::values::{Person, TenantId};

use super::PostgresLedger;
use super::fault::Trouble;
use super::operations::append_audit;
use super::transaction::Kind;
use crate::convert::{bad, id};
use crate::number_range_rows;
use crate::privacy::{self, Sql, Stretch};
use crate::transfer::{NamedRow, Row};

#[async_trait]
impl Privacy for PostgresLedger {
    async fn expire(&self, page: ExpiryPage, dry_run: bool) -> Result<Expired, LedgerError> {
        let seen = self.in_transaction(Kind::Read, move |conn| expired(conn, page, true).boxed()).await?;
        if dry_run || seen.removed == 0 {
            return Ok(seen);
        }
        // Decisions read phones and their codes.
        let kind = match page.what {
            Expiring::Applications | Expiring::Challenges => Kind::Turn,
            Expiring::CodeRequests | Expiring::Events | Expiring::Agreements => Kind::Write,
        };
        self.in_transaction(kind, move |conn| expired(conn, page, false).boxed()).await
    }

    async fn expire_portal(&self, now: DateTime<Utc>) -> Result<u64, LedgerError> {
        self.in_transaction(Kind::Write, move |conn| removed(conn, privacy::portal_expiry(now)).boxed()).await
    }

    async fn expire_prefixes(&self, now: DateTime<Utc>) -> Result<u64, LedgerError> {
        self.in_transaction(Kind::Write, move |conn| removed(conn, number_range_rows::expiry(now)).boxed()).await
    }

    async fn held_on(&self, person: Person) -> Result<PersonData, LedgerError> {
        let person = Arc::new(person);
        self.in_transaction(Kind::Read, move |conn| held_on(conn, Arc::clone(&person)).boxed()).await
    }

    async fn forget(
        &self,
        person: Person,
        pseudonym: String,
        dry_run: bool,
        by: ChangedBy,
    ) -> Result<Forgotten, LedgerError> {
        let asked = Arc::new((Arc::new(person), pseudonym, by));
        let kind = if dry_run { Kind::Read } else { Kind::Turn };
        self.in_transaction(kind, move |conn| forget(conn, Arc::clone(&asked), dry_run).boxed()).await
    }
}

async fn rows(mut conn: &AsyncPgConnection, sql: Sql) -> Result<Vec<Row>, Trouble> {
    Ok(sql.load(&mut conn).await?)
}

async fn expired(mut conn: &AsyncPgConnection, page: ExpiryPage, dry_run: bool) -> Result<Expired, Trouble> {
    let ids = rows(conn, privacy::ids(&page)).await?;
    let Some(last) = ids.last().and_then(|row| row.bytes(0)) else { return Ok(Expired { removed: 0, last: None }) };
    let stretch = Stretch::new(&page, last);
    let removed = if dry_run {
        let counted = rows(conn, stretch.count()).await?;
        counted.as_slice().first().and_then(|row| row.number(0)).unwrap_or(0).unsigned_abs()
    } else {
        for sql in stretch.before() {
            sql.execute(&mut conn).await?;
        }
        u64::try_from(stretch.remove().execute(&mut conn).await?).unwrap_or(u64::MAX)
    };
    Ok(Expired { removed, last: Some(id(last, "id")?) })
}

async fn removed(mut conn: &AsyncPgConnection, removing: [Sql; 2]) -> Result<u64, Trouble> {
    let mut rows = 0;
    for sql in removing {
        rows += u64::try_from(sql.execute(&mut conn).await?).unwrap_or(u64::MAX);
    }
    Ok(rows)
}

async fn held_on(mut conn: &AsyncPgConnection, person: Arc<Person>) -> Result<PersonData, Trouble> {
    let mut tables = Vec::new();
    for (table, sql) in privacy::shown(&person) {
        tables.push((table, sql.load::<NamedRow>(&mut conn).await?));
    }
    Ok(privacy::data(tables))
}

async fn forget(
    conn: &AsyncPgConnection,
    asked: Arc<(Arc<Person>, String, ChangedBy)>,
    dry_run: bool,
) -> Result<Forgotten, Trouble> {
    let (person, pseudonym, by) = &*asked;
    let in_use = rows(conn, privacy::in_use(person)).await?;
    if !in_use.is_empty() {
        let tenants =
            in_use.iter().map(|row| Ok(TenantId::from_bytes(id(row.bytes(0).unwrap_or_default(), "tenants.id")?)));
        return Ok(Forgotten::Refused(tenants.collect::<Result<_, LedgerError>>()?));
    }
    let counts = held_on(conn, Arc::clone(person)).await?.counts();
    if !dry_run && !counts.is_empty() {
        erase(conn, person, pseudonym, by).await?;
    }
    Ok(Forgotten::Erased(counts))
}

async fn erase(mut conn: &AsyncPgConnection, person: &Person, pseudonym: &str, by: &ChangedBy) -> Result<(), Trouble> {
    for event in rows(conn, privacy::payloads(person)).await? {
        let (id, payload) = event.bytes(0).zip(event.text(1)).ok_or_else(|| bad("platform_events.payload"))?;
        privacy::reword(id, PlatformEvent::without_person(payload)).execute(&mut conn).await?;
    }
    for sql in privacy::erasure(person, pseudonym, privacy::instant(by)) {
        sql.execute(&mut conn).await?;
    }
    append_audit(conn, by, "person.forget", pseudonym, "everything but the audit".to_owned()).await
}
