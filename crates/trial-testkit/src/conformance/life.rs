//! The lifecycle of a tenant after its first day.

use std::sync::Arc;
use std::time::Duration;

use trial_core::access_codes::RestOver;
use trial_core::audit::{AuditQuery, SERVICE};
use trial_core::mails::{DueMail, Lease, MailKind, MailRecord, SettledAs, Settlement};
use trial_core::planner::{FreshIds, Outcome, Request};
use trial_core::ports::{AuditTrail, Clock, Operations, Outbox, TrialLedger, Upkeep};
use trial_core::tenants::{
    DueTenant, LifeOrder, LifeOutcome, LifeRefusal, NOTICE_WAITS, SharedField, TenantOrder, TenantStatus,
};
use trial_core::values::Locale;
use trial_core::values::{LeaseId, MailId, TenantId};
use trial_core::warnings::{Warning, WarningToTell};

use super::{LedgerFactory, assert_sound, desk};
use crate::Desk;
use crate::data::{email, planner_with, voice};

const SECOND: Duration = Duration::from_secs(1);

fn days(number: u32) -> Duration {
    Duration::from_hours(24) * number
}

fn almost(wait: Duration) -> Duration {
    wait.saturating_sub(SECOND)
}

/// Advances the tenant, at the latest to its next step: its status, and the mail that was queued.
async fn step<L: TrialLedger>(desk: &Desk<L>, tenant: TenantId) -> (TenantStatus, Option<MailKind>) {
    let change = desk.change(tenant, LifeOrder::Advance).await;
    (change.after, change.mail)
}

async fn status<L: Operations>(ledger: &L, tenant: TenantId) -> TenantStatus {
    ledger.tenant(tenant).await.unwrap().unwrap().tenant.status
}

async fn due<L: Upkeep + TrialLedger>(desk: &Desk<L>) -> Vec<TenantId> {
    desk.ledger.due_tenants(desk.now(), None, 100).await.unwrap().into_iter().map(|due| due.tenant).collect()
}

async fn end_rests<L: Upkeep + TrialLedger>(desk: &Desk<L>) -> Vec<String> {
    let rest = RestOver { now: desk.now(), quarantine: days(30) };
    let freed = desk.ledger.end_rests(rest, 100, false).await.unwrap();
    freed.into_iter().map(|freed| freed.code.to_string()).collect()
}

pub(super) async fn claim<L: Outbox + TrialLedger>(desk: &Desk<L>, limit: u32) -> Vec<DueMail> {
    let now = desk.now();
    let lease = Lease {
        id: LeaseId::new(now, desk.entropy.draw()),
        now,
        until: now + Duration::from_mins(2),
        horizon: now + Duration::from_mins(30),
    };
    desk.ledger.claim(lease, limit).await.unwrap()
}

/// Before the first mark, the newest tenant gives the last known time. A mark only goes forward; an operator sets it to
/// the clock's time.
pub async fn the_clock_is_marked_and_confirmed<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 1).await;
    assert_eq!(desk.ledger.clock_mark().await.unwrap(), None);
    let tenant = desk.join(1).await;
    let created_at = desk.ledger.tenant(tenant).await.unwrap().unwrap().tenant.created_at;
    assert_eq!(desk.ledger.clock_mark().await.unwrap(), Some(created_at));
    let marked = desk.now() + days(2);
    for (now, expected) in [(desk.now(), desk.now()), (marked, marked), (desk.now(), marked)] {
        desk.ledger.mark_clock(now).await.unwrap();
        assert_eq!(desk.ledger.clock_mark().await.unwrap(), Some(expected));
    }
    desk.ledger.check().await.unwrap();
    desk.ledger.confirm_clock(desk.operator()).await.unwrap();
    assert_eq!(desk.ledger.clock_mark().await.unwrap(), Some(desk.now()), "set back as well");
    let query = AuditQuery { action: Some("clock.confirm".to_owned()), limit: 9, ..AuditQuery::default() };
    let written = desk.ledger.audit(query).await.unwrap();
    assert_eq!(written.len(), 1);
    let time = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%dT%H:%M:%SZ");
    assert_eq!(written[0].detail, format!("before {}, after {}", time(marked), time(desk.now())));
}

