//! A seeded history of half a year.

use std::fmt::{self, Write as _};
use std::io::{BufWriter, Write};
use std::process::{ChildStdin, Command, Stdio};

use anyhow::{Context, ensure};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::past::{CAREFUL, CARELESS, indexes};
use super::{Database, Store};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// Rows of one statement.
const ROWS: usize = 500;
/// A retry ends in 7, and repeats one that ends in 8.
const RETRIED: i64 = 9;

/// A seeded history of half a year: applications, evenly over the last 180 days, and their rows. Of each ten, four have
/// a wrong code, one has none, one finds the pool empty, one finds the daily limit reached, one repeats an accepted
/// one, and two are accepted. Everything that `trialgate doctor` checks holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HalfYear {
    pub(crate) applications: i64,
    /// Microseconds since the epoch.
    pub(crate) now: i64,
}

/// Writes rows, each the text of its values: name of the table, its columns, the rows.
type TableWriter<'a> = dyn FnMut(&str, &str, &mut dyn Iterator<Item = String>) -> anyhow::Result<()> + 'a;

/// The state of a tenant.
#[derive(Debug, Clone, Copy)]
enum Life {
    Trial,
    Suspended,
    Commercial,
    /// Closed, with its access codes still in quarantine or free again.
    Closed {
        codes_rest: bool,
    },
}

/// One application.
#[derive(Debug, Clone, Copy)]
pub(crate) struct One {
    number: i64,
    /// Microseconds since the epoch.
    at: i64,
    /// Microseconds between two of them.
    apart: i64,
}

impl HalfYear {
    const DAYS: i64 = 180;
    const FREE: i64 = 20_000;
    const RETIRED: i64 = 1_000;

    pub(crate) fn one(self, number: i64) -> One {
        let apart = Self::DAYS * DAY / self.applications;
        One { number, at: self.now - Self::DAYS * DAY + number * apart, apart }
    }

    /// The last application with this last digit.
    pub(crate) fn last(self, digit: i64) -> One {
        self.one(self.applications / 10 * 10 - 10 + digit)
    }

    fn all(self) -> impl Iterator<Item = One> {
        (0..self.applications).map(move |number| self.one(number))
    }

    fn accepted(self) -> impl Iterator<Item = One> {
        self.all().filter(|one| one.is_accepted())
    }

    fn life(self, one: One) -> Life {
        let age = (self.now - one.at) / DAY;
        match age {
            _ if one.number % 100 == 8 => Life::Commercial,
            ..30 => Life::Trial,
            30..37 => Life::Suspended,
            _ => Life::Closed { codes_rest: age < 67 },
        }
    }

    /// Writes it into a new database.
    pub(crate) fn write(self, store: &Store<'_>) -> anyhow::Result<()> {
        match store {
            Store::Sqlite(path) => {
                let mut conn = SqliteConnection::establish(path.to_str().context("a path in UTF-8")?)?;
                conn.batch_execute(CARELESS)?;
                let indexes = indexes(&mut conn)?;
                indexes.iter().try_for_each(|index| conn.batch_execute(&format!("DROP INDEX {}", index.name)))?;
                conn.batch_execute("BEGIN")?;
                self.rows(Database::Sqlite, &mut |sql| Ok(conn.batch_execute(sql)?))?;
                conn.batch_execute("COMMIT")?;
                indexes.iter().try_for_each(|index| conn.batch_execute(&index.sql))?;
                conn.batch_execute("ANALYZE")?;
                Ok(conn.batch_execute(CAREFUL)?)
            }
            Store::Postgres { .. } => {
                let mut psql = Command::new(store.program("psql")?)
                    .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-"])
                    .arg(store.url())
                    .stdin(Stdio::piped())
                    .stdout(Stdio::null())
                    .stderr(Stdio::piped())
                    .spawn()?;
                // Errors of psql are on its standard error, not on the broken pipe.
                let written = self.write_to_psql(psql.stdin.take().context("psql reads a script")?);
                let output = psql.wait_with_output()?;
                ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
                written
            }
        }
    }

