//! Mails, from claim to settlement.

use std::time::Duration;

use chrono::{DateTime, Utc};
use trial_core::applications::Application;
use trial_core::audit::AuditQuery;
use trial_core::mails::{
    DueMail, Lease, MailContent, MailKind, MailPage, MailQueue, MailRetried, MailState, MailView, OutboxMail,
    SettledAs, Settlement,
};
use trial_core::policy::Policy;
use trial_core::ports::{AuditTrail, Operations, Outbox};
use trial_core::tenants::TenantAction;
use trial_core::values::{CompanyName, Email, LeaseId, Locale, MailId, TenantId};

use super::{LedgerFactory, assert_sound, harness};
use crate::LedgerHarness;
use crate::data::{email, keyring, multimedia, voice};

const LEASE: Duration = Duration::from_mins(2);

/// The outbox of a fixture, and a worker.
struct Worker<'a, L> {
    harness: &'a LedgerHarness<L>,
}

impl<L: Outbox + Operations + trial_core::ports::TrialLedger> Worker<'_, L> {
    fn lease(&self) -> Lease {
        let now = self.harness.now();
        let id = LeaseId::new(now, self.harness.entropy.draw());
        Lease { id, now, until: now + LEASE, horizon: now + Duration::from_hours(1) }
    }

    async fn claim(&self, limit: u32) -> (LeaseId, Vec<DueMail>) {
        let lease = self.lease();
        (lease.id, self.harness.ledger.claim(lease, limit).await.unwrap())
    }

    async fn claim_one(&self) -> (LeaseId, DueMail) {
        let (lease, mut mails) = self.claim(9).await;
        assert_eq!(mails.len(), 1);
        (lease, mails.remove(0))
    }

    async fn assert_nothing_due(&self) {
        assert_eq!(self.claim(9).await.1, []);
    }

    async fn settle(&self, mail: MailId, lease: LeaseId, settled_as: SettledAs) {
        let settlement = Settlement { mail, lease, at: self.harness.now(), settled_as };
        self.harness.ledger.settle(vec![settlement]).await.unwrap();
    }

    async fn mail(&self, tenant: TenantId) -> MailView {
        self.harness.ledger.tenant(tenant).await.unwrap().unwrap().mails.remove(0)
    }
}

fn sent() -> SettledAs {
    SettledAs::Sent { reply: "250 2.0.0 OK".to_owned() }
}

fn retry(next_attempt_at: DateTime<Utc>) -> SettledAs {
    SettledAs::Retry { next_attempt_at, error: "451 try later".to_owned() }
}

/// A due mail comes with all its content.
pub async fn a_due_mail_is_complete<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let worker = Worker { harness: &harness };
    let application = Application {
        company: CompanyName::parse("\u{795e}\u{9a6c} \u{1F680} Straße").unwrap(),
        email: Email::parse("Ann.O'Neil+trial@Example.COM").unwrap(),
        locale: Locale::ZhCn,
        ..harness.prepared(1).await
    };
    assert_eq!(harness.apply_for_code(application.clone()).await, "000");
    let (_, mail) = worker.claim_one().await;
    assert_eq!((mail.kind, &mail.to, mail.locale), (MailKind::Account, &application.email, Locale::ZhCn));
    assert_eq!((mail.created_at, mail.attempts), (harness.now(), 0));
    let of = mail.tenant.unwrap();
    assert_eq!((&of.company, &of.email), (&application.company, &application.email));
    let codes: Vec<_> = mail.access_codes.values().collect();
    assert_eq!(codes, [&voice(1), &multimedia(1)]);
    let tenant = harness.ledger.tenant(of.id).await.unwrap().unwrap();
    assert_eq!((tenant.tenant, tenant.mails[0].id), (of, mail.id));
}

