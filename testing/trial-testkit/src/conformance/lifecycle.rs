//! The lifecycle of a tenant after its first day.

use std::sync::Arc;
use std::time::Duration;

use trial_core::access_codes::RestOver;
use trial_core::audit::{AuditQuery, SERVICE};
use trial_core::mails::{DueMail, Lease, MailKind, MailRecord, SettledAs, Settlement};
use trial_core::planner::{FreshIds, Outcome, Request};
use trial_core::ports::{AuditTrail, Clock, Operations, Outbox, TrialLedger, Upkeep};
use trial_core::tenants::{
    DueTenant, NOTICE_WAITS, SharedField, TenantAction, TenantCommand, TenantOutcome, TenantRefusal, TenantStatus,
};
use trial_core::values::{LeaseId, Locale, MailId, TenantId};
use trial_core::warnings::{NewWarning, Warning};

use super::{LedgerFactory, assert_sound, harness};
use crate::LedgerHarness;
use crate::data::{email, planner_with, voice};

const SECOND: Duration = Duration::from_secs(1);

fn days(number: u32) -> Duration {
    Duration::from_hours(24) * number
}

fn almost(wait: Duration) -> Duration {
    wait.saturating_sub(SECOND)
}

/// Advances the tenant, at the latest to its next step: its status, and the mail that was queued.
async fn step<L: TrialLedger>(harness: &LedgerHarness<L>, tenant: TenantId) -> (TenantStatus, Option<MailKind>) {
    let change = harness.change(tenant, TenantAction::Advance).await;
    (change.after, change.mail)
}

async fn status<L: Operations>(ledger: &L, tenant: TenantId) -> TenantStatus {
    ledger.tenant(tenant).await.unwrap().unwrap().tenant.status
}

async fn due<L: Upkeep + TrialLedger>(harness: &LedgerHarness<L>) -> Vec<TenantId> {
    harness.ledger.due_tenants(harness.now(), None, 100).await.unwrap().into_iter().map(|due| due.tenant).collect()
}

async fn end_rests<L: Upkeep + TrialLedger>(harness: &LedgerHarness<L>) -> Vec<String> {
    let rest = RestOver { now: harness.now(), quarantine: days(30) };
    let freed = harness.ledger.end_rests(rest, 100, false).await.unwrap();
    freed.into_iter().map(|freed| freed.code.to_string()).collect()
}

pub(super) async fn claim<L: Outbox + TrialLedger>(harness: &LedgerHarness<L>, limit: u32) -> Vec<DueMail> {
    let now = harness.now();
    let lease = Lease {
        id: LeaseId::new(now, harness.entropy.draw()),
        now,
        until: now + Duration::from_mins(2),
        horizon: now + Duration::from_mins(30),
    };
    harness.ledger.claim(lease, limit).await.unwrap()
}

/// Before the first mark, the newest tenant gives the last known time. A mark only goes forward; an operator sets it to
/// the clock's time.
pub async fn the_clock_is_marked_and_confirmed<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    assert_eq!(harness.ledger.clock_mark().await.unwrap(), None);
    let tenant = harness.join(1).await;
    let created_at = harness.ledger.tenant(tenant).await.unwrap().unwrap().tenant.created_at;
    assert_eq!(harness.ledger.clock_mark().await.unwrap(), Some(created_at));
    let marked = harness.now() + days(2);
    for (now, expected) in [(harness.now(), harness.now()), (marked, marked), (harness.now(), marked)] {
        harness.ledger.mark_clock(now).await.unwrap();
        assert_eq!(harness.ledger.clock_mark().await.unwrap(), Some(expected));
    }
    harness.ledger.check().await.unwrap();
    harness.ledger.confirm_clock(harness.operator()).await.unwrap();
    assert_eq!(harness.ledger.clock_mark().await.unwrap(), Some(harness.now()), "set back as well");
    let query = AuditQuery { action: Some("clock.confirm".to_owned()), limit: 9, ..AuditQuery::default() };
    let written = harness.ledger.audit(query).await.unwrap();
    assert_eq!(written.len(), 1);
    let time = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%dT%H:%M:%SZ");
    assert_eq!(written[0].detail, format!("before {}, after {}", time(marked), time(harness.now())));
}

