//! Queries and changes of operators.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::{count_star, min};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use tokio::time::sleep;
use trial_core::access_codes::{
    AccessCodeImport, AccessCodePage, AccessCodeStock, AccessCodeView, ImportPlan, PoolCommand, PoolOutcome,
};
use trial_core::applications::{ApplicationQuery, ApplicationSearch, ApplicationView, HourCount, TimelineView};
use trial_core::audit::{AuditRecord, ChangedBy};
use trial_core::error::LedgerError;
use trial_core::mails::{
    MailAttempt, MailPage, MailQueue, MailRetried, MailState, MailView, OutboxMail, RefusedMail, retried_words,
};
use trial_core::policy::UniqueBy;
use trial_core::ports::{Operations, Violation};
use trial_core::quota::QuotaDay;
use trial_core::tenants::{Tenant, TenantPage, TenantSearch, TenantView};
use trial_core::timeline::{PublicInterface, RequestSearch, RequestView};
use trial_core::values::{AccessCode, AccessCodeKind, AnyRequestId, ApplicationId, MailId, Phone, TenantId};
use trial_core::verification::CodeRequestView;

use super::{SqliteLedger, fault, snapshot, upkeep, verify};
use crate::convert::{count, day_number, micros, name, readable};
use crate::hours;
use crate::rows::{FREE, MailRow, NewAudit, TenantRow};
use crate::schema::{
    access_codes, application_hours, applications, audit, code_requests, mail_attempts, mails, phones, quota_days,
    tenants,
};
use crate::statement::{MAIL_IS_DUE, MAIL_IS_FAILED};
use crate::views::{self, AccessCodeRow, ApplicationRow, CodeRequestRow, MailAttemptRow};
use crate::{search, stock};

/// SQLite has no queue for the write lock: processes that wait look for it again after at most this time, and find a pause.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// A transaction that waited for the lock itself says little about the next one.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

#[async_trait]
impl Operations for SqliteLedger {
    async fn import_access_codes(
        &self,
        import: AccessCodeImport,
        dry_run: bool,
        by: ChangedBy,
    ) -> Result<ImportPlan, LedgerError> {
        let plan = move |conn: &mut SqliteConnection| Ok(import.plan(&known_codes(conn, &import)?));
        let plan = self.reader().run(move |conn| snapshot(conn, plan)).await?;
        if dry_run {
            return Ok(plan);
        }
        let mut entry = Some(by.clone().entry("access_codes.import", "pool".to_owned(), plan.audit_detail()));
        let mut last = None;
        for piece in plan.pieces() {
            if let Some(took) = last {
                sleep(pause_after(took)).await;
            }
            let (piece, since, entry) = (piece.to_vec(), micros(by.at), entry.take());
            let began = Instant::now();
            self.writer.transact(move |conn| load_pool(conn, &piece, since, entry.as_ref())).await?;
            last = Some(began.elapsed());
        }
        Ok(plan)
    }

    async fn access_code_stock(&self) -> Result<Vec<AccessCodeStock>, LedgerError> {
        self.reader().run(stock_rows).await
    }

    async fn mail_queue(&self) -> Result<MailQueue, LedgerError> {
        let counted = |conn: &mut SqliteConnection| {
            let due = mails::table.filter(MAIL_IS_DUE).select((count_star(), min(mails::created_at)));
            let due = due.first(conn).map_err(fault)?;
            let failed = mails::table.filter(MAIL_IS_FAILED).select(count_star()).first(conn).map_err(fault)?;
            views::mail_queue(due, failed)
        };
        self.reader().run(move |conn| snapshot(conn, counted)).await
    }

    async fn quota(&self, day: NaiveDate) -> Result<QuotaDay, LedgerError> {
        self.reader().run(move |conn| snapshot(conn, |conn| quota(conn, day))).await
    }
    async fn tenants(&self, page: TenantPage) -> Result<Vec<TenantView>, LedgerError> {
        self.reader().run(move |conn| snapshot(conn, |conn| tenant_page(conn, page))).await
    }

