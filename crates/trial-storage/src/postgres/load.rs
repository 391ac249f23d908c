//! Loads the facts that a batch names: one statement per kind of fact, whatever the size of the batch, all of them
//! under way at once.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use tokio::try_join;
use trial_core::error::LedgerError;
use trial_core::fraud_guard::{CountSpan, JudgedSpans, RangeBlockRecord};
use trial_core::planner::{
    Batch, FactKeys, Facts, PhoneFacts, PoolFacts, QuotaFacts, RangeFacts, RangesFacts, Request, TenantCommandFacts,
    TenantFact,
};
use trial_core::policy::Overrides;
use trial_core::portal::OwnerActs;
use trial_core::tenants::Tenant;
use trial_core::values::{AccessCode, AccessCodeKind, NumberRange, Phone, TenantId};

use super::fault::Trouble;
use super::set::{Column, Set};
use crate::convert::{count, day_number, micros, name, optional_id};
use crate::number_range_rows::{self, BlockRow};
use crate::portal_rows::OwnerActsRow;
use crate::rows::{
    ACCEPTED, AcceptedRow, CHALLENGE_COLUMNS, ChallengeRow, HeldCodeRow, PREVIOUS, PastSendRow, TenantFactRow,
    TenantRow,
};
use crate::schema::{
    access_codes, applications, challenges, code_requests, owner_acts, phones, safe_prefixes, setting_changes, tenants,
};

/// The loaded facts.
pub(super) struct Loaded {
    pub(super) facts: Facts,
    /// The time since which each free access code has been free.
    pub(super) free_since: HashMap<AccessCode, i64>,
    /// The transaction of the facts, the only one that may store effects based on them.
    pub(super) transaction: i64,
}

type PhoneRow = (String, i32, Option<ChallengeRow>, Option<ChallengeRow>);
type FreeCodeRow = (String, String, i64);

pub(super) async fn facts(conn: &AsyncPgConnection, keys: &FactKeys) -> Result<Loaded, Trouble> {
    let (
        known,
        sends,
        accepted,
        mut tenants,
        codes,
        (transaction, quota, overrides),
        sms_sent,
        known_prefixes,
        safe,
        lives,
        rivals,
    ) = try_join!(
        biased;
        phones(conn, keys),
        sends(conn, keys),
        accepted(conn, keys),
        tenants_in_use(conn, keys),
        free_codes(conn, keys.access_codes),
        quota(conn, keys.day),
        sms_sent(conn, keys),
        prefixes(conn, keys),
        safe_prefixes(conn, keys),
        lives(conn, keys),
        rivals(conn, keys),
    )?;
    tenants.extend(rivals);
    tenants.sort_unstable_by_key(|tenant| tenant.id);
    tenants.dedup_by_key(|tenant: &mut TenantFact| -> TenantId { tenant.id });
    let mut free_since = HashMap::new();
    let mut pool = PoolFacts::default();
    for (kind, code, since) in codes {
        let code = AccessCode::from_stored(&code);
        free_since.insert(code.clone(), since);
        match name(&kind, "access_codes.kind")? {
            AccessCodeKind::Voice => pool.voice.push(code),
            AccessCodeKind::Multimedia => pool.multimedia.push(code),
        }
    }
    let prefixes = RangesFacts { bounds: keys.prefix_bounds, known: known_prefixes, safe };
    let phones = phone_facts(keys, known, sends, accepted)?;
    let facts = Facts { phones, tenants, pool, quota, sms_sent, prefixes, lives, overrides };
    Ok(Loaded { facts, free_since, transaction })
}

/// The facts of phones alone. Codes are read before acceptances: a code seen as used has its acceptance.
pub(super) async fn phones_alone(conn: &AsyncPgConnection, keys: &FactKeys) -> Result<Facts, Trouble> {
    let (known, accepted, overrides) = try_join!(biased; phones(conn, keys), accepted(conn, keys), overrides(conn))?;
    Ok(Facts {
        phones: phone_facts(keys, known, Vec::new(), accepted)?,
        tenants: Vec::new(),
        pool: PoolFacts::default(),
        quota: QuotaFacts { day: keys.day, reserved: 0, owner_mails: 0 },
        sms_sent: BTreeMap::new(),
        prefixes: RangesFacts::default(),
        lives: BTreeMap::new(),
        overrides,
    })
}

