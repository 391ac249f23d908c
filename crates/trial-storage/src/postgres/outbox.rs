//! Mails that wait to be delivered. A lease is a due time in the future: after a crash, the mail becomes due again.
//! Workers skip each other's rows (`SKIP LOCKED`), and no decision waits for them.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use futures_util::future::try_join_all;
use trial_core::error::LedgerError;
use trial_core::mails::{DueMail, Lease, MailKind, MailState, SettledAs, Settlement};
use trial_core::ports::Outbox;
use trial_core::tenants::Tenant;
use trial_core::values::LeaseId;

use super::fault::Trouble;
use super::set::{Column, Set, storable};
use super::transaction::Kind;
use super::{PATIENCE, PostgresLedger};
use crate::convert::micros;
use crate::rows::{MailRow, TenantRow};
use crate::schema::{access_codes, mails, tenants};
use crate::statement::MAIL_IS_DUE;
use crate::views;

#[async_trait]
impl Outbox for PostgresLedger {
    async fn claim(&self, lease: Lease, limit: u32) -> Result<Vec<DueMail>, LedgerError> {
        let (connections, due_floor) = (self.others.clone(), Arc::clone(&self.due_floor));
        self.to_its_end(async move {
            let now = micros(lease.now);
            let floor = due_floor.at(now);
            let claim = connections.transaction(Kind::Write, PATIENCE, |conn| claim(conn, lease, floor, limit).boxed());
            let (mails, is_all) = claim.await?;
            if is_all {
                due_floor.exhausted(floor, now);
            }
            Ok(mails)
        })
        .await
    }

    async fn renew(&self, leases: Vec<LeaseId>, until: DateTime<Utc>) -> Result<(), LedgerError> {
        let connections = self.others.clone();
        let leases: Vec<Vec<u8>> = leases.iter().map(|lease| lease.as_bytes().to_vec()).collect();
        self.to_its_end(async move {
            connections
                .transaction(Kind::Write, PATIENCE, |mut conn| {
                    let held = mails::table.filter(MAIL_IS_DUE).filter(mails::lease.eq_any(leases.clone()));
                    let held = held.filter(mails::next_attempt_at.lt(micros(until)));
                    // A worker that settles one of them at this moment needs it no more, and must not wait for the
                    // others.
                    let ids = held.select(mails::id).order(mails::id).for_update().skip_locked();
                    async move {
                        let ids: Vec<Vec<u8>> = ids.load(&mut conn).await?;
                        diesel::update(mails::table.filter(mails::id.eq_any(ids)))
                            .set(mails::next_attempt_at.eq(micros(until)))
                            .execute(&mut conn)
                            .await?;
                        Ok(())
                    }
                    .boxed()
                })
                .await
        })
        .await
    }

