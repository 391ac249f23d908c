//! Queries and changes of operators.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::{count_star, min};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use trial_core::access_codes::{
    AccessCodeImport, AccessCodePage, AccessCodeState, AccessCodeStock, AccessCodeView, ImportPlan, PoolCommand,
    PoolOutcome,
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

use super::fault::Trouble;
use super::set::{Column, Set};
use super::transaction::{Kind, Work};
use super::{LONG_PATIENCE, PostgresLedger, persist, upkeep, verify};
use crate::convert::{count, day_number, micros, name, optional_id, readable};
use crate::hours;
use crate::rows::{MailRow, TenantRow};
use crate::schema::{
    access_codes, application_hours, applications, code_requests, mail_attempts, mails, phones, tenants,
};
use crate::statement::{MAIL_IS_DUE, MAIL_IS_FAILED};
use crate::views::{self, AccessCodeRow, ApplicationRow, CodeRequestRow, MailAttemptRow};
use crate::{search, stock};

/// Rows of an import that one statement looks up.
const CHUNK: usize = 10_000;

impl PostgresLedger {
    pub(super) async fn in_transaction<T: Send + 'static>(
        &self,
        kind: Kind,
        work: impl Work<T> + Send + Sync + 'static,
    ) -> Result<T, LedgerError> {
        let connections = self.others.clone();
        self.to_its_end(async move { connections.transaction(kind, LONG_PATIENCE, work).await }).await
    }
}

#[async_trait]
impl Operations for PostgresLedger {
    async fn import_access_codes(
        &self,
        import: AccessCodeImport,
        dry_run: bool,
        by: ChangedBy,
    ) -> Result<ImportPlan, LedgerError> {
        let import = Arc::new(import);
        let plan = self
            .in_transaction(Kind::Read, move |conn| {
                let import = Arc::clone(&import);
                async move { Ok(import.plan(&known_codes(conn, &import).await?)) }.boxed()
            })
            .await?;
        if dry_run {
            return Ok(plan);
        }
        let mut entry = Some(by.clone().entry("access_codes.import", "pool".to_owned(), plan.audit_detail()));
        for piece in plan.pieces() {
            let asked = Arc::new((piece.to_vec(), micros(by.at), entry.take()));
            self.in_transaction(Kind::Turn, move |conn| load_pool(conn, Arc::clone(&asked)).boxed()).await?;
        }
        Ok(plan)
    }

    async fn access_code_stock(&self) -> Result<Vec<AccessCodeStock>, LedgerError> {
        self.in_transaction(Kind::Read, |conn| stock_rows(conn).boxed()).await
    }

