//! SQL of the tests over the service's database.

use std::path::Path;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use trial_cluster::DatabaseServer;

use crate::postgres::{Psql, Session};
use crate::soundness::{BROKEN, TENANTS, assert_one_each};
use crate::sqlite::{Sqlite, WriteTransaction};
use crate::{Applicant, TenantRow};

/// The tests' own view of a service's database.
pub enum Database {
    /// A file.
    Sqlite(Sqlite),
    /// A database of a server.
    Postgres(Psql),
}

/// The lock that every decision that writes must wait for, held until drop.
pub enum WriteLock {
    /// On a file.
    Sqlite(WriteTransaction),
    /// On the tables of a database of a server.
    Postgres(Session),
}

#[derive(QueryableByName, Deserialize)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName, Deserialize)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

impl Database {
    /// Opens a file, and creates it if absent.
    pub fn open(path: &Path) -> Self {
        Self::Sqlite(Sqlite::open(path))
    }

    /// A database of a server.
    pub fn on(server: &DatabaseServer, name: &str) -> Self {
        Self::Postgres(Psql::new(server, name))
    }

    /// The one number of a query that names it `number`.
    pub fn number(&mut self, query: &str) -> i64 {
        let rows: Vec<Number> = self.rows(query);
        let [Number { number }] = rows.as_slice() else { panic!("one number, not {}: {query}", rows.len()) };
        *number
    }

    /// The rows of a query that names its one column `line`.
    pub fn lines(&mut self, query: &str) -> Vec<String> {
        self.rows(query).into_iter().map(|Line { line }| line).collect()
    }

    /// Counts the rows of a table.
    pub fn count(&mut self, table: &str) -> i64 {
        self.number(&format!("SELECT count(*) AS number FROM {table}"))
    }

    /// Executes statements.
    pub fn execute(&mut self, statements: &str) {
        match self {
            Self::Sqlite(sqlite) => sqlite.execute(statements),
            Self::Postgres(psql) => drop(psql.execute(statements)),
        }
    }

    /// Takes the lock that writers wait for, and readers do not.
    pub fn lock(self) -> WriteLock {
        match self {
            Self::Sqlite(sqlite) => WriteLock::Sqlite(sqlite.lock()),
            Self::Postgres(psql) => WriteLock::Postgres(psql.lock()),
        }
    }

    /// Every tenant with the rows created with it, the oldest first.
    pub fn tenants(&mut self) -> Vec<TenantRow> {
        self.rows(TENANTS)
    }

    /// Checks that every invariant holds, that every tenant is complete, and that the tenants are those of these
    /// applicants, one each.
    pub fn assert_keeps_exactly<'a>(&mut self, applicants: impl IntoIterator<Item = &'a Applicant>) {
        assert_one_each(self.assert_sound(), applicants);
    }

    /// Checks that every invariant holds and that every tenant is complete; returns the tenants.
    pub fn assert_sound(&mut self) -> Vec<TenantRow> {
        for (what, query) in BROKEN {
            assert_eq!(self.lines(query), [""; 0], "{what}");
        }
        let tenants = self.tenants();
        tenants.iter().for_each(TenantRow::assert_complete);
        tenants
    }

    fn rows<T: QueryableByName<diesel::sqlite::Sqlite> + DeserializeOwned + 'static>(&mut self, query: &str) -> Vec<T> {
        match self {
            Self::Sqlite(sqlite) => sqlite.rows(query),
            Self::Postgres(psql) => psql.rows(query),
        }
    }
}
