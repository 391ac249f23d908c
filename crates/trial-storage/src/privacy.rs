//! The statements that remove, export and erase personal data: the same for every database.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, HasSqlType, Text, Untyped};
use serde_json::{Map, Value};
use trial_core::portal::PortalAttempt;
use trial_core::privacy::{ERASED, ERASED_EMAIL, Expiring, ExpiryPage, PersonData};
use trial_core::values::{EventId, Person};

use crate::convert::{bad, micros, time};
use crate::transfer::{Cell, NamedRow};

/// A statement of any number of pieces, identified by its text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sql(Vec<(&'static str, Bound)>);

/// A value bound after a piece.
#[derive(Debug, Clone)]
enum Bound {
    Nothing,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A range of rows: after the first id, up to the second.
#[derive(Debug, Clone)]
pub(crate) struct Stretch {
    what: Expiring,
    after: Vec<u8>,
    last: Vec<u8>,
}

impl Sql {
    pub(crate) fn new(text: &'static str) -> Self {
        Self::default().text(text)
    }

    fn text(mut self, text: &'static str) -> Self {
        self.0.push((text, Bound::Nothing));
        self
    }

    fn bind(mut self, bound: Bound) -> Self {
        self.0.push(("", bound));
        self
    }

    pub(crate) fn number(self, number: i64) -> Self {
        self.bind(Bound::Number(number))
    }

    fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

/// The ids of a range, in order.
pub(crate) fn ids(page: &ExpiryPage) -> Sql {
    // An id begins with its time in milliseconds.
    let since = EventId::new(page.since, [0; 10]);
    Sql::new("SELECT id FROM ")
        .text(table(page.what))
        .text(" WHERE ")
        .text(of_kind(page.what))
        .text(" AND id > ")
        .bind(Bound::Bytes(page.after.to_vec()))
        .text(" AND id < ")
        .bind(Bound::Bytes(since.as_bytes().to_vec()))
        .text(" ORDER BY id LIMIT ")
        .bind(Bound::Number(page.limit.into()))
}

fn table(what: Expiring) -> &'static str {
    match what {
        Expiring::Applications => "applications",
        Expiring::CodeRequests => "code_requests",
        Expiring::Challenges => "challenges",
        Expiring::Events => "platform_events",
        Expiring::Agreements => "audit",
    }
}

/// The condition for the rows of this kind; in the audit, they have an index of their own.
fn of_kind(what: Expiring) -> &'static str {
    match what {
        Expiring::Agreements => "action = 'terms.accept'",
        Expiring::Applications | Expiring::CodeRequests | Expiring::Challenges | Expiring::Events => "0 = 0",
    }
}

impl Stretch {
    pub(crate) fn new(page: &ExpiryPage, last: &[u8]) -> Self {
        Self { what: page.what, after: page.after.to_vec(), last: last.to_vec() }
    }

    /// The rows of it that nothing needs any more.
    fn over(&self) -> Sql {
        let needed = match self.what {
            Expiring::Applications => {
                "(outcome <> 'accepted' OR NOT EXISTS (\
                    SELECT 1 FROM tenants t WHERE t.id = applications.tenant AND t.status <> 'closed'))"
            }
            Expiring::CodeRequests => "0 = 0",
            Expiring::Challenges => "state <> 'consumed'",
            Expiring::Events => "state <> 'due'",
            Expiring::Agreements => {
                "NOT EXISTS (SELECT 1 FROM tenants t WHERE t.phone = audit.subject AND t.status <> 'closed')"
            }
        };
        Sql::new(" WHERE ")
            .text(of_kind(self.what))
            .text(" AND ")
            .text(needed)
            .text(" AND id > ")
            .bind(Bound::Bytes(self.after.clone()))
            .text(" AND id <= ")
            .bind(Bound::Bytes(self.last.clone()))
    }

    fn rows(&self, head: &'static str) -> Sql {
        Sql::new(head).text(table(self.what)).then(self.over())
    }

    pub(crate) fn count(&self) -> Sql {
        self.rows("SELECT count(*) FROM ")
    }

    /// The statements to run before the rows are removed, in order.
    pub(crate) fn before(&self) -> Vec<Sql> {
        let codes = match self.what {
            Expiring::Applications => "SELECT challenge FROM ",
            Expiring::Challenges => "SELECT id FROM ",
            Expiring::CodeRequests | Expiring::Events | Expiring::Agreements => return Vec::new(),
        };
        let of_phones = || self.rows("SELECT phone FROM ");
        let consumed = |sql: Sql| match self.what {
            Expiring::Applications => sql.text(" AND outcome = 'accepted'"),
            _ => sql,
        };
        let codes = || consumed(self.rows(codes));
        let without = |head: &'static str, column: &'static str| {
            Sql::new(head).then(of_phones()).text(") AND ").text(column).text(" IN (").then(codes()).text(")")
        };
        let mut before = vec![
            without("UPDATE phones SET challenge = NULL WHERE phone IN (", "challenge"),
            without("UPDATE phones SET previous = NULL WHERE phone IN (", "previous"),
            Sql::new("DELETE FROM phones WHERE challenge IS NULL AND failures = 0 AND phone IN (")
                .then(of_phones())
                .text(")"),
        ];
        if self.what == Expiring::Applications {
            before.push(Sql::new("DELETE FROM challenges WHERE id IN (").then(codes()).text(")"));
        }
        before
    }