/// Trial, two reminders, suspended with a notice, closed with another; each at its time, and once.
pub async fn a_trial_runs_its_course<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let tenant = harness.join(1).await;
    let ledger = &*harness.ledger;
    assert_eq!(due(&harness).await, []);
    for (wait, expected) in [
        (days(23), (TenantStatus::Trial, Some(MailKind::Reminder))),
        (days(6), (TenantStatus::Trial, Some(MailKind::Reminder))),
        (days(1), (TenantStatus::Suspended, Some(MailKind::Suspended))),
        (days(7), (TenantStatus::Closed, Some(MailKind::Closed))),
    ] {
        harness.wait(almost(wait));
        assert_eq!(due(&harness).await, [], "a second before {expected:?}");
        harness.wait(SECOND);
        assert_eq!(due(&harness).await, [tenant], "{expected:?}");
        assert_eq!(step(&harness, tenant).await, expected);
        assert_eq!(due(&harness).await, []);
        let again = harness.change(tenant, TenantAction::Advance).await;
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
    let harness = harness(factory, 1).await;
    let tenant = harness.join(1).await;
    let before = harness.ledger.tenant(tenant).await.unwrap();
    assert_eq!(step(&harness, tenant).await, (TenantStatus::Trial, None));
    assert_eq!(harness.ledger.tenant(tenant).await.unwrap(), before);
    let unknown = TenantId::new(harness.now(), harness.entropy.draw());
    assert_eq!(harness.order(unknown, TenantAction::Convert).await, TenantOutcome::Refused(TenantRefusal::Unknown));
}

/// Codes of a closed tenant are quarantined, and are assigned after those that were free for longer.
pub async fn a_closed_tenants_codes_are_quarantined_and_freed<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let tenant = harness.join(1).await;
    let ledger = &*harness.ledger;
    harness.change(tenant, TenantAction::Close).await;
    assert_eq!(harness.apply_for_code(harness.prepared(2).await).await, "006", "they are in quarantine");
    let stock = ledger.access_code_stock().await.unwrap();
    assert_eq!(stock.iter().map(|kind| (kind.free, kind.quarantined)).collect::<Vec<_>>(), [(0, 1), (0, 1)]);
    harness.wait(almost(days(30)));
    assert_eq!(end_rests(&harness).await, Vec::<String>::new());
    harness.wait(SECOND);
    assert_eq!(end_rests(&harness).await.len(), 2);
    assert_eq!(end_rests(&harness).await, Vec::<String>::new(), "once");
    assert_sound(ledger).await;
    let next = harness.join(2).await;
    let held = ledger.tenant(next).await.unwrap().unwrap().access_codes;
    assert!(held.values().any(|code| *code == voice(1)), "{held:?}");
}

/// A tenant that is reopened during the quarantine has its codes again; later, they are gone.
pub async fn a_close_can_be_undone_during_the_quarantine<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let tenant = harness.join(1).await;
    let ledger = &*harness.ledger;
    let held = ledger.tenant(tenant).await.unwrap().unwrap().access_codes;
    harness.change(tenant, TenantAction::Close).await;
    harness.wait(days(2));
    assert_eq!(harness.change(tenant, TenantAction::Reopen).await.after, TenantStatus::Trial);
    assert_eq!(ledger.tenant(tenant).await.unwrap().unwrap().access_codes, held);
    assert_sound(ledger).await;
    harness.change(tenant, TenantAction::Close).await;
    harness.wait(days(29));
    assert_eq!(
        harness.change(tenant, TenantAction::Reopen).await.after,
        TenantStatus::Suspended,
        "its trial has expired"
    );
    harness.change(tenant, TenantAction::Close).await;
    harness.wait(days(30));
    let gone = TenantOutcome::Refused(TenantRefusal::AccessCodesGone);
    assert_eq!(harness.order(tenant, TenantAction::Reopen).await, gone);
    end_rests(&harness).await;
    assert_eq!(harness.order(tenant, TenantAction::Reopen).await, gone);
    assert_sound(ledger).await;
}