    async fn mail_queue(&self) -> Result<MailQueue, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| mail_queue(conn).boxed()).await
    }

    async fn quota(&self, day: NaiveDate) -> Result<QuotaDay, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| quota(conn, day).boxed()).await
    }
    async fn tenants(&self, page: TenantPage) -> Result<Vec<TenantView>, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| tenant_page(conn, page).boxed()).await
    }

    async fn tenant(&self, id: TenantId) -> Result<Option<TenantView>, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| tenant(conn, id).boxed()).await
    }

    async fn find_applications(&self, query: ApplicationQuery, limit: u32) -> Result<TimelineView, LedgerError> {
        let query = Arc::new(query);
        self.in_transaction(Kind::Read, move |conn| {
            let query = Arc::clone(&query);
            async move {
                Ok(TimelineView {
                    code_requests: code_requests(conn, &query, limit.into()).await?,
                    applications: applications(conn, &query, limit.into()).await?,
                })
            }
            .boxed()
        })
        .await
    }

    async fn phone_failures(&self, phone: Phone) -> Result<Option<u32>, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| {
            let phone = phone.clone();
            async move { failures(conn, &phone).await }.boxed()
        })
        .await
    }

    async fn unlock_phone(&self, phone: Phone, by: ChangedBy) -> Result<bool, LedgerError> {
        let asked = Arc::new((phone, by));
        self.in_transaction(Kind::Turn, move |conn| unlock(conn, Arc::clone(&asked)).boxed()).await
    }

    async fn mails(&self, page: MailPage) -> Result<Vec<OutboxMail>, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| mail_page(conn, page).boxed()).await
    }

    async fn retry_mail(&self, id: MailId, by: ChangedBy) -> Result<MailRetried, LedgerError> {
        let by = Arc::new(by);
        self.in_transaction(Kind::Write, move |conn| retry(conn, id, Arc::clone(&by)).boxed()).await
    }

    async fn retry_mails(&self, since: DateTime<Utc>, by: ChangedBy) -> Result<u64, LedgerError> {
        let by = Arc::new(by);
        self.in_transaction(Kind::Write, move |conn| retry_all(conn, since, Arc::clone(&by)).boxed()).await
    }

    async fn refused_mails(&self, since: DateTime<Utc>, limit: u32) -> Result<Vec<RefusedMail>, LedgerError> {
        self.in_transaction(Kind::Read, move |mut conn| {
            async move {
                let waiting =
                    mails::table.filter(MAIL_IS_DUE).order((mails::priority, mails::next_attempt_at, mails::id));
                let failed = mails::table.filter(MAIL_IS_FAILED).order(mails::id.desc());
                let columns = (mails::recipient, mails::last_reply, mails::settled_at);
                let mut rows: Vec<views::RefusedRow> =
                    waiting.select(columns).limit(limit.into()).load(&mut conn).await?;
                let failed: Vec<views::RefusedRow> = failed.select(columns).limit(limit.into()).load(&mut conn).await?;
                rows.extend(failed);
                Ok(views::refused(rows, micros(since)))
            }
            .boxed()
        })
        .await
    }

    async fn mail_attempts(&self, id: MailId) -> Result<Vec<MailAttempt>, LedgerError> {
        self.in_transaction(Kind::Read, move |mut conn| {
            async move {
                let rows = mail_attempts::table
                    .filter(mail_attempts::mail.eq(id.as_bytes().as_slice()))
                    .order(mail_attempts::attempt)
                    .select(MailAttemptRow::as_select())
                    .load(&mut conn)
                    .await?;
                Ok(readable(rows)?)
            }
            .boxed()
        })
        .await
    }

    async fn application_hours(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> Result<Vec<HourCount>, LedgerError> {
        self.in_transaction(Kind::Read, move |mut conn| {
            async move {
                let since = hours::hour_of(since);
                let rest = upkeep::uncounted_since(conn, now).await?.max(since);
                let mut rows: Vec<hours::Row> = application_hours::table
                    .filter(application_hours::hour.ge(micros(since)))
                    .filter(application_hours::hour.lt(micros(rest)))
                    .filter(application_hours::return_code.ne(hours::COUNTED))
                    .order((application_hours::hour, application_hours::return_code))
                    .load(&mut conn)
                    .await?;
                rows.extend(upkeep::hours_between(conn, rest, hours::end_of_hour(now)).await?);
                Ok(rows.into_iter().map(hours::hour_count).collect::<Result<_, _>>()?)
            }
            .boxed()
        })
        .await
    }

    async fn search_applications(&self, search: ApplicationSearch) -> Result<Vec<ApplicationView>, LedgerError> {
        let search = Arc::new(search);
        self.in_transaction(Kind::Read, move |mut conn| {
            let search = Arc::clone(&search);
            async move {
                let rows: Vec<ApplicationRow> = search::applications!(Pg, &*search).load(&mut conn).await?;
                application_views(conn, rows.into_iter()).await
            }
            .boxed()
        })
        .await
    }

    async fn application(&self, id: ApplicationId) -> Result<Option<ApplicationView>, LedgerError> {
        self.in_transaction(Kind::Read, move |mut conn| {
            async move {
                let row = applications::table.find(id.as_bytes().as_slice()).select(ApplicationRow::as_select());
                let rows: Vec<ApplicationRow> = row.load(&mut conn).await?;
                Ok(application_views(conn, rows.into_iter()).await?.pop())
            }
            .boxed()
        })
        .await
    }

    async fn search_requests(&self, search: RequestSearch) -> Result<Vec<RequestView>, LedgerError> {
        let search = Arc::new(search);
        self.in_transaction(Kind::Read, move |mut conn| {
            let search = Arc::clone(&search);
            async move {
                let codes: Vec<CodeRequestRow> = if search.includes(PublicInterface::SendCode) {
                    search::code_requests!(Pg, &*search).load(&mut conn).await?
                } else {
                    Vec::new()
                };
                let applied: Vec<ApplicationRow> = if search.includes(PublicInterface::Apply) {
                    search::applications!(Pg, &*search).load(&mut conn).await?
                } else {
                    Vec::new()
                };
                Ok(search.merge(readable(codes)?, application_views(conn, applied.into_iter()).await?))
            }
            .boxed()
        })
        .await
    }

    async fn request(&self, id: AnyRequestId) -> Result<Option<RequestView>, LedgerError> {
        self.in_transaction(Kind::Read, move |mut conn| {
            async move {
                let code = code_requests::table.find(id.as_bytes().as_slice()).select(CodeRequestRow::as_select());
                let found: Vec<CodeRequestRow> = code.load(&mut conn).await?;
                if let Some(row) = found.into_iter().next() {
                    return Ok(Some(RequestView::Code(row.try_into()?)));
                }
                let applied = applications::table.find(id.as_bytes().as_slice()).select(ApplicationRow::as_select());
                let found: Vec<ApplicationRow> = applied.load(&mut conn).await?;
                Ok(application_views(conn, found.into_iter()).await?.pop().map(RequestView::Application))
            }
            .boxed()
        })
        .await
    }

    async fn search_tenants(&self, search: TenantSearch) -> Result<Vec<TenantView>, LedgerError> {
        let search = Arc::new(search);
        self.in_transaction(Kind::Read, move |mut conn| {
            let search = Arc::clone(&search);
            async move {
                let rows: Vec<TenantRow> = search::tenants!(Pg, &*search).load(&mut conn).await?;
                tenant_views(conn, rows).await
            }
            .boxed()
        })
        .await
    }

    async fn access_codes(&self, page: AccessCodePage) -> Result<Vec<AccessCodeView>, LedgerError> {
        let page = Arc::new(page);
        self.in_transaction(Kind::Read, move |mut conn| {
            let page = Arc::clone(&page);
            async move {
                let rows: Vec<AccessCodeRow> = search::access_codes!(Pg, &*page).load(&mut conn).await?;
                Ok(readable(rows)?)
            }
            .boxed()
        })
        .await
    }

    async fn access_code(&self, code: AccessCode) -> Result<Option<AccessCodeView>, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| {
            let code = code.clone();
            async move { access_code(conn, &code).await }.boxed()
        })
        .await
    }

    async fn order_access_code(
        &self,
        code: AccessCode,
        order: PoolCommand,
        by: ChangedBy,
    ) -> Result<PoolOutcome, LedgerError> {
        let asked = Arc::new((code, by));
        self.in_transaction(Kind::Turn, move |conn| order_access_code(conn, Arc::clone(&asked), order).boxed()).await
    }

    async fn resting_since(&self) -> Result<Vec<(AccessCodeKind, DateTime<Utc>)>, LedgerError> {
        self.in_transaction(Kind::Read, |mut conn| {
            async move {
                let rows = diesel::sql_query(stock::RESTING_SINCE).load(&mut conn).await?;
                Ok(stock::resting_since(&rows)?)
            }
            .boxed()
        })
        .await
    }

    async fn violations(&self, unique_by: UniqueBy) -> Result<Vec<Violation>, LedgerError> {
        let connections = self.others.clone();
        self.to_its_end(async move {
            let bound = std::time::Duration::MAX;
            connections.transaction(Kind::Read, bound, |conn| verify::violations(conn, unique_by).boxed()).await
        })
        .await
    }
}