    pub(crate) fn remove(&self) -> Sql {
        self.rows("DELETE FROM ")
    }
}

/// The tables with personal data, in the order of an export.
const TABLES: [&str; 11] = [
    "applications",
    "audit",
    "challenges",
    "code_requests",
    "mails",
    "owner_acts",
    "phones",
    "platform_events",
    "portal_passwords",
    "portal_sessions",
    "tenants",
];

/// The exported columns of a table, and their order: no hash of a password or of a session's secret.
fn columns(table: &str) -> (&'static str, &'static str) {
    match table {
        "phones" => ("SELECT * FROM ", ""),
        "owner_acts" => ("SELECT * FROM ", " ORDER BY tenant"),
        "portal_passwords" => ("SELECT tenant, issue, set_at FROM ", " ORDER BY tenant"),
        "portal_sessions" => {
            ("SELECT tenant, issue, created_at, used_at, expires_at FROM ", " ORDER BY tenant, created_at")
        }
        _ => ("SELECT * FROM ", " ORDER BY id"),
    }
}

/// The rows of a table about a person; `None` if a phone, or an address, does not identify them.
fn of(table: &'static str, person: &Person) -> Option<Sql> {
    let own = match person {
        Person::Phone(_) => "phone = ",
        Person::Email(_) => "email_key = ",
    };
    let is_by_phone = matches!(person, Person::Phone(_));
    let value = || Bound::Text(person.as_str().to_owned());
    // Tenants in use have an index, closed ones another.
    let tenants = || {
        Sql::new("(status = 'closed' AND ")
            .text(own)
            .bind(value())
            .text(" OR status <> 'closed' AND ")
            .text(own)
            .bind(value())
            .text(")")
    };
    match table {
        "applications" => Some(Sql::new(" WHERE ").text(own).bind(value())),
        "tenants" => Some(Sql::new(" WHERE ").then(tenants())),
        "challenges" | "code_requests" | "phones" if is_by_phone => Some(Sql::new(" WHERE phone = ").bind(value())),
        "audit" => Some(Sql::new(" WHERE subject = ").bind(value())),
        "mails" | "owner_acts" | "platform_events" | "portal_passwords" | "portal_sessions" => {
            Some(Sql::new(" WHERE tenant IN (SELECT id FROM tenants WHERE ").then(tenants()).text(")"))
        }
        _ => None,
    }
}

/// The statements that export data of a person, each with its table.
pub(crate) fn shown(person: &Person) -> Vec<(&'static str, Sql)> {
    let shown = TABLES.iter().filter_map(|table| {
        let (select, order) = columns(table);
        Some((*table, Sql::new(select).text(table).then(of(table, person)?).text(order)))
    });
    shown.collect()
}

/// The tenants of a person that are in use.
pub(crate) fn in_use(person: &Person) -> Sql {
    let of = of("tenants", person).unwrap_or_default();
    Sql::new("SELECT id FROM tenants").then(of).text(" AND status <> 'closed' ORDER BY id")
}

/// The events with payloads about a person.
pub(crate) fn payloads(person: &Person) -> Sql {
    Sql::new("SELECT id, payload FROM platform_events").then(of("platform_events", person).unwrap_or_default())
}

/// Replaces the payload of an event.
pub(crate) fn reword(id: &[u8], payload: String) -> Sql {
    Sql::new("UPDATE platform_events SET payload = ")
        .bind(Bound::Text(payload))
        .text(" WHERE id = ")
        .bind(Bound::Bytes(id.to_vec()))
}

/// The statements that remove expired sessions of the portal, and attempts of earlier hours.
pub(crate) fn portal_expiry(now: DateTime<Utc>) -> [Sql; 2] {
    let hour = PortalAttempt::hour_of(now);
    [
        Sql::new("DELETE FROM portal_sessions WHERE expires_at <= ").bind(Bound::Number(micros(now))),
        Sql::new("DELETE FROM portal_tries WHERE hour < ").bind(Bound::Number(hour)),
    ]
}