/// The longest due first, at most `limit`, none twice.
pub async fn claims_do_not_overlap<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 3).await;
    let worker = Worker { harness: &harness };
    let mut tenants = Vec::new();
    for n in 1..4 {
        tenants.push(harness.join(n).await);
        harness.wait(Duration::from_secs(1));
    }
    let claimed = |mails: &[DueMail]| mails.iter().map(|mail| mail.tenant.as_ref().unwrap().id).collect::<Vec<_>>();
    assert_eq!(claimed(&worker.claim(2).await.1), tenants[..2]);
    assert_eq!(claimed(&worker.claim(2).await.1), tenants[2..]);
    worker.assert_nothing_due().await;
    assert_eq!(worker.mail(tenants[0]).await.state, MailState::Due);
}

/// When a lease ends, its mails are due again.
pub async fn an_ended_lease_frees_its_mails<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let worker = Worker { harness: &harness };
    harness.join(1).await;
    let (_, mail) = worker.claim_one().await;
    harness.wait(Duration::from_secs(119));
    worker.assert_nothing_due().await;
    harness.wait(Duration::from_secs(1));
    assert_eq!(worker.claim_one().await.1.id, mail.id);
}

/// A renewed lease holds until its new end, only for mails still claimed under it.
pub async fn a_renewed_lease_holds<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 3).await;
    let worker = Worker { harness: &harness };
    let tenants = [harness.join(1).await, harness.join(2).await];
    let (lease, mails) = worker.claim(9).await;
    let other = harness.join(3).await;
    let (_, others) = worker.claim(9).await;
    let retried = mails.iter().find(|mail| mail.tenant.as_ref().unwrap().id == tenants[0]).unwrap();
    let next = harness.now() + Duration::from_secs(10);
    worker.settle(retried.id, lease, retry(next)).await;
    let unknown = LeaseId::new(harness.now(), harness.entropy.draw());
    harness.wait(Duration::from_secs(1));
    let until = harness.now() + Duration::from_mins(5);
    harness.ledger.renew(vec![lease, unknown], until).await.unwrap();
    assert_eq!(worker.mail(tenants[0]).await.next_attempt_at, next, "it is claimed no more");
    assert_eq!(worker.mail(tenants[1]).await.next_attempt_at, until);
    harness.ledger.renew(vec![lease], harness.now()).await.unwrap();
    assert_eq!(worker.mail(tenants[1]).await.next_attempt_at, until, "no lease is shortened");
    harness.wait(LEASE);
    let claimed: Vec<MailId> = worker.claim(9).await.1.iter().map(|mail| mail.id).collect();
    assert_eq!(claimed, [retried.id, others[0].id], "another lease, that of {other}, has ended");
    harness.wait(Duration::from_mins(5).saturating_sub(LEASE));
    assert!(worker.claim(9).await.1.iter().any(|mail| mail.tenant.as_ref().unwrap().id == tenants[1]));
    harness.ledger.renew(Vec::new(), until).await.unwrap();
}

/// A sent mail is counted and never due again.
pub async fn a_sent_mail_is_done_with<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let worker = Worker { harness: &harness };
    let tenant = harness.join(1).await;
    let (lease, mail) = worker.claim_one().await;
    worker.settle(mail.id, lease, sent()).await;
    let view = worker.mail(tenant).await;
    assert_eq!((view.state, view.attempts), (MailState::Sent, 1));
    assert_eq!(view.last_reply.as_deref(), Some("250 2.0.0 OK"));
    let quota = harness.quota(harness.now().date_naive()).await;
    assert_eq!((quota.used.sent, quota.used.failed, quota.used.reserved), (1, 0, 1));
    harness.wait(Duration::from_hours(48));
    let later = harness.quota(harness.now().date_naive()).await;
    assert_eq!(
        (later.used.sent, later.used.failed, later.used.reserved),
        (0, 0, 0),
        "it is of the day that its unit was taken"
    );
    worker.assert_nothing_due().await;
    assert_sound(&*harness.ledger).await;
}

/// A mail to be retried is due at its time, and counts its attempts.
pub async fn a_retry_is_due_at_its_time<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let worker = Worker { harness: &harness };
    let tenant = harness.join(1).await;
    let created_at = harness.now();
    for attempts in 0..3 {
        let (lease, mail) = worker.claim_one().await;
        assert_eq!((mail.attempts, mail.created_at), (attempts, created_at));
        let next = harness.now() + Duration::from_secs(10);
        worker.settle(mail.id, lease, retry(next)).await;
        let view = worker.mail(tenant).await;
        assert_eq!((view.state, view.attempts, view.next_attempt_at), (MailState::Due, attempts + 1, next));
        assert_eq!(view.last_reply.as_deref(), Some("451 try later"));
        harness.wait(Duration::from_secs(9));
        worker.assert_nothing_due().await;
        harness.wait(Duration::from_secs(1));
    }
}

