//! Stores the effects of a plan, row by row with cached statements.

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use trial_core::access_codes::{AccessCodeLease, AccessCodeMove, AccessCodeState};
use trial_core::error::LedgerError;
use trial_core::fraud_guard::{RangeBlockRecord, RangeCount, RangeCounts};
use trial_core::planner::Effects;
use trial_core::portal::{OwnPassword, OwnerActs};
use trial_core::quota::QuotaUse;
use trial_core::tenants::Tenant;
use trial_core::values::TenantId;
use trial_core::verification::{Challenge, PhoneRecord, SendUpdate, SmsDay};

use super::fault;
use crate::convert::{bad, day_number, micros};
use crate::events::NewEvent;
use crate::number_range_rows::BlockRow;
use crate::portal_rows::{OwnPasswordRow, OwnerActsRow, PortalSessionRow};
use crate::rows::{NewApplication, NewAudit, NewChallenge, NewCodeRequest, NewMail, NewTenant, code_after};
use crate::schema::{
    applications, audit, challenges, code_requests, mails, owner_acts, platform_events, portal_passwords,
    portal_sessions, tenants,
};
use crate::statement::{Bind, Statement};

macro_rules! insert_each {
    ($conn:ident, $table:path, $row:ident, $records:expr) => {
        for record in $records {
            diesel::insert_into($table).values($row::from(record)).execute($conn).map_err(fault)?;
        }
    };
}

pub(crate) fn effects(conn: &mut SqliteConnection, effects: &Effects) -> Result<(), LedgerError> {
    insert_each!(conn, challenges::table, NewChallenge, &effects.new_challenges);
    for challenge in &effects.challenges {
        update_challenge(conn, challenge)?;
    }
    for record in &effects.phones {
        upsert_phone(conn, record)?;
    }
    insert_each!(conn, code_requests::table, NewCodeRequest, &effects.code_requests);
    for update in &effects.sends {
        settle_send(conn, update)?;
    }
    for day in &effects.sms_days {
        count_sms(conn, day)?;
    }
    for count in &effects.prefix_counts {
        count_of_prefix(conn, count)?;
    }
    for record in &effects.prefix_blocks {
        block_prefix(conn, record)?;
    }
    insert_each!(conn, tenants::table, NewTenant, &effects.tenants);
    for tenant in &effects.changed_tenants {
        update_tenant(conn, tenant)?;
    }
    for tenant in &effects.ended_sessions {
        end_sessions(conn, *tenant)?;
    }
    for lease in &effects.leases {
        give(conn, lease)?;
    }
    for moved in &effects.moves {
        move_code(conn, moved)?;
    }
    insert_each!(conn, mails::table, NewMail, &effects.mails);
    insert_each!(conn, applications::table, NewApplication, &effects.applications);
    insert_each!(conn, audit::table, NewAudit, &effects.audit);
    insert_each!(conn, platform_events::table, NewEvent, &effects.events);
    for own in &effects.own_passwords {
        set_password(conn, own)?;
    }
    insert_each!(conn, portal_sessions::table, PortalSessionRow, &effects.new_sessions);
    for acts in &effects.owner_acts {
        note_acts(conn, acts)?;
    }
    match &effects.quota_use {
        Some(used) => count_quota(conn, used),
        None => Ok(()),
    }
}

fn set_password(conn: &mut SqliteConnection, own: &OwnPassword) -> Result<(), LedgerError> {
    diesel::insert_into(portal_passwords::table)
        .values(OwnPasswordRow::from(own))
        .on_conflict(portal_passwords::tenant)
        .do_update()
        .set(OwnPasswordRow::from(own))
        .execute(conn)
        .map(drop)
        .map_err(fault)
}

fn note_acts(conn: &mut SqliteConnection, acts: &(TenantId, OwnerActs)) -> Result<(), LedgerError> {
    diesel::insert_into(owner_acts::table)
        .values(OwnerActsRow::from(acts))
        .on_conflict(owner_acts::tenant)
        .do_update()
        .set(OwnerActsRow::from(acts))
        .execute(conn)
        .map(drop)
        .map_err(fault)
}

