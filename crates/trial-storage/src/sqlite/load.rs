//! Loads the facts that a batch names. SQLite is in this process: a point query by a cached statement is cheaper than
//! any set-based one, which would have to be prepared anew for each length of list. So would be a statement with a
//! limit, for each value of it: none here has one, and unneeded rows are not fetched.

use chrono::NaiveDate;
use diesel::connection::DefaultLoadingMode;
use diesel::dsl::sum;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use trial_core::applications::AcceptedApplication;
use trial_core::error::LedgerError;
use trial_core::fraud_guard::{JudgedSpans, RangeBlock, RangeBlockRecord, RangeBounds};
use trial_core::planner::{
    FactKeys, Facts, PhoneFacts, PoolFacts, QuotaFacts, RangeFacts, RangesFacts, TenantCommandFacts, TenantFact,
};
use trial_core::portal::OwnerActs;
use trial_core::values::{AccessCode, AccessCodeKind, NumberRange, Phone, TenantId};
use trial_core::verification::PastSend;

use super::{fault, settings};
use crate::convert::{count, day_number, micros};
use crate::number_range_rows::{self, BlockRow};
use crate::portal_rows::OwnerActsRow;
use crate::rows::{
    ACCEPTED, AcceptedRow, CHALLENGE_COLUMNS, ChallengeRow, HeldCodeRow, PREVIOUS, PastSendRow, TenantFactRow,
    TenantRow,
};
use crate::schema::{
    access_codes, applications, challenges, code_requests, owner_acts, phones, prefix_blocks, prefix_spans, quota_days,
    safe_prefixes, sms_days, tenants,
};
use crate::statement::Literal;

const IN_USE: Literal = Literal("tenants.status <> 'closed'");
const IS_FREE: Literal = Literal("access_codes.state = 'free'");

pub(super) fn facts(conn: &mut SqliteConnection, keys: &FactKeys) -> Result<Facts, LedgerError> {
    let mut facts = Facts {
        phones: std::collections::BTreeMap::new(),
        tenants: tenants_in_use(conn, keys)?,
        pool: PoolFacts {
            voice: free_codes(conn, AccessCodeKind::Voice, keys.access_codes)?,
            multimedia: free_codes(conn, AccessCodeKind::Multimedia, keys.access_codes)?,
        },
        quota: quota(conn, keys.day)?,
        sms_sent: std::collections::BTreeMap::new(),
        prefixes: prefixes(conn, keys)?,
        lives: std::collections::BTreeMap::new(),
        overrides: settings::last(conn)?.overrides,
    };
    for tenant in &keys.lives {
        if let Some(life) = life_facts(conn, *tenant)? {
            facts.lives.insert(*tenant, life);
        }
    }
    for phone in &keys.phones {
        if let Some(known) = phone_facts(conn, phone, keys)? {
            facts.phones.insert(phone.clone(), known);
        }
    }
    if keys.sms_budget {
        for (country_code, sent) in sms_sent(conn, keys)? {
            let country_code = count(country_code, "sms_days.country_code")?;
            facts.sms_sent.insert(country_code, count(sent, "sms_days.sent")?);
        }
    }
    Ok(facts)
}

fn phone_facts(conn: &mut SqliteConnection, phone: &Phone, keys: &FactKeys) -> Result<Option<PhoneFacts>, LedgerError> {
    let row = phones::table
        .left_join(challenges::table.on(phones::challenge.eq(challenges::id.nullable())))
        .left_join(PREVIOUS.on(phones::previous.eq(PREVIOUS.field(challenges::id).nullable())))
        .filter(phones::phone.eq(phone.as_str()))
        .select((phones::failures, Option::<ChallengeRow>::as_select(), PREVIOUS.fields(CHALLENGE_COLUMNS).nullable()))
        .get_result::<(i32, Option<ChallengeRow>, Option<ChallengeRow>)>(conn)
        .optional()
        .map_err(fault)?;
    let Some((failures, challenge, previous)) = row else {
        return Ok(None);
    };
    Ok(Some(PhoneFacts {
        failures: count(failures, "phones.failures")?,
        challenge: challenge.map(|row| row.into_challenge(phone)).transpose()?,
        previous: previous.map(|row| row.into_challenge(phone)).transpose()?,
        sends: if keys.sends_of.contains(phone) { sends(conn, phone, keys)? } else { Vec::new() },
        accepted: if keys.accepted_of.contains(phone) { accepted(conn, phone, keys)? } else { Vec::new() },
    }))
}