/// Trial, two reminders, suspended with a notice, closed with another; each at its time, and once.
pub async fn a_trial_runs_its_course<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 1).await;
    let tenant = desk.join(1).await;
    let ledger = &*desk.ledger;
    assert_eq!(due(&desk).await, []);
    for (wait, expected) in [
        (days(23), (TenantStatus::Trial, Some(MailKind::Reminder))),
        (days(6), (TenantStatus::Trial, Some(MailKind::Reminder))),
        (days(1), (TenantStatus::Suspended, Some(MailKind::Suspended))),
        (days(7), (TenantStatus::Closed, Some(MailKind::Closed))),
    ] {
        desk.wait(almost(wait));
        assert_eq!(due(&desk).await, [], "a second before {expected:?}");
        desk.wait(SECOND);
        assert_eq!(due(&desk).await, [tenant], "{expected:?}");
        assert_eq!(step(&desk, tenant).await, expected);
        assert_eq!(due(&desk).await, []);
        let again = desk.change(tenant, LifeOrder::Advance).await;
        assert_eq!((again.before, again.after, again.mail), (expected.0, expected.0, None), "once");
        assert_sound(ledger).await;
    }
    let view = ledger.tenant(tenant).await.unwrap().unwrap();
    assert_eq!(view.access_codes.len(), 0);
    let kinds: Vec<_> = view.mails.iter().map(|mail| mail.kind).collect();
    let expected = [MailKind::Account, MailKind::Reminder, MailKind::Reminder, MailKind::Suspended, MailKind::Closed];
    assert_eq!(kinds, expected);
}

/// A sweep that is too early finds nothing to do.
pub async fn an_early_sweep_changes_nothing<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 1).await;
    let tenant = desk.join(1).await;
    let before = desk.ledger.tenant(tenant).await.unwrap();
    assert_eq!(step(&desk, tenant).await, (TenantStatus::Trial, None));
    assert_eq!(desk.ledger.tenant(tenant).await.unwrap(), before);
    let unknown = TenantId::new(desk.now(), desk.entropy.draw());
    assert_eq!(desk.order(unknown, LifeOrder::Convert).await, LifeOutcome::Refused(LifeRefusal::Unknown));
}

/// Codes of a closed tenant are quarantined, and are assigned after those that were free for longer.
pub async fn a_closed_tenants_codes_are_quarantined_and_freed<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 1).await;
    let tenant = desk.join(1).await;
    let ledger = &*desk.ledger;
    desk.change(tenant, LifeOrder::Close).await;
    assert_eq!(desk.apply_for_code(desk.prepared(2).await).await, "006", "they are in quarantine");
    let stock = ledger.access_code_stock().await.unwrap();
    assert_eq!(stock.iter().map(|kind| (kind.free, kind.quarantined)).collect::<Vec<_>>(), [(0, 1), (0, 1)]);
    desk.wait(almost(days(30)));
    assert_eq!(end_rests(&desk).await, Vec::<String>::new());
    desk.wait(SECOND);
    assert_eq!(end_rests(&desk).await.len(), 2);
    assert_eq!(end_rests(&desk).await, Vec::<String>::new(), "once");
    assert_sound(ledger).await;
    let next = desk.join(2).await;
    let held = ledger.tenant(next).await.unwrap().unwrap().access_codes;
    assert!(held.values().any(|code| *code == voice(1)), "{held:?}");
}