fn phone_facts(
    keys: &FactKeys,
    known: Vec<PhoneRow>,
    sends: Vec<(String, PastSendRow)>,
    accepted: Vec<(String, AcceptedRow, ChallengeRow)>,
) -> Result<BTreeMap<Phone, PhoneFacts>, LedgerError> {
    let asked: HashMap<&str, &Phone> = keys.phones.iter().map(|phone| (phone.as_str(), phone)).collect();
    let mut facts = BTreeMap::new();
    for (phone, failures, challenge, previous) in known {
        let Some(&phone) = asked.get(phone.as_str()) else { continue };
        let challenge = challenge.map(|row| row.into_challenge(phone)).transpose()?;
        let previous = previous.map(|row| row.into_challenge(phone)).transpose()?;
        let failures = count(failures, "phones.failures")?;
        facts.insert(phone.clone(), PhoneFacts { failures, challenge, previous, ..PhoneFacts::default() });
    }
    for (phone, send) in sends {
        if let Some(facts) = asked.get(phone.as_str()).and_then(|phone| facts.get_mut(*phone)) {
            facts.sends.push(send.try_into()?);
        }
    }
    for (phone, row, challenge) in accepted {
        let Some(&phone) = asked.get(phone.as_str()) else { continue };
        if let Some(facts) = facts.get_mut(phone) {
            facts.accepted.push(row.into_accepted(challenge, phone)?);
        }
    }
    Ok(facts)
}

async fn phones(mut conn: &AsyncPgConnection, keys: &FactKeys) -> Result<Vec<PhoneRow>, Trouble> {
    if keys.phones.is_empty() {
        return Ok(Vec::new());
    }
    Ok(phones::table
        .left_join(challenges::table.on(phones::challenge.eq(challenges::id.nullable())))
        .left_join(PREVIOUS.on(phones::previous.eq(PREVIOUS.field(challenges::id).nullable())))
        .filter(phones::phone.eq_any(keys.phones.iter().map(Phone::as_str)))
        .select((
            phones::phone,
            phones::failures,
            Option::<ChallengeRow>::as_select(),
            PREVIOUS.fields(CHALLENGE_COLUMNS).nullable(),
        ))
        .load(&mut conn)
        .await?)
}

async fn sends(mut conn: &AsyncPgConnection, keys: &FactKeys) -> Result<Vec<(String, PastSendRow)>, Trouble> {
    if keys.sends_of.is_empty() {
        return Ok(Vec::new());
    }
    Ok(code_requests::table
        .filter(code_requests::phone.eq_any(keys.sends_of.iter().map(Phone::as_str)))
        .filter(code_requests::at.gt(micros(keys.since)))
        .filter(code_requests::state.is_not_null())
        .order((code_requests::at, code_requests::id))
        .select((code_requests::phone, PastSendRow::as_select()))
        .load(&mut conn)
        .await?)
}

async fn accepted(
    mut conn: &AsyncPgConnection,
    keys: &FactKeys,
) -> Result<Vec<(String, AcceptedRow, ChallengeRow)>, Trouble> {
    if keys.accepted_of.is_empty() {
        return Ok(Vec::new());
    }
    Ok(applications::table
        .inner_join(challenges::table.on(applications::challenge.eq(challenges::id.nullable())))
        .filter(applications::phone.eq_any(keys.accepted_of.iter().map(Phone::as_str)))
        .filter(applications::at.gt(micros(keys.since)))
        .filter(applications::outcome.eq(ACCEPTED))
        .order((applications::at, applications::id))
        .select((applications::phone, AcceptedRow::as_select(), ChallengeRow::as_select()))
        .load(&mut conn)
        .await?)
}

type TenantColumns = (Binary, Text, Text, Integer, Text, Text);

/// Each tenant in use that shares a phone, address or name with the batch, once.
async fn tenants_in_use(mut conn: &AsyncPgConnection, keys: &FactKeys) -> Result<Vec<TenantFact>, Trouble> {
    if keys.tenants_by_phone.is_empty() && keys.tenants_by_email.is_empty() && keys.tenants_by_company.is_empty() {
        return Ok(Vec::new());
    }
    let rows = Set::new(
        vec![
            (
                "SELECT id, status, phone, country_code, email_key, company_key FROM tenants \
                    WHERE status <> 'closed' AND phone = ANY(",
                Column::Texts(keys.tenants_by_phone.iter().map(|phone| phone.as_str().into()).collect()),
            ),
            (
                ") UNION ALL SELECT id, status, phone, country_code, email_key, company_key FROM tenants \
                    WHERE status <> 'closed' AND email_key = ANY(",
                Column::Texts(keys.tenants_by_email.iter().map(|email| email.as_str().into()).collect()),
            ),
            (
                ") UNION ALL SELECT id, status, phone, country_code, email_key, company_key FROM tenants \
                    WHERE status <> 'closed' AND company_key = ANY(",
                Column::Texts(keys.tenants_by_company.iter().map(|company| company.as_str().into()).collect()),
            ),
        ],
        ")",
    );
    let rows: Vec<TenantFactRow> = rows.returning::<TenantColumns>().load(&mut conn).await?;
    Ok(rows.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?)
}

