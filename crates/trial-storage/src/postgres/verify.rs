//! Looks for rows that break an invariant.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use trial_core::policy::UniqueBy;
use trial_core::ports::Violation;

use super::fault::Trouble;
use crate::invariants;

/// The other invariants: those that SQLite enforces by foreign keys, and the marks of the pools.
const OURS: [(&str, &str); 2] = [
    (
        "every reference has its row",
        "SELECT 'access_codes' AS found FROM access_codes a
            WHERE a.tenant IS NOT NULL AND NOT EXISTS (SELECT 1 FROM tenants t WHERE t.id = a.tenant)
        UNION ALL SELECT 'mails' FROM mails m
            WHERE m.tenant IS NOT NULL AND NOT EXISTS (SELECT 1 FROM tenants t WHERE t.id = m.tenant)",
    ),
    (
        "no free access code comes before the mark of its pool",
        "SELECT a.code AS found FROM access_codes a
            WHERE a.state = 'free' AND NOT EXISTS (
                SELECT 1 FROM pool_marks p WHERE p.kind = a.kind AND (a.since, a.code) >= (p.since, p.code))",
    ),
];

#[derive(QueryableByName)]
struct Broken {
    #[diesel(sql_type = BigInt)]
    broken: i64,
    #[diesel(sql_type = Text)]
    example: String,
}

pub(super) async fn violations(mut conn: &AsyncPgConnection, by: UniqueBy) -> Result<Vec<Violation>, Trouble> {
    // Each query reads whole tables, however long that takes.
    conn.batch_execute("SET LOCAL statement_timeout = 0").await?;
    let ours = OURS.into_iter().map(|(invariant, query)| (invariant, invariants::counted(query)));
    let mut violations = Vec::new();
    for (invariant, query) in invariants::queries(by, |column| format!("encode({column}, 'hex')")).chain(ours) {
        let Broken { broken, example } = sql_query(query).get_result(&mut conn).await?;
        if let Some(rows) = u64::try_from(broken).ok().filter(|rows| *rows > 0) {
            violations.push(Violation { invariant, rows, example });
        }
    }
    Ok(violations)
}