/// A tenant that is reopened during the quarantine has its codes again; later, they are gone.
pub async fn a_close_can_be_undone_during_the_quarantine<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 1).await;
    let tenant = desk.join(1).await;
    let ledger = &*desk.ledger;
    let held = ledger.tenant(tenant).await.unwrap().unwrap().access_codes;
    desk.change(tenant, LifeOrder::Close).await;
    desk.wait(days(2));
    assert_eq!(desk.change(tenant, LifeOrder::Reopen).await.after, TenantStatus::Trial);
    assert_eq!(ledger.tenant(tenant).await.unwrap().unwrap().access_codes, held);
    assert_sound(ledger).await;
    desk.change(tenant, LifeOrder::Close).await;
    desk.wait(days(29));
    assert_eq!(desk.change(tenant, LifeOrder::Reopen).await.after, TenantStatus::Suspended, "its trial has expired");
    desk.change(tenant, LifeOrder::Close).await;
    desk.wait(days(30));
    let gone = LifeOutcome::Refused(LifeRefusal::AccessCodesGone);
    assert_eq!(desk.order(tenant, LifeOrder::Reopen).await, gone);
    end_rests(&desk).await;
    assert_eq!(desk.order(tenant, LifeOrder::Reopen).await, gone);
    assert_sound(ledger).await;
}

/// An applicant has at most one tenant in use.
pub async fn a_rival_keeps_a_closed_tenant_closed<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 2).await;
    let tenant = desk.join(1).await;
    desk.change(tenant, LifeOrder::Close).await;
    desk.wait(days(1) + SECOND);
    let rival = desk.join(1).await;
    let refusal = LifeRefusal::TenantExists { tenant: rival, shared: SharedField::Phone };
    assert_eq!(desk.order(tenant, LifeOrder::Reopen).await, LifeOutcome::Refused(refusal));
    desk.change(rival, LifeOrder::Close).await;
    desk.change(tenant, LifeOrder::Reopen).await;
    assert_sound(&*desk.ledger).await;
}

/// A converted tenant is not touched by the sweep; when it is closed, its codes are retired.
pub async fn a_commercial_tenant_keeps_its_codes_for_good<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 1).await;
    let tenant = desk.join(1).await;
    let ledger = &*desk.ledger;
    let held = ledger.tenant(tenant).await.unwrap().unwrap().access_codes;
    desk.wait(days(31));
    assert_eq!(step(&desk, tenant).await.0, TenantStatus::Suspended);
    assert_eq!(desk.change(tenant, LifeOrder::Convert).await.after, TenantStatus::Commercial);
    desk.wait(days(400));
    assert_eq!(due(&desk).await, []);
    assert_eq!(ledger.tenant(tenant).await.unwrap().unwrap().access_codes, held);
    desk.change(tenant, LifeOrder::Suspend).await;
    assert_eq!(desk.change(tenant, LifeOrder::Resume).await.after, TenantStatus::Commercial);
    desk.change(tenant, LifeOrder::Close).await;
    desk.wait(days(29));
    let stock = ledger.access_code_stock().await.unwrap();
    assert_eq!(stock.iter().map(|kind| (kind.quarantined, kind.retired)).collect::<Vec<_>>(), [(0, 1), (0, 1)]);
    desk.change(tenant, LifeOrder::Reopen).await;
    assert_eq!(status(ledger, tenant).await, TenantStatus::Commercial);
    assert_eq!(ledger.tenant(tenant).await.unwrap().unwrap().access_codes, held);
    assert_sound(ledger).await;
}

/// The same password as long as it is valid for a day; then a new one.
pub async fn an_account_is_sent_again_with_the_same_password<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 1).await;
    let tenant = desk.join(1).await;
    let ledger = &*desk.ledger;
    desk.wait(days(6));
    assert_eq!(desk.change(tenant, LifeOrder::ResendMail).await.mail, Some(MailKind::Account));
    assert_eq!(ledger.tenant(tenant).await.unwrap().unwrap().tenant.password_issue, 1);
    desk.wait(SECOND);
    desk.change(tenant, LifeOrder::ResendMail).await;
    let view = ledger.tenant(tenant).await.unwrap().unwrap();
    assert_eq!((view.tenant.password_issue, view.tenant.password_issued_at), (2, desk.now()));
    assert_eq!(view.mails.len(), 3);
    assert_sound(ledger).await;
}