    fn write_to_psql(self, stdin: ChildStdin) -> anyhow::Result<()> {
        let mut psql = BufWriter::new(stdin);
        psql.write_all(include_bytes!("../../sql/without-indexes.sql"))?;
        self.rows(Database::Postgres, &mut |sql| Ok(psql.write_all(sql.as_bytes())?))?;
        psql.write_all(include_bytes!("../../sql/with-indexes.sql"))?;
        Ok(psql.flush()?)
    }

    fn rows(self, database: Database, run: &mut dyn FnMut(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let blob = |bytes: [u8; 16]| Blob { bytes, database };
        let mut table = |name: &str, columns: &str, rows: &mut dyn Iterator<Item = String>| -> anyhow::Result<()> {
            let mut rows = rows.peekable();
            while rows.peek().is_some() {
                let mut sql = format!("INSERT INTO {name} ({columns}) VALUES\n");
                for (place, row) in rows.by_ref().take(ROWS).enumerate() {
                    sql.push_str(if place == 0 { "(" } else { ",\n(" });
                    sql.push_str(&row);
                    sql.push(')');
                }
                sql.push_str(";\n");
                run(&sql)?;
            }
            Ok(())
        };
        table(
            "challenges",
            "id, phone, key_id, made_at, expires_at, tries, state",
            &mut self.all().map(|one| {
                let state = if one.is_accepted() { "consumed" } else { "open" };
                let (id, phone, at) = (blob(one.id(1)), one.phone(), one.at);
                format!("{id}, '{phone}', 'bench', {at}, {}, 1, '{state}'", at + 300 * SECOND)
            }),
        )?;
        table(
            "phones",
            "phone, country_code, failures, challenge",
            &mut self
                .all()
                .filter(|one| one.customer().number == one.number)
                .map(|one| format!("'{}', 86, {}, {}", one.phone(), i32::from(!one.is_accepted()), blob(one.id(1)))),
        )?;
        table(
            "code_requests",
            "id, request_id, at, phone, country_code, challenge, state, gateway, reply, delivery, delivery_at, return_code",
            &mut self.all().map(|one| {
                let (id, challenge, number, at) = (blob(one.id(6)), blob(one.id(1)), one.number, one.at - 30 * SECOND);
                format!(
                    "{id}, 'code-{number}', {at}, '{}', 86, {challenge}, 'accepted', 'bench', 'message-{number}', \
                        'delivered', {}, '200'",
                    one.phone(),
                    at + 2 * SECOND
                )
            }),
        )?;
        table(
            "applications",
            "id, request_id, at, phone, country_code, email, email_key, company, company_key, challenge, outcome, tenant, \
                refusal, return_code",
            &mut self.all().map(|one| {
                let (id, challenge, at) = (blob(one.id(4)), blob(one.id(1)), one.at);
                let (phone, who, ended) = (one.phone(), one.customer().who(), one.ended(blob));
                format!(
                    "{id}, '{}', {at}, '{phone}', 86, 'applicant{who}@example.com', 'applicant{who}@example.com', \
                        'Company {who}', 'company {who}', {challenge}, {ended}",
                    one.request_id()
                )
            }),
        )?;
        self.tenants(&mut table, blob)?;
        self.pool(&mut table, blob)
    }

    fn tenants(self, table: &mut TableWriter<'_>, blob: impl Fn([u8; 16]) -> Blob + Copy) -> anyhow::Result<()> {
        table(
            "tenants",
            "id, status, phone, country_code, email, email_key, company, company_key, created_at, trial_ends_at, key_id, \
                password_issue, password_issued_at, locale, converted_at, suspended_at, closes_at, closed_at, told_until, \
                next_step_at",
            &mut self.accepted().map(|one| {
                let (id, phone, who, at) = (blob(one.id(2)), one.phone(), one.who(), one.at);
                let (ends, closes, now) = (at + 30 * DAY, at + 37 * DAY, self.now);
                let life = match self.life(one) {
                    Life::Trial => {
                        let steps = [at + 23 * DAY, at + 29 * DAY, ends];
                        let next = steps.into_iter().find(|step| *step > now).unwrap_or(ends);
                        ("trial", format!("NULL, NULL, NULL, NULL, {now}, {next}"))
                    }
                    Life::Suspended => {
                        ("suspended", format!("NULL, {ends}, {closes}, NULL, {now}, {}", closes.max(now + DAY)))
                    }
                    Life::Commercial => ("commercial", format!("{at}, NULL, NULL, NULL, {now}, NULL")),
                    Life::Closed { .. } => ("closed", format!("NULL, NULL, NULL, {closes}, {now}, NULL")),
                };
                let (status, life) = life;
                format!(
                    "{id}, '{status}', '{phone}', 86, 'applicant{who}@example.com', 'applicant{who}@example.com', \
                        'Company {who}', 'company {who}', {at}, {ends}, 'bench', 1, {at}, 'zh-CN', {life}"
                )
            }),
        )?;
        let mut units = Units::default();
        table(
            "mails",
            "id, kind, tenant, recipient, locale, state, attempts, created_at, next_attempt_at, settled_at, quota_day, \
                quota_unit, quota_threshold, priority",
            &mut self.accepted().map(|one| {
                let (id, tenant, who, at) = (blob(one.id(3)), blob(one.id(2)), one.who(), one.at);
                let state = if one.number % 1000 == 9 { "failed" } else { "sent" };
                let (day, unit) = units.next(at);
                format!(
                    "{id}, 'account', {tenant}, 'applicant{who}@example.com', 'zh-CN', '{state}', 1, {at}, {at}, {at}, \
                        {day}, {unit}, 1000000, 0"
                )
            }),
        )?;
        table(
            "mail_attempts",
            "mail, attempt, at, result, reply",
            &mut self.accepted().map(|one| format!("{}, 1, {}, 'sent', '250 OK'", blob(one.id(3)), one.at)),
        )?;
        table("quota_days", "day, reserved", &mut units.days.iter().map(|(day, taken)| format!("{day}, {taken}")))?;
        table(
            "audit",
            "id, at, actor, action, subject, detail",
            &mut self.accepted().map(|one| {
                let (id, at, tenant) = (blob(one.id(5)), one.at, one.tenant());
                if one.number % 1000 == 8 {
                    format!("{id}, {at}, 'bench', 'tenant.create', '{tenant}', 'by hand'")
                } else {
                    format!("{id}, {at}, 'applicant', 'tenant.create', '{tenant}', 'request {}'", one.request_id())
                }
            }),
        )
    }

    fn pool(self, table: &mut TableWriter<'_>, blob: impl Fn([u8; 16]) -> Blob + Copy) -> anyhow::Result<()> {
        for (prefix, kind) in [("400", "voice"), ("chat-", "multimedia")] {
            let held = self.accepted().filter_map(|one| {
                let (number, at, tenant) = (one.number, one.at, blob(one.id(2)));
                match self.life(one) {
                    Life::Closed { codes_rest: false } => None,
                    Life::Closed { codes_rest: true } => Some(format!(
                        "'{prefix}{number:09}', '{kind}', 'quarantined', {}, NULL, {tenant}",
                        at + 37 * DAY
                    )),
                    _ => Some(format!("'{prefix}{number:09}', '{kind}', 'leased', {at}, {tenant}, NULL")),
                }
            });
            let spare = (0..Self::FREE + Self::RETIRED).map(|number| {
                let state = if number < Self::FREE { "free" } else { "retired" };
                format!("'{prefix}9{number:08}', '{kind}', '{state}', {}, NULL, NULL", self.now - 10 * DAY)
            });
            table("access_codes", "code, kind, state, since, tenant, last_tenant", &mut held.chain(spare))?;
        }
        Ok(())
    }
}

impl One {
    fn is_accepted(self) -> bool {
        self.number % 10 >= 8
    }

