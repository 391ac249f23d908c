//! Rows of API clients, the same in both databases.

use std::collections::HashSet;

use diesel::prelude::*;
use trial_core::clients::{ApiClient, ApiClientChange, ApiClientName, EncryptedSecret, SeenSignature};
use trial_core::error::LedgerError;
use trial_core::values::ApiClientId;

use crate::convert::{bad, count, id, micros, name, optional_time, time};
use crate::schema::callers;

/// Expired signatures deleted besides those stored at once: the table shrinks, and nobody waits for all of it.
const FORGOTTEN_BESIDES: usize = 64;

#[derive(Insertable, Queryable, Selectable, AsChangeset)]
#[diesel(table_name = callers, treat_none_as_default_value = false, treat_none_as_null = true)]
pub(crate) struct CallerRow {
    id: Vec<u8>,
    name: String,
    name_key: String,
    access_key: String,
    secret: Vec<u8>,
    secret_key_id: String,
    next_secret: Option<Vec<u8>>,
    next_secret_key_id: Option<String>,
    scopes: String,
    rate: i64,
    created_at: i64,
    created_by: String,
    suspended_at: Option<i64>,
    removed_at: Option<i64>,
}

impl From<&ApiClient> for CallerRow {
    fn from(caller: &ApiClient) -> Self {
        let next = caller.next_secret.as_ref();
        Self {
            id: caller.id.as_bytes().to_vec(),
            name: caller.name.to_string(),
            name_key: caller.name.key(),
            access_key: caller.access_key.clone(),
            secret: caller.secret.sealed.clone(),
            secret_key_id: caller.secret.key_id.clone(),
            next_secret: next.map(|secret| secret.sealed.clone()),
            next_secret_key_id: next.map(|secret| secret.key_id.clone()),
            scopes: caller.scope_names(),
            rate: caller.rate.into(),
            created_at: micros(caller.created_at),
            created_by: caller.created_by.replace('\0', "\u{FFFD}"),
            suspended_at: caller.suspended_at.map(micros),
            removed_at: caller.removed_at.map(micros),
        }
    }
}

impl TryFrom<CallerRow> for ApiClient {
    type Error = LedgerError;

    fn try_from(row: CallerRow) -> Result<Self, LedgerError> {
        let next_secret = match (row.next_secret, row.next_secret_key_id) {
            (None, None) => None,
            (Some(sealed), Some(key_id)) => Some(EncryptedSecret { key_id, sealed }),
            _ => return Err(bad("callers.next_secret")),
        };
        let scopes = row.scopes.split_ascii_whitespace().map(|scope| name(scope, "callers.scopes"));
        Ok(Self {
            id: ApiClientId::from_bytes(id(&row.id, "callers.id")?),
            name: ApiClientName::from_stored(&row.name),
            access_key: row.access_key,
            secret: EncryptedSecret { key_id: row.secret_key_id, sealed: row.secret },
            next_secret,
            scopes: scopes.collect::<Result<_, _>>()?,
            rate: count(row.rate, "callers.rate")?,
            created_at: time(row.created_at, "callers.created_at")?,
            created_by: row.created_by,
            suspended_at: optional_time(row.suspended_at, "callers.suspended_at")?,
            removed_at: optional_time(row.removed_at, "callers.removed_at")?,
        })
    }
}

/// The audit text of a new API client.
pub(crate) fn added(caller: &ApiClient) -> String {
    format!("access key {}, scopes {}, {} requests a minute", caller.access_key, caller.scope_names(), caller.rate)
}

/// The row after a change, and the audit text of the change.
pub(crate) fn changed(change: &ApiClientChange, before: &ApiClient, after: &ApiClient) -> (CallerRow, String) {
    (CallerRow::from(after), change.detail(before, after))
}

/// Signatures without repetitions, in the order that every instance stores them in.
pub(crate) fn in_order(seen: &[SeenSignature]) -> Vec<SeenSignature> {
    let mut sorted = seen.to_vec();
    sorted.sort_unstable();
    sorted.dedup_by_key(|seen| seen.signature);
    sorted
}

/// The new ones among these: stored, and named for the first time.
pub(crate) fn news(seen: &[SeenSignature], stored: Vec<Vec<u8>>) -> Vec<bool> {
    let mut stored: HashSet<Vec<u8>> = stored.into_iter().collect();
    seen.iter().map(|seen| stored.remove(seen.signature.as_slice())).collect()
}

/// The number of expired signatures to delete when `remembered` new ones are stored.
pub(crate) fn forgotten(remembered: usize) -> i64 {
    i64::try_from(remembered + FORGOTTEN_BESIDES).unwrap_or(i64::MAX)
}
