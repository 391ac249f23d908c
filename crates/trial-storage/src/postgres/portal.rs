//! The portal: passwords, sessions and attempts of owners.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use trial_core::audit::AuditRecord;
use trial_core::error::LedgerError;
use trial_core::operators::SecretHash;
use trial_core::portal::{OwnPassword, PortalAccount, PortalAttempt, PortalAttempts, PortalSession};
use trial_core::ports::Portal;
use trial_core::tenants::Tenant;
use trial_core::values::TenantId;

use super::fault::Trouble;
use super::transaction::Kind;
use super::{PostgresLedger, persist};
use crate::convert::{count, micros};
use crate::portal_rows::{OwnPasswordRow, PortalSessionRow};
use crate::rows::TenantRow;
use crate::schema::{portal_passwords, portal_sessions, portal_tries, tenants};

#[async_trait]
impl Portal for PostgresLedger {
    async fn count_portal_try(&self, tried: PortalAttempt) -> Result<PortalAttempts, LedgerError> {
        self.in_transaction(Kind::Write, move |conn| count_both(conn, tried).boxed()).await
    }

    async fn portal_account(&self, tenant: TenantId) -> Result<Option<PortalAccount>, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| account(conn, tenant).boxed()).await
    }

    async fn begin_portal_session(&self, session: PortalSession, entry: AuditRecord) -> Result<(), LedgerError> {
        let begun = Arc::new((session, entry));
        self.in_transaction(Kind::Write, move |conn| {
            let begun = Arc::clone(&begun);
            async move { begin(conn, &begun.0, &begun.1).await }.boxed()
        })
        .await
    }

    async fn portal_session(&self, secret: SecretHash) -> Result<Option<(PortalSession, PortalAccount)>, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| find(conn, secret).boxed()).await
    }

    async fn note_portal_session(&self, secret: SecretHash, now: DateTime<Utc>) -> Result<(), LedgerError> {
        self.in_transaction(Kind::Write, move |conn| note(conn, secret, micros(now)).boxed()).await
    }

    async fn end_portal_session(
        &self,
        tenant: TenantId,
        secret: SecretHash,
        entry: AuditRecord,
    ) -> Result<(), LedgerError> {
        let entry = Arc::new(entry);
        self.in_transaction(Kind::Write, move |conn| {
            let entry = Arc::clone(&entry);
            async move {
                end(conn, tenant, secret).await?;
                persist::audit(conn, &entry).await
            }
            .boxed()
        })
        .await
    }
}

/// The address first, then the account, so that two never deadlock.
async fn count_both(mut conn: &AsyncPgConnection, tried: PortalAttempt) -> Result<PortalAttempts, Trouble> {
    let address = count_one(conn, tried.hour, &tried.address).await?;
    let counts = tried.counts_for_account(address);
    let account = if counts { count_one(conn, tried.hour, &tried.account).await? } else { 0 };
    let over = portal_tries::table.filter(portal_tries::hour.lt(tried.hour));
    diesel::delete(over).execute(&mut conn).await?;
    Ok(PortalAttempts { account, address })
}

async fn count_one(mut conn: &AsyncPgConnection, hour: i64, who: &[u8; 32]) -> Result<u32, Trouble> {
    use portal_tries::dsl;
    let tries: i32 = diesel::insert_into(portal_tries::table)
        .values((dsl::hour.eq(hour), dsl::who.eq(who.as_slice()), dsl::tries.eq(1)))
        .on_conflict((dsl::hour, dsl::who))
        .do_update()
        .set(dsl::tries.eq(dsl::tries + 1))
        .returning(dsl::tries)
        .get_result(&mut conn)
        .await?;
    Ok(count(tries, "portal_tries.tries")?)
}

async fn account(mut conn: &AsyncPgConnection, tenant: TenantId) -> Result<Option<PortalAccount>, Trouble> {
    let id = tenant.as_bytes().as_slice();
    let found = tenants::table.find(id).select(TenantRow::as_select());
    let found: Option<TenantRow> = found.get_result(&mut conn).await.optional()?;
    let own = portal_passwords::table.find(id).select(OwnPasswordRow::as_select());
    let own: Option<OwnPasswordRow> = own.get_result(&mut conn).await.optional()?;
    let own = own.map(OwnPassword::try_from).transpose()?;
    Ok(found.map(|row| Ok::<_, LedgerError>(PortalAccount { tenant: Tenant::try_from(row)?, own })).transpose()?)
}

async fn find(
    mut conn: &AsyncPgConnection,
    secret: SecretHash,
) -> Result<Option<(PortalSession, PortalAccount)>, Trouble> {
    let found = portal_sessions::table.find(secret.as_bytes().as_slice()).select(PortalSessionRow::as_select());
    let row: Option<PortalSessionRow> = found.get_result(&mut conn).await.optional()?;
    let Some(session) = row.map(PortalSession::try_from).transpose()? else { return Ok(None) };
    Ok(account(conn, session.tenant).await?.map(|account| (session, account)))
}

async fn begin(mut conn: &AsyncPgConnection, session: &PortalSession, entry: &AuditRecord) -> Result<(), Trouble> {
    let over = portal_sessions::table.filter(portal_sessions::expires_at.le(micros(entry.at)));
    diesel::delete(over).execute(&mut conn).await?;
    let row = PortalSessionRow::from(session);
    diesel::insert_into(portal_sessions::table).values(row).execute(&mut conn).await?;
    persist::audit(conn, entry).await
}

async fn note(mut conn: &AsyncPgConnection, secret: SecretHash, now: i64) -> Result<(), Trouble> {
    let found = portal_sessions::table.find(secret.as_bytes().as_slice());
    let session = found.filter(portal_sessions::used_at.lt(now));
    diesel::update(session).set(portal_sessions::used_at.eq(now)).execute(&mut conn).await?;
    Ok(())
}

async fn end(mut conn: &AsyncPgConnection, tenant: TenantId, secret: SecretHash) -> Result<(), Trouble> {
    let of_tenant = portal_sessions::table.filter(portal_sessions::tenant.eq(tenant.as_bytes().as_slice()));
    let one = of_tenant.filter(portal_sessions::secret.eq(secret.as_bytes().as_slice()));
    diesel::delete(one).execute(&mut conn).await?;
    Ok(())
}