async fn known_codes(
    mut conn: &AsyncPgConnection,
    import: &AccessCodeImport,
) -> Result<BTreeMap<AccessCode, AccessCodeKind>, Trouble> {
    let mut known = BTreeMap::new();
    for rows in import.rows.chunks(CHUNK) {
        let found: Vec<(String, String)> = access_codes::table
            .filter(access_codes::code.eq_any(rows.iter().map(|(_, code, _)| code.as_str())))
            .select((access_codes::code, access_codes::kind))
            .load(&mut conn)
            .await?;
        for (code, kind) in found {
            known.insert(AccessCode::from_stored(&code), name(&kind, "access_codes.kind")?);
        }
    }
    Ok(known)
}

/// Codes of one piece, the time since which they are free, and the audit entry of the first piece.
type Piece = (Vec<(AccessCode, AccessCodeKind)>, i64, Option<AuditRecord>);

/// Codes that another import has loaded meanwhile stay unchanged.
async fn load_pool(mut conn: &AsyncPgConnection, asked: Arc<Piece>) -> Result<(), Trouble> {
    let (piece, since, entry) = &*asked;
    Set::new(
        vec![
            (
                "INSERT INTO access_codes (code, kind, state, since) SELECT new.code, new.kind, 'free', ",
                Column::Number(*since),
            ),
            (" FROM unnest(", Column::texts(piece, |(code, _)| code.as_str())),
            (", ", Column::texts(piece, |(_, kind)| kind.as_str())),
        ],
        ") AS new (code, kind) ON CONFLICT DO NOTHING",
    )
    .execute(&mut conn)
    .await?;
    let free: Vec<_> = piece.iter().map(|(code, kind)| (code, *kind, *since)).collect();
    move_marks_back(conn, &free).await?;
    match entry {
        Some(entry) => persist::audit(conn, entry).await,
        None => Ok(()),
    }
}

