//! The number of access codes of each kind and state, for every database. Each state has an index of its own, which is
//! read in place of the table: the search for a code of that state needs a partial index anyway.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use trial_core::access_codes::{AccessCodeState, AccessCodeStock};
use trial_core::error::LedgerError;
use trial_core::values::AccessCodeKind;

use crate::convert::{count, name, shown};

/// One row per state. A leased code has a tenant.
pub(crate) const STOCK: &str = "
    SELECT 'free' AS state, count(*) FILTER (WHERE kind = 'voice') AS voice,
        count(*) FILTER (WHERE kind = 'multimedia') AS multimedia FROM access_codes WHERE state = 'free'
    UNION ALL SELECT 'leased', count(*) FILTER (WHERE kind = 'voice'),
        count(*) FILTER (WHERE kind = 'multimedia') FROM access_codes WHERE tenant IS NOT NULL
    UNION ALL SELECT 'quarantined', count(*) FILTER (WHERE kind = 'voice'),
        count(*) FILTER (WHERE kind = 'multimedia') FROM access_codes WHERE state = 'quarantined'
    UNION ALL SELECT 'retired', count(*) FILTER (WHERE kind = 'voice'),
        count(*) FILTER (WHERE kind = 'multimedia') FROM access_codes WHERE state = 'retired'";

/// One row per kind: the start of the longest current quarantine.
pub(crate) const RESTING_SINCE: &str = "
    SELECT 'voice' AS kind, (SELECT since FROM access_codes WHERE state = 'quarantined' AND kind = 'voice'
        ORDER BY since, code LIMIT 1) AS since
    UNION ALL SELECT 'multimedia', (SELECT since FROM access_codes WHERE state = 'quarantined' AND kind = 'multimedia'
        ORDER BY since, code LIMIT 1)";

#[derive(QueryableByName)]
pub(crate) struct StateRow {
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = BigInt)]
    voice: i64,
    #[diesel(sql_type = BigInt)]
    multimedia: i64,
}

#[derive(QueryableByName)]
pub(crate) struct RestRow {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    since: Option<i64>,
}

pub(crate) fn stock(rows: &[StateRow]) -> Result<Vec<AccessCodeStock>, LedgerError> {
    let of = |kind: AccessCodeKind, state: AccessCodeState| {
        let number = |row: &StateRow| match kind {
            AccessCodeKind::Voice => row.voice,
            AccessCodeKind::Multimedia => row.multimedia,
        };
        rows.iter().find(|row| row.state == state.as_str()).map_or(Ok(0), |row| count(number(row), "access_codes.code"))
    };
    let stock = AccessCodeKind::ALL.iter().map(|&kind| {
        Ok(AccessCodeStock {
            kind,
            free: of(kind, AccessCodeState::Free)?,
            leased: of(kind, AccessCodeState::Leased)?,
            quarantined: of(kind, AccessCodeState::Quarantined)?,
            retired: of(kind, AccessCodeState::Retired)?,
        })
    });
    stock.collect()
}

pub(crate) fn resting_since(rows: &[RestRow]) -> Result<Vec<(AccessCodeKind, DateTime<Utc>)>, LedgerError> {
    let rests = rows.iter().filter_map(|row| Some((&row.kind, row.since?)));
    rests.map(|(kind, since)| Ok((name(kind, "access_codes.kind")?, shown(since)))).collect()
}