    async fn tenant(&self, id: TenantId) -> Result<Option<TenantView>, LedgerError> {
        let find = move |conn: &mut SqliteConnection| {
            let row =
                tenants::table.find(id.as_bytes().as_slice()).select(TenantRow::as_select()).first(conn).optional();
            Ok(tenant_views(conn, row.map_err(fault)?.into_iter().collect())?.pop())
        };
        self.reader().run(move |conn| snapshot(conn, find)).await
    }

    async fn find_applications(&self, query: ApplicationQuery, limit: u32) -> Result<TimelineView, LedgerError> {
        let find = move |conn: &mut SqliteConnection| {
            Ok(TimelineView {
                code_requests: code_requests(conn, &query, limit.into())?,
                applications: applications(conn, &query, limit.into())?,
            })
        };
        self.reader().run(move |conn| snapshot(conn, find)).await
    }

    async fn phone_failures(&self, phone: Phone) -> Result<Option<u32>, LedgerError> {
        self.reader().run(move |conn| failures(conn, &phone)).await
    }

    async fn unlock_phone(&self, phone: Phone, by: ChangedBy) -> Result<bool, LedgerError> {
        self.writer.transact(move |conn| unlock(conn, &phone, &by)).await
    }

    async fn mails(&self, page: MailPage) -> Result<Vec<OutboxMail>, LedgerError> {
        self.reader().run(move |conn| mail_page(conn, page)).await
    }

    async fn retry_mail(&self, id: MailId, by: ChangedBy) -> Result<MailRetried, LedgerError> {
        self.writer.transact(move |conn| retry(conn, id, &by)).await
    }

    async fn retry_mails(&self, since: DateTime<Utc>, by: ChangedBy) -> Result<u64, LedgerError> {
        self.writer.transact(move |conn| retry_all(conn, since, &by)).await
    }

    async fn refused_mails(&self, since: DateTime<Utc>, limit: u32) -> Result<Vec<RefusedMail>, LedgerError> {
        let refused = move |conn: &mut SqliteConnection| {
            let waiting = mails::table.filter(MAIL_IS_DUE).order((mails::priority, mails::next_attempt_at, mails::id));
            let failed = mails::table.filter(MAIL_IS_FAILED).order(mails::id.desc());
            let columns = (mails::recipient, mails::last_reply, mails::settled_at);
            let mut rows: Vec<views::RefusedRow> =
                waiting.select(columns).limit(limit.into()).load(conn).map_err(fault)?;
            rows.extend(failed.select(columns).limit(limit.into()).load::<views::RefusedRow>(conn).map_err(fault)?);
            Ok(views::refused(rows, micros(since)))
        };
        self.reader().run(refused).await
    }

    async fn mail_attempts(&self, id: MailId) -> Result<Vec<MailAttempt>, LedgerError> {
        let attempts = move |conn: &mut SqliteConnection| {
            let rows = mail_attempts::table
                .filter(mail_attempts::mail.eq(id.as_bytes().as_slice()))
                .order(mail_attempts::attempt)
                .select(MailAttemptRow::as_select())
                .load(conn)
                .map_err(fault)?;
            readable(rows)
        };
        self.reader().run(attempts).await
    }

