//! Personal data: see [`crate::privacy`].

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Integer};
use diesel::sqlite::SqliteConnection;
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::platform::PlatformEvent;
use trial_core::ports::Privacy;
use trial_core::privacy::{Compaction, Expired, ExpiryPage, Forgotten, PersonData};
use trial_core::values::{Person, TenantId};

use super::operations::append_audit;
use super::{SqliteLedger, fault, open, snapshot};
use crate::convert::{bad, id};
use crate::number_range_rows;
use crate::privacy::{self, Sql, Stretch};
use crate::transfer::{NamedRow, Row};

/// The longest that writers wait for a purge that waits for readers.
const PURGE_WAIT_MS: u64 = 100;

#[async_trait]
impl Privacy for SqliteLedger {
    async fn expire(&self, page: ExpiryPage, dry_run: bool) -> Result<Expired, LedgerError> {
        // The query takes no lock: if nothing has expired, nobody waits.
        let count = move |conn: &mut SqliteConnection| expired(conn, &page, true);
        let seen = self.reader().run(move |conn| snapshot(conn, count)).await?;
        if dry_run || seen.removed == 0 {
            return Ok(seen);
        }
        self.writer
            .transact(move |conn| {
                let expired = expired(conn, &page, false)?;
                if expired.removed > 0 {
                    open::mark_erasure(conn).map_err(fault)?;
                }
                Ok(expired)
            })
            .await
    }

    async fn expire_portal(&self, now: DateTime<Utc>) -> Result<u64, LedgerError> {
        self.writer
            .transact(move |conn| {
                let rows = removed(conn, privacy::portal_expiry(now))?;
                if rows > 0 {
                    open::mark_erasure(conn).map_err(fault)?;
                }
                Ok(rows)
            })
            .await
    }

    async fn expire_prefixes(&self, now: DateTime<Utc>) -> Result<u64, LedgerError> {
        self.writer.transact(move |conn| removed(conn, number_range_rows::expiry(now))).await
    }

    async fn purge(&self) -> Result<bool, LedgerError> {
        self.reader().run(truncate_log).await
    }

    async fn compact(&self, limit: u64) -> Result<Compaction, LedgerError> {
        // On the connection that writes: writers of this process queue, and do not fail.
        self.writer.run(move |conn| open::compact(conn, limit).map_err(fault)).await
    }

    async fn held_on(&self, person: Person) -> Result<PersonData, LedgerError> {
        self.reader().run(move |conn| snapshot(conn, |conn| held_on(conn, &person))).await
    }

    async fn forget(
        &self,
        person: Person,
        pseudonym: String,
        dry_run: bool,
        by: ChangedBy,
    ) -> Result<Forgotten, LedgerError> {
        if dry_run {
            return self.reader().run(move |conn| snapshot(conn, |conn| judged(conn, &person))).await;
        }
        self.writer
            .transact(move |conn| {
                let judged = judged(conn, &person)?;
                if matches!(&judged, Forgotten::Erased(counts) if !counts.is_empty()) {
                    erase(conn, &person, &pseudonym, &by)?;
                }
                Ok(judged)
            })
            .await
    }
}

#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = Integer)]
    busy: i32,
}

/// Writes overwritten pages to the database file and empties the log with their older versions; `false` if another
/// connection prevents it.
fn truncate_log(conn: &mut SqliteConnection) -> Result<bool, LedgerError> {
    let wait = sql_query("SELECT timeout FROM pragma_busy_timeout").get_result::<BusyTimeout>(conn).map_err(fault)?;
    // Most of it beside writers; for the short rest they wait.
    for sql in [format!("PRAGMA busy_timeout = {PURGE_WAIT_MS}"), "PRAGMA wal_checkpoint(PASSIVE)".to_owned()] {
        conn.batch_execute(&sql).map_err(fault)?;
    }
    let done = sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result::<Checkpoint>(conn);
    conn.batch_execute(&format!("PRAGMA busy_timeout = {}", wait.timeout)).map_err(fault)?;
    Ok(done.map_err(fault)?.busy == 0)
}

#[derive(QueryableByName)]
struct BusyTimeout {
    #[diesel(sql_type = BigInt)]
    timeout: i64,
}

/// Removes rows; returns their number.
fn removed(conn: &mut SqliteConnection, removing: [Sql; 2]) -> Result<u64, LedgerError> {
    removing.into_iter().try_fold(0, |rows, sql| {
        let removed = sql.execute(conn).map_err(fault)?;
        Ok(rows + u64::try_from(removed).unwrap_or(u64::MAX))
    })
}

fn rows(conn: &mut SqliteConnection, sql: Sql) -> Result<Vec<Row>, LedgerError> {
    sql.load(conn).map_err(fault)
}

fn expired(conn: &mut SqliteConnection, page: &ExpiryPage, dry_run: bool) -> Result<Expired, LedgerError> {
    let ids = rows(conn, privacy::ids(page))?;
    let Some(last) = ids.last().and_then(|row| row.bytes(0)) else { return Ok(Expired { removed: 0, last: None }) };
    let stretch = Stretch::new(page, last);
    let removed = if dry_run {
        let counted = rows(conn, stretch.count())?;
        counted.first().and_then(|row| row.number(0)).unwrap_or(0).unsigned_abs()
    } else {
        for sql in stretch.before() {
            sql.execute(conn).map_err(fault)?;
        }
        u64::try_from(stretch.remove().execute(conn).map_err(fault)?).unwrap_or(u64::MAX)
    };
    Ok(Expired { removed, last: Some(id(last, "id")?) })
}

fn held_on(conn: &mut SqliteConnection, person: &Person) -> Result<PersonData, LedgerError> {
    let mut tables = Vec::new();
    for (table, sql) in privacy::shown(person) {
        tables.push((table, sql.load::<NamedRow>(conn).map_err(fault)?));
    }
    Ok(privacy::data(tables))
}

fn judged(conn: &mut SqliteConnection, person: &Person) -> Result<Forgotten, LedgerError> {
    let in_use = rows(conn, privacy::in_use(person))?;
    if in_use.is_empty() {
        return Ok(Forgotten::Erased(held_on(conn, person)?.counts()));
    }
    let ids = in_use.iter().map(|row| Ok(TenantId::from_bytes(id(row.bytes(0).unwrap_or_default(), "tenants.id")?)));
    Ok(Forgotten::Refused(ids.collect::<Result<_, LedgerError>>()?))
}

fn erase(conn: &mut SqliteConnection, person: &Person, pseudonym: &str, by: &ChangedBy) -> Result<(), LedgerError> {
    for event in rows(conn, privacy::payloads(person))? {
        let (id, payload) = event.bytes(0).zip(event.text(1)).ok_or_else(|| bad("platform_events.payload"))?;
        privacy::reword(id, PlatformEvent::without_person(payload)).execute(conn).map_err(fault)?;
    }
    for sql in privacy::erasure(person, pseudonym, privacy::instant(by)) {
        sql.execute(conn).map_err(fault)?;
    }
    open::mark_erasure(conn).map_err(fault)?;
    append_audit(conn, by, "person.forget", pseudonym, "everything but the audit".to_owned())
}