/// No free code may come before the mark of its pool: codes that become free with a time before it, because they were
/// freed late, or clocks differ or were set back, move it back.
pub(super) async fn move_marks_back(
    mut conn: &AsyncPgConnection,
    free: &[(&AccessCode, AccessCodeKind, i64)],
) -> Result<(), Trouble> {
    let first = |kind: AccessCodeKind| {
        let of_kind = free.iter().filter(|(_, of, _)| *of == kind);
        of_kind.map(|(code, _, since)| (*since, *code)).min()
    };
    let first: Vec<(AccessCodeKind, (i64, &AccessCode))> =
        AccessCodeKind::ALL.iter().filter_map(|kind| Some((*kind, first(*kind)?))).collect();
    Set::over(
        "UPDATE pool_marks SET since = new.since, code = new.code, version = pool_marks.version + 1 FROM unnest(",
        vec![
            Column::texts(&first, |(kind, _)| kind.as_str()),
            Column::texts(&first, |(_, (_, code))| code.as_str()),
            Column::numbers(&first, |(_, (since, _))| *since),
        ],
        ") AS new (kind, code, since) \
            WHERE pool_marks.ctid = (SELECT ctid FROM pool_marks last \
                WHERE last.kind = new.kind ORDER BY last.version DESC LIMIT 1) \
            AND (new.since, new.code) < (pool_marks.since, pool_marks.code)",
    )
    .execute(&mut conn)
    .await?;
    Ok(())
}

