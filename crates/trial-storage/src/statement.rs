//! Two gaps in diesel, filled by its own extension points: its UPDATE and upsert statements are prepared anew each time,
//! and its comparisons bind every constant, so that SQLite does not see that a partial index serves.

use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};

/// A condition without parameters, as written in the partial index.
#[derive(Debug, Clone, Copy)]
pub struct Literal(pub &'static str);

/// As in the index of waiting mails.
pub(crate) const MAIL_IS_DUE: Literal = Literal("mails.state = 'due'");

/// As in the index of mails given up.
pub(crate) const MAIL_IS_FAILED: Literal = Literal("mails.state = 'failed'");

/// The rows whose message a receipt can name, as in their index.
pub(crate) const HAS_PROVIDER_ID: Literal =
    Literal("code_requests.state = 'accepted' AND length(code_requests.reply) <= 200");

/// The value that a [`Statement`] binds at a place.
#[derive(Debug, Clone, Copy)]
pub enum Bind<'a> {
    /// Nothing: the statement ends here.
    Nothing,
    /// A number.
    Number(i64),
    /// A number, or none.
    OptionalNumber(Option<i64>),
    /// A text.
    Text(&'a str),
    /// A text, or none.
    OptionalText(Option<&'a str>),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Bytes, or none.
    OptionalBytes(Option<&'a [u8]>),
}

/// A statement that is prepared once: pieces of SQL, each followed by its value.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'a>(pub &'a [(&'static str, Bind<'a>)]);

impl Expression for Literal {
    type SqlType = Bool;
}

impl<Table> AppearsOnTable<Table> for Literal {}

impl<Table> SelectableExpression<Table> for Literal {}

impl<GroupBy> ValidGrouping<GroupBy> for Literal {
    type IsAggregate = is_aggregate::Never;
}

/// Identified by its text: two literals are two queries.
impl QueryId for Literal {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<DB: Backend> QueryFragment<DB> for Literal {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(self.0);
        Ok(())
    }
}

/// Identified by its text, which holds no value.
impl QueryId for Statement<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<DB: Backend> QueryFragment<DB> for Statement<'_>
where
    DB: diesel::sql_types::HasSqlType<BigInt>
        + diesel::sql_types::HasSqlType<Text>
        + diesel::sql_types::HasSqlType<Binary>,
    i64: diesel::serialize::ToSql<BigInt, DB>,
    str: diesel::serialize::ToSql<Text, DB>,
    [u8]: diesel::serialize::ToSql<Binary, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        for (sql, bind) in self.0 {
            out.push_sql(sql);
            match bind {
                Bind::Nothing => {}
                Bind::Number(number) => out.push_bind_param::<BigInt, i64>(number)?,
                Bind::OptionalNumber(number) => out.push_bind_param::<Nullable<BigInt>, Option<i64>>(number)?,
                Bind::Text(text) => out.push_bind_param::<Text, &str>(text)?,
                Bind::OptionalText(text) => out.push_bind_param::<Nullable<Text>, Option<&str>>(text)?,
                Bind::Bytes(bytes) => out.push_bind_param::<Binary, &[u8]>(bytes)?,
                Bind::OptionalBytes(bytes) => out.push_bind_param::<Nullable<Binary>, Option<&[u8]>>(bytes)?,
            }
        }
        Ok(())
    }
}

impl<Conn> RunQueryDsl<Conn> for Statement<'_> {}
