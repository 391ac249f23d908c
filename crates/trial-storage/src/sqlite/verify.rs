//! Looks for rows that break an invariant.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::SqliteConnection;
use trial_core::error::LedgerError;
use trial_core::policy::UniqueBy;
use trial_core::ports::Violation;

use super::fault;
use crate::invariants;

#[derive(QueryableByName)]
struct Broken {
    #[diesel(sql_type = BigInt)]
    broken: i64,
    #[diesel(sql_type = Text)]
    example: String,
}

#[derive(QueryableByName)]
struct Finding {
    #[diesel(sql_type = Text)]
    finding: String,
}

pub(super) fn violations(conn: &mut SqliteConnection, by: UniqueBy) -> Result<Vec<Violation>, LedgerError> {
    let mut violations = damage(conn)?;
    for (invariant, query) in invariants::queries(by, |column| format!("hex({column})")) {
        let Broken { broken, example } = diesel::sql_query(query).get_result(conn).map_err(fault)?;
        if let Some(rows) = u64::try_from(broken).ok().filter(|rows| *rows > 0) {
            violations.push(Violation { invariant, rows, example });
        }
    }
    Ok(violations)
}

/// The damage that SQLite itself finds in the file.
fn damage(conn: &mut SqliteConnection) -> Result<Vec<Violation>, LedgerError> {
    let findings: Vec<Finding> =
        diesel::sql_query("SELECT quick_check AS finding FROM pragma_quick_check WHERE quick_check <> 'ok'")
            .load(conn)
            .map_err(fault)?;
    let dangling: Vec<Finding> =
        diesel::sql_query("SELECT \"table\" AS finding FROM pragma_foreign_key_check").load(conn).map_err(fault)?;
    let violation = |invariant, found: Vec<Finding>| {
        let rows = u64::try_from(found.len()).unwrap_or(u64::MAX);
        found.into_iter().next().map(|first| Violation { invariant, rows, example: first.finding })
    };
    Ok([violation("the file is whole", findings), violation("every reference has its row", dangling)]
        .into_iter()
        .flatten()
        .collect())
}
