//! The scheduled tasks.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Text};
use diesel::sqlite::SqliteConnection;
use trial_core::access_codes::{FreedCode, RestOver};
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::planner::{Batch, Outcome, Planner};
use trial_core::ports::Upkeep;
use trial_core::tenants::DueTenant;
use trial_core::values::AccessCode;
use trial_core::warnings::{NewWarning, Warning};

use super::{SqliteLedger, fault, load, snapshot};
use crate::convert::{day_number, micros, name, shown};
use crate::hours;
use crate::rows::{NewAudit, NewMail};
use crate::schema::{access_codes, application_hours, applications, audit, clock_marks, mails, tenants, warnings};
use crate::statement::{Bind, Literal, Statement};
use crate::views::{self, ClockMarkRow};

/// The time of the last sweep; before the first one, the creation of the newest tenant.
const CLOCK_MARK: &str = "SELECT coalesce(seen_at, (SELECT created_at FROM tenants \
    WHERE id = (SELECT max(id) FROM tenants))) AS seen_at FROM clock_marks WHERE id = 1";

const RESTS: Literal = Literal("access_codes.state = 'quarantined'");

#[async_trait]
impl Upkeep for SqliteLedger {
    async fn due_tenants(
        &self,
        now: DateTime<Utc>,
        after: Option<DueTenant>,
        limit: u32,
    ) -> Result<Vec<DueTenant>, LedgerError> {
        self.reader().run(move |conn| due_tenants(conn, now, after, limit.into())).await
    }

    async fn rehearse(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        let rehearse = move |conn: &mut SqliteConnection| {
            let facts = load::facts(conn, &planner.fact_keys(&batch))?;
            Ok(planner.plan(&facts, &batch).outcomes)
        };
        self.reader().run(move |conn| snapshot(conn, rehearse)).await
    }

    async fn end_rests(&self, rest: RestOver, limit: u32, dry_run: bool) -> Result<Vec<FreedCode>, LedgerError> {
        if dry_run {
            return self.reader().run(move |conn| rested(conn, rest, limit.into())).await;
        }
        self.writer
            .transact(move |conn| {
                let freed = rested(conn, rest, limit.into())?;
                freed.iter().try_for_each(|code| free(conn, code))?;
                Ok(freed)
            })
            .await
    }

    async fn clock_mark(&self) -> Result<Option<DateTime<Utc>>, LedgerError> {
        self.reader().run(clock_mark).await
    }

    async fn mark_clock(&self, now: DateTime<Utc>) -> Result<(), LedgerError> {
        use clock_marks::{id, seen_at, table};
        let is_behind = seen_at.is_null().or(seen_at.lt(micros(now)));
        self.writer
            .transact(move |conn| {
                let marked = diesel::update(table.filter(id.eq(1)).filter(is_behind)).set(seen_at.eq(micros(now)));
                marked.execute(conn).map(drop).map_err(fault)
            })
            .await
    }

    async fn confirm_clock(&self, by: ChangedBy) -> Result<(), LedgerError> {
        let confirm = move |conn: &mut SqliteConnection| {
            let entry = by.clock_confirmed(clock_mark(conn)?);
            let marked = diesel::update(clock_marks::table.find(1)).set(clock_marks::seen_at.eq(micros(by.at)));
            marked.execute(conn).map_err(fault)?;
            diesel::insert_into(audit::table).values(NewAudit::from(&entry)).execute(conn).map(drop).map_err(fault)
        };
        self.writer.transact(confirm).await
    }

    async fn count_hours(&self, until: DateTime<Utc>) -> Result<bool, LedgerError> {
        self.writer.transact(move |conn| count_hours(conn, until)).await
    }

    async fn warn(&self, warning: NewWarning) -> Result<bool, LedgerError> {
        self.writer.transact(move |conn| warn(conn, &warning)).await
    }

    async fn warnings(&self, day: NaiveDate) -> Result<Vec<Warning>, LedgerError> {
        let read = move |conn: &mut SqliteConnection| {
            let rows = warnings::table
                .filter(warnings::day.eq(day_number(day)))
                .order((warnings::at, warnings::name))
                .select((warnings::name, warnings::at, warnings::words))
                .load(conn)
                .map_err(fault)?;
            Ok(views::warnings(day, rows))
        };
        self.reader().run(read).await
    }
}

fn clock_mark(conn: &mut SqliteConnection) -> Result<Option<DateTime<Utc>>, LedgerError> {
    diesel::sql_query(CLOCK_MARK).get_result::<ClockMarkRow>(conn).map(|row| row.seen_at()).map_err(fault)
}

