//! Queries and changes of operators in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, DurationRound, NaiveDate, TimeDelta, Utc};
use trial_core::access_codes::{
    AccessCodeImport, AccessCodePage, AccessCodeState, AccessCodeStock, AccessCodeView, ImportPlan, PoolCommand,
    PoolOutcome,
};
use trial_core::applications::{
    ApplicationQuery, ApplicationRecord, ApplicationSearch, ApplicationView, ApplyOutcome, HourCount, TimelineView,
};
use trial_core::audit::{AuditRecord, ChangedBy};
use trial_core::error::LedgerError;
use trial_core::mails::{
    MailAttempt, MailPage, MailQueue, MailRetried, MailState, MailView, OutboxMail, RefusedMail, retried_words,
};
use trial_core::policy::UniqueBy;
use trial_core::ports::{Operations, Violation};
use trial_core::quota::{BudgetView, MailBudget, QuotaDay, QuotaUnit};
use trial_core::return_codes::{ApplyCode, ApplyReply, CodeReply, ReturnCode};
use trial_core::tenants::{Tenant, TenantPage, TenantSearch, TenantView};
use trial_core::timeline::{PublicInterface, RequestSearch, RequestView};
use trial_core::values::{AccessCode, AccessCodeKind, AnyRequestId, ApplicationId, MailId, Phone, TenantId};
use trial_core::verification::CodeRequestView;

use super::{KeptAccessCode, KeptCodeRequest, KeptMail, MemoryLedger, MemoryState};

#[async_trait]
impl Operations for MemoryLedger {
    async fn import_access_codes(
        &self,
        import: AccessCodeImport,
        dry_run: bool,
        by: ChangedBy,
    ) -> Result<ImportPlan, LedgerError> {
        let mut state = self.lock();
        let known = state.access_codes.iter().map(|(code, kept)| (code.clone(), kept.kind)).collect();
        let plan = import.plan(&known);
        if !dry_run && plan.refused.is_empty() && !plan.new.is_empty() {
            for (code, kind) in &plan.new {
                let kept = KeptAccessCode {
                    kind: *kind,
                    state: AccessCodeState::Free,
                    holder: None,
                    last_holder: None,
                    since: by.at,
                };
                state.access_codes.insert(code.clone(), kept);
            }
            state.audit.push(audit(by, "access_codes.import", "pool", format!("{} new", plan.new.len())));
        }
        Ok(plan)
    }

    async fn access_code_stock(&self) -> Result<Vec<AccessCodeStock>, LedgerError> {
        let state = self.lock();
        Ok(AccessCodeKind::ALL.iter().map(|kind| state.stock(*kind)).collect())
    }

    async fn mail_queue(&self) -> Result<MailQueue, LedgerError> {
        let state = self.lock();
        let of = |wanted| state.mails.values().filter(move |mail| mail.state == wanted);
        let count = |wanted| u64::try_from(of(wanted).count()).expect("fits");
        Ok(MailQueue {
            due: count(MailState::Due),
            oldest_due: of(MailState::Due).map(|mail| mail.record.created_at).min(),
            failed: count(MailState::Failed),
        })
    }

    async fn quota(&self, day: NaiveDate) -> Result<QuotaDay, LedgerError> {
        let state = self.lock();
        let mails = |budget, wanted| {
            let is_of = |unit: QuotaUnit| unit.day == day && unit.budget == budget;
            let of_day =
                state.mails.values().filter(|mail| mail.record.quota.is_some_and(is_of) && mail.state == wanted);
            u64::try_from(of_day.count()).expect("fits")
        };
        Ok(QuotaDay {
            day,
            reserved: state.reserved.get(&day).copied().unwrap_or(0),
            sent: mails(MailBudget::Threshold, MailState::Sent),
            failed: mails(MailBudget::Threshold, MailState::Failed),
            owners: BudgetView {
                reserved: state.owner_mails.get(&day).copied().unwrap_or(0),
                sent: mails(MailBudget::Owners, MailState::Sent),
                failed: mails(MailBudget::Owners, MailState::Failed),
            },
        })
    }

