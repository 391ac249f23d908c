//! The tables of a transfer, with their columns and the keys that they are copied by.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, HasSqlType, Text, Untyped};

use super::row::{Cell, Row};

/// A table, in statements that both databases understand.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// `INSERT … SELECT * FROM unnest(`, for one array per column.
    pub(crate) insert: &'static str,
    pub(crate) kinds: &'static [Kind],
    select: &'static str,
    behind: &'static str,
    in_order: &'static str,
    /// The number of key columns, which come first.
    key: usize,
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    OptionalInteger,
    Number,
    OptionalNumber,
    Text,
    OptionalText,
    Bytes,
    OptionalBytes,
}

/// A number of rows after a key, in the order of the keys. Without a key, the first ones.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) table: &'static Table,
    pub(crate) behind: Vec<Cell>,
    pub(crate) rows: i64,
}

impl Table {
    pub(crate) fn key_of(&self, row: &Row) -> Vec<Cell> {
        row.0.iter().take(self.key).cloned().collect()
    }
}

macro_rules! list {
    ($first:ident $(, $more:ident)*) => {
        concat!(stringify!($first) $(, ", ", stringify!($more))*)
    };
}

macro_rules! table {
    ($name:ident ($($key:ident: $key_kind:ident),+) $($column:ident: $kind:ident),+) => {
        Table {
            name: stringify!($name),
            insert: concat!(
                "INSERT INTO ", stringify!($name), " (", list!($($key),+, $($column),+), ") SELECT * FROM unnest("
            ),
            kinds: &[$(Kind::$key_kind),+, $(Kind::$kind),+],
            select: concat!("SELECT ", list!($($key),+, $($column),+), " FROM ", stringify!($name)),
            behind: concat!(" WHERE (", list!($($key),+), ") > ("),
            in_order: concat!(" ORDER BY ", list!($($key),+), " LIMIT "),
            key: [$(stringify!($key)),+].len(),
        }
    };
}