async fn stock_rows(mut conn: &AsyncPgConnection) -> Result<Vec<AccessCodeStock>, Trouble> {
    Ok(stock::stock(&diesel::sql_query(stock::STOCK).load(&mut conn).await?)?)
}
async fn mail_queue(mut conn: &AsyncPgConnection) -> Result<MailQueue, Trouble> {
    let due = mails::table.filter(MAIL_IS_DUE).select((count_star(), min(mails::created_at)));
    let due = due.get_result(&mut conn).await?;
    let failed = mails::table.filter(MAIL_IS_FAILED).select(count_star()).get_result(&mut conn).await?;
    Ok(views::mail_queue(due, failed)?)
}

async fn quota(mut conn: &AsyncPgConnection, day: NaiveDate) -> Result<QuotaDay, Trouble> {
    let taken = Set::new(
        vec![("SELECT reserved, owner_mails FROM quota_days WHERE day = ", Column::Integer(day_number(day)))],
        " ORDER BY version DESC LIMIT 1",
    );
    let taken = taken.returning::<(BigInt, BigInt)>().get_result::<(i64, i64)>(&mut conn).await.optional()?;
    let counts = mails::table
        .filter(mails::quota_day.eq(day_number(day)))
        .group_by((mails::quota_budget, mails::state))
        .select((mails::quota_budget, mails::state, diesel::dsl::count_star()))
        .load::<(String, String, i64)>(&mut conn)
        .await?;
    Ok(views::quota(day, taken, &counts)?)
}
async fn tenant_page(mut conn: &AsyncPgConnection, page: TenantPage) -> Result<Vec<TenantView>, Trouble> {
    // Ids begin with their creation time: newest first is the descending order of the ids.
    let newest = tenants::table.order(tenants::id.desc()).limit(page.limit.into()).select(TenantRow::as_select());
    let rows: Vec<TenantRow> = match page.before {
        Some(before) => newest.filter(tenants::id.lt(before.as_bytes().as_slice())).load(&mut conn).await?,
        None => newest.load(&mut conn).await?,
    };
    tenant_views(conn, rows).await
}

async fn tenant(mut conn: &AsyncPgConnection, id: TenantId) -> Result<Option<TenantView>, Trouble> {
    let found = tenants::table.find(id.as_bytes().as_slice()).select(TenantRow::as_select()).load(&mut conn).await?;
    Ok(tenant_views(conn, found).await?.pop())
}

/// Tenants with their access codes and mails, in order.
async fn tenant_views(mut conn: &AsyncPgConnection, rows: Vec<TenantRow>) -> Result<Vec<TenantView>, Trouble> {
    let tenants: Vec<Tenant> = readable(rows.into_iter().map(TenantRow::shown).collect())?;
    let ids: Vec<TenantId> = tenants.iter().map(|tenant| tenant.id).collect();
    let codes: Vec<(Option<Vec<u8>>, String, String)> = access_codes::table
        .filter(access_codes::tenant.eq_any(ids.iter().map(|id| id.as_bytes().as_slice())))
        .select((access_codes::tenant, access_codes::kind, access_codes::code))
        .load(&mut conn)
        .await?;
    let mut held: HashMap<Vec<u8>, Vec<(String, String)>> = HashMap::new();
    for (tenant, kind, code) in codes {
        held.entry(tenant.unwrap_or_default()).or_default().push((kind, code));
    }
    let mut mails = mails_of(conn, &ids).await?;
    let views = tenants.into_iter().map(|tenant| {
        let codes = held.remove(tenant.id.as_bytes().as_slice()).unwrap_or_default();
        let mails = mails.remove(&tenant.id).unwrap_or_default();
        Ok(TenantView { tenant, access_codes: views::access_codes(codes)?, mails })
    });
    views.collect()
}

