//! A database after years of use.

use std::path::Path;

use anyhow::Context;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;

use super::Store;
use crate::options::Options;

/// The size of a database after years of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Past {
    pub(crate) tenants: u32,
    pub(crate) challenges: u32,
    pub(crate) in_use: u32,
    /// Free access codes of each kind.
    pub(crate) free: u32,
}

impl Past {
    /// The number of the first applicant of the history: those of a run have smaller ones.
    pub(crate) const FIRST: u32 = 1_000_000;

    pub(crate) fn of(options: &Options) -> Self {
        let pairs = options.scaled(500_000.0);
        let tenants = options.scaled(10_000_000.0).max(1);
        let in_use = options.in_use.unwrap_or(pairs / 2).min(tenants);
        let needed = options.applicants.saturating_mul(u32::try_from(options.rounds).unwrap_or(u32::MAX));
        // One is left in the end: `doctor` checks the database after a run.
        let free = pairs.saturating_sub(in_use).max(needed.saturating_add(1));
        Self { tenants, challenges: options.scaled(10_000_000.0).max(1), in_use, free }
    }

    /// Writes it into a new database.
    pub(crate) fn write(self, store: &Store<'_>) -> anyhow::Result<()> {
        let Self { tenants, challenges, in_use, free } = self;
        let numbers = [
            ("tenants", tenants),
            ("challenges", challenges),
            ("in_use", in_use),
            ("free", free),
            ("first", Self::FIRST),
        ];
        let numbers = numbers.map(|(name, number)| (name, number.to_string()));
        let numbers = numbers.each_ref().map(|(name, number)| (*name, number.as_str()));
        match store {
            Store::Postgres { .. } => {
                store.run(include_str!("../../sql/functions.sql"), &[])?;
                store.run(include_str!("../../sql/seed-postgres.sql"), &numbers)
            }
            Store::Sqlite(path) => write_sqlite(path, &numbers),
        }
    }
}

/// Durability does not matter for a database under construction.
pub(super) const CARELESS: &str = "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; \
    PRAGMA cache_size = -524288";
pub(super) const CAREFUL: &str = "PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL";

#[derive(QueryableByName)]
pub(super) struct Index {
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    #[diesel(sql_type = Text)]
    pub(super) sql: String,
}

/// The indexes that a script may drop, and create again.
pub(super) fn indexes(conn: &mut SqliteConnection) -> QueryResult<Vec<Index>> {
    diesel::sql_query("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").load(conn)
}

fn write_sqlite(path: &Path, numbers: &[(&str, &str)]) -> anyhow::Result<()> {
    let mut conn = SqliteConnection::establish(path.to_str().context("a path in UTF-8")?)?;
    conn.batch_execute(CARELESS)?;
    // Indexes are built faster than they are maintained.
    let indexes = indexes(&mut conn)?;
    for index in &indexes {
        conn.batch_execute(&format!("DROP INDEX {}", index.name))?;
    }
    let script = include_str!("../../sql/seed-sqlite.sql").to_owned();
    conn.batch_execute(&numbers.iter().fold(script, |sql, (name, number)| sql.replace(&format!(":{name}"), number)))?;
    for index in &indexes {
        conn.batch_execute(&index.sql)?;
    }
    Ok(conn.batch_execute(CAREFUL)?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::options::Arguments;

    fn past(arguments: &[&str]) -> Past {
        Past::of(&Arguments::parse_from([&["trial-bench"], arguments].concat()).options)
    }

    #[test]
    fn a_small_past_still_has_codes_for_the_run() {
        let full = Past { tenants: 10_000_000, challenges: 10_000_000, in_use: 250_000, free: 250_000 };
        assert_eq!(past(&[]), full);
        let small = Past { tenants: 10_000, challenges: 10_000, in_use: 250, free: 180_001 };
        assert_eq!(past(&["--scale", "0.001"]), small);
        assert_eq!(past(&["--in-use", "10000000"]).in_use, 10_000_000);
    }
}
