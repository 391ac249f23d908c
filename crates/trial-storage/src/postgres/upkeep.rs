//! The scheduled tasks.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use trial_core::access_codes::{FreedCode, RestOver};
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::planner::{Batch, Outcome, Planner};
use trial_core::ports::Upkeep;
use trial_core::tenants::DueTenant;
use trial_core::values::AccessCode;
use trial_core::warnings::{NewWarning, Warning};

use super::fault::Trouble;
use super::operations::move_marks_back;
use super::set::{Column, Set, storable};
use super::transaction::Kind;
use super::{PostgresLedger, load, persist};
use crate::convert::{day_number, micros, name, shown};
use crate::hours;
use crate::schema::{application_hours, applications, clock_marks, warnings};
use crate::views::{self, ClockMarkRow};

/// The time of the last sweep; before the first one, the creation of the newest tenant.
const CLOCK_MARK: &str = "SELECT coalesce(seen_at, (SELECT created_at FROM tenants ORDER BY id DESC LIMIT 1)) AS seen_at \
    FROM clock_marks WHERE id = 1";

#[async_trait]
impl Upkeep for PostgresLedger {
    async fn due_tenants(
        &self,
        now: DateTime<Utc>,
        after: Option<DueTenant>,
        limit: u32,
    ) -> Result<Vec<DueTenant>, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| due_tenants(conn, now, after, limit.into()).boxed()).await
    }

    async fn rehearse(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| {
            let (batch, planner) = (Arc::clone(&batch), Arc::clone(&planner));
            async move {
                let loaded = load::facts(conn, &planner.fact_keys(&batch)).await?;
                Ok(planner.plan(&loaded.facts, &batch).outcomes)
            }
            .boxed()
        })
        .await
    }

    async fn end_rests(&self, rest: RestOver, limit: u32, dry_run: bool) -> Result<Vec<FreedCode>, LedgerError> {
        let kind = if dry_run { Kind::Read } else { Kind::Turn };
        self.in_transaction(kind, move |conn| {
            async move {
                let freed = rested(conn, rest, limit.into()).await?;
                if !dry_run && !freed.is_empty() {
                    free(conn, &freed).await?;
                }
                Ok(freed)
            }
            .boxed()
        })
        .await
    }

    async fn clock_mark(&self) -> Result<Option<DateTime<Utc>>, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| clock_mark(conn).boxed()).await
    }

    async fn mark_clock(&self, now: DateTime<Utc>) -> Result<(), LedgerError> {
        self.in_transaction(Kind::Write, move |mut conn| {
            async move {
                use clock_marks::{id, seen_at, table};
                let is_behind = seen_at.is_null().or(seen_at.lt(micros(now)));
                let marked = diesel::update(table.filter(id.eq(1)).filter(is_behind)).set(seen_at.eq(micros(now)));
                marked.execute(&mut conn).await?;
                Ok(())
            }
            .boxed()
        })
        .await
    }

    async fn confirm_clock(&self, by: ChangedBy) -> Result<(), LedgerError> {
        let by = Arc::new(by);
        self.in_transaction(Kind::Write, move |conn| confirm_clock(conn, Arc::clone(&by)).boxed()).await
    }

    async fn count_hours(&self, until: DateTime<Utc>) -> Result<bool, LedgerError> {
        self.in_transaction(Kind::Write, move |conn| count_hours(conn, until).boxed()).await
    }

    async fn warn(&self, warning: NewWarning) -> Result<bool, LedgerError> {
        let warning = Arc::new(warning);
        self.in_transaction(Kind::Write, move |conn| warn(conn, Arc::clone(&warning)).boxed()).await
    }

    async fn warnings(&self, day: NaiveDate) -> Result<Vec<Warning>, LedgerError> {
        self.in_transaction(Kind::Read, move |mut conn| {
            async move {
                let rows = warnings::table
                    .filter(warnings::day.eq(day_number(day)))
                    .order((warnings::at, warnings::name))
                    .select((warnings::name, warnings::at, warnings::words))
                    .load(&mut conn)
                    .await?;
                Ok(views::warnings(day, rows))
            }
            .boxed()
        })
        .await
    }
}

async fn clock_mark(mut conn: &AsyncPgConnection) -> Result<Option<DateTime<Utc>>, Trouble> {
    Ok(diesel::sql_query(CLOCK_MARK).get_result::<ClockMarkRow>(&mut conn).await?.seen_at())
}

async fn confirm_clock(mut conn: &AsyncPgConnection, by: Arc<ChangedBy>) -> Result<(), Trouble> {
    let entry = by.clock_confirmed(clock_mark(conn).await?);
    let mark = clock_marks::table.filter(clock_marks::id.eq(1));
    diesel::update(mark).set(clock_marks::seen_at.eq(micros(by.at))).execute(&mut conn).await?;
    persist::audit(conn, &entry).await
}

