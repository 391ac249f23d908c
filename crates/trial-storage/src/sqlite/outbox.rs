//! Mails that wait to be delivered. A lease is a due time in the future: after a crash, the mail becomes due again.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use trial_core::error::LedgerError;
use trial_core::mails::{DueMail, Lease, MailKind, MailState, SettledAs, Settlement};
use trial_core::ports::Outbox;
use trial_core::tenants::Tenant;
use trial_core::values::LeaseId;

use super::{SqliteLedger, fault};
use crate::convert::micros;
use crate::rows::{MailRow, TenantRow};
use crate::schema::{access_codes, mail_attempts, mails, tenants};
use crate::statement::MAIL_IS_DUE;
use crate::views;

#[async_trait]
impl Outbox for SqliteLedger {
    async fn claim(&self, lease: Lease, limit: u32) -> Result<Vec<DueMail>, LedgerError> {
        // The query takes no lock: an idle outbox never blocks an applicant.
        let is_due = move |conn: &mut SqliteConnection| Ok(!due_ids(conn, lease, 1)?.is_empty());
        if !self.reader().run(is_due).await? {
            return Ok(Vec::new());
        }
        self.writer
            .transact(move |conn| {
                let mut claimed = Vec::new();
                for mail in due_ids(conn, lease, limit)? {
                    claimed.extend(claim_one(conn, lease, &mail)?);
                }
                Ok(claimed)
            })
            .await
    }

    async fn renew(&self, leases: Vec<LeaseId>, until: DateTime<Utc>) -> Result<(), LedgerError> {
        self.writer
            .transact(move |conn| {
                let leases = leases.iter().map(|lease| lease.as_bytes().to_vec());
                let held = mails::table.filter(MAIL_IS_DUE).filter(mails::lease.eq_any(leases));
                diesel::update(held.filter(mails::next_attempt_at.lt(micros(until))))
                    .set(mails::next_attempt_at.eq(micros(until)))
                    .execute(conn)
                    .map(drop)
                    .map_err(fault)
            })
            .await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), LedgerError> {
        self.writer
            .transact(move |conn| settlements.iter().try_for_each(|settlement| settle_one(conn, settlement)))
            .await
    }
}

/// By priority, the longest due first; then those due beyond the horizon, because the clock was set back.
fn due_ids(conn: &mut SqliteConnection, lease: Lease, limit: u32) -> Result<Vec<Vec<u8>>, LedgerError> {
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
        let now = due(priority).filter(mails::next_attempt_at.le(micros(lease.now))).limit(room(&ids));
        ids.extend(now.load::<Vec<u8>>(conn).map_err(fault)?);
    }
    for priority in MailKind::PRIORITIES {
        let set_back = due(priority).filter(mails::next_attempt_at.gt(micros(lease.horizon))).limit(room(&ids));
        ids.extend(set_back.load::<Vec<u8>>(conn).map_err(fault)?);
    }
    Ok(ids)
}

/// An unreadable mail is given up, so that it holds up no other.
fn claim_one(conn: &mut SqliteConnection, lease: Lease, mail: &[u8]) -> Result<Option<DueMail>, LedgerError> {
    let due = match read_one(conn, mail) {
        Ok(due) => due,
        Err(LedgerError::Corrupt(reason)) => {
            diesel::update(mails::table.find(mail))
                .set((
                    mails::state.eq(FAILED),
                    mails::settled_at.eq(micros(lease.now)),
                    mails::last_reply.eq(views::unreadable(&*reason)),
                ))
                .execute(conn)
                .map_err(fault)?;
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    diesel::update(mails::table.find(mail))
        .set((mails::next_attempt_at.eq(micros(lease.until)), mails::lease.eq(lease.id.as_bytes().as_slice())))
        .execute(conn)
        .map_err(fault)?;
    Ok(Some(due))
}

fn read_one(conn: &mut SqliteConnection, mail: &[u8]) -> Result<DueMail, LedgerError> {
    let (row, tenant) = mails::table
        .left_join(tenants::table.on(mails::tenant.eq(tenants::id.nullable())))
        .filter(mails::id.eq(mail))
        .select((MailRow::as_select(), Option::<TenantRow>::as_select()))
        .get_result::<(MailRow, Option<TenantRow>)>(conn)
        .map_err(fault)?;
    let tenant = tenant.map(Tenant::try_from).transpose()?;
    let held = match &tenant {
        Some(tenant) => access_codes::table
            .filter(access_codes::tenant.eq(tenant.id.as_bytes().as_slice()))
            .select((access_codes::kind, access_codes::code))
            .load::<(String, String)>(conn)
            .map_err(fault)?,
        None => Vec::new(),
    };
    let newer = mails::table
        .filter(mails::tenant.eq(&row.tenant))
        .filter(mails::kind.eq(&row.kind))
        .filter(mails::state.eq_any([MailState::Due.as_str(), SENT]))
        .filter(mails::id.gt(mail));
    let superseded = diesel::select(diesel::dsl::exists(newer)).get_result(conn).map_err(fault)?;
    views::due_mail(row, tenant, views::access_codes(held)?, superseded)
}

fn settle_one(conn: &mut SqliteConnection, settlement: &Settlement) -> Result<(), LedgerError> {
    let mail = settlement.mail.as_bytes().as_slice();
    let at = micros(settlement.at);
    let attempted = mails::attempts.eq(mails::attempts + 1);
    let still_leased =
        mails::table.find(mail).filter(MAIL_IS_DUE).filter(mails::lease.eq(settlement.lease.as_bytes().as_slice()));
    let settled = match &settlement.settled_as {
        SettledAs::Sent { reply } => diesel::update(mails::table.find(mail).filter(mails::state.ne(SENT)))
            .set((attempted, mails::state.eq(SENT), mails::settled_at.eq(at), mails::last_reply.eq(reply)))
            .execute(conn),
        SettledAs::Retry { next_attempt_at, error } => diesel::update(still_leased)
            .set((
                attempted,
                mails::next_attempt_at.eq(micros(*next_attempt_at)),
                mails::lease.eq(None::<Vec<u8>>),
                mails::last_reply.eq(error),
            ))
            .execute(conn),
        SettledAs::Failed { error } => diesel::update(still_leased)
            .set((attempted, mails::state.eq(FAILED), mails::settled_at.eq(at), mails::last_reply.eq(error)))
            .execute(conn),
        SettledAs::Overtaken { reason } => diesel::update(still_leased)
            .set((attempted, mails::state.eq(OVERTAKEN), mails::settled_at.eq(at), mails::last_reply.eq(reason)))
            .execute(conn),
    };
    if settled.map_err(fault)? == 0 {
        return Ok(());
    }
    let attempt = mails::table.find(mail).select((mails::id, mails::attempts)).first::<(Vec<u8>, i32)>(conn);
    let (mail, attempt) = attempt.map_err(fault)?;
    diesel::insert_into(mail_attempts::table)
        .values((
            mail_attempts::mail.eq(mail),
            mail_attempts::attempt.eq(attempt),
            mail_attempts::at.eq(at),
            mail_attempts::result.eq(settlement.settled_as.as_str()),
            mail_attempts::reply.eq(settlement.settled_as.reply()),
        ))
        .execute(conn)
        .map(drop)
        .map_err(fault)
}

const SENT: &str = MailState::Sent.as_str();
const FAILED: &str = MailState::Failed.as_str();
const OVERTAKEN: &str = MailState::Overtaken.as_str();
