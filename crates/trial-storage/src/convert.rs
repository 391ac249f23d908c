//! Conversions between column types and values. A value that does not convert back was not written by Trialgate.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use trial_core::error::LedgerError;

/// A row with an invalid value.
#[derive(Debug, thiserror::Error)]
#[error("{column} holds an invalid value")]
pub(crate) struct BadColumn {
    column: &'static str,
}

pub(crate) fn bad(column: &'static str) -> LedgerError {
    LedgerError::Corrupt(Box::new(BadColumn { column }))
}

pub(crate) fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// The first and the last instant of the years 0 to 9999: every format holds them, and every sum of them.
const INSTANTS: (i64, i64) = (-62_167_219_200_000_000, 253_402_300_799_999_999);

pub(crate) fn time(micros: i64, column: &'static str) -> Result<DateTime<Utc>, LedgerError> {
    if clamped(micros) != micros {
        return Err(bad(column));
    }
    DateTime::from_timestamp_micros(micros).ok_or_else(|| bad(column))
}

/// The nearest instant that is valid.
pub(crate) fn clamped(micros: i64) -> i64 {
    micros.clamp(INSTANTS.0, INSTANTS.1)
}

/// An instant in a listing, where one invalid row must not hide the others.
pub(crate) fn shown(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(clamped(micros)).unwrap_or_default()
}

/// The readable rows of a listing; the others are logged and left out.
pub(crate) fn readable<R, T: TryFrom<R, Error = LedgerError>>(rows: Vec<R>) -> Result<Vec<T>, LedgerError> {
    let read = |row: R| match T::try_from(row) {
        Err(LedgerError::Corrupt(reason)) => {
            tracing::error!(%reason, "a row cannot be read and is left out of a listing");
            None
        }
        read => Some(read),
    };
    rows.into_iter().filter_map(read).collect()
}

pub(crate) fn optional_time(micros: Option<i64>, column: &'static str) -> Result<Option<DateTime<Utc>>, LedgerError> {
    micros.map(|micros| time(micros, column)).transpose()
}

/// Days since the epoch.
pub(crate) fn day_number(day: NaiveDate) -> i32 {
    let days = day.signed_duration_since(NaiveDate::default()).num_days();
    i32::try_from(days).unwrap_or(i32::MAX)
}

pub(crate) fn day(number: i32, column: &'static str) -> Result<NaiveDate, LedgerError> {
    NaiveDate::default().checked_add_signed(TimeDelta::days(number.into())).ok_or_else(|| bad(column))
}

pub(crate) fn id(bytes: &[u8], column: &'static str) -> Result<[u8; 16], LedgerError> {
    bytes.try_into().map_err(|_| bad(column))
}

pub(crate) fn optional_id(bytes: Option<&[u8]>, column: &'static str) -> Result<Option<[u8; 16]>, LedgerError> {
    bytes.map(|bytes| id(bytes, column)).transpose()
}

pub(crate) fn name<T: std::str::FromStr>(text: &str, column: &'static str) -> Result<T, LedgerError> {
    text.parse().map_err(|_| bad(column))
}

pub(crate) fn count<T: TryFrom<i64>>(number: impl Into<i64>, column: &'static str) -> Result<T, LedgerError> {
    T::try_from(number.into()).map_err(|_| bad(column))
}

/// A small count as stored.
pub(crate) fn integer(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

pub(crate) fn json<T: serde::de::DeserializeOwned>(text: &str, column: &'static str) -> Result<T, LedgerError> {
    serde_json::from_str(text).map_err(|_| bad(column))
}