    /// The application of the same applicant: a repeated one is that of the accepted one nine before it.
    fn customer(self) -> Self {
        let back = if self.number % 10 == 7 && self.number > 10 { RETRIED } else { 0 };
        Self { number: self.number - back, at: self.at - back * self.apart, apart: self.apart }
    }

    fn who(self) -> i64 {
        self.number * 2_654_435_761 % 100_000_000
    }

    pub(crate) fn phone(self) -> String {
        format!("+86166{:08}", self.customer().who())
    }

    pub(crate) fn email(self) -> String {
        format!("applicant{}@example.com", self.customer().who())
    }

    pub(crate) fn company(self) -> String {
        format!("Company {}", self.customer().who())
    }

    pub(crate) fn request_id(self) -> String {
        format!("00000000-0000-7000-8000-{:012x}", self.number)
    }

    /// Ids begin with their millisecond, and differ by kind.
    fn id(self, kind: u8) -> [u8; 16] {
        let mut id = [kind; 16];
        id[..6].copy_from_slice(&(self.at / 1000).to_be_bytes()[2..]);
        id[6] = 0x70;
        id
    }

    pub(crate) fn application(self) -> String {
        hyphened(self.id(4))
    }

    pub(crate) fn tenant(self) -> String {
        hyphened(self.id(2))
    }

