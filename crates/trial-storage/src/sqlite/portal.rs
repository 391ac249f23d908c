//! The portal: passwords, sessions and attempts of owners.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use trial_core::audit::AuditRecord;
use trial_core::error::LedgerError;
use trial_core::operators::SecretHash;
use trial_core::portal::{OwnPassword, PortalAccount, PortalAttempt, PortalAttempts, PortalSession};
use trial_core::ports::Portal;
use trial_core::tenants::Tenant;
use trial_core::values::TenantId;

use super::{SqliteLedger, fault, snapshot};
use crate::convert::{count, micros};
use crate::portal_rows::{OwnPasswordRow, PortalSessionRow};
use crate::rows::{NewAudit, TenantRow};
use crate::schema::{audit, portal_passwords, portal_sessions, portal_tries, tenants};

#[async_trait]
impl Portal for SqliteLedger {
    async fn count_portal_try(&self, tried: PortalAttempt) -> Result<PortalAttempts, LedgerError> {
        self.writer
            .transact(move |conn| {
                let over = portal_tries::table.filter(portal_tries::hour.lt(tried.hour));
                diesel::delete(over).execute(conn).map_err(fault)?;
                let address = count_one(conn, tried.hour, &tried.address)?;
                let counts = tried.counts_for_account(address);
                let account = if counts { count_one(conn, tried.hour, &tried.account)? } else { 0 };
                Ok(PortalAttempts { account, address })
            })
            .await
    }

    async fn portal_account(&self, tenant: TenantId) -> Result<Option<PortalAccount>, LedgerError> {
        self.reader().run(move |conn| snapshot(conn, |conn| account(conn, tenant))).await
    }

    async fn begin_portal_session(&self, session: PortalSession, entry: AuditRecord) -> Result<(), LedgerError> {
        self.writer.transact(move |conn| begin(conn, &session, &entry)).await
    }

    async fn portal_session(&self, secret: SecretHash) -> Result<Option<(PortalSession, PortalAccount)>, LedgerError> {
        self.reader()
            .run(move |conn| {
                snapshot(conn, |conn| {
                    let found = portal_sessions::table.find(secret.as_bytes().as_slice());
                    let row = found.select(PortalSessionRow::as_select()).first(conn).optional().map_err(fault)?;
                    let Some(session) = row.map(PortalSession::try_from).transpose()? else { return Ok(None) };
                    Ok(account(conn, session.tenant)?.map(|account| (session, account)))
                })
            })
            .await
    }

    async fn note_portal_session(&self, secret: SecretHash, now: DateTime<Utc>) -> Result<(), LedgerError> {
        self.writer
            .transact(move |conn| {
                let now = micros(now);
                let found = portal_sessions::table.find(secret.as_bytes().as_slice());
                let session = found.filter(portal_sessions::used_at.lt(now));
                diesel::update(session).set(portal_sessions::used_at.eq(now)).execute(conn).map(drop).map_err(fault)
            })
            .await
    }

    async fn end_portal_session(
        &self,
        tenant: TenantId,
        secret: SecretHash,
        entry: AuditRecord,
    ) -> Result<(), LedgerError> {
        self.writer
            .transact(move |conn| {
                let of_tenant = portal_sessions::table.filter(portal_sessions::tenant.eq(tenant.as_bytes().as_slice()));
                let one = of_tenant.filter(portal_sessions::secret.eq(secret.as_bytes().as_slice()));
                diesel::delete(one).execute(conn).map_err(fault)?;
                append_audit(conn, &entry)
            })
            .await
    }
}

fn append_audit(conn: &mut SqliteConnection, entry: &AuditRecord) -> Result<(), LedgerError> {
    diesel::insert_into(audit::table).values(NewAudit::from(entry)).execute(conn).map(drop).map_err(fault)
}

fn count_one(conn: &mut SqliteConnection, hour: i64, who: &[u8; 32]) -> Result<u32, LedgerError> {
    use portal_tries::dsl;
    let who = who.as_slice();
    diesel::insert_into(portal_tries::table)
        .values((dsl::hour.eq(hour), dsl::who.eq(who), dsl::tries.eq(1)))
        .on_conflict((dsl::hour, dsl::who))
        .do_update()
        .set(dsl::tries.eq(dsl::tries + 1))
        .execute(conn)
        .map_err(fault)?;
    let tries = portal_tries::table.find((hour, who)).select(dsl::tries).first::<i32>(conn).map_err(fault)?;
    count(tries, "portal_tries.tries")
}

fn account(conn: &mut SqliteConnection, tenant: TenantId) -> Result<Option<PortalAccount>, LedgerError> {
    let id = tenant.as_bytes().as_slice();
    let found = tenants::table.find(id).select(TenantRow::as_select()).first(conn).optional().map_err(fault)?;
    let own = portal_passwords::table.find(id).select(OwnPasswordRow::as_select());
    let own = own.first(conn).optional().map_err(fault)?.map(OwnPassword::try_from).transpose()?;
    found.map(|row| Ok(PortalAccount { tenant: Tenant::try_from(row)?, own })).transpose()
}

fn begin(conn: &mut SqliteConnection, session: &PortalSession, entry: &AuditRecord) -> Result<(), LedgerError> {
    let over = portal_sessions::table.filter(portal_sessions::expires_at.le(micros(entry.at)));
    diesel::delete(over).execute(conn).map_err(fault)?;
    let row = PortalSessionRow::from(session);
    diesel::insert_into(portal_sessions::table).values(row).execute(conn).map_err(fault)?;
    append_audit(conn, entry)
}