/// The mails of each of these tenants, oldest first.
async fn mails_of(
    mut conn: &AsyncPgConnection,
    tenants: &[TenantId],
) -> Result<HashMap<TenantId, Vec<MailView>>, Trouble> {
    let rows: Vec<(Option<Vec<u8>>, MailRow)> = mails::table
        .filter(mails::tenant.eq_any(tenants.iter().map(|id| id.as_bytes().as_slice())))
        .order(mails::id)
        .select((mails::tenant, MailRow::as_select()))
        .load(&mut conn)
        .await?;
    let mut of: HashMap<TenantId, Vec<MailView>> = HashMap::new();
    for (tenant, row) in rows {
        if let Some(tenant) = optional_id(tenant.as_deref(), "mails.tenant")?.map(TenantId::from_bytes) {
            of.entry(tenant).or_default().extend(readable(vec![row])?);
        }
    }
    Ok(of)
}

async fn code_requests(
    mut conn: &AsyncPgConnection,
    query: &ApplicationQuery,
    limit: i64,
) -> Result<Vec<CodeRequestView>, Trouble> {
    use code_requests::{at, id, phone, request_id, table};
    let newest = table.order((at.desc(), id.desc())).limit(limit).select(CodeRequestRow::as_select());
    let rows: Vec<CodeRequestRow> = match query {
        ApplicationQuery::Phone(asked) => newest.filter(phone.eq(asked.as_str())).load(&mut conn).await?,
        ApplicationQuery::RequestId(asked) => newest.filter(request_id.eq(asked.as_str())).load(&mut conn).await?,
        ApplicationQuery::Email(_) | ApplicationQuery::Company(_) => Vec::new(),
    };
    Ok(readable(rows.into_iter().rev().collect())?)
}

async fn applications(
    mut conn: &AsyncPgConnection,
    query: &ApplicationQuery,
    limit: i64,
) -> Result<Vec<ApplicationView>, Trouble> {
    use applications::{at, company_key, email_key, id, phone, request_id, table};
    let newest = table.order((at.desc(), id.desc())).limit(limit).select(ApplicationRow::as_select());
    let rows: Vec<ApplicationRow> = match query {
        ApplicationQuery::Phone(asked) => newest.filter(phone.eq(asked.as_str())).load(&mut conn).await?,
        ApplicationQuery::RequestId(asked) => newest.filter(request_id.eq(asked.as_str())).load(&mut conn).await?,
        ApplicationQuery::Email(asked) => newest.filter(email_key.eq(asked.as_str())).load(&mut conn).await?,
        ApplicationQuery::Company(asked) => newest.filter(company_key.eq(asked.as_str())).load(&mut conn).await?,
    };
    application_views(conn, rows.into_iter().rev()).await
}

/// Applications with the mails of their tenants.
async fn application_views(
    conn: &AsyncPgConnection,
    rows: impl Iterator<Item = ApplicationRow>,
) -> Result<Vec<ApplicationView>, Trouble> {
    let mut views: Vec<ApplicationView> = readable(rows.collect())?;
    let tenants: Vec<TenantId> = views.iter().filter_map(views::tenant_of).collect();
    let mut mails = mails_of(conn, &tenants).await?;
    for view in &mut views {
        view.mails = views::tenant_of(view).and_then(|tenant| mails.remove(&tenant)).unwrap_or_default();
    }
    Ok(views)
}

async fn access_code(mut conn: &AsyncPgConnection, code: &AccessCode) -> Result<Option<AccessCodeView>, Trouble> {
    let row = access_codes::table.find(code.as_str()).select(AccessCodeRow::as_select());
    let row: Option<AccessCodeRow> = row.get_result(&mut conn).await.optional()?;
    Ok(row.map(TryInto::try_into).transpose()?)
}