    async fn application_hours(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> Result<Vec<HourCount>, LedgerError> {
        let counted = move |conn: &mut SqliteConnection| {
            let since = hours::hour_of(since);
            let rest = upkeep::uncounted_since(conn, now)?.max(since);
            let mut rows: Vec<hours::Row> = application_hours::table
                .filter(application_hours::hour.ge(micros(since)))
                .filter(application_hours::hour.lt(micros(rest)))
                .filter(application_hours::return_code.ne(hours::COUNTED))
                .order((application_hours::hour, application_hours::return_code))
                .load(conn)
                .map_err(fault)?;
            rows.extend(upkeep::hours_between(conn, rest, hours::end_of_hour(now))?);
            rows.into_iter().map(hours::hour_count).collect()
        };
        self.reader().run(move |conn| snapshot(conn, counted)).await
    }

    async fn search_applications(&self, search: ApplicationSearch) -> Result<Vec<ApplicationView>, LedgerError> {
        let find = move |conn: &mut SqliteConnection| {
            let rows =
                search::applications!(diesel::sqlite::Sqlite, &search).load::<ApplicationRow>(conn).map_err(fault)?;
            readable(rows)?.into_iter().map(|view| with_mails(conn, view)).collect()
        };
        self.reader().run(move |conn| snapshot(conn, find)).await
    }

    async fn application(&self, id: ApplicationId) -> Result<Option<ApplicationView>, LedgerError> {
        let find = move |conn: &mut SqliteConnection| {
            let row = applications::table.find(id.as_bytes().as_slice()).select(ApplicationRow::as_select());
            let row = row.first(conn).optional().map_err(fault)?;
            row.map(|row| application_view(conn, row)).transpose()
        };
        self.reader().run(move |conn| snapshot(conn, find)).await
    }

    async fn search_requests(&self, search: RequestSearch) -> Result<Vec<RequestView>, LedgerError> {
        let find = move |conn: &mut SqliteConnection| {
            let codes: Vec<CodeRequestRow> = if search.includes(PublicInterface::SendCode) {
                search::code_requests!(diesel::sqlite::Sqlite, &search).load(conn).map_err(fault)?
            } else {
                Vec::new()
            };
            let applied: Vec<ApplicationRow> = if search.includes(PublicInterface::Apply) {
                search::applications!(diesel::sqlite::Sqlite, &search).load(conn).map_err(fault)?
            } else {
                Vec::new()
            };
            let applied = readable(applied)?.into_iter().map(|view| with_mails(conn, view));
            let applied = applied.collect::<Result<Vec<_>, LedgerError>>()?;
            Ok(search.merge(readable(codes)?, applied))
        };
        self.reader().run(move |conn| snapshot(conn, find)).await
    }

    async fn request(&self, id: AnyRequestId) -> Result<Option<RequestView>, LedgerError> {
        let find = move |conn: &mut SqliteConnection| {
            let code = code_requests::table.find(id.as_bytes().as_slice()).select(CodeRequestRow::as_select());
            if let Some(row) = code.first(conn).optional().map_err(fault)? {
                return Ok(Some(RequestView::Code(row.try_into()?)));
            }
            let applied = applications::table.find(id.as_bytes().as_slice()).select(ApplicationRow::as_select());
            let row = applied.first(conn).optional().map_err(fault)?;
            Ok(row.map(|row| application_view(conn, row)).transpose()?.map(RequestView::Application))
        };
        self.reader().run(move |conn| snapshot(conn, find)).await
    }

    async fn search_tenants(&self, search: TenantSearch) -> Result<Vec<TenantView>, LedgerError> {
        let find = move |conn: &mut SqliteConnection| {
            let rows = search::tenants!(diesel::sqlite::Sqlite, &search).load::<TenantRow>(conn).map_err(fault)?;
            tenant_views(conn, rows)
        };
        self.reader().run(move |conn| snapshot(conn, find)).await
    }

    async fn access_codes(&self, page: AccessCodePage) -> Result<Vec<AccessCodeView>, LedgerError> {
        let find = move |conn: &mut SqliteConnection| {
            let rows =
                search::access_codes!(diesel::sqlite::Sqlite, &page).load::<AccessCodeRow>(conn).map_err(fault)?;
            readable(rows)
        };
        self.reader().run(find).await
    }

    async fn access_code(&self, code: AccessCode) -> Result<Option<AccessCodeView>, LedgerError> {
        self.reader().run(move |conn| access_code(conn, &code)).await
    }

    async fn order_access_code(
        &self,
        code: AccessCode,
        order: PoolCommand,
        by: ChangedBy,
    ) -> Result<PoolOutcome, LedgerError> {
        self.writer.transact(move |conn| order_access_code(conn, &code, order, &by)).await
    }

    async fn resting_since(&self) -> Result<Vec<(AccessCodeKind, DateTime<Utc>)>, LedgerError> {
        let rests = |conn: &mut SqliteConnection| {
            stock::resting_since(&diesel::sql_query(stock::RESTING_SINCE).load(conn).map_err(fault)?)
        };
        self.reader().run(rests).await
    }

    async fn violations(&self, unique_by: UniqueBy) -> Result<Vec<Violation>, LedgerError> {
        self.reader().run(move |conn| snapshot(conn, |conn| verify::violations(conn, unique_by))).await
    }
}

/// The pause after a transaction of an import, in which the lock is free: as long as the transaction took.
fn pause_after(took: Duration) -> Duration {
    took.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
}

fn known_codes(
    conn: &mut SqliteConnection,
    import: &AccessCodeImport,
) -> Result<BTreeMap<AccessCode, AccessCodeKind>, LedgerError> {
    let mut known = BTreeMap::new();
    for (_, code, _) in &import.rows {
        let kind = access_codes::table
            .find(code.as_str())
            .select(access_codes::kind)
            .first::<String>(conn)
            .optional()
            .map_err(fault)?;
        if let Some(kind) = kind {
            known.insert(code.clone(), name(&kind, "access_codes.kind")?);
        }
    }
    Ok(known)
}

/// Codes that another import has loaded meanwhile stay unchanged.
fn load_pool(
    conn: &mut SqliteConnection,
    piece: &[(AccessCode, AccessCodeKind)],
    since: i64,
    entry: Option<&AuditRecord>,
) -> Result<(), LedgerError> {
    for (code, kind) in piece {
        diesel::insert_or_ignore_into(access_codes::table)
            .values((
                access_codes::code.eq(code.as_str()),
                access_codes::kind.eq(kind.as_str()),
                access_codes::state.eq(FREE),
                access_codes::since.eq(since),
            ))
            .execute(conn)
            .map_err(fault)?;
    }
    if let Some(entry) = entry {
        diesel::insert_into(audit::table).values(NewAudit::from(entry)).execute(conn).map_err(fault)?;
    }
    Ok(())
}

fn stock_rows(conn: &mut SqliteConnection) -> Result<Vec<AccessCodeStock>, LedgerError> {
    stock::stock(&diesel::sql_query(stock::STOCK).load(conn).map_err(fault)?)
}

fn quota(conn: &mut SqliteConnection, day: NaiveDate) -> Result<QuotaDay, LedgerError> {
    let taken = quota_days::table
        .find(day_number(day))
        .select((quota_days::reserved, quota_days::owner_mails))
        .first::<(i64, i64)>(conn)
        .optional()
        .map_err(fault)?;
    let counts = mails::table
        .filter(mails::quota_day.eq(day_number(day)))
        .group_by((mails::quota_budget, mails::state))
        .select((mails::quota_budget, mails::state, diesel::dsl::count_star()))
        .load::<(String, String, i64)>(conn)
        .map_err(fault)?;
    views::quota(day, taken, &counts)
}
fn tenant_page(conn: &mut SqliteConnection, page: TenantPage) -> Result<Vec<TenantView>, LedgerError> {
    // Ids begin with their creation time: newest first is the descending order of the ids.
    let newest = tenants::table.order(tenants::id.desc()).limit(page.limit.into()).select(TenantRow::as_select());
    let rows: Vec<TenantRow> = match page.before {
        Some(before) => newest.filter(tenants::id.lt(before.as_bytes().as_slice())).load(conn),
        None => newest.load(conn),
    }
    .map_err(fault)?;
    tenant_views(conn, rows)
}

fn tenant_views(conn: &mut SqliteConnection, rows: Vec<TenantRow>) -> Result<Vec<TenantView>, LedgerError> {
    let tenants: Vec<Tenant> = readable(rows.into_iter().map(TenantRow::shown).collect())?;
    tenants.into_iter().map(|tenant| tenant_view(conn, tenant)).collect()
}

fn tenant_view(conn: &mut SqliteConnection, tenant: Tenant) -> Result<TenantView, LedgerError> {
    let codes = access_codes::table
        .filter(access_codes::tenant.eq(tenant.id.as_bytes().as_slice()))
        .select((access_codes::kind, access_codes::code))
        .load::<(String, String)>(conn)
        .map_err(fault)?;
    let access_codes = views::access_codes(codes)?;
    let mails = mails_of(conn, tenant.id)?;
    Ok(TenantView { tenant, access_codes, mails })
}

fn mails_of(conn: &mut SqliteConnection, tenant: TenantId) -> Result<Vec<MailView>, LedgerError> {
    let of_tenant = mails::table.filter(mails::tenant.eq(tenant.as_bytes().as_slice())).order(mails::id);
    views::mails(of_tenant.select(MailRow::as_select()).load(conn).map_err(fault)?)
}

fn code_requests(
    conn: &mut SqliteConnection,
    query: &ApplicationQuery,
    limit: i64,
) -> Result<Vec<CodeRequestView>, LedgerError> {
    use code_requests::{at, id, phone, request_id, table};
    let newest = table.order((at.desc(), id.desc())).limit(limit).select(CodeRequestRow::as_select());
    let rows: Vec<CodeRequestRow> = match query {
        ApplicationQuery::Phone(asked) => newest.filter(phone.eq(asked.as_str())).load(conn),
        ApplicationQuery::RequestId(asked) => newest.filter(request_id.eq(asked.as_str())).load(conn),
        ApplicationQuery::Email(_) | ApplicationQuery::Company(_) => Ok(Vec::new()),
    }
    .map_err(fault)?;
    readable(rows.into_iter().rev().collect())
}

fn applications(
    conn: &mut SqliteConnection,
    query: &ApplicationQuery,
    limit: i64,
) -> Result<Vec<ApplicationView>, LedgerError> {
    use applications::{at, company_key, email_key, id, phone, request_id, table};
    let newest = table.order((at.desc(), id.desc())).limit(limit).select(ApplicationRow::as_select());
    let rows: Vec<ApplicationRow> = match query {
        ApplicationQuery::Phone(asked) => newest.filter(phone.eq(asked.as_str())).load(conn),
        ApplicationQuery::RequestId(asked) => newest.filter(request_id.eq(asked.as_str())).load(conn),
        ApplicationQuery::Email(asked) => newest.filter(email_key.eq(asked.as_str())).load(conn),
        ApplicationQuery::Company(asked) => newest.filter(company_key.eq(asked.as_str())).load(conn),
    }
    .map_err(fault)?;
    let views = readable(rows.into_iter().rev().collect())?;
    views.into_iter().map(|view| with_mails(conn, view)).collect()
}

fn application_view(conn: &mut SqliteConnection, row: ApplicationRow) -> Result<ApplicationView, LedgerError> {
    with_mails(conn, row.try_into()?)
}

fn with_mails(conn: &mut SqliteConnection, mut view: ApplicationView) -> Result<ApplicationView, LedgerError> {
    if let Some(tenant) = views::tenant_of(&view) {
        view.mails = mails_of(conn, tenant)?;
    }
    Ok(view)
}

fn access_code(conn: &mut SqliteConnection, code: &AccessCode) -> Result<Option<AccessCodeView>, LedgerError> {
    let row = access_codes::table.find(code.as_str()).select(AccessCodeRow::as_select());
    row.first(conn).optional().map_err(fault)?.map(TryInto::try_into).transpose()
}

fn order_access_code(
    conn: &mut SqliteConnection,
    code: &AccessCode,
    order: PoolCommand,
    by: &ChangedBy,
) -> Result<PoolOutcome, LedgerError> {
    let Some(AccessCodeView { state: before, .. }) = access_code(conn, code)? else { return Ok(PoolOutcome::Unknown) };
    let Some(after) = order.applied(before) else { return Ok(PoolOutcome::Refused(before)) };
    let moved = (
        access_codes::state.eq(after.as_str()),
        access_codes::since.eq(micros(by.at)),
        access_codes::last_tenant.eq(None::<Vec<u8>>),
    );
    diesel::update(access_codes::table.find(code.as_str())).set(moved).execute(conn).map_err(fault)?;
    append_audit(conn, by, order.action(), code.as_str(), format!("before {before}, after {after}"))?;
    Ok(PoolOutcome::Done { before, after })
}

fn failures(conn: &mut SqliteConnection, phone: &Phone) -> Result<Option<u32>, LedgerError> {
    let found = phones::table.find(phone.as_str()).select(phones::failures).first::<i32>(conn).optional();
    found.map_err(fault)?.map(|failures| count(failures, "phones.failures")).transpose()
}

fn unlock(conn: &mut SqliteConnection, phone: &Phone, by: &ChangedBy) -> Result<bool, LedgerError> {
    let Some(before) = failures(conn, phone)? else {
        return Ok(false);
    };
    diesel::update(phones::table.find(phone.as_str())).set(phones::failures.eq(0)).execute(conn).map_err(fault)?;
    append_audit(conn, by, "phone.unlock", phone.as_str(), format!("before {before} wrong codes, after 0"))?;
    Ok(true)
}

fn mail_page(conn: &mut SqliteConnection, page: MailPage) -> Result<Vec<OutboxMail>, LedgerError> {
    let mut listed =
        mails::table.order(mails::id.desc()).limit(page.limit.into()).select(MailRow::as_select()).into_boxed();
    if let Some(state) = page.state {
        listed = listed.filter(mails::state.eq(state.as_str()));
    }
    if let Some(tenant) = &page.tenant {
        listed = listed.filter(mails::tenant.eq(tenant.as_bytes().as_slice()));
    }
    if let Some(before) = &page.before {
        listed = listed.filter(mails::id.lt(before.as_bytes().as_slice()));
    }
    let rows: Vec<MailRow> = listed.load(conn).map_err(fault)?;
    readable(rows)
}

fn retry(conn: &mut SqliteConnection, id: MailId, by: &ChangedBy) -> Result<MailRetried, LedgerError> {
    let row = mails::table.find(id.as_bytes().as_slice());
    let state = row.select(mails::state).first::<String>(conn).optional().map_err(fault)?;
    let Some(state) = state else { return Ok(MailRetried::Unknown) };
    let state: MailState = name(&state, "mails.state")?;
    if !state.may_be_retried() {
        return Ok(MailRetried::Refused(state));
    }
    let due = (
        mails::state.eq(MailState::Due.as_str()),
        mails::next_attempt_at.eq(micros(by.at)),
        mails::lease.eq(None::<Vec<u8>>),
        mails::settled_at.eq(None::<i64>),
    );
    diesel::update(row).set(due).execute(conn).map_err(fault)?;
    append_audit(conn, by, "mail.retry", &id.to_string(), "before failed, after due".to_owned())?;
    Ok(MailRetried::Due)
}

fn retry_all(conn: &mut SqliteConnection, since: DateTime<Utc>, by: &ChangedBy) -> Result<u64, LedgerError> {
    let due = (
        mails::state.eq(MailState::Due.as_str()),
        mails::next_attempt_at.eq(micros(by.at)),
        mails::lease.eq(None::<Vec<u8>>),
        mails::settled_at.eq(None::<i64>),
    );
    let failed = mails::table.filter(MAIL_IS_FAILED).filter(mails::settled_at.ge(micros(since)));
    let retried = diesel::update(failed).set(due).execute(conn).map_err(fault)? as u64;
    append_audit(conn, by, "mail.retry_all", "mails", retried_words(retried, since))?;
    Ok(retried)
}

pub(super) fn append_audit(
    conn: &mut SqliteConnection,
    by: &ChangedBy,
    action: &'static str,
    subject: &str,
    detail: String,
) -> Result<(), LedgerError> {
    let record = by.clone().entry(action, subject.to_owned(), detail);
    diesel::insert_into(audit::table).values(NewAudit::from(&record)).execute(conn).map(drop).map_err(fault)
}