/// A mail that is given up is kept, counted and never due again.
pub async fn a_failed_mail_stays_visible<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let worker = Worker { harness: &harness };
    let tenant = harness.join(1).await;
    let (lease, mail) = worker.claim_one().await;
    worker.settle(mail.id, lease, SettledAs::Failed { error: "550 no such user".to_owned() }).await;
    let view = worker.mail(tenant).await;
    assert_eq!((view.state, view.last_reply.as_deref()), (MailState::Failed, Some("550 no such user")));
    let quota = harness.quota(harness.now().date_naive()).await;
    assert_eq!((quota.used.sent, quota.used.failed), (0, 1));
    harness.wait(Duration::from_hours(48));
    worker.assert_nothing_due().await;
    assert_sound(&*harness.ledger).await;
}

/// A delivery counts even if its lease ended and another worker has the mail; a later retry does not count.
pub async fn late_sent_counts<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let worker = Worker { harness: &harness };
    let tenant = harness.join(1).await;
    let (slow, mail) = worker.claim_one().await;
    harness.wait(LEASE);
    let (fast, _) = worker.claim_one().await;
    worker.settle(mail.id, slow, sent()).await;
    assert_eq!(worker.mail(tenant).await.state, MailState::Sent);
    worker.settle(mail.id, fast, retry(harness.now())).await;
    assert_eq!(worker.mail(tenant).await.state, MailState::Sent);
    worker.settle(mail.id, fast, SettledAs::Failed { error: "550".to_owned() }).await;
    assert_eq!(worker.mail(tenant).await.state, MailState::Sent);
    worker.assert_nothing_due().await;
}

/// A retry or a failure under a lease that another worker took over changes nothing.
pub async fn a_late_failure_does_not_count<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let worker = Worker { harness: &harness };
    let tenant = harness.join(1).await;
    let (slow, mail) = worker.claim_one().await;
    harness.wait(LEASE);
    let (fast, _) = worker.claim_one().await;
    let before = worker.mail(tenant).await;
    worker.settle(mail.id, slow, retry(harness.now())).await;
    worker.settle(mail.id, slow, SettledAs::Failed { error: "550".to_owned() }).await;
    assert_eq!(worker.mail(tenant).await, before);
    worker.assert_nothing_due().await;
    worker.settle(mail.id, fast, sent()).await;
    assert_eq!(worker.mail(tenant).await.state, MailState::Sent);
}

/// An ended lease that no worker took over still counts.
pub async fn an_ended_lease_that_no_worker_took_over_counts<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let worker = Worker { harness: &harness };
    let tenant = harness.join(1).await;
    let (lease, mail) = worker.claim_one().await;
    harness.wait(LEASE * 2);
    let next = harness.now() + Duration::from_secs(10);
    worker.settle(mail.id, lease, retry(next)).await;
    assert_eq!(worker.mail(tenant).await.next_attempt_at, next);
    worker.assert_nothing_due().await;
}

/// A repeated settlement, after its first answer was lost, counts once.
pub async fn a_settlement_counts_once<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let worker = Worker { harness: &harness };
    let tenant = harness.join(1).await;
    let (lease, mail) = worker.claim_one().await;
    let next = harness.now() + Duration::from_secs(10);
    worker.settle(mail.id, lease, retry(next)).await;
    worker.settle(mail.id, lease, retry(next)).await;
    assert_eq!(worker.mail(tenant).await.attempts, 1);
    harness.wait(Duration::from_secs(10));
    let (lease, mail) = worker.claim_one().await;
    worker.settle(mail.id, lease, sent()).await;
    worker.settle(mail.id, lease, sent()).await;
    assert_eq!(worker.mail(tenant).await.attempts, 2);
}