/// All tables. Left out: the marks of the pools, which only one database has, and the mark of the clock, which each has
/// of its own.
pub(crate) static TABLES: [Table; 27] = [
    table!(challenges (id: Bytes) phone: Text, key_id: Text, made_at: Number, expires_at: Number, tries: Integer,
        state: Text, proven_at: OptionalNumber),
    table!(phones (phone: Text) country_code: Integer, failures: Integer, challenge: OptionalBytes,
        previous: OptionalBytes),
    table!(code_requests (id: Bytes) request_id: Text, at: Number, phone: Text, country_code: Integer,
        challenge: OptionalBytes, state: OptionalText, refusal: OptionalText, gateway: OptionalText,
        reply: OptionalText, delivery: OptionalText, delivery_reason: OptionalText, delivery_at: OptionalNumber,
        return_code: Text),
    table!(sms_days (day: Integer, country_code: Integer) sent: Number),
    table!(prefix_spans (prefix: Number, span: Integer) messages: Integer, sent: Integer, used: Integer),
    table!(prefix_blocks (prefix: Number) since: Number, until: Number, sent: Number, used: Number, met: Number,
        counted_after: Integer),
    table!(safe_prefixes (prefix: Number) reason: Text, at: Number, actor: Text),
    table!(tenants (id: Bytes) status: Text, phone: Text, country_code: Integer, email: Text, email_key: Text,
        company: Text, company_key: Text, created_at: Number, trial_ends_at: Number, key_id: Text,
        password_issue: Integer, password_issued_at: Number, locale: Text, converted_at: OptionalNumber,
        suspended_at: OptionalNumber, closes_at: OptionalNumber, closed_at: OptionalNumber, told_until: Number,
        next_step_at: OptionalNumber, conversion_asked_at: OptionalNumber),
    table!(access_codes (code: Text) kind: Text, state: Text, since: Number, tenant: OptionalBytes,
        last_tenant: OptionalBytes),
    table!(setting_changes (seq: Number) setting: Text, value: OptionalText, in_force: Text, at: Number, actor: Text),
    table!(quota_days (day: Integer) reserved: Number, owner_mails: Number),
    table!(mails (id: Bytes) kind: Text, tenant: OptionalBytes, recipient: Text, locale: Text, state: Text, attempts: Integer,
        created_at: Number, next_attempt_at: Number, lease: OptionalBytes, settled_at: OptionalNumber,
        last_reply: OptionalText, quota_day: OptionalInteger, quota_unit: OptionalNumber,
        quota_threshold: OptionalNumber, priority: Integer, detail: OptionalText, quota_budget: Text),
    table!(mail_attempts (mail: Bytes, attempt: Integer) at: Number, result: Text, reply: Text),
    table!(applications (id: Bytes) request_id: Text, at: Number, phone: Text, country_code: Integer, email: Text,
        email_key: Text, company: Text, company_key: Text, challenge: OptionalBytes, outcome: Text,
        tenant: OptionalBytes, refusal: OptionalText, return_code: Text),
    table!(application_hours (hour: Number, return_code: Text) applications: Number, tenants: Number),
    table!(warnings (day: Integer, name: Text) at: Number, words: Text),
    table!(audit (id: Bytes) at: Number, actor: Text, action: Text, subject: Text, detail: Text),
    table!(platform_events (seq: Number) id: Bytes, kind: Text, tenant: Bytes, at: Number, payload: Text, state: Text,
        attempts: Integer, next_attempt_at: Number, lease: OptionalBytes, settled_at: OptionalNumber,
        last_reply: OptionalText),
    table!(platform_endpoints (id: Text) disabled_at: Number, reason: Text),
    table!(operators (id: Bytes) name: Text, name_key: Text, role: Text, token: Bytes, created_at: Number, created_by: Text,
        expires_at: OptionalNumber, revoked_at: OptionalNumber),
    table!(sessions (secret: Bytes) operator: Bytes, created_at: Number, used_at: Number, expires_at: Number),
    table!(callers (id: Bytes) name: Text, name_key: Text, access_key: Text, secret: Bytes, secret_key_id: Text,
        next_secret: OptionalBytes, next_secret_key_id: OptionalText, scopes: Text, rate: Number, created_at: Number,
        created_by: Text, suspended_at: OptionalNumber, removed_at: OptionalNumber),
    table!(caller_signatures (signature: Bytes) expires_at: Number),
    table!(portal_passwords (tenant: Bytes) issue: Integer, hash: Text, set_at: Number),
    table!(portal_sessions (secret: Bytes) tenant: Bytes, issue: Integer, created_at: Number, used_at: Number,
        expires_at: Number),
    table!(portal_tries (hour: Number, who: Bytes) tries: Integer),
    table!(owner_acts (tenant: Bytes) hour: Number, wishes: Integer, passwords: Integer, sign_outs: Integer, day: Integer,
        links: Integer, changes: Integer, digest_changes: OptionalInteger, digest_last_at: OptionalNumber,
        digest_due_at: OptionalNumber),
];

/// Identified by its text, which holds no value.
impl QueryId for Page {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<DB: Backend> QueryFragment<DB> for Page
where
    DB: HasSqlType<BigInt> + HasSqlType<Text> + HasSqlType<Binary>,
    i64: ToSql<BigInt, DB>,
    str: ToSql<Text, DB>,
    [u8]: ToSql<Binary, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(self.table.select);
        for (place, cell) in self.behind.iter().enumerate() {
            out.push_sql(if place == 0 { self.table.behind } else { ", " });
            match cell {
                Cell::Null => out.push_sql("NULL"),
                Cell::Number(number) => out.push_bind_param::<BigInt, i64>(number)?,
                Cell::Text(text) => out.push_bind_param::<Text, str>(text)?,
                Cell::Bytes(bytes) => out.push_bind_param::<Binary, [u8]>(bytes)?,
            }
        }
        out.push_sql(if self.behind.is_empty() { "" } else { ")" });
        out.push_sql(self.table.in_order);
        out.push_bind_param::<BigInt, i64>(&self.rows)
    }
}

impl Query for Page {
    type SqlType = Untyped;
}

impl<Conn> RunQueryDsl<Conn> for Page {}
