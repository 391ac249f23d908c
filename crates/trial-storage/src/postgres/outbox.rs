//! Mails that wait to be delivered. A lease is a due time in the future: whoever dies under it leaves the mail due again.
//! Workers pass by each other's rows (`SKIP LOCKED`), and no decision waits for them.

use std::collections::HashMap;

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use futures_util::future::try_join_all;
use trial_core::ports::Outbox;
use trial_core::{DueMail, Lease, LedgerError, MailState, SettledAs, Settlement, Tenant};

use super::fault::Trouble;
use super::set::{Column, Set, storable};
use super::transaction::Kind;
use super::{PATIENCE, PostgresLedger};
use crate::convert::{bad, micros};
use crate::rows::{MailRow, TenantRow};
use crate::schema::{access_codes, mails, tenants};
use crate::statement::Literal;
use crate::views;

const IS_DUE: Literal = Literal("mails.state = 'due'");

#[async_trait]
impl Outbox for PostgresLedger {
    async fn claim(&self, lease: Lease, limit: u32) -> Result<Vec<DueMail>, LedgerError> {
        let connections = self.others.clone();
        self.to_its_end(async move {
            connections.transaction(Kind::Write, PATIENCE, |conn| claim(conn, lease, limit).boxed()).await
        })
        .await
    }

    async fn settle(&self, mut settlements: Vec<Settlement>) -> Result<(), LedgerError> {
        // Two workers that settle the same mails do so in the same order, so that neither waits for the other for ever.
        settlements.sort_by_key(|settlement| settlement.mail);
        let connections = self.others.clone();
        self.to_its_end(async move {
            connections
                .transaction(Kind::Write, PATIENCE, |conn| {
                    let settlements = settlements.clone();
                    let settle = async move {
                        try_join_all(settlements.iter().map(|one| settle_one(conn, one))).await.map(drop)
                    };
                    settle.boxed()
                })
                .await
        })
        .await
    }
}

/// Claims the longest due first; then those that are due beyond the horizon, because the clock was set back.
async fn claim(mut conn: &AsyncPgConnection, lease: Lease, limit: u32) -> Result<Vec<DueMail>, Trouble> {
    let due = mails::table.filter(IS_DUE).order((mails::next_attempt_at, mails::id)).select(mails::id);
    let mut ids: Vec<Vec<u8>> = due
        .filter(mails::next_attempt_at.le(micros(lease.now)))
        .limit(limit.into())
        .for_update()
        .skip_locked()
        .load(&mut conn)
        .await?;
    let room = i64::from(limit) - i64::try_from(ids.len()).unwrap_or(i64::MAX);
    if room > 0 {
        let set_back = due.filter(mails::next_attempt_at.gt(micros(lease.horizon))).limit(room);
        ids.extend(set_back.for_update().skip_locked().load::<Vec<u8>>(&mut conn).await?);
    }
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Set::new(
        vec![
            ("UPDATE mails SET next_attempt_at = ", Column::Number(micros(lease.until))),
            (", lease = ", Column::Bytes(lease.id.as_bytes())),
            (" WHERE id = ANY(", Column::bytes(&ids, |id| id)),
        ],
        ")",
    )
    .execute(&mut conn)
    .await?;
    let mut mails = Vec::new();
    for (id, mail) in claimed(conn, &ids).await? {
        match mail {
            Ok(mail) => mails.push(mail),
            Err(LedgerError::Corrupt(reason)) => give_up(conn, &id, lease, &views::unreadable(&*reason)).await?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(mails)
}

/// So that what cannot be read stands in no other's way.
async fn give_up(mut conn: &AsyncPgConnection, id: &[u8], lease: Lease, reason: &str) -> Result<(), Trouble> {
    let given_up = (
        mails::state.eq(MailState::Failed.as_str()),
        mails::settled_at.eq(micros(lease.now)),
        mails::last_reply.eq(storable(reason)),
    );
    diesel::update(mails::table.find(id)).set(given_up).execute(&mut conn).await?;
    Ok(())
}

/// A mail of the claim, if it can be read.
type Claimed = (Vec<u8>, Result<DueMail, LedgerError>);

/// The claimed mails in the order of the claim, each with its tenant and what that holds.
async fn claimed(mut conn: &AsyncPgConnection, ids: &[Vec<u8>]) -> Result<Vec<Claimed>, Trouble> {
    let found: Vec<(MailRow, TenantRow)> = mails::table
        .inner_join(tenants::table.on(mails::tenant.eq(tenants::id)))
        .filter(mails::id.eq_any(ids))
        .select((MailRow::as_select(), TenantRow::as_select()))
        .load(&mut conn)
        .await?;
    let mut found: HashMap<Vec<u8>, (MailRow, Result<Tenant, LedgerError>)> =
        found.into_iter().map(|(mail, tenant)| (mail.id.clone(), (mail, Tenant::try_from(tenant)))).collect();
    let tenants = found.values().filter_map(|(_, tenant)| tenant.as_ref().ok());
    let holders: Vec<&[u8]> = tenants.map(|tenant| tenant.id.as_bytes().as_slice()).collect();
    let held: Vec<(Option<Vec<u8>>, String, String)> = access_codes::table
        .filter(access_codes::tenant.eq_any(holders))
        .select((access_codes::tenant, access_codes::kind, access_codes::code))
        .load(&mut conn)
        .await?;
    let mut held_by: HashMap<Vec<u8>, Vec<(String, String)>> = HashMap::new();
    for (tenant, kind, code) in held {
        held_by.entry(tenant.unwrap_or_default()).or_default().push((kind, code));
    }
    let mut read = |id: &Vec<u8>| {
        let (mail, tenant) = found.remove(id).ok_or_else(|| bad("mails.tenant"))?;
        let tenant = tenant?;
        let held = held_by.get(tenant.id.as_bytes().as_slice()).cloned().unwrap_or_default();
        views::due_mail(&mail, tenant, views::access_codes(held)?)
    };
    Ok(ids.iter().map(|id| (id.clone(), read(id))).collect())
}

async fn settle_one(mut conn: &AsyncPgConnection, settlement: &Settlement) -> Result<(), Trouble> {
    let at = Column::Number(micros(settlement.at));
    let mail = Column::Bytes(settlement.mail.as_bytes());
    let lease = Column::Bytes(settlement.lease.as_bytes());
    let settled = match &settlement.settled_as {
        SettledAs::Sent { reply } => Set::new(
            vec![
                ("UPDATE mails SET attempts = attempts + 1, state = 'sent', settled_at = ", at),
                (", last_reply = ", Column::Text(storable(reply))),
                (" WHERE id = ", mail),
            ],
            " AND state <> 'sent'",
        ),
        SettledAs::Retry { next_attempt_at, error } => Set::new(
            vec![
                (
                    "UPDATE mails SET attempts = attempts + 1, lease = NULL, next_attempt_at = ",
                    Column::Number(micros(*next_attempt_at)),
                ),
                (", last_reply = ", Column::Text(storable(error))),
                (" WHERE id = ", mail),
                (" AND state = 'due' AND lease = ", lease),
            ],
            "",
        ),
        SettledAs::Failed { error } => Set::new(
            vec![
                ("UPDATE mails SET attempts = attempts + 1, state = 'failed', settled_at = ", at),
                (", last_reply = ", Column::Text(storable(error))),
                (" WHERE id = ", mail),
                (" AND state = 'due' AND lease = ", lease),
            ],
            "",
        ),
    };
    // None, if it was settled before or the lease is somebody else's: then it does not count.
    settled.execute(&mut conn).await?;
    Ok(())
}