/// A mail due beyond the horizon dates from before the clock was set back: it is due now.
pub async fn a_clock_set_back_delays_no_mail<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let worker = Worker { harness: &harness };
    harness.join(1).await;
    harness.clock.step_back(Duration::from_mins(30));
    worker.assert_nothing_due().await;
    harness.clock.step_back(Duration::from_mins(31));
    let (lease, mail) = worker.claim_one().await;
    worker.assert_nothing_due().await;
    worker.settle(mail.id, lease, sent()).await;
}

/// Several settlements at once, one of an unknown mail among them, which changes nothing.
pub async fn settlements_come_together<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 2).await;
    let worker = Worker { harness: &harness };
    let tenants = [harness.join(1).await, harness.join(2).await];
    let (lease, mails) = worker.claim(9).await;
    let unknown = MailId::new(harness.now(), harness.entropy.draw());
    let ids = mails.iter().map(|mail| mail.id).chain([unknown]);
    let settlements = ids.map(|mail| Settlement { mail, lease, at: harness.now(), settled_as: sent() });
    harness.ledger.settle(settlements.collect()).await.unwrap();
    for tenant in tenants {
        assert_eq!(worker.mail(tenant).await.state, MailState::Sent);
    }
    harness.ledger.settle(Vec::new()).await.unwrap();
}

/// Mails are listed by state, newest first, page by page.
pub async fn mails_are_listed_by_state<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 4).await;
    let worker = Worker { harness: &harness };
    let mut tenants = Vec::new();
    for n in 1..5 {
        tenants.push(harness.join(n).await);
        harness.wait(Duration::from_secs(1));
    }
    let (lease, mails) = worker.claim(3).await;
    worker.settle(mails[0].id, lease, SettledAs::Failed { error: "550 no such user".to_owned() }).await;
    worker.settle(mails[1].id, lease, sent()).await;
    worker.settle(mails[2].id, lease, SettledAs::Failed { error: "554 no".to_owned() }).await;
    let list = async |state, before, limit| {
        harness.ledger.mails(MailPage { state: Some(state), tenant: None, before, limit }).await.unwrap()
    };
    let failed = list(MailState::Failed, None, 9).await;
    assert_eq!(failed.iter().map(|entry| entry.tenant.unwrap()).collect::<Vec<_>>(), [tenants[2], tenants[0]]);
    assert_eq!((failed[1].to.as_str(), failed[1].mail.kind), (email(1).as_str(), MailKind::Account));
    assert_eq!(failed[1].mail, worker.mail(tenants[0]).await);
    assert_eq!(list(MailState::Failed, None, 1).await, failed[..1]);
    assert_eq!(list(MailState::Failed, Some(failed[0].mail.id), 9).await, failed[1..]);
    assert_eq!(list(MailState::Failed, None, 0).await, []);
    let MailQueue { due, oldest_due, failed: given_up } = harness.ledger.mail_queue().await.unwrap();
    assert_eq!((due, oldest_due, given_up), (1, Some(harness.now() - Duration::from_secs(1)), 2));
    let of = |listed: Vec<OutboxMail>| listed.iter().map(|entry| entry.tenant.unwrap()).collect::<Vec<_>>();
    assert_eq!(of(list(MailState::Sent, None, 9).await), [tenants[1]]);
    assert_eq!(of(list(MailState::Due, None, 9).await), [tenants[3]]);
}

/// The due mails by kind, each with the reason that keeps it from leaving, if any.
async fn would_leave<L: Outbox + Operations + trial_core::ports::TrialLedger>(
    worker: &Worker<'_, L>,
) -> Vec<(MailKind, Option<String>)> {
    worker.harness.wait(LEASE);
    let (_, mails) = worker.claim(99).await;
    let composed = mails.iter().map(|mail| {
        let composed = mail.compose(&keyring(), &Policy::default().trial, worker.harness.now());
        (mail.kind, composed.err().map(|error| error.to_string()))
    });
    composed.collect()
}

