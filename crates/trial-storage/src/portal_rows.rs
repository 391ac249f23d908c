//! Rows of the portal, whatever database they come from.

use diesel::prelude::*;
use trial_core::{LedgerError, OwnPassword, PortalSession, SecretHash, TenantId};

use crate::convert::{bad, count, id, micros, time};
use crate::schema::{portal_passwords, portal_sessions};

#[derive(Insertable, Queryable, Selectable, AsChangeset)]
#[diesel(table_name = portal_passwords)]
pub(crate) struct OwnPasswordRow {
    tenant: Vec<u8>,
    issue: i32,
    hash: String,
    set_at: i64,
}

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = portal_sessions)]
pub(crate) struct PortalSessionRow {
    secret: Vec<u8>,
    tenant: Vec<u8>,
    issue: i32,
    created_at: i64,
    used_at: i64,
    expires_at: i64,
}

fn issue_of(issue: u32) -> i32 {
    i32::try_from(issue).unwrap_or(i32::MAX)
}

impl From<&OwnPassword> for OwnPasswordRow {
    fn from(own: &OwnPassword) -> Self {
        Self {
            tenant: own.tenant.as_bytes().to_vec(),
            issue: issue_of(own.issue),
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

impl From<&PortalSession> for PortalSessionRow {
    fn from(session: &PortalSession) -> Self {
        Self {
            secret: session.secret.as_bytes().to_vec(),
            tenant: session.tenant.as_bytes().to_vec(),
            issue: issue_of(session.issue),
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