/// An applicant has at most one tenant in use.
pub async fn a_rival_keeps_a_closed_tenant_closed<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 2).await;
    let tenant = harness.join(1).await;
    harness.change(tenant, TenantAction::Close).await;
    harness.wait(days(1) + SECOND);
    let rival = harness.join(1).await;
    let refusal = TenantRefusal::TenantExists { tenant: rival, shared: SharedField::Phone };
    assert_eq!(harness.order(tenant, TenantAction::Reopen).await, TenantOutcome::Refused(refusal));
    harness.change(rival, TenantAction::Close).await;
    harness.change(tenant, TenantAction::Reopen).await;
    assert_sound(&*harness.ledger).await;
}

/// A converted tenant is not touched by the sweep; when it is closed, its codes are retired.
pub async fn a_commercial_tenant_keeps_its_codes_for_good<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let tenant = harness.join(1).await;
    let ledger = &*harness.ledger;
    let held = ledger.tenant(tenant).await.unwrap().unwrap().access_codes;
    harness.wait(days(31));
    assert_eq!(step(&harness, tenant).await.0, TenantStatus::Suspended);
    assert_eq!(harness.change(tenant, TenantAction::Convert).await.after, TenantStatus::Commercial);
    harness.wait(days(400));
    assert_eq!(due(&harness).await, []);
    assert_eq!(ledger.tenant(tenant).await.unwrap().unwrap().access_codes, held);
    harness.change(tenant, TenantAction::Suspend).await;
    assert_eq!(harness.change(tenant, TenantAction::Resume).await.after, TenantStatus::Commercial);
    harness.change(tenant, TenantAction::Close).await;
    harness.wait(days(29));
    let stock = ledger.access_code_stock().await.unwrap();
    assert_eq!(stock.iter().map(|kind| (kind.quarantined, kind.retired)).collect::<Vec<_>>(), [(0, 1), (0, 1)]);
    harness.change(tenant, TenantAction::Reopen).await;
    assert_eq!(status(ledger, tenant).await, TenantStatus::Commercial);
    assert_eq!(ledger.tenant(tenant).await.unwrap().unwrap().access_codes, held);
    assert_sound(ledger).await;
}

/// The same password as long as it is valid for a day; then a new one.
pub async fn an_account_is_sent_again_with_the_same_password<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let tenant = harness.join(1).await;
    let ledger = &*harness.ledger;
    harness.wait(days(6));
    assert_eq!(harness.change(tenant, TenantAction::ResendMail).await.mail, Some(MailKind::Account));
    assert_eq!(ledger.tenant(tenant).await.unwrap().unwrap().tenant.password_issue, 1);
    harness.wait(SECOND);
    harness.change(tenant, TenantAction::ResendMail).await;
    let view = ledger.tenant(tenant).await.unwrap().unwrap();
    assert_eq!((view.tenant.password_issue, view.tenant.password_issued_at), (2, harness.now()));
    assert_eq!(view.mails.len(), 3);
    assert_sound(ledger).await;
}

