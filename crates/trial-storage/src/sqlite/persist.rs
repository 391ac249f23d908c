//! Stores the effects of a plan, row by row with cached statements.

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use trial_core::{AccessCodeLease, Challenge, Effects, LedgerError, SendUpdate, SmsDay};

use super::fault;
use crate::convert::{bad, day_number, integer, micros};
use crate::rows::{FREE, LEASED, NewApplication, NewAudit, NewChallenge, NewCodeRequest, NewMail, NewPhone, NewTenant};
use crate::schema::{
    access_codes, applications, audit, challenges, code_requests, mails, phones, quota_days, sms_days, tenants,
};

macro_rules! insert_each {
    ($conn:ident, $table:path, $row:ident, $records:expr) => {
        for record in $records {
            diesel::insert_into($table).values($row::from(record)).execute($conn).map_err(fault)?;
        }
    };
}

pub(super) fn effects(conn: &mut SqliteConnection, effects: &Effects) -> Result<(), LedgerError> {
    insert_each!(conn, challenges::table, NewChallenge, &effects.new_challenges);
    for challenge in &effects.challenges {
        update_challenge(conn, challenge)?;
    }
    for record in &effects.phones {
        let row = NewPhone::from(record);
        diesel::insert_into(phones::table)
            .values(&row)
            .on_conflict(phones::phone)
            .do_update()
            .set(&row)
            .execute(conn)
            .map_err(fault)?;
    }
    insert_each!(conn, code_requests::table, NewCodeRequest, &effects.code_requests);
    for update in &effects.sends {
        settle_send(conn, update)?;
    }
    for day in &effects.sms_days {
        count_sms(conn, day)?;
    }
    insert_each!(conn, tenants::table, NewTenant, &effects.tenants);
    for lease in &effects.leases {
        give(conn, lease)?;
    }
    insert_each!(conn, mails::table, NewMail, &effects.mails);
    insert_each!(conn, applications::table, NewApplication, &effects.applications);
    insert_each!(conn, audit::table, NewAudit, &effects.audit);
    if let Some((day, reserved)) = effects.quota_reserved {
        let reserved = quota_days::reserved.eq(i64::from(reserved));
        diesel::insert_into(quota_days::table)
            .values((quota_days::day.eq(day_number(day)), reserved))
            .on_conflict(quota_days::day)
            .do_update()
            .set(reserved)
            .execute(conn)
            .map_err(fault)?;
    }
    Ok(())
}

fn update_challenge(conn: &mut SqliteConnection, challenge: &Challenge) -> Result<(), LedgerError> {
    let updated = diesel::update(challenges::table.find(challenge.id.as_bytes().as_slice()))
        .set((
            challenges::expires_at.eq(micros(challenge.expires_at)),
            challenges::tries.eq(integer(challenge.tries)),
            challenges::state.eq(challenge.state.as_str()),
        ))
        .execute(conn)
        .map_err(fault)?;
    exactly_one(updated, "challenges.id")
}

fn settle_send(conn: &mut SqliteConnection, update: &SendUpdate) -> Result<(), LedgerError> {
    let updated = diesel::update(code_requests::table.find(update.code_request.as_bytes().as_slice()))
        .set((
            code_requests::state.eq(update.reply.state().as_str()),
            code_requests::gateway.eq(&update.gateway),
            code_requests::reply.eq(update.reply.detail()),
        ))
        .execute(conn)
        .map_err(fault)?;
    exactly_one(updated, "code_requests.id")
}

fn count_sms(conn: &mut SqliteConnection, day: &SmsDay) -> Result<(), LedgerError> {
    let sent = sms_days::sent.eq(i64::from(day.sent));
    diesel::insert_into(sms_days::table)
        .values((sms_days::day.eq(day_number(day.day)), sms_days::country_code.eq(i32::from(day.country_code)), sent))
        .on_conflict((sms_days::day, sms_days::country_code))
        .do_update()
        .set(sent)
        .execute(conn)
        .map_err(fault)?;
    Ok(())
}

fn give(conn: &mut SqliteConnection, lease: &AccessCodeLease) -> Result<(), LedgerError> {
    let free = access_codes::table.find(lease.code.as_str()).filter(access_codes::state.eq(FREE));
    let updated = diesel::update(free)
        .set((
            access_codes::state.eq(LEASED),
            access_codes::since.eq(micros(lease.at)),
            access_codes::tenant.eq(lease.tenant.as_bytes().as_slice()),
        ))
        .execute(conn)
        .map_err(fault)?;
    exactly_one(updated, "access_codes.state")
}

/// The transaction is serial with every other: what was there when the facts were loaded is there still.
fn exactly_one(rows: usize, column: &'static str) -> Result<(), LedgerError> {
    if rows == 1 { Ok(()) } else { Err(bad(column)) }
}