/// Tenants in use that share a phone, address or name with those to be reopened.
async fn rivals(mut conn: &AsyncPgConnection, keys: &FactKeys) -> Result<Vec<TenantFact>, Trouble> {
    if keys.rivals_of.is_empty() {
        return Ok(Vec::new());
    }
    let ids = || Column::Bytea(keys.rivals_of.iter().map(|id| id.as_bytes().as_slice()).collect());
    let rows = Set::new(
        vec![
            (
                "SELECT other.id, other.status, other.phone, other.country_code, other.email_key, other.company_key \
                    FROM tenants own JOIN tenants other ON other.phone = own.phone AND other.status <> 'closed' \
                    WHERE own.id = ANY(",
                ids(),
            ),
            (
                ") UNION ALL SELECT other.id, other.status, other.phone, other.country_code, other.email_key, \
                    other.company_key FROM tenants own \
                    JOIN tenants other ON other.email_key = own.email_key AND other.status <> 'closed' \
                    WHERE own.id = ANY(",
                ids(),
            ),
            (
                ") UNION ALL SELECT other.id, other.status, other.phone, other.country_code, other.email_key, \
                    other.company_key FROM tenants own \
                    JOIN tenants other ON other.company_key = own.company_key AND other.status <> 'closed' \
                    WHERE own.id = ANY(",
                ids(),
            ),
        ],
        ")",
    );
    let rows: Vec<TenantFactRow> = rows.returning::<TenantColumns>().load(&mut conn).await?;
    Ok(rows.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?)
}

/// Tenants with the access codes that they hold or held last.
async fn lives(
    mut conn: &AsyncPgConnection,
    keys: &FactKeys,
) -> Result<BTreeMap<TenantId, TenantCommandFacts>, Trouble> {
    if keys.lives.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ids: Vec<&[u8]> = keys.lives.iter().map(|id| id.as_bytes().as_slice()).collect();
    let rows: Vec<TenantRow> =
        tenants::table.filter(tenants::id.eq_any(&ids)).select(TenantRow::as_select()).load(&mut conn).await?;
    let mut lives = BTreeMap::new();
    for row in rows {
        let tenant: Tenant = row.try_into()?;
        lives.insert(tenant.id, TenantCommandFacts { tenant, access_codes: Vec::new(), acts: OwnerActs::default() });
    }
    let held: Vec<(Option<Vec<u8>>, HeldCodeRow)> = access_codes::table
        .filter(access_codes::tenant.eq_any(&ids))
        .select((access_codes::tenant, HeldCodeRow::as_select()))
        .load(&mut conn)
        .await?;
    let rested: Vec<(Option<Vec<u8>>, HeldCodeRow)> = access_codes::table
        .filter(access_codes::last_tenant.eq_any(&ids))
        .select((access_codes::last_tenant, HeldCodeRow::as_select()))
        .load(&mut conn)
        .await?;
    for (tenant, code) in held.into_iter().chain(rested) {
        let tenant = optional_id(tenant.as_deref(), "access_codes.tenant")?.map(TenantId::from_bytes);
        if let Some(life) = tenant.and_then(|tenant| lives.get_mut(&tenant)) {
            life.access_codes.push(code.try_into()?);
        }
    }
    let acts = owner_acts::table.filter(owner_acts::tenant.eq_any(&ids)).select(OwnerActsRow::as_select());
    for row in acts.load(&mut conn).await? {
        let (tenant, acts) = row.try_into()?;
        if let Some(life) = lives.get_mut(&tenant) {
            life.acts = acts;
        }
    }
    Ok(lives)
}

/// The wanted number of each kind, the longest free first, from the pool's mark on: before it, none is free.
async fn free_codes(mut conn: &AsyncPgConnection, wanted: usize) -> Result<Vec<FreeCodeRow>, Trouble> {
    if wanted == 0 {
        return Ok(Vec::new());
    }
    let wanted = i64::try_from(wanted).unwrap_or(i64::MAX);
    let codes = Set::new(
        vec![(
            "SELECT mark.kind, free.code, free.since FROM (VALUES ('voice'), ('multimedia')) kinds (kind), LATERAL (\
                SELECT kind, since, code FROM pool_marks WHERE kind = kinds.kind ORDER BY version DESC LIMIT 1) mark, \
                LATERAL (SELECT since, code FROM access_codes \
                WHERE kind = mark.kind AND state = 'free' AND (since, code) >= (mark.since, mark.code) \
                ORDER BY since, code LIMIT ",
            Column::Number(wanted),
        )],
        ") free ORDER BY free.since, free.code",
    )
    .returning::<(Text, Text, BigInt)>();
    Ok(codes.load(&mut conn).await?)
}

