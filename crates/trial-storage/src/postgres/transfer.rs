//! The target of a transfer.

use std::borrow::Cow;
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use trial_core::error::LedgerError;
use trial_core::policy::UniqueBy;
use trial_core::ports::Violation;

use super::connect::Connector;
use super::fault::Trouble;
use super::session::Session;
use super::set::{Column, Set};
use super::transaction::{TURNSTILE, within};
use super::url::Place;
use super::{LONG_PATIENCE, PostgresOpenError, PostgresOptions, migrate, verify};
use crate::convert::bad;
use crate::transfer::{Kind, Mark, Page, Row, TABLES, Table};

/// The longest wait for an answer: longer than the server's own.
const BOUND: Duration = Duration::from_mins(2);

/// A migrated database. Nothing is decided on it while this exists.
pub(crate) struct Target {
    conn: Session,
    place: String,
}

/// The state of a target database.
#[derive(Debug)]
pub(crate) enum Found {
    /// It is empty, or all its rows come from this source.
    Free,
    /// It has rows, and no mark.
    Unmarked,
    /// It holds part of another source.
    Other(Mark),
}

#[derive(QueryableByName)]
struct Truth {
    #[diesel(sql_type = Bool)]
    truth: bool,
}

#[derive(QueryableByName)]
struct Marked {
    #[diesel(sql_type = Text)]
    source: String,
}

impl Target {
    /// Runs pending migrations, and connects; returns their names.
    pub(crate) async fn open(options: &PostgresOptions) -> Result<(Self, Vec<String>), PostgresOpenError> {
        let connector = Connector::new(Place::parse(&options.url)?, options)?;
        let run = migrate::migrate(&connector).await?;
        let place = connector.place().to_string();
        // The other side may vanish: then the server notices within half a minute, and releases the admission lock.
        let session = format!(
            "{}; SET idle_in_transaction_session_timeout = {}; \
             SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3",
            options.session(LONG_PATIENCE),
            LONG_PATIENCE.as_millis()
        );
        match connector.connect(&session).await {
            Ok(conn) => Ok((Self { conn, place }, run)),
            Err(error) => Err(PostgresOpenError::Connect { place, reason: error.to_string() }),
        }
    }

    /// The database and its servers.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Takes the admission lock until the connection is closed. Instances that opened the database before wait in vain,
    /// and so does another transfer.
    pub(crate) async fn hold(&self) -> Result<(), LedgerError> {
        self.run(&format!("SELECT pg_advisory_lock({TURNSTILE})")).await
    }

    /// The state of the target for this source.
    pub(crate) async fn look(&self, mark: &Mark) -> Result<Found, LedgerError> {
        let found = self.found().await?;
        Ok(match (self.is_empty().await?, found) {
            (true, _) => Found::Free,
            (false, None) => Found::Unmarked,
            (false, Some(found)) if found.is_of(mark) => Found::Free,
            (false, Some(found)) => Found::Other(found),
        })
    }

    /// Records the transfer of this source. Until its end, the pools have no marks either: an instance that opened the
    /// database before finds no free access code.
    pub(crate) async fn mark(&self, mark: &Mark) -> Result<(), LedgerError> {
        self.run("BEGIN; DELETE FROM pool_marks; DELETE FROM moving_in").await?;
        let columns = vec![Column::Text(Cow::Owned(mark.to_string()))];
        let head = "INSERT INTO moving_in (since, source) VALUES ((extract(epoch FROM now()) * 1000000)::bigint, ";
        self.execute(Set::over(head, columns, ")")).await?;
        self.run("COMMIT").await
    }

    /// Rows in the order of their keys.
    pub(crate) async fn page(&self, page: Page) -> Result<Vec<Row>, LedgerError> {
        let mut conn: &AsyncPgConnection = &self.conn;
        Ok(within(BOUND, page.load(&mut conn)).await?)
    }

    /// Adds rows, all or none.
    pub(crate) async fn insert(&self, table: &'static Table, rows: &[Row]) -> Result<(), LedgerError> {
        let kinds = table.kinds.iter().enumerate();
        let columns: Option<Vec<Column<'_>>> = kinds.map(|(place, kind)| column(*kind, rows, place)).collect();
        let columns = columns.ok_or_else(|| bad(table.name))?;
        self.execute(Set::over(table.insert, columns, ")")).await
    }

