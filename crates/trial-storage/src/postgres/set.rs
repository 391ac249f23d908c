//! Statements over sets: one array for each column, so that the text of a statement, and with it the prepared statement,
//! is the same for any number of rows.

use std::borrow::Cow;
use std::marker::PhantomData;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Integer, Nullable, Text};

/// The values bound at one place.
#[derive(Debug, Clone)]
pub(super) enum Column<'a> {
    Number(i64),
    Integer(i32),
    Bytes(&'a [u8]),
    Text(Cow<'a, str>),
    Numbers(Vec<i64>),
    OptionalNumbers(Vec<Option<i64>>),
    Integers(Vec<i32>),
    OptionalIntegers(Vec<Option<i32>>),
    Texts(Vec<Cow<'a, str>>),
    OptionalTexts(Vec<Option<Cow<'a, str>>>),
    Bytea(Vec<&'a [u8]>),
    OptionalBytea(Vec<Option<&'a [u8]>>),
}

/// A statement that is prepared once: pieces of SQL, and the values between them.
#[derive(Debug, Clone, Default)]
pub(super) struct Set<'a>(Vec<Piece<'a>>);

#[derive(Debug, Clone)]
enum Piece<'a> {
    Sql(&'static str),
    Bound(Column<'a>),
}

/// A [`Set`] that returns rows of these types.
#[derive(Debug, Clone)]
pub(super) struct Rows<'a, Types>(Set<'a>, PhantomData<Types>);

impl<'a> Set<'a> {
    /// Pieces of SQL, each followed by its value, and a tail.
    pub(super) fn new(pieces: Vec<(&'static str, Column<'a>)>, tail: &'static str) -> Self {
        pieces.into_iter().fold(Self::default(), |set, (sql, column)| set.sql(sql).bind(column)).sql(tail)
    }

    /// `head`, the columns with commas between, and `tail`: for `unnest`.
    pub(super) fn over(head: &'static str, columns: Vec<Column<'a>>, tail: &'static str) -> Self {
        let pieces = columns.into_iter().enumerate();
        Self::new(pieces.map(|(place, column)| (if place == 0 { head } else { ", " }, column)).collect(), tail)
    }

    /// Appends SQL.
    pub(super) fn sql(mut self, sql: &'static str) -> Self {
        self.0.push(Piece::Sql(sql));
        self
    }

    /// Appends a value.
    pub(super) fn bind(mut self, column: Column<'a>) -> Self {
        self.0.push(Piece::Bound(column));
        self
    }

    /// Appends another statement.
    pub(super) fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    pub(super) fn returning<Types>(self) -> Rows<'a, Types> {
        Rows(self, PhantomData)
    }
}

impl<'a> Column<'a> {
    pub(super) fn texts<Row>(rows: &'a [Row], text: impl Fn(&'a Row) -> &'a str) -> Self {
        Self::Texts(rows.iter().map(|row| storable(text(row))).collect())
    }

    pub(super) fn optional_texts<Row>(rows: &'a [Row], text: impl Fn(&'a Row) -> Option<&'a str>) -> Self {
        Self::OptionalTexts(rows.iter().map(|row| text(row).map(storable)).collect())
    }

    pub(super) fn bytes<Row>(rows: &'a [Row], bytes: impl Fn(&'a Row) -> &'a [u8]) -> Self {
        Self::Bytea(rows.iter().map(bytes).collect())
    }

    pub(super) fn optional_bytes<Row>(rows: &'a [Row], bytes: impl Fn(&'a Row) -> Option<&'a [u8]>) -> Self {
        Self::OptionalBytea(rows.iter().map(bytes).collect())
    }

    pub(super) fn numbers<Row>(rows: &'a [Row], number: impl Fn(&'a Row) -> i64) -> Self {
        Self::Numbers(rows.iter().map(number).collect())
    }

    pub(super) fn optional_numbers<Row>(rows: &'a [Row], number: impl Fn(&'a Row) -> Option<i64>) -> Self {
        Self::OptionalNumbers(rows.iter().map(number).collect())
    }

    pub(super) fn optional_integers<Row>(rows: &'a [Row], number: impl Fn(&'a Row) -> Option<i32>) -> Self {
        Self::OptionalIntegers(rows.iter().map(number).collect())
    }

    pub(super) fn integers<Row>(rows: &'a [Row], number: impl Fn(&'a Row) -> i32) -> Self {
        Self::Integers(rows.iter().map(number).collect())
    }
}

/// PostgreSQL's texts hold no NUL. Ours have none, but replies of gateways and mail servers may.
pub(crate) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{FFFD}")) } else { Cow::Borrowed(text) }
}

impl QueryFragment<Pg> for Column<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self {
            Self::Number(number) => out.push_bind_param::<BigInt, _>(number),
            Self::Integer(number) => out.push_bind_param::<Integer, _>(number),
            Self::Bytes(bytes) => out.push_bind_param::<Binary, _>(bytes),
            Self::Text(text) => out.push_bind_param::<Text, _>(text),
            Self::Numbers(numbers) => out.push_bind_param::<Array<BigInt>, _>(numbers),
            Self::OptionalNumbers(numbers) => out.push_bind_param::<Array<Nullable<BigInt>>, _>(numbers),
            Self::Integers(numbers) => out.push_bind_param::<Array<Integer>, _>(numbers),
            Self::OptionalIntegers(numbers) => out.push_bind_param::<Array<Nullable<Integer>>, _>(numbers),
            Self::Texts(texts) => out.push_bind_param::<Array<Text>, _>(texts),
            Self::OptionalTexts(texts) => out.push_bind_param::<Array<Nullable<Text>>, _>(texts),
            Self::Bytea(bytes) => out.push_bind_param::<Array<Binary>, _>(bytes),
            Self::OptionalBytea(bytes) => out.push_bind_param::<Array<Nullable<Binary>>, _>(bytes),
        }
    }
}

/// Identified by its text, which holds no value.
impl QueryId for Set<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Pg> for Set<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for piece in &self.0 {
            match piece {
                Piece::Sql(sql) => out.push_sql(sql),
                Piece::Bound(column) => column.walk_ast(out.reborrow())?,
            }
        }
        Ok(())
    }
}

/// Identified by its text, which holds no value.
impl<Types> QueryId for Rows<'_, Types> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Types> QueryFragment<Pg> for Rows<'_, Types> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }
}

impl<Types> Query for Rows<'_, Types> {
    type SqlType = Types;
}