/// A due account leaves before notices that were due long before.
pub async fn accounts_leave_the_outbox_first<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 2).await;
    let first = desk.join(1).await;
    let account = claim(&desk, 9).await;
    let sent = |mail: &DueMail| Settlement {
        mail: mail.id,
        lease: LeaseId::from_bytes([0; 16]),
        at: desk.now(),
        settled_as: SettledAs::Sent { reply: "250 OK".to_owned() },
    };
    desk.ledger.settle(vec![sent(&account[0])]).await.unwrap();
    desk.wait(SECOND);
    desk.change(first, LifeOrder::Suspend).await;
    desk.wait(Duration::from_mins(1));
    let second = desk.join(2).await;
    let claimed = claim(&desk, 9).await;
    let whose: Vec<_> = claimed.iter().map(|mail| (mail.kind, mail.tenant.as_ref().unwrap().id)).collect();
    assert_eq!(whose, [(MailKind::Account, second), (MailKind::Suspended, first)]);
    assert_eq!(claimed[1].access_codes.len(), 2);
}

/// With less than a tenth of the daily limit left, reminders wait for the next day; accounts do not.
pub async fn reminders_wait_for_the_last_tenth<F: LedgerFactory>(factory: &F) {
    let mut desk = desk(factory, 12).await;
    desk.set_planner(planner_with(|policy| policy.quota.threshold = 11));
    let tenant = desk.join(1).await;
    desk.wait(almost(days(23)));
    for n in 2..12 {
        desk.join(n).await;
    }
    desk.wait(SECOND);
    let change = desk.change(tenant, LifeOrder::Advance).await;
    assert_eq!((change.mail, change.mail_waits), (None, true), "one of eleven is left");
    assert_eq!(due(&desk).await, [], "tenants that wait are not due for a while");
    desk.wait(almost(NOTICE_WAITS));
    assert_eq!(due(&desk).await, []);
    desk.wait(SECOND);
    assert_eq!(due(&desk).await, [tenant], "it is due again");
    desk.join(12).await;
    assert_eq!(
        desk.order(tenant, LifeOrder::ResendMail).await,
        LifeOutcome::Refused(LifeRefusal::QuotaReached { threshold: 11 })
    );
    desk.wait(days(1));
    let change = desk.change(tenant, LifeOrder::Advance).await;
    assert_eq!((change.mail, change.mail_waits), (Some(MailKind::Reminder), false));
    assert_sound(&*desk.ledger).await;
}

/// The longest due first, each once, over pages; also of those due at the same instant.
pub async fn due_tenants_come_in_pages<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 5).await;
    let mut joined = Vec::new();
    for n in 1..6 {
        joined.push(desk.join(n).await);
        desk.wait(Duration::from_secs(u64::from(n % 2)));
    }
    desk.wait(days(40));
    let (mut found, mut after): (Vec<DueTenant>, _) = (Vec::new(), None);
    loop {
        let page = desk.ledger.due_tenants(desk.now(), after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(*last);
        found.extend(page);
    }
    assert!(found.is_sorted());
    let mut tenants: Vec<_> = found.into_iter().map(|due| due.tenant).collect();
    tenants.sort_unstable();
    joined.sort_unstable();
    assert_eq!(tenants, joined);
}

/// A dry run reports and changes nothing.
pub async fn a_rehearsal_changes_nothing<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 1).await;
    let tenant = desk.join(1).await;
    desk.wait(days(31));
    let before = desk.ledger.tenant(tenant).await.unwrap();
    let order = TenantOrder { tenant, order: LifeOrder::Advance, actor: SERVICE.to_owned() };
    let ids = FreshIds::new(desk.clock.now(), &desk.entropy.draw());
    let batch = Arc::new(trial_core::planner::Batch { now: desk.now(), requests: vec![(ids, Request::Tenant(order))] });
    let planner = planner_with(|_| {});
    let told = desk.ledger.rehearse(Arc::clone(&batch), Arc::clone(&planner)).await.unwrap();
    assert!(
        matches!(&told[..], [Outcome::Tenant(LifeOutcome::Done(change))] if change.after == TenantStatus::Suspended)
    );
    assert_eq!(desk.ledger.tenant(tenant).await.unwrap(), before);
    assert_eq!(desk.ledger.commit(batch, planner).await.unwrap(), told);
    assert_eq!(status(&*desk.ledger, tenant).await, TenantStatus::Suspended);
}

