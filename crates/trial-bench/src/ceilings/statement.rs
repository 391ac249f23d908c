//! Statements over arrays, whose text is the same for any number of rows, so that diesel prepares them once.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Integer, Text};

/// What is bound at one place.
#[derive(Debug)]
pub(super) enum Bind<'a> {
    Number(i64),
    Integer(i32),
    Numbers(Vec<i64>),
    Texts(Vec<&'a str>),
    Byteas(Vec<&'a [u8]>),
}

/// A head, and what is bound behind it, each followed by a piece of SQL.
#[derive(Debug)]
pub(super) struct Statement<'a> {
    head: &'static str,
    binds: Vec<(Bind<'a>, &'static str)>,
}

impl<'a> Statement<'a> {
    pub(super) fn new(head: &'static str) -> Self {
        Self { head, binds: Vec::new() }
    }

    pub(super) fn bind(mut self, bind: Bind<'a>, sql: &'static str) -> Self {
        self.binds.push((bind, sql));
        self
    }
}

/// Known by its text, which holds no value.
impl QueryId for Statement<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Pg> for Statement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(self.head);
        for (bind, sql) in &self.binds {
            match bind {
                Bind::Number(number) => out.push_bind_param::<BigInt, _>(number)?,
                Bind::Integer(number) => out.push_bind_param::<Integer, _>(number)?,
                Bind::Numbers(numbers) => out.push_bind_param::<Array<BigInt>, _>(numbers)?,
                Bind::Texts(texts) => out.push_bind_param::<Array<Text>, _>(texts)?,
                Bind::Byteas(bytes) => out.push_bind_param::<Array<Binary>, _>(bytes)?,
            }
            out.push_sql(sql);
        }
        Ok(())
    }
}