/// The statements that erase a person, in order; except payloads of events.
pub(crate) fn erasure(person: &Person, pseudonym: &str, at: i64) -> Vec<Sql> {
    let all = |head: &'static str, table| Sql::new(head).then(of(table, person).unwrap_or_default());
    let mut steps = match person {
        Person::Phone(_) => vec![
            all("DELETE FROM phones", "phones"),
            all("DELETE FROM challenges", "challenges"),
            all("DELETE FROM code_requests", "code_requests"),
        ],
        // Consumed codes go with their applications; the phones of the others cannot be found by an address.
        Person::Email(_) => {
            let accepted =
                || all("SELECT challenge FROM applications", "applications").text(" AND outcome = 'accepted'");
            vec![
                Sql::new("UPDATE phones SET challenge = NULL WHERE challenge IN (").then(accepted()).text(")"),
                Sql::new("DELETE FROM challenges WHERE id IN (").then(accepted()).text(")"),
            ]
        }
    };
    steps.push(all("DELETE FROM applications", "applications"));
    let mails = Sql::new("UPDATE mails SET settled_at = CASE WHEN state = 'due' THEN ")
        .bind(Bound::Number(at))
        .text(" ELSE settled_at END, state = CASE WHEN state = 'due' THEN 'failed' ELSE state END, recipient = ")
        .bind(Bound::Text(ERASED_EMAIL.to_owned()))
        .then(of("mails", person).unwrap_or_default());
    steps.push(mails);
    steps.push(all("DELETE FROM portal_passwords", "portal_passwords"));
    steps.push(all("DELETE FROM portal_sessions", "portal_sessions"));
    steps.push(all("DELETE FROM owner_acts", "owner_acts"));
    let mut tenants = Sql::new("UPDATE tenants SET country_code = 0");
    for (column, erased) in [
        (", phone = ", ERASED),
        (", email = ", ERASED_EMAIL),
        (", email_key = ", ERASED_EMAIL),
        (", company = ", ERASED),
        (", company_key = ", ERASED),
    ] {
        tenants = tenants.text(column).bind(Bound::Text(erased.to_owned()));
    }
    steps.push(tenants.then(of("tenants", person).unwrap_or_default()));
    let audit = Sql::new("UPDATE audit SET subject = ").bind(Bound::Text(pseudonym.to_owned()));
    steps.push(audit.then(of("audit", person).unwrap_or_default()));
    steps
}

/// Rows in the form that a person can read.
pub(crate) fn data(tables: Vec<(&'static str, Vec<NamedRow>)>) -> PersonData {
    let rows = |rows: Vec<NamedRow>| rows.into_iter().map(|row| Value::Object(object(row))).collect();
    PersonData(tables.into_iter().map(|(table, of)| (table, rows(of))).collect::<BTreeMap<_, _>>())
}

fn object(NamedRow(cells): NamedRow) -> Map<String, Value> {
    let named = cells.into_iter().map(|(name, cell)| {
        let is_time = name == "at" || name == "since" || name.ends_with("_at");
        let value = match cell {
            Cell::Null => Value::Null,
            Cell::Number(number) if is_time => time(number, "at").map_or(number.into(), |at| at.to_rfc3339().into()),
            Cell::Number(number) => number.into(),
            Cell::Text(text) => serde_json::from_str::<Map<_, _>>(&text).map_or(Value::String(text), Value::Object),
            Cell::Bytes(bytes) => uuid(&bytes).into(),
        };
        (name, value)
    });
    named.collect()
}

fn uuid(bytes: &[u8]) -> String {
    <[u8; 16]>::try_from(bytes).map_or_else(|_| bad("id").to_string(), |id| EventId::from_bytes(id).to_string())
}

/// The instant of a change as stored.
pub(crate) fn instant(by: &trial_core::audit::ChangedBy) -> i64 {
    micros(by.at)
}

impl QueryId for Sql {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<DB: Backend> QueryFragment<DB> for Sql
where
    DB: HasSqlType<BigInt> + HasSqlType<Text> + HasSqlType<Binary>,
    i64: ToSql<BigInt, DB>,
    str: ToSql<Text, DB>,
    [u8]: ToSql<Binary, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        for (text, bound) in &self.0 {
            out.push_sql(text);
            match bound {
                Bound::Nothing => {}
                Bound::Number(number) => out.push_bind_param::<BigInt, i64>(number)?,
                Bound::Text(text) => out.push_bind_param::<Text, str>(text)?,
                Bound::Bytes(bytes) => out.push_bind_param::<Binary, [u8]>(bytes)?,
            }
        }
        Ok(())
    }
}

impl Query for Sql {
    type SqlType = Untyped;
}

impl<Conn> RunQueryDsl<Conn> for Sql {}

#[cfg(test)]
mod tests {
    use super::TABLES;

    #[test]
    fn the_documents_name_every_table_that_an_erasure_changes() {
        let documented =
            include_str!("../../../docs/operations.md").split_once("`VACUUM (FULL, ANALYZE)` of ").unwrap().1;
        let list = documented.split_once(", which").unwrap().0;
        let named: Vec<_> = list.split(", ").map(|table| table.trim_matches('`')).collect();
        assert_eq!(named, TABLES);
    }
}