fn sends(conn: &mut SqliteConnection, phone: &Phone, keys: &FactKeys) -> Result<Vec<PastSend>, LedgerError> {
    code_requests::table
        .filter(code_requests::phone.eq(phone.as_str()))
        .filter(code_requests::at.gt(micros(keys.since)))
        .filter(code_requests::state.is_not_null())
        .order((code_requests::at, code_requests::id))
        .select(PastSendRow::as_select())
        .load(conn)
        .map_err(fault)?
        .into_iter()
        .map(TryInto::try_into)
        .collect()
}

fn accepted(
    conn: &mut SqliteConnection,
    phone: &Phone,
    keys: &FactKeys,
) -> Result<Vec<AcceptedApplication>, LedgerError> {
    applications::table
        .inner_join(challenges::table.on(applications::challenge.eq(challenges::id.nullable())))
        .filter(applications::phone.eq(phone.as_str()))
        .filter(applications::at.gt(micros(keys.since)))
        .filter(applications::outcome.eq(ACCEPTED))
        .order((applications::at, applications::id))
        .select((AcceptedRow::as_select(), ChallengeRow::as_select()))
        .load::<(AcceptedRow, ChallengeRow)>(conn)
        .map_err(fault)?
        .into_iter()
        .map(|(row, challenge)| row.into_accepted(challenge, phone))
        .collect()
}

/// Each tenant in use that shares a phone, address or name with the batch, once.
fn tenants_in_use(conn: &mut SqliteConnection, keys: &FactKeys) -> Result<Vec<TenantFact>, LedgerError> {
    let mut rows = Vec::new();
    let in_use = || tenants::table.filter(IN_USE).select(TenantFactRow::as_select());
    for phone in &keys.tenants_by_phone {
        rows.extend(in_use().filter(tenants::phone.eq(phone.as_str())).load(conn).map_err(fault)?);
    }
    for email in &keys.tenants_by_email {
        rows.extend(in_use().filter(tenants::email_key.eq(email.as_str())).load(conn).map_err(fault)?);
    }
    for company in &keys.tenants_by_company {
        rows.extend(in_use().filter(tenants::company_key.eq(company.as_str())).load(conn).map_err(fault)?);
    }
    for tenant in &keys.rivals_of {
        rows.extend(rivals(conn, *tenant)?);
    }
    let mut found: Vec<TenantFact> = rows.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    found.sort_unstable_by_key(|tenant| tenant.id);
    found.dedup_by_key(|tenant: &mut TenantFact| -> TenantId { tenant.id });
    Ok(found)
}

/// Tenants in use that share a phone, address or name with this one.
fn rivals(conn: &mut SqliteConnection, tenant: TenantId) -> Result<Vec<TenantFactRow>, LedgerError> {
    let own = tenants::table.find(tenant.as_bytes().as_slice());
    let own = own.select((tenants::phone, tenants::email_key, tenants::company_key));
    let own = own.first::<(String, String, String)>(conn).optional().map_err(fault)?;
    let Some((phone, email, company)) = own else { return Ok(Vec::new()) };
    let in_use = || tenants::table.filter(IN_USE).select(TenantFactRow::as_select());
    let mut rows = in_use().filter(tenants::phone.eq(phone)).load(conn).map_err(fault)?;
    rows.extend(in_use().filter(tenants::email_key.eq(email)).load(conn).map_err(fault)?);
    rows.extend(in_use().filter(tenants::company_key.eq(company)).load(conn).map_err(fault)?);
    Ok(rows)
}

/// A tenant with its access codes, current or last, and recent requests of its owner.
fn life_facts(conn: &mut SqliteConnection, tenant: TenantId) -> Result<Option<TenantCommandFacts>, LedgerError> {
    let id = tenant.as_bytes().as_slice();
    let row = tenants::table.find(id).select(TenantRow::as_select()).first(conn).optional().map_err(fault)?;
    let Some(row) = row else { return Ok(None) };
    let mut codes = access_codes::table
        .filter(access_codes::tenant.eq(id))
        .select(HeldCodeRow::as_select())
        .load(conn)
        .map_err(fault)?;
    let resting = access_codes::table.filter(access_codes::last_tenant.eq(id)).select(HeldCodeRow::as_select());
    codes.extend(resting.load(conn).map_err(fault)?);
    let access_codes = codes.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    let acts = owner_acts::table.find(id).select(OwnerActsRow::as_select());
    let acts = acts.first(conn).optional().map_err(fault)?.map(<(TenantId, OwnerActs)>::try_from).transpose()?;
    let acts = acts.map(|(_, acts)| acts).unwrap_or_default();
    Ok(Some(TenantCommandFacts { tenant: row.try_into()?, access_codes, acts }))
}

