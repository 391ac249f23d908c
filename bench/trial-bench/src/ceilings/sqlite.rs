//! The rows of accepted applications by bare diesel on SQLite: one durable commit per batch, every statement prepared
//! once. It loads nothing and decides nothing; ids, codes and times are at hand.

use std::path::Path;

use anyhow::Context;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use trial_core::error::LedgerError;
use trial_core::planner::Effects;
use trial_core::verification::PhoneRecord;
use trial_storage::bare::store_on_sqlite;
use trial_storage::schema::access_codes;

use super::rows::{challenge, codes, now};
use super::{Bare, Commits};
use crate::services::Store;

/// Applications prepared by one statement of effects.
const PREPARED_AT_ONCE: usize = 1_000;

/// Writes until the time has passed, or all batches are written. The first is not measured: it prepares the statements.
pub(super) async fn measure(
    store: &Store<'_>,
    path: &Path,
    numbers: &[u32],
    batches: &[Effects],
    batch: usize,
    mut commits: Commits,
) -> anyhow::Result<Bare> {
    let mut conn = prepare(store, path, numbers).await?;
    let mut batches = batches.iter();
    if let Some(first) = batches.next() {
        commit(&mut conn, first)?;
    }
    commits.start();
    for effects in batches {
        let Some(begun) = commits.next().await else { break };
        commit(&mut conn, effects)?;
        commits.count(begun.elapsed(), effects.tenants.len())?;
    }
    drop(conn);
    store.totals()?.is_whole()?;
    Ok(commits.bare(batch))
}

/// A database in the state before these applications: their codes sent, the pool full.
async fn prepare(store: &Store<'_>, path: &Path, numbers: &[u32]) -> anyhow::Result<SqliteConnection> {
    store.migrate().await?;
    let mut conn = SqliteConnection::establish(path.to_str().context("a path in UTF-8")?)?;
    for pragma in [
        "PRAGMA synchronous = FULL",
        "PRAGMA foreign_keys = ON",
        "PRAGMA temp_store = MEMORY",
        "PRAGMA cache_size = -32768",
        "PRAGMA wal_autocheckpoint = 4096",
    ] {
        conn.batch_execute(pragma)?;
    }
    for numbers in numbers.chunks(PREPARED_AT_ONCE) {
        let new_challenges: Vec<_> = numbers.iter().copied().map(challenge).collect();
        let phone = |new: &trial_core::verification::Challenge| PhoneRecord {
            phone: new.phone.clone(),
            failures: 0,
            challenge: Some(new.id),
            previous: None,
        };
        let phones = new_challenges.iter().map(phone).collect();
        commit(&mut conn, &Effects { new_challenges, phones, ..Effects::default() })?;
        conn.immediate_transaction(|conn| {
            numbers.iter().copied().flat_map(codes).try_for_each(|one| free(conn, &one))
        })?;
    }
    conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(conn)
}

fn free(
    conn: &mut SqliteConnection,
    (kind, code): &(trial_core::values::AccessCodeKind, trial_core::values::AccessCode),
) -> QueryResult<()> {
    diesel::insert_into(access_codes::table)
        .values((
            access_codes::code.eq(code.as_str()),
            access_codes::kind.eq(kind.as_str()),
            access_codes::state.eq("free"),
            access_codes::since.eq(now().timestamp_micros()),
        ))
        .execute(conn)
        .map(drop)
}

fn commit(conn: &mut SqliteConnection, effects: &Effects) -> anyhow::Result<()> {
    conn.batch_execute("BEGIN IMMEDIATE")?;
    store_on_sqlite(conn, effects).map_err(|error: LedgerError| anyhow::anyhow!(error))?;
    conn.batch_execute("COMMIT")?;
    Ok(())
}
