//! SQL of our own over the service's database.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::SqliteConnection;
// Linked for the SQLite that it brings.
use libsqlite3_sys as _;

use crate::Applicant;

/// What must not be there, and the query that finds it.
const BROKEN: [(&str, &str); 8] = [
    (
        "an access code that is leased to nobody, or held without a lease",
        "SELECT code AS line FROM access_codes WHERE (state = 'leased') <> (tenant IS NOT NULL)",
    ),
    (
        "two tenants of one phone",
        "SELECT phone AS line FROM tenants WHERE status <> 'closed' GROUP BY phone HAVING count(*) > 1",
    ),
    (
        "two tenants of one mailbox",
        "SELECT lower(email) AS line FROM tenants WHERE status <> 'closed' GROUP BY lower(email) HAVING count(*) > 1",
    ),
    (
        "two tenants of one company",
        "SELECT company_key AS line FROM tenants WHERE status <> 'closed' GROUP BY company_key HAVING count(*) > 1",
    ),
    (
        "a day whose units are not those of its mails",
        "SELECT CAST(day AS TEXT) AS line FROM quota_days
            WHERE reserved <> (SELECT count(*) FROM mails WHERE quota_day = day)",
    ),
    (
        "a unit that two mails took, or one beyond the threshold",
        "SELECT CAST(quota_unit AS TEXT) AS line FROM mails
            GROUP BY quota_day, quota_unit HAVING count(*) > 1 OR max(quota_unit > quota_threshold)",
    ),
    (
        "a code that was consumed without an acceptance",
        "SELECT hex(id) AS line FROM challenges WHERE state = 'consumed'
            AND id NOT IN (SELECT challenge FROM applications WHERE outcome = 'accepted')",
    ),
    (
        "a code that two acceptances consumed",
        "SELECT hex(challenge) AS line FROM applications WHERE outcome = 'accepted'
            GROUP BY challenge HAVING count(*) > 1",
    ),
];

const TENANTS: &str = "
    WITH held AS (
        SELECT tenant, count(*) AS codes, max(CASE kind WHEN 'voice' THEN code END) AS voice,
            max(CASE kind WHEN 'multimedia' THEN code END) AS multimedia
        FROM access_codes WHERE state = 'leased' GROUP BY tenant
    ), posted AS (
        SELECT tenant, count(*) AS mails, count(quota_unit) AS units, min(lower(hex(id))) AS mail
        FROM mails WHERE kind = 'account' GROUP BY tenant
    ), noted AS (
        SELECT replace(subject, '-', '') AS tenant, count(*) AS entries
        FROM audit WHERE action = 'tenant.create' GROUP BY 1
    ), accepted AS (
        SELECT a.tenant, count(*) AS applications, sum(c.state = 'consumed') AS consumed
        FROM applications a JOIN challenges c ON c.id = a.challenge WHERE a.outcome = 'accepted' GROUP BY a.tenant
    )
    SELECT lower(hex(t.id)) AS id, t.phone, t.email, t.company,
        coalesce(h.codes, 0) AS codes, coalesce(h.voice, '') AS voice, coalesce(h.multimedia, '') AS multimedia,
        coalesce(p.mails, 0) AS mails, coalesce(p.units, 0) AS units, coalesce(p.mail, '') AS mail,
        coalesce(n.entries, 0) AS audits,
        coalesce(a.applications, 0) AS acceptances, coalesce(a.consumed, 0) AS consumed
    FROM tenants t LEFT JOIN held h ON h.tenant = t.id LEFT JOIN posted p ON p.tenant = t.id
        LEFT JOIN noted n ON n.tenant = lower(hex(t.id)) LEFT JOIN accepted a ON a.tenant = t.id
    ORDER BY t.id";

/// A connection of our own to a service's database.
pub struct Database(SqliteConnection);

/// The database's write lock, held until this is dropped.
pub struct WriteLock(SqliteConnection);