    /// Outcome, tenant, refusal, return code.
    fn ended(self, blob: impl Fn([u8; 16]) -> Blob) -> String {
        let refused = |refusal: &str, code| format!("'refused', NULL, '{refusal}', '{code}'");
        match self.number % 10 {
            0..=3 => refused(r#"{"rule":"wrong_code","tries_left":4}"#, "002"),
            5 => refused(r#"{"rule":"pool_empty","voice":false,"multimedia":true}"#, "006"),
            6 => refused(r#"{"rule":"quota_reached","threshold":1000}"#, "205"),
            8.. => format!("'accepted', {}, NULL, '000'", blob(self.id(2))),
            7 if self.number > 10 => format!("'replayed', {}, NULL, '000'", blob(self.customer().id(2))),
            _ => refused(r#"{"rule":"no_code","reason":"never_sent"}"#, "001"),
        }
    }
}

/// Units of the days, in the order of time.
#[derive(Debug, Default)]
struct Units {
    days: Vec<(i64, i64)>,
}

impl Units {
    fn next(&mut self, at: i64) -> (i64, i64) {
        let day = at / DAY;
        if self.days.last().is_none_or(|(last, _)| *last != day) {
            self.days.push((day, 0));
        }
        let last = self.days.len() - 1;
        self.days[last].1 += 1;
        self.days[last]
    }
}

fn hyphened(id: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (place, byte) in id.into_iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Bytes as a literal of a database.
#[derive(Debug, Clone, Copy)]
struct Blob {
    bytes: [u8; 16],
    database: Database,
}

impl fmt::Display for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.database {
            Database::Sqlite => "x'",
            Database::Postgres => "'\\x",
        })?;
        self.bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_is_of_an_accepted_application() {
        let past = HalfYear { applications: 1000, now: 200 * DAY };
        let retries: Vec<One> = past.all().filter(|one| one.customer().number != one.number).collect();
        assert_eq!(retries.len(), 99);
        assert!(retries.iter().all(|one| one.customer().is_accepted() && one.phone() == one.customer().phone()));
    }

    #[test]
    fn units_begin_anew_with_each_day() {
        let mut units = Units::default();
        let taken = [0, 1, DAY, DAY + 1, 3 * DAY].map(|at| units.next(at));
        assert_eq!(taken, [(0, 1), (0, 2), (1, 1), (1, 2), (3, 1)]);
    }
}