/// Commands overtake waiting mails: each mail is checked again before it leaves.
pub async fn commands_overtake_mails_that_wait<F: LedgerFactory>(factory: &F) {
    use MailKind::{Account, Closed, Reminder, Suspended};
    let week_before = Duration::from_hours(23 * 24);
    let ended = "the tenant is closed";
    for (orders, expected) in [
        (vec![TenantAction::Convert], vec![(Reminder, Some("the tenant was converted, so no trial ends"))]),
        (vec![TenantAction::Close], vec![(Reminder, Some(ended)), (Closed, None)]),
        (
            vec![TenantAction::Suspend, TenantAction::Resume],
            vec![(Reminder, None), (Suspended, Some("the tenant is no longer suspended"))],
        ),
        (vec![TenantAction::Suspend], vec![(Reminder, Some("the tenant is suspended")), (Suspended, None)]),
        (
            vec![TenantAction::Extend(Duration::from_hours(20 * 24))],
            vec![(Reminder, Some("the end of the trial was moved"))],
        ),
        (
            vec![TenantAction::Close, TenantAction::Reopen],
            vec![(Reminder, None), (Closed, Some("the tenant was opened again"))],
        ),
        (
            vec![TenantAction::ResendMail, TenantAction::ResendMail],
            vec![(Account, Some("a newer mail of its kind is on its way")), (Account, None), (Reminder, None)],
        ),
        (
            vec![TenantAction::ResendMail, TenantAction::Convert],
            vec![(Account, None), (Reminder, Some("the tenant was converted, so no trial ends"))],
        ),
    ] {
        let harness = harness(factory, 1).await;
        let worker = Worker { harness: &harness };
        let tenant = harness.join(1).await;
        let (lease, account) = worker.claim_one().await;
        worker.settle(account.id, lease, sent()).await;
        harness.wait(week_before);
        assert_eq!(harness.change(tenant, TenantAction::Advance).await.mail, Some(Reminder));
        for order in &orders {
            harness.wait(Duration::from_secs(1));
            harness.change(tenant, order.clone()).await;
        }
        let left = would_leave(&worker).await;
        let left: Vec<_> = left.iter().map(|(kind, why)| (*kind, why.as_deref())).collect();
        assert_eq!(left, expected, "{orders:?}");
    }
}

/// The account mail of a converted tenant says so, after `convert` and `resend-mail` alike.
pub async fn the_account_mail_of_a_converted_tenant_says_so<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let worker = Worker { harness: &harness };
    let tenant = harness.join(1).await;
    let content = async || {
        harness.wait(LEASE);
        let (_, mails) = worker.claim(9).await;
        let newest = mails.iter().max_by_key(|mail| mail.id).unwrap();
        let last = newest.compose(&keyring(), &Policy::default().trial, harness.now()).unwrap();
        let MailContent::Account(account) = last.content else { panic!("an account: {last:?}") };
        account.is_customer
    };
    assert!(!content().await);
    harness.change(tenant, TenantAction::Convert).await;
    assert!(content().await, "the one that waits");
    harness.change(tenant, TenantAction::ResendMail).await;
    assert!(content().await);
}

/// An overtaken mail is settled as overtaken: shown with its reason, not due, not failed, and not retried.
pub async fn an_overtaken_mail_is_settled_as_that<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let worker = Worker { harness: &harness };
    let tenant = harness.join(1).await;
    let (lease, mail) = worker.claim_one().await;
    let reason = "the tenant is closed".to_owned();
    worker.settle(mail.id, lease, SettledAs::Overtaken { reason: reason.clone() }).await;
    let view = worker.mail(tenant).await;
    assert_eq!((view.state, view.last_reply.as_ref()), (MailState::Overtaken, Some(&reason)));
    let attempts = harness.ledger.mail_attempts(mail.id).await.unwrap();
    assert_eq!((attempts.len(), &attempts[0].result, &attempts[0].reply), (1, &"overtaken".to_owned(), &reason));
    let page = MailPage { state: Some(MailState::Overtaken), tenant: None, before: None, limit: 9 };
    assert_eq!(harness.ledger.mails(page).await.unwrap().len(), 1);
    let retried = harness.ledger.retry_mail(mail.id, harness.operator()).await.unwrap();
    assert_eq!(retried, MailRetried::Refused(MailState::Overtaken));
    assert_eq!(harness.ledger.retry_mails(mail.created_at, harness.operator()).await.unwrap(), 0);
    harness.wait(Duration::from_hours(48));
    worker.assert_nothing_due().await;
    let quota = harness.quota(mail.created_at.date_naive()).await;
    assert_eq!((quota.used.sent, quota.used.failed, quota.used.reserved), (0, 0, 1));
    assert_sound(&*harness.ledger).await;
}