fn update_challenge(conn: &mut SqliteConnection, challenge: &Challenge) -> Result<(), LedgerError> {
    let updated = Statement(&[
        ("UPDATE challenges SET expires_at = ", Bind::Number(micros(challenge.expires_at))),
        (", tries = ", Bind::Number(challenge.tries.into())),
        (", state = ", Bind::Text(challenge.state.as_str())),
        (", proven_at = ", Bind::OptionalNumber(challenge.proven_at.map(micros))),
        (" WHERE id = ", Bind::Bytes(challenge.id.as_bytes())),
    ]);
    exactly_one(updated.execute(conn).map_err(fault)?, "challenges.id")
}

fn upsert_phone(conn: &mut SqliteConnection, record: &PhoneRecord) -> Result<(), LedgerError> {
    let challenge = record.challenge.as_ref().map(|challenge| challenge.as_bytes().as_slice());
    let failures = Bind::Number(record.failures.into());
    let challenge = Bind::OptionalBytes(challenge);
    let previous = Bind::OptionalBytes(record.previous.as_ref().map(|previous| previous.as_bytes().as_slice()));
    let upserted = Statement(&[
        (
            "INSERT INTO phones (phone, country_code, failures, challenge, previous) VALUES (",
            Bind::Text(record.phone.as_str()),
        ),
        (", ", Bind::Number(record.phone.country_code().into())),
        (", ", failures),
        (", ", challenge),
        (", ", previous),
        (") ON CONFLICT (phone) DO UPDATE SET failures = ", failures),
        (", challenge = ", challenge),
        (", previous = ", previous),
    ]);
    exactly_one(upserted.execute(conn).map_err(fault)?, "phones.phone")
}

fn settle_send(conn: &mut SqliteConnection, update: &SendUpdate) -> Result<(), LedgerError> {
    let updated = Statement(&[
        ("UPDATE code_requests SET state = ", Bind::Text(update.reply.state().as_str())),
        (", gateway = ", Bind::Text(&update.gateway)),
        (", reply = ", Bind::OptionalText(update.reply.detail())),
        (", return_code = ", Bind::Text(code_after(update))),
        (" WHERE id = ", Bind::Bytes(update.code_request.as_bytes())),
    ]);
    exactly_one(updated.execute(conn).map_err(fault)?, "code_requests.id")
}

fn count_sms(conn: &mut SqliteConnection, day: &SmsDay) -> Result<(), LedgerError> {
    let sent = Bind::Number(day.sent.into());
    let upserted = Statement(&[
        ("INSERT INTO sms_days (day, country_code, sent) VALUES (", Bind::Number(day_number(day.day).into())),
        (", ", Bind::Number(day.country_code.into())),
        (", ", sent),
        (") ON CONFLICT (day, country_code) DO UPDATE SET sent = ", sent),
    ]);
    exactly_one(upserted.execute(conn).map_err(fault)?, "sms_days.day")
}

fn count_of_prefix(conn: &mut SqliteConnection, count: &RangeCount) -> Result<(), LedgerError> {
    let RangeCounts { messages, sent, used } = count.more;
    let [messages, sent, used] = [messages, sent, used].map(Bind::Number);
    let span = Bind::Number(count.span.as_stored().into());
    let upserted = Statement(&[
        (
            "INSERT INTO prefix_spans (prefix, span, messages, sent, used) VALUES (",
            Bind::Number(count.prefix.as_stored()),
        ),
        (", ", span),
        (", ", messages),
        (", ", sent),
        (", ", used),
        (") ON CONFLICT (prefix, span) DO UPDATE SET messages = messages + ", messages),
        (", sent = sent + ", sent),
        (", used = used + ", used),
    ]);
    exactly_one(upserted.execute(conn).map_err(fault)?, "prefix_spans.prefix")
}

/// Stores the last block of a range.
pub(super) fn block_prefix(conn: &mut SqliteConnection, record: &RangeBlockRecord) -> Result<(), LedgerError> {
    let BlockRow { prefix, since, until, sent, used, met, counted_after } = record.into();
    let [since, until, sent, used, met] = [since, until, sent, used, met].map(Bind::Number);
    let counted_after = Bind::Number(counted_after.into());
    let upserted = Statement(&[
        (
            "INSERT INTO prefix_blocks (prefix, since, until, sent, used, met, counted_after) VALUES (",
            Bind::Number(prefix),
        ),
        (", ", since),
        (", ", until),
        (", ", sent),
        (", ", used),
        (", ", met),
        (", ", counted_after),
        (") ON CONFLICT (prefix) DO UPDATE SET since = ", since),
        (", until = ", until),
        (", sent = ", sent),
        (", used = ", used),
        (", met = ", met),
        (", counted_after = ", counted_after),
    ]);
    exactly_one(upserted.execute(conn).map_err(fault)?, "prefix_blocks.prefix")
}

