//! The ceiling: the rows of accepted applications, written by a bare diesel loop in batches of one size, one durable
//! commit each, every statement prepared once. It loads nothing and decides nothing; ids, codes and times are at hand.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use hdrhistogram::Histogram;
use trial_storage::schema::{access_codes, applications, audit, challenges, mails, phones, tenants};
use trial_storage::statement::{Bind, Statement};
use trial_storage::{SqliteLedger, SqliteOptions};

use crate::applicants::scattered;

const NOW: i64 = 1_800_000_000_000_000;
const DAY: i32 = 20_833;

/// What the bare loop came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ceiling {
    pub(crate) per_second: f64,
    pub(crate) commit_p50: Duration,
}

/// Writes for so long, or until so many are written.
pub(crate) fn measure(directory: &Path, batch: usize, rows: u32, at_most: Duration) -> anyhow::Result<Ceiling> {
    let mut conn = prepare(&directory.join("ceiling.db"), rows)?;
    let mut commits = Histogram::<u64>::new(3)?;
    let started = Instant::now();
    let mut written = 0;
    while written < rows && started.elapsed() < at_most {
        let end = rows.min(written + u32::try_from(batch)?);
        let begun = Instant::now();
        conn.immediate_transaction(|conn| {
            (written..end).try_for_each(|n| one(conn, n))?;
            Statement(&[
                ("INSERT INTO quota_days (day, reserved) VALUES (", Bind::Number(DAY.into())),
                (", ", Bind::Number(end.into())),
                (") ON CONFLICT (day) DO UPDATE SET reserved = ", Bind::Number(end.into())),
            ])
            .execute(conn)
        })?;
        commits.record(u64::try_from(begun.elapsed().as_micros())?)?;
        written = end;
    }
    Ok(Ceiling {
        per_second: f64::from(written) / started.elapsed().as_secs_f64(),
        commit_p50: Duration::from_micros(commits.value_at_quantile(0.5)),
    })
}

/// A database as it is before so many applications: their codes sent, the pool full.
fn prepare(path: &Path, rows: u32) -> anyhow::Result<SqliteConnection> {
    for suffix in ["", "-wal", "-shm"] {
        let file = path.with_file_name(format!("ceiling.db{suffix}"));
        if file.exists() {
            std::fs::remove_file(file)?;
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(SqliteLedger::migrate(&SqliteOptions::new(path)))?;
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
    conn.immediate_transaction(|conn| (0..rows).try_for_each(|n| seed(conn, n)))?;
    conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(conn)
}

/// 16 bytes that grow with `n`, as ids of version 7 grow with time, and differ by kind.
fn id(kind: u8, n: u32) -> [u8; 16] {
    let mut id = [kind; 16];
    id[..8].copy_from_slice(&(u64::from(n) << 16).to_be_bytes());
    id
}

fn phone(n: u32) -> String {
    format!("+86166{:08}", scattered(n))
}

fn seed(conn: &mut SqliteConnection, n: u32) -> QueryResult<()> {
    diesel::insert_into(challenges::table)
        .values((
            challenges::id.eq(id(1, n).as_slice()),
            challenges::phone.eq(phone(n)),
            challenges::key_id.eq("bench"),
            challenges::made_at.eq(NOW),
            challenges::expires_at.eq(NOW),
            challenges::tries.eq(0),
            challenges::state.eq("open"),
        ))
        .execute(conn)?;
    diesel::insert_into(phones::table)
        .values((
            phones::phone.eq(phone(n)),
            phones::country_code.eq(86),
            phones::failures.eq(0),
            phones::challenge.eq(id(1, n).as_slice()),
        ))
        .execute(conn)?;
    for (kind, code) in [("voice", format!("400{n:07}")), ("multimedia", format!("chat-{n:07}"))] {
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

fn one(conn: &mut SqliteConnection, n: u32) -> QueryResult<()> {
    let (challenge, tenant, mail, application, entry) = (id(1, n), id(2, n), id(3, n), id(4, n), id(5, n));
    let who = scattered(n);
    let (phone, email, company) = (phone(n), format!("applicant{who}@example.com"), format!("Company {who}"));
    let company_key = company.to_lowercase();
    Statement(&[
        ("UPDATE challenges SET expires_at = ", Bind::Number(NOW)),
        (", tries = ", Bind::Number(0)),
        (", state = ", Bind::Text("consumed")),
        (" WHERE id = ", Bind::Bytes(&challenge)),
    ])
    .execute(conn)?;
    diesel::insert_into(tenants::table)
        .values((
            tenants::id.eq(tenant.as_slice()),
            tenants::status.eq("trial"),
            tenants::phone.eq(&phone),
            tenants::country_code.eq(86),
            tenants::email.eq(&email),
            tenants::email_key.eq(&email),
            tenants::company.eq(&company),
            tenants::company_key.eq(&company_key),
            tenants::created_at.eq(NOW),
            tenants::trial_ends_at.eq(NOW),
            tenants::key_id.eq("bench"),
            tenants::password_issue.eq(1),
        ))
        .execute(conn)?;
    for code in [format!("400{n:07}"), format!("chat-{n:07}")] {
        Statement(&[
            ("UPDATE access_codes SET state = 'leased', since = ", Bind::Number(NOW)),
            (", tenant = ", Bind::Bytes(&tenant)),
            (" WHERE state = 'free' AND code = ", Bind::Text(&code)),
        ])
        .execute(conn)?;
    }
    diesel::insert_into(mails::table)
        .values((
            mails::id.eq(mail.as_slice()),
            mails::kind.eq("account"),
            mails::tenant.eq(tenant.as_slice()),
            mails::recipient.eq(&email),
            mails::locale.eq("zh-CN"),
            mails::state.eq("due"),
            mails::attempts.eq(0),
            mails::created_at.eq(NOW),
            mails::next_attempt_at.eq(NOW),
            mails::quota_day.eq(DAY),
            mails::quota_unit.eq(i64::from(n) + 1),
            mails::quota_threshold.eq(100_000_000),
        ))
        .execute(conn)?;
    diesel::insert_into(applications::table)
        .values((
            applications::id.eq(application.as_slice()),
            applications::request_id.eq("01890a5d-ac96-774b-bcce-b302099a8057"),
            applications::at.eq(NOW),
            applications::phone.eq(&phone),
            applications::country_code.eq(86),
            applications::email.eq(&email),
            applications::email_key.eq(&email),
            applications::company.eq(&company),
            applications::company_key.eq(&company_key),
            applications::challenge.eq(challenge.as_slice()),
            applications::outcome.eq("accepted"),
            applications::tenant.eq(tenant.as_slice()),
        ))
        .execute(conn)?;
    diesel::insert_into(audit::table)
        .values((
            audit::id.eq(entry.as_slice()),
            audit::at.eq(NOW),
            audit::actor.eq("applicant"),
            audit::action.eq("tenant.create"),
            audit::subject.eq("01890a5d-ac96-774b-bcce-b302099a8057"),
            audit::detail.eq("application 01890a5d-ac96-774b-bcce-b302099a8057"),
        ))
        .execute(conn)
        .map(drop)
}
