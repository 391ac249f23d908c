//! An SQLite database, read by `diesel`.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sqlite::SqliteConnection;
// Linked for its SQLite.
use libsqlite3_sys as _;

#[diesel::declare_sql_function]
extern "SQL" {
    /// Bytes in a textual format, as in PostgreSQL: the one function of our queries that SQLite lacks.
    fn encode(bytes: diesel::sql_types::Binary, format: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// The tests' own connection to a database in a file.
pub struct Sqlite(SqliteConnection);

/// A transaction that writes. It is rolled back on drop.
pub struct WriteTransaction(SqliteConnection);

impl Sqlite {
    pub(crate) fn open(path: &Path) -> Self {
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        connection.batch_execute("PRAGMA busy_timeout = 10000").unwrap();
        encode_utils::register_impl(&mut connection, |bytes: Vec<u8>, format: String| {
            assert_eq!(format, "hex");
            let digit = |four| char::from_digit(u32::from(four), 16).unwrap();
            bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect::<String>()
        })
        .unwrap();
        Self(connection)
    }

    pub(crate) fn rows<T: QueryableByName<diesel::sqlite::Sqlite> + 'static>(&mut self, query: &str) -> Vec<T> {
        sql_query(query).load(&mut self.0).unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    pub(crate) fn execute(&mut self, statements: &str) {
        self.0.batch_execute(statements).unwrap_or_else(|error| panic!("{statements}: {error}"));
    }

    pub(crate) fn lock(mut self) -> WriteTransaction {
        self.execute("BEGIN IMMEDIATE");
        WriteTransaction(self.0)
    }
}

impl Drop for WriteTransaction {
    fn drop(&mut self) {
        // Closing the connection would do the same.
        let _ = self.0.batch_execute("ROLLBACK");
    }
}