    async fn settle(&self, mut settlements: Vec<Settlement>) -> Result<(), LedgerError> {
        // Two workers settle the same mails in the same order, so that they do not deadlock.
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

/// Claims by priority, the longest due first, from the floor on; then those due beyond the horizon, because the clock was
/// set back. Returns `true` too if nothing due was left.
async fn claim(
    mut conn: &AsyncPgConnection,
    lease: Lease,
    floor: i64,
    limit: u32,
) -> Result<(Vec<DueMail>, bool), Trouble> {
    let room = |ids: &Vec<Vec<u8>>| i64::from(limit) - i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let due = |priority: u8| {
        mails::table
            .filter(MAIL_IS_DUE)
            .filter(mails::priority.eq(i32::from(priority)))
            .order((mails::next_attempt_at, mails::id))
            .select(mails::id)
    };
    let mut ids = Vec::new();
    for priority in MailKind::PRIORITIES {
        let now = due(priority).filter(mails::next_attempt_at.between(floor, micros(lease.now))).limit(room(&ids));
        ids.extend(now.for_update().skip_locked().load::<Vec<u8>>(&mut conn).await?);
    }
    for priority in MailKind::PRIORITIES {
        let set_back = due(priority).filter(mails::next_attempt_at.gt(micros(lease.horizon))).limit(room(&ids));
        ids.extend(set_back.for_update().skip_locked().load::<Vec<u8>>(&mut conn).await?);
    }
    let is_all = room(&ids) > 0;
    if ids.is_empty() {
        return Ok((Vec::new(), is_all));
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
    Ok((mails, is_all))
}

/// Gives an unreadable mail up, so that it holds up no other.
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

/// The claimed mails in the order of the claim, each with its tenant and access codes.
async fn claimed(mut conn: &AsyncPgConnection, ids: &[Vec<u8>]) -> Result<Vec<Claimed>, Trouble> {
    let found: Vec<(MailRow, Option<TenantRow>)> = mails::table
        .left_join(tenants::table.on(mails::tenant.eq(tenants::id.nullable())))
        .filter(mails::id.eq_any(ids))
        .select((MailRow::as_select(), Option::<TenantRow>::as_select()))
        .load(&mut conn)
        .await?;
    let holders: Vec<&[u8]> = found.iter().filter_map(|(mail, _)| mail.tenant.as_deref()).collect();
    let held: Vec<(Option<Vec<u8>>, String, String)> = access_codes::table
        .filter(access_codes::tenant.eq_any(holders.clone()))
        .select((access_codes::tenant, access_codes::kind, access_codes::code))
        .load(&mut conn)
        .await?;
    let mut held_by: HashMap<Vec<u8>, Vec<(String, String)>> = HashMap::new();
    for (tenant, kind, code) in held {
        held_by.entry(tenant.unwrap_or_default()).or_default().push((kind, code));
    }
    let on_their_way: Vec<(Option<Vec<u8>>, String, Vec<u8>)> = mails::table
        .filter(mails::tenant.eq_any(holders))
        .filter(mails::state.eq_any([MailState::Due.as_str(), MailState::Sent.as_str()]))
        .select((mails::tenant, mails::kind, mails::id))
        .load(&mut conn)
        .await?;
    let is_superseded = |mail: &MailRow| {
        let is_newer = |(tenant, kind, id): &(Option<Vec<u8>>, String, Vec<u8>)| {
            *tenant == mail.tenant && *kind == mail.kind && *id > mail.id
        };
        mail.tenant.is_some() && on_their_way.iter().any(is_newer)
    };
    let read = |mail: MailRow, tenant: Option<TenantRow>| {
        let tenant = tenant.map(Tenant::try_from).transpose()?;
        let held = mail.tenant.as_ref().and_then(|tenant| held_by.get(tenant)).cloned().unwrap_or_default();
        let superseded = is_superseded(&mail);
        views::due_mail(mail, tenant, views::access_codes(held)?, superseded)
    };
    let mut found: HashMap<Vec<u8>, Result<DueMail, LedgerError>> =
        found.into_iter().map(|(mail, tenant)| (mail.id.clone(), read(mail, tenant))).collect();
    Ok(ids.iter().filter_map(|id| Some((id.clone(), found.remove(id)?))).collect())
}

/// Settles a mail, and records the attempt. Neither, if it was settled before or another worker has the lease.
async fn settle_one(mut conn: &AsyncPgConnection, settlement: &Settlement) -> Result<(), Trouble> {
    let at = || Column::Number(micros(settlement.at));
    let mail = Column::Bytes(settlement.mail.as_bytes());
    let lease = Column::Bytes(settlement.lease.as_bytes());
    let reply = || Column::Text(storable(settlement.settled_as.reply()));
    let mut pieces = vec![("WITH settled AS (UPDATE mails SET attempts = attempts + 1, last_reply = ", reply())];
    pieces.extend(match &settlement.settled_as {
        SettledAs::Sent { .. } => {
            vec![(", state = 'sent', settled_at = ", at()), (" WHERE state <> 'sent' AND id = ", mail)]
        }
        SettledAs::Retry { next_attempt_at, .. } => vec![
            (", lease = NULL, next_attempt_at = ", Column::Number(micros(*next_attempt_at))),
            (" WHERE state = 'due' AND id = ", mail),
            (" AND lease = ", lease),
        ],
        SettledAs::Failed { .. } => vec![
            (", state = 'failed', settled_at = ", at()),
            (" WHERE state = 'due' AND id = ", mail),
            (" AND lease = ", lease),
        ],
        SettledAs::Overtaken { .. } => vec![
            (", state = 'overtaken', settled_at = ", at()),
            (" WHERE state = 'due' AND id = ", mail),
            (" AND lease = ", lease),
        ],
    });
    pieces.extend([
        (" RETURNING id, attempts) INSERT INTO mail_attempts (mail, attempt, at, result, reply) SELECT id, attempts, ", at()),
        (", ", Column::Text(settlement.settled_as.as_str().into())),
        (", ", reply()),
    ]);
    Set::new(pieces, " FROM settled").execute(&mut conn).await?;
    Ok(())
}