async fn order_access_code(
    mut conn: &AsyncPgConnection,
    asked: Arc<(AccessCode, ChangedBy)>,
    order: PoolCommand,
) -> Result<PoolOutcome, Trouble> {
    let (code, by) = &*asked;
    let Some(AccessCodeView { state: before, kind, .. }) = access_code(conn, code).await? else {
        return Ok(PoolOutcome::Unknown);
    };
    let Some(after) = order.applied(before) else { return Ok(PoolOutcome::Refused(before)) };
    let since = micros(by.at);
    Set::new(
        vec![
            ("UPDATE access_codes SET last_tenant = NULL, state = ", Column::Text(after.as_str().into())),
            (", since = ", Column::Number(since)),
            (" WHERE code = ", Column::Text(code.as_str().into())),
        ],
        "",
    )
    .execute(&mut conn)
    .await?;
    if after == AccessCodeState::Free {
        move_marks_back(conn, &[(code, kind, since)]).await?;
    }
    append_audit(conn, by, order.action(), code.as_str(), format!("before {before}, after {after}")).await?;
    Ok(PoolOutcome::Done { before, after })
}

async fn failures(mut conn: &AsyncPgConnection, phone: &Phone) -> Result<Option<u32>, Trouble> {
    let found = phones::table.find(phone.as_str()).select(phones::failures).get_result::<i32>(&mut conn).await;
    Ok(found.optional()?.map(|failures| count(failures, "phones.failures")).transpose()?)
}

async fn unlock(mut conn: &AsyncPgConnection, asked: Arc<(Phone, ChangedBy)>) -> Result<bool, Trouble> {
    let (phone, by) = &*asked;
    let Some(before) = failures(conn, phone).await? else {
        return Ok(false);
    };
    diesel::update(phones::table.find(phone.as_str())).set(phones::failures.eq(0)).execute(&mut conn).await?;
    let detail = format!("before {before} wrong codes, after 0");
    append_audit(conn, by, "phone.unlock", phone.as_str(), detail).await?;
    Ok(true)
}

async fn mail_page(mut conn: &AsyncPgConnection, page: MailPage) -> Result<Vec<OutboxMail>, Trouble> {
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
    let rows: Vec<MailRow> = listed.load(&mut conn).await?;
    Ok(readable(rows)?)
}

async fn retry(mut conn: &AsyncPgConnection, id: MailId, by: Arc<ChangedBy>) -> Result<MailRetried, Trouble> {
    let row = mails::table.find(id.as_bytes().as_slice());
    let state: Vec<String> = row.select(mails::state).for_update().load(&mut conn).await?;
    let Some(state) = state.as_slice().first() else { return Ok(MailRetried::Unknown) };
    let state: MailState = name(state, "mails.state")?;
    if !state.may_be_retried() {
        return Ok(MailRetried::Refused(state));
    }
    let due = (
        mails::state.eq(MailState::Due.as_str()),
        mails::next_attempt_at.eq(micros(by.at)),
        mails::lease.eq(None::<Vec<u8>>),
        mails::settled_at.eq(None::<i64>),
    );
    diesel::update(row).set(due).execute(&mut conn).await?;
    append_audit(conn, &by, "mail.retry", &id.to_string(), "before failed, after due".to_owned()).await?;
    Ok(MailRetried::Due)
}

async fn retry_all(mut conn: &AsyncPgConnection, since: DateTime<Utc>, by: Arc<ChangedBy>) -> Result<u64, Trouble> {
    let due = (
        mails::state.eq(MailState::Due.as_str()),
        mails::next_attempt_at.eq(micros(by.at)),
        mails::lease.eq(None::<Vec<u8>>),
        mails::settled_at.eq(None::<i64>),
    );
    let failed = mails::table.filter(MAIL_IS_FAILED).filter(mails::settled_at.ge(micros(since)));
    let retried = diesel::update(failed).set(due).execute(&mut conn).await? as u64;
    append_audit(conn, &by, "mail.retry_all", "mails", retried_words(retried, since)).await?;
    Ok(retried)
}

pub(super) async fn append_audit(
    conn: &AsyncPgConnection,
    by: &ChangedBy,
    action: &'static str,
    subject: &str,
    detail: String,
) -> Result<(), Trouble> {
    let record = by.clone().entry(action, subject.to_owned(), detail);
    persist::audit(conn, &record).await
}
