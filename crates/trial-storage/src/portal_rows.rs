//! Rows of the portal, for every database.

use diesel::prelude::*;
use trial_core::error::LedgerError;
use trial_core::operators::SecretHash;
use trial_core::portal::{OwnPassword, OwnerActs, PasswordDigest, PortalSession};
use trial_core::values::TenantId;

use crate::convert::{bad, count, day, day_number, id, integer, micros, time};
use crate::schema::{owner_acts, portal_passwords, portal_sessions};

#[derive(Insertable, Queryable, Selectable, AsChangeset)]
#[diesel(table_name = portal_passwords)]
pub(crate) struct OwnPasswordRow {
    pub(crate) tenant: Vec<u8>,
    pub(crate) issue: i32,
    pub(crate) hash: String,
    pub(crate) set_at: i64,
}

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = portal_sessions)]
pub(crate) struct PortalSessionRow {
    pub(crate) secret: Vec<u8>,
    pub(crate) tenant: Vec<u8>,
    pub(crate) issue: i32,
    pub(crate) created_at: i64,
    pub(crate) used_at: i64,
    pub(crate) expires_at: i64,
}

#[derive(Insertable, Queryable, Selectable, AsChangeset)]
#[diesel(table_name = owner_acts, treat_none_as_null = true)]
pub(crate) struct OwnerActsRow {
    pub(crate) tenant: Vec<u8>,
    pub(crate) hour: i64,
    pub(crate) wishes: i32,
    pub(crate) passwords: i32,
    pub(crate) sign_outs: i32,
    pub(crate) day: i32,
    pub(crate) links: i32,
    pub(crate) changes: i32,
    pub(crate) digest_changes: Option<i32>,
    pub(crate) digest_last_at: Option<i64>,
    pub(crate) digest_due_at: Option<i64>,
}

impl From<&OwnPassword> for OwnPasswordRow {
    fn from(own: &OwnPassword) -> Self {
        Self {
            tenant: own.tenant.as_bytes().to_vec(),
            issue: integer(own.issue),
            hash: own.hash.clone(),
            set_at: micros(own.set_at),
        }
    }
}

impl TryFrom<OwnPasswordRow> for OwnPassword {
    type Error = LedgerError;

    fn try_from(row: OwnPasswordRow) -> Result<Self, LedgerError> {
        Ok(Self {
            tenant: TenantId::from_bytes(id(&row.tenant, "portal_passwords.tenant")?),
            issue: count(row.issue, "portal_passwords.issue")?,
            hash: row.hash,
            set_at: time(row.set_at, "portal_passwords.set_at")?,
        })
    }
}

impl From<&(TenantId, OwnerActs)> for OwnerActsRow {
    fn from((tenant, acts): &(TenantId, OwnerActs)) -> Self {
        Self {
            tenant: tenant.as_bytes().to_vec(),
            hour: acts.hour,
            wishes: integer(acts.wishes),
            passwords: integer(acts.passwords),
            sign_outs: integer(acts.sign_outs),
            day: day_number(acts.day),
            links: integer(acts.links),
            changes: integer(acts.changes),
            digest_changes: acts.digest.map(|digest| integer(digest.changes)),
            digest_last_at: acts.digest.map(|digest| micros(digest.last_at)),
            digest_due_at: acts.digest.map(|digest| micros(digest.due_at)),
        }
    }
}

impl TryFrom<OwnerActsRow> for (TenantId, OwnerActs) {
    type Error = LedgerError;

    fn try_from(row: OwnerActsRow) -> Result<Self, LedgerError> {
        let digest = match (row.digest_changes, row.digest_last_at, row.digest_due_at) {
            (Some(changes), Some(last_at), Some(due_at)) => Some(PasswordDigest {
                changes: count(changes, "owner_acts.digest_changes")?,
                last_at: time(last_at, "owner_acts.digest_last_at")?,
                due_at: time(due_at, "owner_acts.digest_due_at")?,
            }),
            _ => None,
        };
        let acts = OwnerActs {
            hour: row.hour,
            wishes: count(row.wishes, "owner_acts.wishes")?,
            passwords: count(row.passwords, "owner_acts.passwords")?,
            sign_outs: count(row.sign_outs, "owner_acts.sign_outs")?,
            day: day(row.day, "owner_acts.day")?,
            links: count(row.links, "owner_acts.links")?,
            changes: count(row.changes, "owner_acts.changes")?,
            digest,
        };
        Ok((TenantId::from_bytes(id(&row.tenant, "owner_acts.tenant")?), acts))
    }
}

impl From<&PortalSession> for PortalSessionRow {
    fn from(session: &PortalSession) -> Self {
        Self {
            secret: session.secret.as_bytes().to_vec(),
            tenant: session.tenant.as_bytes().to_vec(),
            issue: integer(session.issue),
            created_at: micros(session.created_at),
            used_at: micros(session.used_at),
            expires_at: micros(session.expires_at),
        }
    }
}

impl TryFrom<PortalSessionRow> for PortalSession {
    type Error = LedgerError;

    fn try_from(row: PortalSessionRow) -> Result<Self, LedgerError> {
        let secret = row.secret.as_slice().try_into().map_err(|_| bad("portal_sessions.secret"))?;
        Ok(Self {
            secret: SecretHash::from_bytes(secret),
            tenant: TenantId::from_bytes(id(&row.tenant, "portal_sessions.tenant")?),
            issue: count(row.issue, "portal_sessions.issue")?,
            created_at: time(row.created_at, "portal_sessions.created_at")?,
            used_at: time(row.used_at, "portal_sessions.used_at")?,
            expires_at: time(row.expires_at, "portal_sessions.expires_at")?,
        })
    }
}