/// The facts of a day's e-mail limit, with the transaction of the read and the settings in force.
async fn quota(mut conn: &AsyncPgConnection, day: NaiveDate) -> Result<(i64, QuotaFacts, Overrides), Trouble> {
    let (transaction, changed, reserved, owner_mails) = Set::new(
        vec![(
            "SELECT pg_current_xact_id()::text::bigint, \
                (SELECT in_force FROM setting_changes ORDER BY seq DESC LIMIT 1), taken.reserved, taken.owner_mails \
                FROM (SELECT 1) one LEFT JOIN LATERAL (SELECT reserved, owner_mails FROM quota_days WHERE day = ",
            Column::Integer(day_number(day)),
        )],
        " ORDER BY version DESC LIMIT 1) taken ON true",
    )
    .returning::<(BigInt, Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>)>()
    .get_result::<(i64, Option<String>, Option<i64>, Option<i64>)>(&mut conn)
    .await?;
    let quota = QuotaFacts {
        day,
        reserved: count(reserved.unwrap_or(0), "quota_days.reserved")?,
        owner_mails: count(owner_mails.unwrap_or(0), "quota_days.owner_mails")?,
    };
    Ok((transaction, quota, changed.as_deref().map(Overrides::from).unwrap_or_default()))
}

/// Settings that differ from the configuration.
async fn overrides(mut conn: &AsyncPgConnection) -> Result<Overrides, Trouble> {
    let newest = setting_changes::table.order(setting_changes::seq.desc()).limit(1);
    let last = newest.select(setting_changes::in_force).get_result::<String>(&mut conn).await.optional()?;
    Ok(last.as_deref().map(Overrides::from).unwrap_or_default())
}

async fn sms_sent(mut conn: &AsyncPgConnection, keys: &FactKeys) -> Result<BTreeMap<u16, u32>, Trouble> {
    if !keys.sms_budget {
        return Ok(BTreeMap::new());
    }
    let day = || Column::Integer(day_number(keys.day));
    // From one country to the next, each by its last version.
    let sent: Vec<(i32, i64)> = Set::new(
        vec![
            ("WITH RECURSIVE counted AS ((SELECT country_code, sent FROM sms_days WHERE day = ", day()),
            (
                " ORDER BY country_code DESC, version DESC LIMIT 1) UNION ALL SELECT next.country_code, next.sent \
                    FROM counted, LATERAL (SELECT country_code, sent FROM sms_days WHERE day = ",
                day(),
            ),
        ],
        " AND country_code < counted.country_code ORDER BY country_code DESC, version DESC LIMIT 1) next) \
            SELECT country_code, sent FROM counted",
    )
    .returning::<(Integer, BigInt)>()
    .load(&mut conn)
    .await?;
    let counted = sent
        .into_iter()
        .map(|(country_code, sent)| Ok((count(country_code, "sms_days.country_code")?, count(sent, "sms_days.sent")?)));
    Ok(counted.collect::<Result<_, LedgerError>>()?)
}

type PrefixColumns = (
    BigInt,
    Nullable<BigInt>,
    Nullable<BigInt>,
    Nullable<BigInt>,
    Nullable<BigInt>,
    Nullable<BigInt>,
    Nullable<BigInt>,
    Nullable<Integer>,
    Nullable<BigInt>,
    Nullable<BigInt>,
);
type PrefixRow = (
    i64,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i32>,
    Option<i64>,
    Option<i64>,
);

/// Messages of the day to each range; its last block, and the codes judged after it, unless the fraud guard is off.
async fn prefixes(mut conn: &AsyncPgConnection, keys: &FactKeys) -> Result<BTreeMap<NumberRange, RangeFacts>, Trouble> {
    if keys.prefixes.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<PrefixRow> = prefix_statement(keys).returning::<PrefixColumns>().load(&mut conn).await?;
    Ok(rows.into_iter().map(prefix_facts).collect::<Result<_, _>>()?)
}