/// Counts a span of ids by hour and return code.
pub(super) async fn hours_between(
    mut conn: &AsyncPgConnection,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<hours::Row>, Trouble> {
    let (from, until) = (hours::first_id(from), hours::first_id(until));
    let counted = Set::new(
        vec![
            (
                "SELECT at / 3600000000 * 3600000000, return_code, count(*), count(*) FILTER (WHERE outcome = 'accepted') \
                    FROM applications WHERE id >= ",
                Column::Bytes(&from),
            ),
            (" AND id < ", Column::Bytes(&until)),
        ],
        " GROUP BY 1, 2 ORDER BY 1, 2",
    );
    Ok(counted.returning::<(BigInt, Text, BigInt, BigInt)>().load(&mut conn).await?)
}

/// The hour after the last counted one before `now`; the beginning of time, if none is.
pub(super) async fn uncounted_since(
    mut conn: &AsyncPgConnection,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, Trouble> {
    let last = application_hours::table
        .filter(application_hours::return_code.eq(hours::COUNTED))
        .filter(application_hours::hour.lt(micros(hours::hour_of(now))))
        .select(application_hours::hour)
        .order(application_hours::hour.desc())
        .limit(1)
        .get_result::<i64>(&mut conn)
        .await
        .optional()?;
    let last = last.map(shown);
    Ok(last.map_or(DateTime::UNIX_EPOCH, |hour| hour + TimeDelta::hours(1)))
}

async fn count_hours(mut conn: &AsyncPgConnection, until: DateTime<Utc>) -> Result<bool, Trouble> {
    let since = uncounted_since(conn, until).await?;
    let first = applications::table
        .filter(applications::id.ge(hours::first_id(since).to_vec()))
        .order(applications::id)
        .select(applications::id)
        .limit(1)
        .get_result::<Vec<u8>>(&mut conn)
        .await
        .optional()?;
    let first = first.map(|id| hours::made_at(&id)).transpose()?;
    let Some((from, end)) = first.and_then(|first| hours::next_span(first, until)) else { return Ok(false) };
    let mut rows = hours_between(conn, from, end).await?;
    rows.push((hours::last_hour(end), hours::COUNTED.to_owned(), 0, 0));
    Set::over(
        "INSERT INTO application_hours (hour, return_code, applications, tenants) SELECT * FROM unnest(",
        vec![
            Column::numbers(&rows, |row| row.0),
            Column::texts(&rows, |row| &row.1),
            Column::numbers(&rows, |row| row.2),
            Column::numbers(&rows, |row| row.3),
        ],
        ") ON CONFLICT DO NOTHING",
    )
    .execute(&mut conn)
    .await?;
    Ok(end < hours::hour_of(until))
}

async fn warn(mut conn: &AsyncPgConnection, told: Arc<NewWarning>) -> Result<bool, Trouble> {
    let Warning { day, name, at, words } = &told.warning;
    let inserted = Set::over(
        "INSERT INTO warnings (day, name, at, words) VALUES (",
        vec![
            Column::Integer(day_number(*day)),
            Column::Text(storable(name)),
            Column::Number(micros(*at)),
            Column::Text(storable(words)),
        ],
        ") ON CONFLICT DO NOTHING",
    );
    if inserted.execute(&mut conn).await? == 0 {
        return Ok(false);
    }
    persist::mails(conn, &told.mails).await?;
    Ok(true)
}

async fn due_tenants(
    mut conn: &AsyncPgConnection,
    now: DateTime<Utc>,
    after: Option<DueTenant>,
    limit: i64,
) -> Result<Vec<DueTenant>, Trouble> {
    // Before all of them, if there is no other.
    let (since, behind) = after.map_or((i64::MIN, [0; 16]), |after| (micros(after.since), *after.tenant.as_bytes()));
    let due = Set::new(
        vec![
            ("SELECT next_step_at, id FROM tenants WHERE next_step_at <= ", Column::Number(micros(now))),
            (" AND (next_step_at, id) > (", Column::Number(since)),
            (", ", Column::Bytes(&behind)),
            (") ORDER BY next_step_at, id LIMIT ", Column::Number(limit)),
        ],
        "",
    );
    Ok(views::due_tenants(due.returning::<(Nullable<BigInt>, Binary)>().load(&mut conn).await?)?)
}

/// The longest in quarantine first.
async fn rested(mut conn: &AsyncPgConnection, rest: RestOver, limit: i64) -> Result<Vec<FreedCode>, Trouble> {
    let resting = Set::new(
        vec![
            (
                "SELECT code, kind, since FROM access_codes WHERE state = 'quarantined' AND since <= ",
                Column::Number(micros(rest.rested_since())),
            ),
            (" ORDER BY since, code LIMIT ", Column::Number(limit)),
        ],
        "",
    );
    let rows: Vec<(String, String, i64)> = resting.returning::<(Text, Text, BigInt)>().load(&mut conn).await?;
    let freed = rows.into_iter().map(|(code, kind, since)| {
        let kind = name(&kind, "access_codes.kind")?;
        Ok(rest.free(AccessCode::from_stored(&code), kind, shown(since)))
    });
    Ok(freed.collect::<Result<_, LedgerError>>()?)
}

async fn free(mut conn: &AsyncPgConnection, freed: &[FreedCode]) -> Result<(), Trouble> {
    Set::over(
        "UPDATE access_codes SET state = 'free', last_tenant = NULL, since = new.since FROM unnest(",
        vec![Column::texts(freed, |freed| freed.code.as_str()), Column::numbers(freed, |freed| micros(freed.since))],
        ") AS new (code, since) WHERE access_codes.code = new.code AND access_codes.state = 'quarantined'",
    )
    .execute(&mut conn)
    .await?;
    let free: Vec<_> = freed.iter().map(|freed| (&freed.code, freed.kind, micros(freed.since))).collect();
    move_marks_back(conn, &free).await
}
