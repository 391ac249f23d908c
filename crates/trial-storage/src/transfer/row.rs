//! Rows of any table, as either database returns them.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, QueryableByName};
use diesel::pg::{Pg, PgValue};
use diesel::row::{Field, NamedRow as Named, Row as Columns};
use diesel::sql_types::{BigInt, Binary, Integer, Text};
use diesel::sqlite::{Sqlite, SqliteType, SqliteValue};

use crate::postgres::storable;

/// A row, column by column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row(pub(crate) Vec<Cell>);

/// A row, column by column, each with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedRow(pub(crate) Vec<(String, Cell)>);

/// The value in a column. Rows of any two databases are equal if their values are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A column type that no table of ours has.
#[derive(Debug, thiserror::Error)]
#[error("a column has an unsupported type")]
struct UnknownType;

impl QueryableByName<Sqlite> for Row {
    fn build<'a>(row: &impl Named<'a, Sqlite>) -> deserialize::Result<Self> {
        read(row, of_sqlite)
    }
}

impl QueryableByName<Pg> for Row {
    fn build<'a>(row: &impl Named<'a, Pg>) -> deserialize::Result<Self> {
        read(row, of_postgres)
    }
}

impl QueryableByName<Sqlite> for NamedRow {
    fn build<'a>(row: &impl Named<'a, Sqlite>) -> deserialize::Result<Self> {
        named(row, of_sqlite)
    }
}

impl QueryableByName<Pg> for NamedRow {
    fn build<'a>(row: &impl Named<'a, Pg>) -> deserialize::Result<Self> {
        named(row, of_postgres)
    }
}

fn named<'a, DB: Backend>(
    row: &impl Named<'a, DB>,
    cell: impl Fn(DB::RawValue<'_>) -> deserialize::Result<Cell>,
) -> deserialize::Result<NamedRow> {
    let name = |place| Columns::get(row, place).and_then(|field| field.field_name().map(str::to_owned));
    let cells = read(row, cell)?.0.into_iter().enumerate();
    Ok(NamedRow(cells.map(|(place, cell)| (name(place).unwrap_or_default(), cell)).collect()))
}

fn read<'a, DB: Backend>(
    row: &impl Named<'a, DB>,
    cell: impl Fn(DB::RawValue<'_>) -> deserialize::Result<Cell>,
) -> deserialize::Result<Row> {
    let read = |place| {
        let field = Columns::get(row, place).ok_or(UnknownType)?;
        field.value().map_or(Ok(Cell::Null), &cell)
    };
    (0..row.field_count()).map(read).collect::<deserialize::Result<_>>().map(Row)
}

/// Texts are read in the form that PostgreSQL can hold.
fn of_sqlite(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Cell> {
    match value.value_type() {
        Some(SqliteType::Integer | SqliteType::SmallInt | SqliteType::Long) => {
            FromSql::<BigInt, Sqlite>::from_sql(value).map(Cell::Number)
        }
        Some(SqliteType::Text) => {
            let text: String = FromSql::<Text, Sqlite>::from_sql(value)?;
            Ok(Cell::Text(storable(&text).into_owned()))
        }
        Some(SqliteType::Binary) => FromSql::<Binary, Sqlite>::from_sql(value).map(Cell::Bytes),
        _ => Err(UnknownType.into()),
    }
}

/// Types by their numbers in `pg_type`, which never change.
fn of_postgres(value: PgValue<'_>) -> deserialize::Result<Cell> {
    match value.get_oid().get() {
        17 => FromSql::<Binary, Pg>::from_sql(value).map(Cell::Bytes),
        20 => FromSql::<BigInt, Pg>::from_sql(value).map(Cell::Number),
        23 => <i32 as FromSql<Integer, Pg>>::from_sql(value).map(|number| Cell::Number(number.into())),
        25 => FromSql::<Text, Pg>::from_sql(value).map(Cell::Text),
        _ => Err(UnknownType.into()),
    }
}

impl Row {
    pub(crate) fn number(&self, place: usize) -> Option<i64> {
        match self.0.get(place)? {
            Cell::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn text(&self, place: usize) -> Option<&str> {
        match self.0.get(place)? {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn bytes(&self, place: usize) -> Option<&[u8]> {
        match self.0.get(place)? {
            Cell::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}