    async fn tenants(&self, page: TenantPage) -> Result<Vec<TenantView>, LedgerError> {
        let state = self.lock();
        let older = state.tenants.keys().rev().filter(|id| page.before.is_none_or(|before| **id < before));
        let limit = usize::try_from(page.limit).expect("fits");
        Ok(older.take(limit).filter_map(|id| state.tenant_view(*id)).collect())
    }

    async fn tenant(&self, id: TenantId) -> Result<Option<TenantView>, LedgerError> {
        Ok(self.lock().tenant_view(id))
    }

    async fn find_applications(&self, query: ApplicationQuery, limit: u32) -> Result<TimelineView, LedgerError> {
        let state = self.lock();
        let mut code_requests: Vec<_> = state.code_requests.values().filter(|kept| asks(&query, kept)).collect();
        code_requests.sort_by_key(|kept| (kept.record.at, kept.record.id));
        let mut applications: Vec<_> = state.applications.values().filter(|record| applies(&query, record)).collect();
        applications.sort_by_key(|record| (record.at, record.id));
        let newest = usize::try_from(limit).expect("fits");
        Ok(TimelineView {
            code_requests: last(&code_requests, newest).iter().map(|kept| code_request_view(kept)).collect(),
            applications: last(&applications, newest).iter().map(|record| state.application_view(record)).collect(),
        })
    }

    async fn phone_failures(&self, phone: Phone) -> Result<Option<u32>, LedgerError> {
        Ok(self.lock().phones.get(&phone).map(|record| record.failures))
    }

    async fn unlock_phone(&self, phone: Phone, by: ChangedBy) -> Result<bool, LedgerError> {
        let mut state = self.lock();
        let Some(record) = state.phones.get_mut(&phone) else { return Ok(false) };
        let detail = format!("{} to 0", record.failures);
        record.failures = 0;
        state.audit.push(audit(by, "phone.unlock", phone.as_str(), detail));
        Ok(true)
    }

    async fn mails(&self, page: MailPage) -> Result<Vec<OutboxMail>, LedgerError> {
        let state = self.lock();
        let listed = state
            .mails
            .values()
            .rev()
            .filter(|mail| page.state.is_none_or(|state| mail.state == state))
            .filter(|mail| page.tenant.is_none_or(|tenant| mail.record.tenant == Some(tenant)))
            .filter(|mail| page.before.is_none_or(|before| mail.record.id < before));
        let entry = |mail: &KeptMail| OutboxMail {
            mail: mail_view(mail),
            tenant: mail.record.tenant,
            to: mail.record.to.as_str().to_owned(),
        };
        Ok(listed.take(usize::try_from(page.limit).expect("fits")).map(entry).collect())
    }

    async fn retry_mail(&self, id: MailId, by: ChangedBy) -> Result<MailRetried, LedgerError> {
        let mut state = self.lock();
        let Some(mail) = state.mails.get_mut(&id) else { return Ok(MailRetried::Unknown) };
        if !mail.state.may_be_retried() {
            return Ok(MailRetried::Refused(mail.state));
        }
        mail.state = MailState::Due;
        mail.next_attempt_at = by.at;
        state.audit.push(audit(by, "mail.retry", &id.to_string(), "failed to due".to_owned()));
        Ok(MailRetried::Due)
    }

    async fn retry_mails(&self, since: DateTime<Utc>, by: ChangedBy) -> Result<u64, LedgerError> {
        let mut state = self.lock();
        let mut retried = 0;
        for mail in state.mails.values_mut().filter(|mail| mail.failed_since(since)) {
            mail.state = MailState::Due;
            mail.next_attempt_at = by.at;
            retried += 1;
        }
        state.audit.push(audit(by, "mail.retry_all", "mails", retried_words(retried, since)));
        Ok(retried)
    }