/// Counts a span of ids by hour and return code.
pub(super) fn hours_between(
    conn: &mut SqliteConnection,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<hours::Row>, LedgerError> {
    let until = hours::first_id(until);
    diesel::sql_query(
        "SELECT at / 3600000000 * 3600000000 AS hour, return_code, count(*) AS applications, \
            sum(outcome = 'accepted') AS tenants FROM applications WHERE id >= ? AND id < ? GROUP BY 1, 2 ORDER BY 1, 2",
    )
    .bind::<Binary, _>(hours::first_id(from).to_vec())
    .bind::<Binary, _>(until.to_vec())
    .load::<HourRow>(conn)
    .map_err(fault)
    .map(|rows| rows.into_iter().map(HourRow::into_row).collect())
}

#[derive(QueryableByName)]
struct HourRow {
    #[diesel(sql_type = BigInt)]
    hour: i64,
    #[diesel(sql_type = Text)]
    return_code: String,
    #[diesel(sql_type = BigInt)]
    applications: i64,
    #[diesel(sql_type = BigInt)]
    tenants: i64,
}

impl HourRow {
    fn into_row(self) -> hours::Row {
        (self.hour, self.return_code, self.applications, self.tenants)
    }
}

/// The hour after the last counted one before `now`; the beginning of time, if none is.
pub(super) fn uncounted_since(conn: &mut SqliteConnection, now: DateTime<Utc>) -> Result<DateTime<Utc>, LedgerError> {
    let last = application_hours::table
        .filter(application_hours::return_code.eq(hours::COUNTED))
        .filter(application_hours::hour.lt(micros(hours::hour_of(now))))
        .select(application_hours::hour)
        .order(application_hours::hour.desc())
        .first::<i64>(conn)
        .optional()
        .map_err(fault)?;
    let last = last.map(shown);
    Ok(last.map_or(DateTime::UNIX_EPOCH, |hour| hour + TimeDelta::hours(1)))
}

fn count_hours(conn: &mut SqliteConnection, until: DateTime<Utc>) -> Result<bool, LedgerError> {
    let since = uncounted_since(conn, until)?;
    let first = applications::table
        .filter(applications::id.ge(hours::first_id(since).to_vec()))
        .order(applications::id)
        .select(applications::id)
        .first::<Vec<u8>>(conn)
        .optional()
        .map_err(fault)?;
    let first = first.map(|id| hours::made_at(&id)).transpose()?;
    let Some((from, end)) = first.and_then(|first| hours::next_span(first, until)) else { return Ok(false) };
    let mut rows = hours_between(conn, from, end)?;
    rows.push((hours::last_hour(end), hours::COUNTED.to_owned(), 0, 0));
    for (hour, code, applications, made) in rows {
        diesel::insert_or_ignore_into(application_hours::table)
            .values((
                application_hours::hour.eq(hour),
                application_hours::return_code.eq(code),
                application_hours::applications.eq(applications),
                application_hours::tenants.eq(made),
            ))
            .execute(conn)
            .map_err(fault)?;
    }
    Ok(end < hours::hour_of(until))
}

fn warn(conn: &mut SqliteConnection, told: &NewWarning) -> Result<bool, LedgerError> {
    let Warning { day, name, at, words } = &told.warning;
    let row = (
        warnings::day.eq(day_number(*day)),
        warnings::name.eq(name),
        warnings::at.eq(micros(*at)),
        warnings::words.eq(words),
    );
    if diesel::insert_or_ignore_into(warnings::table).values(row).execute(conn).map_err(fault)? == 0 {
        return Ok(false);
    }
    for mail in &told.mails {
        diesel::insert_into(mails::table).values(NewMail::from(mail)).execute(conn).map_err(fault)?;
    }
    Ok(true)
}

fn due_tenants(
    conn: &mut SqliteConnection,
    now: DateTime<Utc>,
    after: Option<DueTenant>,
    limit: i64,
) -> Result<Vec<DueTenant>, LedgerError> {
    let due = tenants::table
        .filter(tenants::next_step_at.le(micros(now)))
        .order((tenants::next_step_at, tenants::id))
        .limit(limit)
        .select((tenants::next_step_at, tenants::id));
    let rows: Vec<(Option<i64>, Vec<u8>)> = match after {
        Some(DueTenant { since, tenant }) => {
            let since = micros(since);
            // The row value comparison that the index serves, as diesel can write it.
            let is_behind = tenants::next_step_at
                .gt(since)
                .or(tenants::next_step_at.eq(since).and(tenants::id.gt(tenant.as_bytes().to_vec())));
            due.filter(tenants::next_step_at.ge(since)).filter(is_behind).load(conn)
        }
        None => due.load(conn),
    }
    .map_err(fault)?;
    views::due_tenants(rows)
}

/// The longest in quarantine first.
fn rested(conn: &mut SqliteConnection, rest: RestOver, limit: i64) -> Result<Vec<FreedCode>, LedgerError> {
    let rows: Vec<(String, String, i64)> = access_codes::table
        .filter(RESTS)
        .filter(access_codes::since.le(micros(rest.rested_since())))
        .order((access_codes::since, access_codes::code))
        .limit(limit)
        .select((access_codes::code, access_codes::kind, access_codes::since))
        .load(conn)
        .map_err(fault)?;
    let freed = rows.into_iter().map(|(code, kind, since)| {
        let kind = name(&kind, "access_codes.kind")?;
        Ok(rest.free(AccessCode::from_stored(&code), kind, shown(since)))
    });
    freed.collect()
}

fn free(conn: &mut SqliteConnection, freed: &FreedCode) -> Result<(), LedgerError> {
    let updated = Statement(&[
        ("UPDATE access_codes SET state = 'free', last_tenant = NULL, since = ", Bind::Number(micros(freed.since))),
        (" WHERE state = 'quarantined' AND code = ", Bind::Text(freed.code.as_str())),
    ]);
    updated.execute(conn).map(drop).map_err(fault)
}