/// A tenant, with all that must have come into being with it.
#[derive(Debug, Clone, QueryableByName)]
pub struct TenantRow {
    /// Its id, as 32 hexadecimal digits.
    #[diesel(sql_type = Text)]
    pub id: String,
    /// Its phone, canonical.
    #[diesel(sql_type = Text)]
    pub phone: String,
    /// Its address.
    #[diesel(sql_type = Text)]
    pub email: String,
    /// Its company.
    #[diesel(sql_type = Text)]
    pub company: String,
    /// How many access codes are leased to it.
    #[diesel(sql_type = BigInt)]
    pub codes: i64,
    /// The one for calls.
    #[diesel(sql_type = Text)]
    pub voice: String,
    /// The one for chat.
    #[diesel(sql_type = Text)]
    pub multimedia: String,
    /// How many account mails it has in the outbox.
    #[diesel(sql_type = BigInt)]
    pub mails: i64,
    /// How many quota units these took.
    #[diesel(sql_type = BigInt)]
    pub units: i64,
    /// The id of the mail, as 32 hexadecimal digits.
    #[diesel(sql_type = Text)]
    pub mail: String,
    /// How many audit entries tell of its creation.
    #[diesel(sql_type = BigInt)]
    pub audits: i64,
    /// How many accepted applications made it.
    #[diesel(sql_type = BigInt)]
    pub acceptances: i64,
    /// How many codes these consumed.
    #[diesel(sql_type = BigInt)]
    pub consumed: i64,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

impl Database {
    /// Opens the file, and creates it if it is not there.
    pub fn open(path: &Path) -> Self {
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        connection.batch_execute("PRAGMA busy_timeout = 10000").unwrap();
        Self(connection)
    }

    /// The one number of a query that calls it `number`.
    pub fn number(&mut self, query: &str) -> i64 {
        sql_query(query).get_result::<Number>(&mut self.0).unwrap_or_else(|error| panic!("{query}: {error}")).number
    }

    /// The rows of a query that calls its one column `line`.
    pub fn lines(&mut self, query: &str) -> Vec<String> {
        let rows = sql_query(query).load::<Line>(&mut self.0).unwrap_or_else(|error| panic!("{query}: {error}"));
        rows.into_iter().map(|row| row.line).collect()
    }

    /// Counts the rows of a table.
    pub fn count(&mut self, table: &str) -> i64 {
        self.number(&format!("SELECT count(*) AS number FROM {table}"))
    }

    /// Executes statements.
    pub fn execute(&mut self, statements: &str) {
        self.0.batch_execute(statements).unwrap_or_else(|error| panic!("{statements}: {error}"));
    }

    /// Takes the write lock.
    pub fn lock(mut self) -> WriteLock {
        self.execute("BEGIN IMMEDIATE");
        WriteLock(self.0)
    }

    /// Every tenant with what came into being with it, the oldest first.
    pub fn tenants(&mut self) -> Vec<TenantRow> {
        sql_query(TENANTS).load(&mut self.0).unwrap()
    }

    /// Checks that every invariant holds, that every tenant is complete, and that the tenants are those of these applicants,
    /// one each.
    pub fn assert_keeps_exactly<'a>(&mut self, applicants: impl IntoIterator<Item = &'a Applicant>) {
        let mut expected: Vec<[String; 3]> = applicants.into_iter().map(identity).collect();
        let tenants = self.assert_sound();
        let mut kept: Vec<[String; 3]> = tenants.into_iter().map(|row| [row.phone, row.email, row.company]).collect();
        expected.sort_unstable();
        kept.sort_unstable();
        assert_eq!(kept, expected);
    }

    /// Checks that every invariant holds and that every tenant is complete; returns the tenants.
    pub fn assert_sound(&mut self) -> Vec<TenantRow> {
        for (what, query) in BROKEN {
            assert_eq!(self.lines(query), [""; 0], "{what}");
        }
        let tenants = self.tenants();
        for tenant in &tenants {
            let TenantRow { codes, mails, units, audits, acceptances, consumed, .. } = *tenant;
            assert_eq!((codes, mails, units, audits, acceptances, consumed), (2, 1, 1, 1, 1, 1), "{tenant:?}");
            assert!(!tenant.voice.is_empty() && !tenant.multimedia.is_empty(), "{tenant:?}");
        }
        tenants
    }
}

fn identity(applicant: &Applicant) -> [String; 3] {
    [applicant.e164(), applicant.email.clone(), applicant.company.clone()]
}

impl Drop for WriteLock {
    fn drop(&mut self) {
        // Closing the connection would do the same.
        let _ = self.0.batch_execute("ROLLBACK");
    }
}
