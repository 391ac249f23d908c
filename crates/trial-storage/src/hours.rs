//! Applications counted by the hour, for every database. Ids begin with the millisecond of their creation: a span of
//! time is a span of the primary key.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use trial_core::applications::HourCount;
use trial_core::error::LedgerError;
use trial_core::values::ApplicationId;

use crate::convert::{bad, count, micros, name, shown};

/// Never a return code: the mark of a counted hour.
pub(crate) const COUNTED: &str = "";
/// Hours per transaction.
const HOURS: i32 = 24;

/// Hour, return code, applications, tenants.
pub(crate) type Row = (i64, String, i64, i64);

/// The start of the hour of an instant.
pub(crate) fn hour_of(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at)
}

/// The first id that an application of this instant could have.
pub(crate) fn first_id(at: DateTime<Utc>) -> [u8; 16] {
    let mut id = *ApplicationId::new(at, [0; 10]).as_bytes();
    id[6..].fill(0);
    id
}

/// The creation time of an id, to the millisecond.
pub(crate) fn made_at(id: &[u8]) -> Result<DateTime<Utc>, LedgerError> {
    let mut millis = [0; 8];
    millis[2..].copy_from_slice(id.get(..6).ok_or_else(|| bad("applications.id"))?);
    DateTime::from_timestamp_millis(i64::from_be_bytes(millis)).ok_or_else(|| bad("applications.id"))
}

/// The end of the hour of an instant.
pub(crate) fn end_of_hour(at: DateTime<Utc>) -> DateTime<Utc> {
    hour_of(at) + TimeDelta::hours(1)
}

/// The next span to count: from the hour of the first uncounted application up to its end or `until`.
pub(crate) fn next_span(first: DateTime<Utc>, until: DateTime<Utc>) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let (from, until) = (hour_of(first), hour_of(until));
    (from < until).then(|| (from, until.min(from + TimeDelta::hours(HOURS.into()))))
}

/// Adds up rows of single applications.
pub(crate) fn hour_count((hour, return_code, applications, tenants): Row) -> Result<HourCount, LedgerError> {
    Ok(HourCount {
        hour: shown(hour),
        return_code: name(&return_code, "application_hours.return_code")?,
        applications: count(applications, "application_hours.applications")?,
        tenants: count(tenants, "application_hours.tenants")?,
    })
}

/// The mark of the last hour before this instant.
pub(crate) fn last_hour(until: DateTime<Utc>) -> i64 {
    micros(hour_of(until) - TimeDelta::hours(1))
}
