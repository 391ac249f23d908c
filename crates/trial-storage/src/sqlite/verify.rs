//! Looks for rows that break an invariant. Each query gives the broken rows, as text.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::SqliteConnection;
use trial_core::{LedgerError, UniqueBy, Violation};

use super::fault;

/// What must hold, and the query that finds where it does not.
const INVARIANTS: [(&str, &str); 8] = [
    (
        "every accepted application has its tenant, its mail and its audit entry",
        "SELECT hex(a.id) AS row FROM applications a WHERE a.outcome = 'accepted' AND NOT (
            EXISTS (SELECT 1 FROM tenants t WHERE t.id = a.tenant)
            AND EXISTS (SELECT 1 FROM mails m WHERE m.tenant = a.tenant AND m.kind = 'account')
            AND EXISTS (SELECT 1 FROM audit u WHERE u.action = 'tenant.create'
                AND replace(u.subject, '-', '') = lower(hex(a.tenant))))",
    ),
    (
        "every tenant that is not closed holds one access code of each kind",
        "SELECT hex(t.id) AS row FROM tenants t WHERE t.status <> 'closed' AND 2 <> (
            SELECT count(DISTINCT c.kind) FROM access_codes c WHERE c.tenant = t.id AND c.state = 'leased')",
    ),
    (
        "an access code has a holder if, and only if, it is leased",
        "SELECT c.code AS row FROM access_codes c WHERE (c.state = 'leased') <> (c.tenant IS NOT NULL)
            OR (c.tenant IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM tenants t WHERE t.id = c.tenant AND t.status <> 'closed'))",
    ),
    (
        "no mail took a unit beyond the threshold that was in force",
        "SELECT hex(m.id) AS row FROM mails m WHERE m.quota_unit > m.quota_threshold",
    ),
    (
        "the units of a day are those that its mails took",
        "SELECT CAST(day AS TEXT) AS row FROM (
            SELECT d.day, d.reserved, (SELECT count(*) FROM mails m WHERE m.quota_day = d.day) AS taken FROM quota_days d
            UNION ALL
            SELECT DISTINCT m.quota_day, 0, 1 FROM mails m WHERE m.quota_day NOT IN (SELECT day FROM quota_days)
        ) WHERE reserved <> taken",
    ),
    (
        "a code is consumed once, by an acceptance",
        "SELECT hex(c.id) AS row FROM challenges c
            LEFT JOIN applications a ON a.challenge = c.id AND a.outcome = 'accepted' AND a.phone = c.phone
            GROUP BY c.id HAVING (c.state = 'consumed') <> (count(a.id) = 1)",
    ),
    (
        "an accepted application names the code that it consumed",
        "SELECT hex(a.id) AS row FROM applications a WHERE a.outcome = 'accepted'
            AND NOT EXISTS (SELECT 1 FROM challenges c WHERE c.id = a.challenge AND c.state = 'consumed')",
    ),
    (
        "a mail is due, or was settled",
        "SELECT hex(m.id) AS row FROM mails m WHERE (m.state = 'due') <> (m.settled_at IS NULL)",
    ),
];

/// The same, for what a customer may be known by. The examples are tenants: what they share is personal.
const UNIQUE_PHONE: (&str, &str) = (
    "at most one tenant in use has a phone",
    "SELECT hex(min(id)) AS row FROM tenants WHERE status <> 'closed' GROUP BY phone HAVING count(*) > 1",
);
const UNIQUE_EMAIL: (&str, &str) = (
    "at most one tenant in use has an e-mail address",
    "SELECT hex(min(id)) AS row FROM tenants WHERE status <> 'closed' GROUP BY email_key HAVING count(*) > 1",
);
const UNIQUE_COMPANY: (&str, &str) = (
    "at most one tenant in use has a company",
    "SELECT hex(min(id)) AS row FROM tenants WHERE status <> 'closed' GROUP BY company_key HAVING count(*) > 1",
);

#[derive(QueryableByName)]
struct Broken {
    #[diesel(sql_type = BigInt)]
    rows: i64,
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
    let unique = [(by.phone, UNIQUE_PHONE), (by.email, UNIQUE_EMAIL), (by.company, UNIQUE_COMPANY)];
    let unique = unique.into_iter().filter_map(|(is_unique, invariant)| is_unique.then_some(invariant));
    for (invariant, query) in INVARIANTS.into_iter().chain(unique) {
        let counted = format!("SELECT count(*) AS rows, coalesce(min(row), '') AS example FROM ({query})");
        let Broken { rows, example } = diesel::sql_query(counted).get_result(conn).map_err(fault)?;
        if let Some(rows) = u64::try_from(rows).ok().filter(|rows| *rows > 0) {
            violations.push(Violation { invariant, rows, example });
        }
    }
    Ok(violations)
}

/// What SQLite itself finds wrong with the file.
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