fn free_codes(conn: &mut SqliteConnection, kind: AccessCodeKind, limit: usize) -> Result<Vec<AccessCode>, LedgerError> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let codes = access_codes::table
        .filter(access_codes::kind.eq(kind.as_str()))
        .filter(IS_FREE)
        .order((access_codes::since, access_codes::code))
        .select(access_codes::code)
        .load_iter::<String, DefaultLoadingMode>(conn)
        .map_err(fault)?;
    codes.take(limit).map(|code| Ok(AccessCode::from_stored(&code.map_err(fault)?))).collect()
}

/// The facts of a day's e-mail limit.
fn quota(conn: &mut SqliteConnection, day: NaiveDate) -> Result<QuotaFacts, LedgerError> {
    let taken = quota_days::table
        .find(day_number(day))
        .select((quota_days::reserved, quota_days::owner_mails))
        .get_result::<(i64, i64)>(conn)
        .optional()
        .map_err(fault)?;
    let (reserved, owner_mails) = taken.unwrap_or_default();
    Ok(QuotaFacts {
        day,
        reserved: count(reserved, "quota_days.reserved")?,
        owner_mails: count(owner_mails, "quota_days.owner_mails")?,
    })
}
fn prefixes(conn: &mut SqliteConnection, keys: &FactKeys) -> Result<RangesFacts, LedgerError> {
    let mut facts = RangesFacts { bounds: keys.prefix_bounds, ..RangesFacts::default() };
    for prefix in &keys.prefixes {
        facts.known.insert(*prefix, prefix_facts(conn, *prefix, &keys.prefix_bounds)?);
    }
    if keys.prefix_bounds.judged.is_some() && !keys.prefixes.is_empty() {
        facts.safe = safe_prefixes(conn)?;
    }
    Ok(facts)
}

fn prefix_facts(
    conn: &mut SqliteConnection,
    prefix: NumberRange,
    bounds: &RangeBounds,
) -> Result<RangeFacts, LedgerError> {
    let messages = prefix_spans::table
        .filter(prefix_spans::prefix.eq(prefix.as_stored()))
        .filter(prefix_spans::span.ge(bounds.today.as_stored()))
        .filter(prefix_spans::span.le(bounds.latest.as_stored()))
        .select(sum(prefix_spans::messages))
        .get_result::<Option<i64>>(conn)
        .map_err(fault)?;
    let block = if bounds.judged.is_some() { last_block(conn, prefix)? } else { None };
    let block = block.filter(|block| bounds.knows(block));
    let (sent, used) = match bounds.judged_after(block.as_ref()) {
        Some(judged) => codes(conn, prefix, judged)?,
        None => (None, None),
    };
    let [messages, sent, used] = [messages, sent, used].map(Option::unwrap_or_default);
    Ok(RangeFacts { messages, sent, used, block })
}

/// Codes sent in these spans, and how many of them were used.
fn codes(
    conn: &mut SqliteConnection,
    prefix: NumberRange,
    judged: JudgedSpans,
) -> Result<(Option<i64>, Option<i64>), LedgerError> {
    prefix_spans::table
        .filter(prefix_spans::prefix.eq(prefix.as_stored()))
        .filter(prefix_spans::span.ge(judged.from.as_stored()))
        .filter(prefix_spans::span.lt(judged.until.as_stored()))
        .select((sum(prefix_spans::sent), sum(prefix_spans::used)))
        .get_result(conn)
        .map_err(fault)
}

/// The last block of a range.
pub(super) fn last_block(conn: &mut SqliteConnection, prefix: NumberRange) -> Result<Option<RangeBlock>, LedgerError> {
    let last = prefix_blocks::table.find(prefix.as_stored()).select(BlockRow::as_select());
    let last = last.first(conn).optional().map_err(fault)?;
    last.map(|row| RangeBlockRecord::try_from(row).map(|record| record.block)).transpose()
}

/// The ranges that operators added to the safe list.
pub(super) fn safe_prefixes(conn: &mut SqliteConnection) -> Result<Vec<NumberRange>, LedgerError> {
    let safe = safe_prefixes::table.order(safe_prefixes::prefix).select(safe_prefixes::prefix);
    number_range_rows::prefixes(safe.load(conn).map_err(fault)?, "safe_prefixes.prefix")
}

fn sms_sent(conn: &mut SqliteConnection, keys: &FactKeys) -> Result<Vec<(i32, i64)>, LedgerError> {
    sms_days::table
        .filter(sms_days::day.eq(day_number(keys.day)))
        .select((sms_days::country_code, sms_days::sent))
        .load(conn)
        .map_err(fault)
}