fn give(conn: &mut SqliteConnection, lease: &AccessCodeLease) -> Result<(), LedgerError> {
    let updated = Statement(&[
        ("UPDATE access_codes SET state = 'leased', since = ", Bind::Number(micros(lease.at))),
        (", tenant = ", Bind::Bytes(lease.tenant.as_bytes())),
        (" WHERE state = 'free' AND code = ", Bind::Text(lease.code.as_str())),
    ]);
    exactly_one(updated.execute(conn).map_err(fault)?, "access_codes.state")
}

fn update_tenant(conn: &mut SqliteConnection, tenant: &Tenant) -> Result<(), LedgerError> {
    let row = NewTenant::from(tenant);
    let updated = Statement(&[
        ("UPDATE tenants SET status = ", Bind::Text(row.status)),
        (", trial_ends_at = ", Bind::Number(row.trial_ends_at)),
        (", password_issue = ", Bind::Number(row.password_issue.into())),
        (", password_issued_at = ", Bind::Number(row.password_issued_at)),
        (", converted_at = ", Bind::OptionalNumber(row.converted_at)),
        (", suspended_at = ", Bind::OptionalNumber(row.suspended_at)),
        (", closes_at = ", Bind::OptionalNumber(row.closes_at)),
        (", closed_at = ", Bind::OptionalNumber(row.closed_at)),
        (", told_until = ", Bind::Number(row.told_until)),
        (", next_step_at = ", Bind::OptionalNumber(row.next_step_at)),
        (", conversion_asked_at = ", Bind::OptionalNumber(row.conversion_asked_at)),
        (" WHERE id = ", Bind::Bytes(row.id)),
    ]);
    exactly_one(updated.execute(conn).map_err(fault)?, "tenants.id")
}

fn end_sessions(conn: &mut SqliteConnection, tenant: TenantId) -> Result<(), LedgerError> {
    let ended = Statement(&[("DELETE FROM portal_sessions WHERE tenant = ", Bind::Bytes(tenant.as_bytes()))]);
    ended.execute(conn).map(drop).map_err(fault)
}

fn move_code(conn: &mut SqliteConnection, moved: &AccessCodeMove) -> Result<(), LedgerError> {
    let tenant = Some(moved.tenant.as_bytes().as_slice());
    let is_held = moved.to == AccessCodeState::Leased;
    let updated = Statement(&[
        ("UPDATE access_codes SET state = ", Bind::Text(moved.to.as_str())),
        (", since = ", Bind::Number(micros(moved.since))),
        (", tenant = ", Bind::OptionalBytes(tenant.filter(|_| is_held))),
        (", last_tenant = ", Bind::OptionalBytes(tenant.filter(|_| !is_held))),
        (" WHERE code = ", Bind::Text(moved.code.as_str())),
        (" AND state = ", Bind::Text(moved.from.as_str())),
    ]);
    exactly_one(updated.execute(conn).map_err(fault)?, "access_codes.state")
}

fn count_quota(conn: &mut SqliteConnection, used: &QuotaUse) -> Result<(), LedgerError> {
    let [reserved, owner_mails] = [used.reserved, used.owner_mails].map(|units| Bind::Number(units.into()));
    let upserted = Statement(&[
        ("INSERT INTO quota_days (day, reserved, owner_mails) VALUES (", Bind::Number(day_number(used.day).into())),
        (", ", reserved),
        (", ", owner_mails),
        (") ON CONFLICT (day) DO UPDATE SET reserved = ", reserved),
        (", owner_mails = ", owner_mails),
    ]);
    exactly_one(upserted.execute(conn).map_err(fault)?, "quota_days.day")
}

/// The transaction is serial with every other: rows found when the facts were loaded still exist.
fn exactly_one(rows: usize, column: &'static str) -> Result<(), LedgerError> {
    if rows == 1 { Ok(()) } else { Err(bad(column)) }
}