/// A due account leaves before notices that were due long before.
pub async fn accounts_leave_the_outbox_first<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 2).await;
    let first = harness.join(1).await;
    let account = claim(&harness, 9).await;
    let sent = |mail: &DueMail| Settlement {
        mail: mail.id,
        lease: LeaseId::from_bytes([0; 16]),
        at: harness.now(),
        settled_as: SettledAs::Sent { reply: "250 OK".to_owned() },
    };
    harness.ledger.settle(vec![sent(&account[0])]).await.unwrap();
    harness.wait(SECOND);
    harness.change(first, TenantAction::Suspend).await;
    harness.wait(Duration::from_mins(1));
    let second = harness.join(2).await;
    let claimed = claim(&harness, 9).await;
    let whose: Vec<_> = claimed.iter().map(|mail| (mail.kind, mail.tenant.as_ref().unwrap().id)).collect();
    assert_eq!(whose, [(MailKind::Account, second), (MailKind::Suspended, first)]);
    assert_eq!(claimed[1].access_codes.len(), 2);
}

/// With less than a tenth of the daily limit left, reminders wait for the next day; accounts do not.
pub async fn reminders_wait_for_the_last_tenth<F: LedgerFactory>(factory: &F) {
    let mut harness = harness(factory, 12).await;
    harness.set_planner(planner_with(|policy| policy.quota.threshold = 11));
    let tenant = harness.join(1).await;
    harness.wait(almost(days(23)));
    for n in 2..12 {
        harness.join(n).await;
    }
    harness.wait(SECOND);
    let change = harness.change(tenant, TenantAction::Advance).await;
    assert_eq!((change.mail, change.mail_waits), (None, true), "one of eleven is left");
    assert_eq!(due(&harness).await, [], "tenants that wait are not due for a while");
    harness.wait(almost(NOTICE_WAITS));
    assert_eq!(due(&harness).await, []);
    harness.wait(SECOND);
    assert_eq!(due(&harness).await, [tenant], "it is due again");
    harness.join(12).await;
    assert_eq!(
        harness.order(tenant, TenantAction::ResendMail).await,
        TenantOutcome::Refused(TenantRefusal::QuotaReached { threshold: 11 })
    );
    harness.wait(days(1));
    let change = harness.change(tenant, TenantAction::Advance).await;
    assert_eq!((change.mail, change.mail_waits), (Some(MailKind::Reminder), false));
    assert_sound(&*harness.ledger).await;
}

/// The longest due first, each once, over pages; also of those due at the same instant.
pub async fn due_tenants_come_in_pages<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 5).await;
    let mut joined = Vec::new();
    for n in 1..6 {
        joined.push(harness.join(n).await);
        harness.wait(Duration::from_secs(u64::from(n % 2)));
    }
    harness.wait(days(40));
    let (mut found, mut after): (Vec<DueTenant>, _) = (Vec::new(), None);
    loop {
        let page = harness.ledger.due_tenants(harness.now(), after, 2).await.unwrap();
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
    let harness = harness(factory, 1).await;
    let tenant = harness.join(1).await;
    harness.wait(days(31));
    let before = harness.ledger.tenant(tenant).await.unwrap();
    let order = TenantCommand { tenant, order: TenantAction::Advance, actor: SERVICE.to_owned() };
    let ids = FreshIds::new(harness.clock.now(), &harness.entropy.draw());
    let batch =
        Arc::new(trial_core::planner::Batch { now: harness.now(), requests: vec![(ids, Request::Tenant(order))] });
    let planner = planner_with(|_| {});
    let told = harness.ledger.rehearse(Arc::clone(&batch), Arc::clone(&planner)).await.unwrap();
    assert!(
        matches!(&told[..], [Outcome::Tenant(TenantOutcome::Done(change))] if change.after == TenantStatus::Suspended)
    );
    assert_eq!(harness.ledger.tenant(tenant).await.unwrap(), before);
    assert_eq!(harness.ledger.commit(batch, planner).await.unwrap(), told);
    assert_eq!(status(&*harness.ledger, tenant).await, TenantStatus::Suspended);
}