/// Actor, command, status before and after; no entry for a refused command.
pub async fn an_order_is_audited<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 1).await;
    let tenant = desk.join(1).await;
    desk.change(tenant, LifeOrder::Extend(days(10))).await;
    desk.order(tenant, LifeOrder::Reopen).await;
    let view = desk.ledger.tenant(tenant).await.unwrap().unwrap();
    assert_eq!(view.tenant.trial_ends_at, view.tenant.created_at + days(40));
    let refused = LifeOutcome::Refused(LifeRefusal::Status { status: "trial".to_owned() });
    assert_eq!(desk.order(tenant, LifeOrder::Reopen).await, refused);
    let query = AuditQuery { subject: Some(tenant.to_string()), limit: 9, ..AuditQuery::default() };
    let mut entries = desk.ledger.audit(query).await.unwrap();
    entries.reverse();
    let told: Vec<_> = entries.iter().map(|entry| (entry.actor.as_str(), entry.action.as_str())).collect();
    assert_eq!(told, [("applicant", "tenant.create"), ("operator", "tenant.extend")]);
}

/// Each attempt to deliver a mail, with the server's reply.
pub async fn every_attempt_is_kept<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 1).await;
    desk.join(1).await;
    let mail = claim(&desk, 1).await.remove(0);
    let lease = desk.ledger.claim(
        Lease {
            id: LeaseId::from_bytes([9; 16]),
            now: desk.now() + Duration::from_mins(3),
            until: desk.now() + Duration::from_mins(5),
            horizon: desk.now() + Duration::from_mins(30),
        },
        1,
    );
    assert_eq!(lease.await.unwrap().len(), 1);
    let settle = async |lease, settled_as| {
        let settlement = Settlement { mail: mail.id, lease, at: desk.now(), settled_as };
        desk.ledger.settle(vec![settlement]).await.unwrap();
    };
    let retry = SettledAs::Retry { next_attempt_at: desk.now(), error: "451 later".to_owned() };
    settle(LeaseId::from_bytes([9; 16]), retry.clone()).await;
    settle(LeaseId::from_bytes([8; 16]), retry).await;
    settle(LeaseId::from_bytes([8; 16]), SettledAs::Sent { reply: "250 taken".to_owned() }).await;
    let attempts = desk.ledger.mail_attempts(mail.id).await.unwrap();
    let told: Vec<_> = attempts.iter().map(|one| (one.attempt, one.result.as_str(), one.reply.as_str())).collect();
    assert_eq!(told, [(1, "retry", "451 later"), (2, "sent", "250 taken")]);
}

/// Once per name and day, with a mail that takes no unit and goes after accounts.
pub async fn a_warning_is_sent_once_a_day<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 1).await;
    let day = desk.now().date_naive();
    let told = |day| {
        let warning =
            Warning { day, name: "pool.voice.low".to_owned(), at: desk.now(), words: "voice: 1 free".to_owned() };
        let mail = MailRecord {
            id: MailId::new(desk.now(), desk.entropy.draw()),
            kind: MailKind::Warning,
            tenant: None,
            to: email(1),
            locale: Locale::En,
            created_at: desk.now(),
            quota: None,
            detail: Some(warning.words.clone()),
        };
        WarningToTell { warning, mails: vec![mail] }
    };
    assert!(desk.ledger.warn(told(day)).await.unwrap());
    assert!(!desk.ledger.warn(told(day)).await.unwrap());
    let known = desk.ledger.warnings(day).await.unwrap();
    assert_eq!(known, [told(day).warning]);
    desk.join(1).await;
    let claimed = claim(&desk, 9).await;
    let kinds: Vec<_> = claimed.iter().map(|mail| (mail.kind, mail.detail.as_deref())).collect();
    assert_eq!(kinds, [(MailKind::Account, None), (MailKind::Warning, Some("voice: 1 free"))]);
    assert_eq!(desk.quota(day).await.used.reserved, 1);
    assert!(desk.ledger.warn(told(day.succ_opt().unwrap())).await.unwrap());
    assert_sound(&*desk.ledger).await;
}
