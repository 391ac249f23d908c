//! The rows of accepted applications by bare diesel on SQLite: one durable commit for each batch, every statement prepared
//! once. It loads nothing and decides nothing; ids, codes and times are at hand.

use std::path::Path;

use anyhow::Context;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use trial_storage::schema::{access_codes, applications, audit, challenges, mails, phones, tenants};
use trial_storage::statement::{Bind, Statement};

use super::rows::{DAY, NOW, Row};
use super::{Bare, Commits};
use crate::services::Store;

/// Writes for so long, or until all are written.
pub(super) async fn measure(
    store: &Store<'_>,
    path: &Path,
    rows: &[Row],
    batch: usize,
    mut commits: Commits,
) -> anyhow::Result<Bare> {
    let mut conn = prepare(store, path, rows).await?;
    commits.start();
    for rows in rows.chunks(batch) {
        let Some(begun) = commits.next().await else { break };
        conn.immediate_transaction(|conn| {
            rows.iter().try_for_each(|row| one(conn, row))?;
            let reserved = Bind::Number(rows.last().map_or(0, Row::unit));
            Statement(&[
                ("INSERT INTO quota_days (day, reserved) VALUES (", Bind::Number(DAY.into())),
                (", ", reserved),
                (") ON CONFLICT (day) DO UPDATE SET reserved = ", reserved),
            ])
            .execute(conn)
        })?;
        commits.count(begun.elapsed(), rows.len())?;
    }
    Ok(commits.bare(batch))
}

/// A database as it is before these applications: their codes sent, the pool full.
async fn prepare(store: &Store<'_>, path: &Path, rows: &[Row]) -> anyhow::Result<SqliteConnection> {
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
    conn.immediate_transaction(|conn| rows.iter().try_for_each(|row| seed(conn, row)))?;
    conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(conn)
}

fn seed(conn: &mut SqliteConnection, row: &Row) -> QueryResult<()> {
    diesel::insert_into(challenges::table)
        .values((
            challenges::id.eq(row.challenge.as_slice()),
            challenges::phone.eq(&row.phone),
            challenges::key_id.eq("bench"),
            challenges::made_at.eq(NOW),
            challenges::expires_at.eq(NOW),
            challenges::tries.eq(0),
            challenges::state.eq("open"),
        ))
        .execute(conn)?;
    diesel::insert_into(phones::table)
        .values((
            phones::phone.eq(&row.phone),
            phones::country_code.eq(86),
            phones::failures.eq(0),
            phones::challenge.eq(row.challenge.as_slice()),
        ))
        .execute(conn)?;
    for (kind, code) in [("voice", &row.voice), ("multimedia", &row.multimedia)] {
        diesel::insert_into(access_codes::table)
            .values((
                access_codes::code.eq(code),
                access_codes::kind.eq(kind),
                access_codes::state.eq("free"),
                access_codes::since.eq(NOW),
            ))
            .execute(conn)?;
    }
    Ok(())
}

fn one(conn: &mut SqliteConnection, row: &Row) -> QueryResult<()> {
    Statement(&[
        ("UPDATE challenges SET expires_at = ", Bind::Number(NOW)),
        (", tries = ", Bind::Number(0)),
        (", state = ", Bind::Text("consumed")),
        (" WHERE id = ", Bind::Bytes(&row.challenge)),
    ])
    .execute(conn)?;
    diesel::insert_into(tenants::table)
        .values((
            tenants::id.eq(row.tenant.as_slice()),
            tenants::status.eq("trial"),
            tenants::phone.eq(&row.phone),
            tenants::country_code.eq(86),
            tenants::email.eq(&row.email),
            tenants::email_key.eq(&row.email),
            tenants::company.eq(&row.company),
            tenants::company_key.eq(&row.company_key),
            tenants::created_at.eq(NOW),
            tenants::trial_ends_at.eq(NOW),
            tenants::key_id.eq("bench"),
            tenants::password_issue.eq(1),
        ))
        .execute(conn)?;
    for code in [&row.voice, &row.multimedia] {
        Statement(&[
            ("UPDATE access_codes SET state = 'leased', since = ", Bind::Number(NOW)),
            (", tenant = ", Bind::Bytes(&row.tenant)),
            (" WHERE state = 'free' AND code = ", Bind::Text(code)),
        ])
        .execute(conn)?;
    }
    diesel::insert_into(mails::table)
        .values((
            mails::id.eq(row.mail.as_slice()),
            mails::kind.eq("account"),
            mails::tenant.eq(row.tenant.as_slice()),
            mails::recipient.eq(&row.email),
            mails::locale.eq("zh-CN"),
            mails::state.eq("due"),
            mails::attempts.eq(0),
            mails::created_at.eq(NOW),
            mails::next_attempt_at.eq(NOW),
            mails::quota_day.eq(DAY),
            mails::quota_unit.eq(row.unit()),
            mails::quota_threshold.eq(100_000_000),
        ))
        .execute(conn)?;
    diesel::insert_into(applications::table)
        .values((
            applications::id.eq(row.application.as_slice()),
            applications::request_id.eq(&row.request_id),
            applications::at.eq(NOW),
            applications::phone.eq(&row.phone),
            applications::country_code.eq(86),
            applications::email.eq(&row.email),
            applications::email_key.eq(&row.email),
            applications::company.eq(&row.company),
            applications::company_key.eq(&row.company_key),
            applications::challenge.eq(row.challenge.as_slice()),
            applications::outcome.eq("accepted"),
            applications::tenant.eq(row.tenant.as_slice()),
        ))
        .execute(conn)?;
    diesel::insert_into(audit::table)
        .values((
            audit::id.eq(row.entry.as_slice()),
            audit::at.eq(NOW),
            audit::actor.eq("applicant"),
            audit::action.eq("tenant.create"),
            audit::subject.eq("01890a5d-ac96-774b-bcce-b302099a8057"),
            audit::detail.eq("application 01890a5d-ac96-774b-bcce-b302099a8057"),
        ))
        .execute(conn)
        .map(drop)
}