    async fn refused_mails(&self, since: DateTime<Utc>, limit: u32) -> Result<Vec<RefusedMail>, LedgerError> {
        let state = self.lock();
        let limit = usize::try_from(limit).expect("fits");
        let of = |is_one: &dyn Fn(&KeptMail) -> bool| {
            let refused = state.mails.values().filter(|mail| is_one(mail)).filter_map(|mail| {
                Some(RefusedMail { to: mail.record.to.as_str().to_owned(), reply: mail.last_reply.clone()? })
            });
            refused.take(limit).collect::<Vec<_>>()
        };
        let mut refused = of(&|mail| mail.state == MailState::Due);
        refused.extend(of(&|mail| mail.failed_since(since)));
        Ok(refused)
    }

    async fn mail_attempts(&self, id: MailId) -> Result<Vec<MailAttempt>, LedgerError> {
        Ok(self.lock().mails.get(&id).map(|mail| mail.log.clone()).unwrap_or_default())
    }

    async fn application_hours(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> Result<Vec<HourCount>, LedgerError> {
        let hour = |at: DateTime<Utc>| at.duration_trunc(TimeDelta::hours(1)).expect("an hour");
        let mut counts: BTreeMap<(DateTime<Utc>, ApplyCode), (u64, u64)> = BTreeMap::new();
        let state = self.lock();
        let shown = hour(since)..=hour(now);
        for record in state.applications.values().filter(|record| shown.contains(&hour(record.at))) {
            let code = ApplyReply::from(&record.outcome).code;
            let (applications, tenants) = counts.entry((hour(record.at), code)).or_default();
            *applications += 1;
            *tenants += u64::from(matches!(record.outcome, ApplyOutcome::Accepted { .. }));
        }
        let counted = counts.into_iter().map(|((hour, code), (applications, tenants))| HourCount {
            hour,
            return_code: code,
            applications,
            tenants,
        });
        Ok(counted.collect())
    }

    async fn search_applications(&self, search: ApplicationSearch) -> Result<Vec<ApplicationView>, LedgerError> {
        let state = self.lock();
        let limit = usize::try_from(search.limit).expect("fits");
        let found = state.applications.values().rev().filter(|record| is_searched(&search, record)).take(limit);
        Ok(found.map(|record| state.application_view(record)).collect())
    }

    async fn application(&self, id: ApplicationId) -> Result<Option<ApplicationView>, LedgerError> {
        let state = self.lock();
        Ok(state.applications.get(&id).map(|record| state.application_view(record)))
    }

    async fn search_requests(&self, search: RequestSearch) -> Result<Vec<RequestView>, LedgerError> {
        let state = self.lock();
        let code_requests = state.code_requests.values().filter(|kept| {
            let record = &kept.record;
            search.includes(PublicInterface::SendCode)
                && search.by.as_ref().is_none_or(|by| asks(by, kept))
                && is_in(&search, CodeReply::from(&record.outcome).code.into(), record.at, record.id.into())
        });
        let applications = state.applications.values().filter(|record| {
            search.includes(PublicInterface::Apply)
                && search.by.as_ref().is_none_or(|by| applies(by, record))
                && is_in(&search, ApplyReply::from(&record.outcome).code.into(), record.at, record.id.into())
        });
        let applications = applications.map(|record| state.application_view(record));
        Ok(search.merge(code_requests.map(code_request_view), applications))
    }

    async fn request(&self, id: AnyRequestId) -> Result<Option<RequestView>, LedgerError> {
        let state = self.lock();
        let code = state.code_requests.get(&id.into()).map(|kept| RequestView::Code(code_request_view(kept)));
        let applied = || state.applications.get(&id.into()).map(|record| state.application_view(record));
        Ok(code.or_else(|| applied().map(RequestView::Application)))
    }

    async fn search_tenants(&self, search: TenantSearch) -> Result<Vec<TenantView>, LedgerError> {
        let state = self.lock();
        let is_asked = |tenant: &Tenant| {
            let made = |record: &ApplicationRecord| record.outcome == ApplyOutcome::Accepted { tenant: tenant.id };
            let mut accepted = state.applications.values().filter(|record| made(record));
            search.status.is_none_or(|status| tenant.status == status)
                && (!search.asks_conversion || tenant.conversion_asked_at.is_some())
                && search.before.is_none_or(|before| tenant.id < before)
                && search.by.as_ref().is_none_or(|by| accepted.any(|record| applies(by, record)))
        };
        let found = state.tenants.values().rev().filter(|tenant| is_asked(tenant));
        let limit = usize::try_from(search.limit).expect("fits");
        Ok(found.take(limit).filter_map(|tenant| state.tenant_view(tenant.id)).collect())
    }

    async fn access_codes(&self, page: AccessCodePage) -> Result<Vec<AccessCodeView>, LedgerError> {
        let state = self.lock();
        let asked = state.access_codes.iter().filter(|(code, kept)| {
            (kept.kind, kept.state) == (page.kind, page.state) && page.after.as_ref().is_none_or(|after| *code > after)
        });
        let limit = usize::try_from(page.limit).expect("fits");
        Ok(asked.take(limit).map(|(code, kept)| access_code_view(code, kept)).collect())
    }

    async fn access_code(&self, code: AccessCode) -> Result<Option<AccessCodeView>, LedgerError> {
        Ok(self.lock().access_codes.get(&code).map(|kept| access_code_view(&code, kept)))
    }

    async fn order_access_code(
        &self,
        code: AccessCode,
        order: PoolCommand,
        by: ChangedBy,
    ) -> Result<PoolOutcome, LedgerError> {
        let mut state = self.lock();
        let Some(kept) = state.access_codes.get_mut(&code) else { return Ok(PoolOutcome::Unknown) };
        let before = kept.state;
        let Some(after) = order.applied(before) else { return Ok(PoolOutcome::Refused(before)) };
        kept.state = after;
        kept.since = by.at;
        kept.last_holder = None;
        state.audit.push(audit(by, order.action(), code.as_str(), format!("{before} to {after}")));
        Ok(PoolOutcome::Done { before, after })
    }

    async fn resting_since(&self) -> Result<Vec<(AccessCodeKind, DateTime<Utc>)>, LedgerError> {
        let state = self.lock();
        let longest = |kind: AccessCodeKind| {
            let resting = state.access_codes.values().filter(|kept| kept.state == AccessCodeState::Quarantined);
            Some((kind, resting.filter(|kept| kept.kind == kind).map(|kept| kept.since).min()?))
        };
        Ok(AccessCodeKind::ALL.iter().filter_map(|kind| longest(*kind)).collect())
    }

    async fn violations(&self, unique_by: UniqueBy) -> Result<Vec<Violation>, LedgerError> {
        Ok(self.lock().violations(unique_by))
    }
}

impl MemoryState {
    fn stock(&self, kind: AccessCodeKind) -> AccessCodeStock {
        let count = |state| {
            let counted = self.access_codes.values().filter(|kept| kept.kind == kind && kept.state == state);
            u64::try_from(counted.count()).expect("fits")
        };
        AccessCodeStock {
            kind,
            free: count(AccessCodeState::Free),
            leased: count(AccessCodeState::Leased),
            quarantined: count(AccessCodeState::Quarantined),
            retired: count(AccessCodeState::Retired),
        }
    }