/// Actor, command, status before and after; no entry for a refused command.
pub async fn an_order_is_audited<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let tenant = harness.join(1).await;
    harness.change(tenant, TenantAction::Extend(days(10))).await;
    harness.order(tenant, TenantAction::Reopen).await;
    let view = harness.ledger.tenant(tenant).await.unwrap().unwrap();
    assert_eq!(view.tenant.trial_ends_at, view.tenant.created_at + days(40));
    let refused = TenantOutcome::Refused(TenantRefusal::Status { status: "trial".to_owned() });
    assert_eq!(harness.order(tenant, TenantAction::Reopen).await, refused);
    let query = AuditQuery { subject: Some(tenant.to_string()), limit: 9, ..AuditQuery::default() };
    let mut entries = harness.ledger.audit(query).await.unwrap();
    entries.reverse();
    let told: Vec<_> = entries.iter().map(|entry| (entry.actor.as_str(), entry.action.as_str())).collect();
    assert_eq!(told, [("applicant", "tenant.create"), ("operator", "tenant.extend")]);
}

/// Each attempt to deliver a mail, with the server's reply.
pub async fn every_attempt_is_kept<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    harness.join(1).await;
    let mail = claim(&harness, 1).await.remove(0);
    let lease = harness.ledger.claim(
        Lease {
            id: LeaseId::from_bytes([9; 16]),
            now: harness.now() + Duration::from_mins(3),
            until: harness.now() + Duration::from_mins(5),
            horizon: harness.now() + Duration::from_mins(30),
        },
        1,
    );
    assert_eq!(lease.await.unwrap().len(), 1);
    let settle = async |lease, settled_as| {
        let settlement = Settlement { mail: mail.id, lease, at: harness.now(), settled_as };
        harness.ledger.settle(vec![settlement]).await.unwrap();
    };
    let retry = SettledAs::Retry { next_attempt_at: harness.now(), error: "451 later".to_owned() };
    settle(LeaseId::from_bytes([9; 16]), retry.clone()).await;
    settle(LeaseId::from_bytes([8; 16]), retry).await;
    settle(LeaseId::from_bytes([8; 16]), SettledAs::Sent { reply: "250 taken".to_owned() }).await;
    let attempts = harness.ledger.mail_attempts(mail.id).await.unwrap();
    let told: Vec<_> = attempts.iter().map(|one| (one.attempt, one.result.as_str(), one.reply.as_str())).collect();
    assert_eq!(told, [(1, "retry", "451 later"), (2, "sent", "250 taken")]);
}

/// Once per name and day, with a mail that takes no unit and goes after accounts.
pub async fn a_warning_is_sent_once_a_day<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let day = harness.now().date_naive();
    let told = |day| {
        let warning =
            Warning { day, name: "pool.voice.low".to_owned(), at: harness.now(), words: "voice: 1 free".to_owned() };
        let mail = MailRecord {
            id: MailId::new(harness.now(), harness.entropy.draw()),
            kind: MailKind::Warning,
            tenant: None,
            to: email(1),
            locale: Locale::En,
            created_at: harness.now(),
            quota: None,
            detail: Some(warning.words.clone()),
        };
        NewWarning { warning, mails: vec![mail] }
    };
    assert!(harness.ledger.warn(told(day)).await.unwrap());
    assert!(!harness.ledger.warn(told(day)).await.unwrap());
    let known = harness.ledger.warnings(day).await.unwrap();
    assert_eq!(known, [told(day).warning]);
    harness.join(1).await;
    let claimed = claim(&harness, 9).await;
    let kinds: Vec<_> = claimed.iter().map(|mail| (mail.kind, mail.detail.as_deref())).collect();
    assert_eq!(kinds, [(MailKind::Account, None), (MailKind::Warning, Some("voice: 1 free"))]);
    assert_eq!(harness.quota(day).await.used.reserved, 1);
    assert!(harness.ledger.warn(told(day.succ_opt().unwrap())).await.unwrap());
    assert_sound(&*harness.ledger).await;
}