/// Everything that failed since a time is due again at once, and nothing else; with one audit entry.
pub async fn failed_mails_are_retried_together<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 4).await;
    let worker = Worker { harness: &harness };
    for n in 1..5 {
        harness.join(n).await;
    }
    let (lease, mails) = worker.claim(9).await;
    let failed = || SettledAs::Failed { error: "550 5.4.5 Daily user sending limit exceeded".to_owned() };
    worker.settle(mails[0].id, lease, failed()).await;
    harness.wait(Duration::from_secs(1));
    let since = harness.now();
    worker.settle(mails[1].id, lease, failed()).await;
    worker.settle(mails[2].id, lease, failed()).await;
    worker.settle(mails[3].id, lease, sent()).await;
    let refused = harness.ledger.refused_mails(since, 9).await.unwrap();
    let mut to: Vec<_> = refused.iter().map(|one| one.to.as_str()).collect();
    to.sort_unstable();
    let mut expected = [mails[1].to.as_str(), mails[2].to.as_str()];
    expected.sort_unstable();
    assert_eq!(to, expected, "not what failed before");
    assert!(refused.iter().all(|one| one.reply == "550 5.4.5 Daily user sending limit exceeded"));
    assert_eq!(harness.ledger.retry_mails(since + Duration::from_secs(1), harness.operator()).await.unwrap(), 0);
    assert_eq!(harness.ledger.retry_mails(since, harness.operator()).await.unwrap(), 2);
    assert_eq!(harness.ledger.refused_mails(since, 9).await.unwrap().len(), 2, "they wait with the same reply");
    assert_eq!(harness.ledger.refused_mails(since, 1).await.unwrap().len(), 1);
    let due: Vec<MailId> = worker.claim(9).await.1.iter().map(|mail| mail.id).collect();
    assert_eq!(due, [mails[1].id, mails[2].id]);
    let query = AuditQuery { action: Some("mail.retry_all".to_owned()), limit: 9, ..AuditQuery::default() };
    let audited = harness.ledger.audit(query).await.unwrap();
    assert_eq!(audited.len(), 2);
    assert!(audited[0].detail.starts_with("2 given up since "), "{:?}", audited[0]);
    assert_sound(&*harness.ledger).await;
}

/// A mail that was given up can be made due again; no other can.
pub async fn a_failed_mail_can_be_retried<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let worker = Worker { harness: &harness };
    let tenant = harness.join(1).await;
    let unknown = MailId::new(harness.now(), harness.entropy.draw());
    let retry = async |id| harness.ledger.retry_mail(id, harness.operator()).await.unwrap();
    assert_eq!(retry(unknown).await, MailRetried::Unknown);
    let (lease, mail) = worker.claim_one().await;
    assert_eq!(retry(mail.id).await, MailRetried::Refused(MailState::Due));
    worker.settle(mail.id, lease, SettledAs::Failed { error: "550 no such user".to_owned() }).await;
    harness.wait(Duration::from_hours(30));
    assert_eq!(retry(mail.id).await, MailRetried::Due);
    let view = worker.mail(tenant).await;
    assert_eq!((view.state, view.attempts, view.next_attempt_at), (MailState::Due, 1, harness.now()));
    assert_eq!(view.last_reply.as_deref(), Some("550 no such user"), "until there is another");
    assert_sound(&*harness.ledger).await;
    assert_eq!(retry(mail.id).await, MailRetried::Refused(MailState::Due));
    let (lease, again) = worker.claim_one().await;
    assert_eq!((again.id, again.attempts, again.created_at), (mail.id, 1, mail.created_at));
    worker.settle(mail.id, lease, sent()).await;
    assert_eq!(retry(mail.id).await, MailRetried::Refused(MailState::Sent));
}