fn prefix_statement(keys: &FactKeys) -> Set<'static> {
    let bounds = keys.prefix_bounds;
    let span = |span: CountSpan| Column::Integer(span.as_stored());
    let prefixes = Column::Numbers(keys.prefixes.iter().map(|prefix| prefix.as_stored()).collect());
    // While the fraud guard is off, no block is known, and no span is judged.
    let (known, from, until) = match bounds.judged {
        Some(JudgedSpans { from, until }) => (span(bounds.latest), span(from), span(until)),
        None => (Column::Integer(i32::MIN), Column::Integer(0), Column::Integer(0)),
    };
    let pieces = vec![
        (
            "SELECT asked.prefix, (SELECT sum(messages) FROM prefix_spans s \
                WHERE s.prefix = asked.prefix AND s.span BETWEEN ",
            span(bounds.today),
        ),
        (" AND ", span(bounds.latest)),
        (
            "), last.since, last.until, last.sent, last.used, last.met, last.counted_after, judged.sent, judged.used \
                FROM unnest(",
            prefixes,
        ),
        (
            ") AS asked (prefix) LEFT JOIN prefix_blocks last \
                ON last.prefix = asked.prefix AND last.counted_after <= ",
            known,
        ),
        (
            " LEFT JOIN LATERAL (SELECT sum(sent) AS sent, sum(used) AS used FROM prefix_spans s \
                WHERE s.prefix = asked.prefix AND s.span >= greatest(last.counted_after + 1, ",
            from,
        ),
        (") AND s.span < ", until),
    ];
    Set::new(pieces, ") AS judged ON true")
}

fn prefix_facts(row: PrefixRow) -> Result<(NumberRange, RangeFacts), LedgerError> {
    let (prefix, messages, since, until, block_sent, block_used, met, counted_after, sent, used) = row;
    let block = match (since, until, block_sent, block_used, met, counted_after) {
        (Some(since), Some(until), Some(sent), Some(used), Some(met), Some(counted_after)) => {
            Some(RangeBlockRecord::try_from(BlockRow { prefix, since, until, sent, used, met, counted_after })?.block)
        }
        _ => None,
    };
    let [messages, sent, used] = [messages, sent, used].map(Option::unwrap_or_default);
    Ok((number_range_rows::prefix(prefix, "prefix_spans.prefix")?, RangeFacts { messages, sent, used, block }))
}

/// The ranges that operators added to the safe list.
async fn safe_prefixes(conn: &AsyncPgConnection, keys: &FactKeys) -> Result<Vec<NumberRange>, Trouble> {
    if keys.prefixes.is_empty() || keys.prefix_bounds.judged.is_none() {
        return Ok(Vec::new());
    }
    safe_list(conn).await
}

pub(super) async fn safe_list(mut conn: &AsyncPgConnection) -> Result<Vec<NumberRange>, Trouble> {
    let safe = safe_prefixes::table.order(safe_prefixes::prefix).select(safe_prefixes::prefix);
    Ok(number_range_rows::prefixes(safe.load(&mut conn).await?, "safe_prefixes.prefix")?)
}

/// Returns whether this batch was committed: whether the first of its requests that leaves a row of its own has left
/// it. `None` for a batch that leaves no such row, and that may be committed twice: a command that was refused or had
/// no effect.
pub(super) async fn was_committed(mut conn: &AsyncPgConnection, batch: &Batch) -> QueryResult<Option<bool>> {
    let marked = batch.requests.iter().find_map(|(ids, request)| match request {
        Request::Apply(_) => {
            Some(("SELECT EXISTS (SELECT FROM applications WHERE id = ", ids.application.as_bytes().as_slice()))
        }
        Request::SendCode(_) => {
            Some(("SELECT EXISTS (SELECT FROM code_requests WHERE id = ", ids.code_request.as_bytes().as_slice()))
        }
        Request::SendReport(_) | Request::Tenant(_) => None,
    });
    if let Some((sql, id)) = marked {
        return Set::new(vec![(sql, Column::Bytes(id))], ")").returning::<Bool>().get_result(&mut conn).await.map(Some);
    }
    let orders = batch.requests.iter().filter(|(_, request)| matches!(request, Request::Tenant(_)));
    let orders: Vec<_> = orders.map(|(ids, _)| (ids.audit, ids.mail)).collect();
    if orders.is_empty() {
        return Ok(None);
    }
    let pieces = vec![
        (
            "SELECT EXISTS (SELECT FROM audit WHERE id = ANY(",
            Column::bytes(&orders, |(audit, _)| audit.as_bytes().as_slice()),
        ),
        (
            ")) OR EXISTS (SELECT FROM mails WHERE id = ANY(",
            Column::bytes(&orders, |(_, mail)| mail.as_bytes().as_slice()),
        ),
    ];
    Set::new(pieces, "))").returning::<Bool>().get_result(&mut conn).await.map(Some)
}