    /// Removes all rows of a table.
    pub(crate) async fn clear(&self, table: &'static Table) -> Result<(), LedgerError> {
        self.run(&format!("TRUNCATE {}", table.name)).await
    }

    /// Begins the transaction that ends the transfer: nobody else writes meanwhile. All rows are there by now, so
    /// statistics are collected before the invariants are checked.
    pub(crate) async fn begin_to_end(&self) -> Result<(), LedgerError> {
        let tables: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
        let tables = tables.join(", ");
        self.run(&format!("ANALYZE {tables}")).await?;
        self.run(&format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE; LOCK TABLE {tables} IN SHARE MODE"))
            .await?;
        self.run(
            "INSERT INTO pool_marks (since, kind, code) VALUES (0, 'voice', ''), (0, 'multimedia', ''); \
             SELECT setval(pg_get_serial_sequence('platform_events', 'seq'), \
                coalesce((SELECT max(seq) FROM platform_events), 0) + 1, false)",
        )
        .await
    }

    pub(crate) async fn violations(&self, by: UniqueBy) -> Result<Vec<Violation>, LedgerError> {
        Ok(verify::violations(&self.conn, by).await?)
    }

    /// Ends the transfer: from now on the database can be served.
    pub(crate) async fn end(&self) -> Result<(), LedgerError> {
        self.run("DELETE FROM moving_in; COMMIT").await
    }

    async fn found(&self) -> Result<Option<Mark>, LedgerError> {
        let mut conn: &AsyncPgConnection = &self.conn;
        let found = within(BOUND, sql_query("SELECT source FROM moving_in").load::<Marked>(&mut conn)).await?;
        Ok(found.into_iter().next().map(|found| Mark::parse(&found.source)))
    }

    async fn is_empty(&self) -> Result<bool, LedgerError> {
        let any: Vec<String> = TABLES.iter().map(|table| format!("EXISTS (SELECT FROM {})", table.name)).collect();
        let mut conn: &AsyncPgConnection = &self.conn;
        let query = sql_query(format!("SELECT NOT ({}) AS truth", any.join(" OR ")));
        Ok(within(BOUND, query.get_result::<Truth>(&mut conn)).await?.truth)
    }

    async fn run(&self, statements: &str) -> Result<(), LedgerError> {
        let mut conn: &AsyncPgConnection = &self.conn;
        Ok(within(BOUND, conn.batch_execute(statements)).await?)
    }

    async fn execute(&self, set: Set<'_>) -> Result<(), LedgerError> {
        let mut conn: &AsyncPgConnection = &self.conn;
        within(BOUND, set.execute(&mut conn)).await.map(drop).map_err(Trouble::into)
    }
}

/// A column of rows; `None` if a value does not fit it.
fn column(kind: Kind, rows: &[Row], place: usize) -> Option<Column<'_>> {
    let numbers = || rows.iter().map(|row| row.number(place));
    let texts = || rows.iter().map(|row| row.text(place).map(Cow::Borrowed));
    let bytes = || rows.iter().map(|row| row.bytes(place));
    Some(match kind {
        Kind::Integer => Column::Integers(numbers().map(|number| number?.try_into().ok()).collect::<Option<_>>()?),
        Kind::OptionalInteger => {
            let small = |number: Option<i64>| number.map(i32::try_from).transpose().ok();
            Column::OptionalIntegers(numbers().map(small).collect::<Option<_>>()?)
        }
        Kind::Number => Column::Numbers(numbers().collect::<Option<_>>()?),
        Kind::OptionalNumber => Column::OptionalNumbers(numbers().collect()),
        Kind::Text => Column::Texts(texts().collect::<Option<_>>()?),
        Kind::OptionalText => Column::OptionalTexts(texts().collect()),
        Kind::Bytes => Column::Bytea(bytes().collect::<Option<_>>()?),
        Kind::OptionalBytes => Column::OptionalBytea(bytes().collect()),
    })
}