    fn tenant_view(&self, id: TenantId) -> Option<TenantView> {
        Some(TenantView {
            tenant: self.tenants.get(&id)?.clone(),
            access_codes: self.all_held_by(id),
            mails: self.mails_of(id),
        })
    }

    fn mails_of(&self, tenant: TenantId) -> Vec<MailView> {
        let mut mails: Vec<_> = self.mails.values().filter(|mail| mail.record.tenant == Some(tenant)).collect();
        mails.sort_by_key(|mail| (mail.record.created_at, mail.record.id));
        mails.into_iter().map(mail_view).collect()
    }

    fn application_view(&self, record: &ApplicationRecord) -> ApplicationView {
        let mails = match record.outcome {
            ApplyOutcome::Accepted { tenant } => self.mails_of(tenant),
            ApplyOutcome::Replayed { .. } | ApplyOutcome::Refused(_) => Vec::new(),
        };
        ApplicationView {
            id: record.id,
            request_id: record.application.request_id.clone(),
            at: record.at,
            phone: record.application.phone.clone(),
            email: record.application.email.clone(),
            company: record.application.company.as_str().to_owned(),
            outcome: record.outcome.clone(),
            mails,
        }
    }
}

fn asks(query: &ApplicationQuery, kept: &KeptCodeRequest) -> bool {
    match query {
        ApplicationQuery::Phone(phone) => kept.record.phone == *phone,
        ApplicationQuery::RequestId(id) => kept.record.request_id == *id,
        ApplicationQuery::Email(_) | ApplicationQuery::Company(_) => false,
    }
}

fn applies(query: &ApplicationQuery, record: &ApplicationRecord) -> bool {
    match query {
        ApplicationQuery::Phone(phone) => record.application.phone == *phone,
        ApplicationQuery::RequestId(id) => record.application.request_id == *id,
        ApplicationQuery::Email(key) => record.application.email.key() == key,
        ApplicationQuery::Company(key) => record.application.company.key() == key,
    }
}

fn is_searched(search: &ApplicationSearch, record: &ApplicationRecord) -> bool {
    search.by.as_ref().is_none_or(|by| applies(by, record))
        && search.return_code.is_none_or(|code| ApplyReply::from(&record.outcome).code == code)
        && search.since.is_none_or(|since| record.at >= since)
        && search.until.is_none_or(|until| record.at < until)
        && search.before.is_none_or(|before| record.id < before)
}

fn is_in(search: &RequestSearch, code: ReturnCode, at: DateTime<Utc>, id: AnyRequestId) -> bool {
    search.return_code.is_none_or(|only| only == code)
        && search.since.is_none_or(|since| at >= since)
        && search.until.is_none_or(|until| at < until)
        && search.before.is_none_or(|before| id < before)
}

fn access_code_view(code: &AccessCode, kept: &KeptAccessCode) -> AccessCodeView {
    AccessCodeView {
        code: code.clone(),
        kind: kept.kind,
        state: kept.state,
        since: kept.since,
        tenant: kept.holder.or(kept.last_holder),
    }
}

fn last<T>(rows: &[T], limit: usize) -> &[T] {
    &rows[rows.len().saturating_sub(limit)..]
}

fn code_request_view(kept: &KeptCodeRequest) -> CodeRequestView {
    CodeRequestView {
        id: kept.record.id,
        request_id: kept.record.request_id.clone(),
        at: kept.record.at,
        phone: kept.record.phone.clone(),
        outcome: kept.record.outcome.clone(),
        gateway: kept.gateway.clone(),
        reply: kept.reply.clone(),
        delivery: kept.delivery.clone(),
    }
}

fn mail_view(mail: &KeptMail) -> MailView {
    MailView {
        id: mail.record.id,
        kind: mail.record.kind,
        state: mail.state,
        attempts: mail.attempts,
        created_at: mail.record.created_at,
        next_attempt_at: mail.next_attempt_at,
        last_reply: mail.last_reply.clone(),
    }
}

pub(super) fn audit(by: ChangedBy, action: &'static str, subject: &str, detail: String) -> AuditRecord {
    by.entry(action, subject.to_owned(), detail)
}
