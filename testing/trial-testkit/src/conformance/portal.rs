//! Passwords of tenants' owners, their sessions, and attempts to sign in.

use std::sync::Arc;
use std::time::Duration;

use chrono::{NaiveTime, TimeDelta};
use futures_util::future::join_all;
use trial_core::audit::{AuditQuery, AuditRecord};
use trial_core::mails::{MailContent, MailKind, MailPage, MailState, PasswordChangedMail};
use trial_core::operators::PortalSecret;
use trial_core::planner::{Outcome, Request};
use trial_core::policy::{CLOCK_SKEW, Policy, SettingCommand, SettingKey, SettingValue};
use trial_core::portal::{
    AttemptKind, OWNER_ACTS_PER_HOUR, OwnPassword, PORTAL_LINKS_PER_ADDRESS, PORTAL_SESSION_LIFETIME, PortalAccount,
    PortalAttempt, PortalSession,
};
use trial_core::ports::{AuditTrail, Operations, Portal, Privacy, SettingsStore, TrialLedger, Upkeep};
use trial_core::privacy::ERASED_EMAIL;
use trial_core::tenants::{DueTenant, Tenant, TenantAction, TenantCommand, TenantOutcome, TenantRefusal};
use trial_core::values::{Person, TenantId};

use super::lifecycle::claim;
use super::{LedgerFactory, assert_sound, harness, in_the_end};
use crate::LedgerHarness;
use crate::data::keyring;
use crate::ledger_harness::by_owner;

fn secret(n: u8) -> PortalSecret {
    PortalSecret::new(&[n; 32])
}

fn entry<L: TrialLedger>(harness: &LedgerHarness<L>, action: &'static str, tenant: TenantId) -> AuditRecord {
    harness.operator().entry(action, tenant.to_string(), String::new())
}

fn own<L: TrialLedger>(harness: &LedgerHarness<L>, account: &PortalAccount, hash: &str) -> OwnPassword {
    account.with_own_password(hash.to_owned(), harness.now()).1
}

fn is_done(outcome: &TenantOutcome) -> bool {
    matches!(outcome, TenantOutcome::Done(_))
}

async fn account_of<F: LedgerFactory>(harness: &LedgerHarness<F::Ledger>) -> PortalAccount {
    let tenant = harness.join(1).await;
    harness.ledger.portal_account(tenant).await.unwrap().unwrap()
}

/// An account is found, complete; of an unknown tenant, nothing.
pub async fn an_account_is_found_with_its_own_password<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let fresh = account_of::<F>(&harness).await;
    let kept = harness.ledger.tenant(fresh.tenant.id).await.unwrap().unwrap().tenant;
    assert_eq!(fresh, PortalAccount { tenant: kept, own: None });
    assert_eq!(harness.ledger.portal_account(TenantId::from_bytes([9; 16])).await.unwrap(), None);
    for (n, hash) in [(1, "first"), (2, "second")] {
        harness.wait(Duration::from_secs(1));
        let account = harness.ledger.portal_account(fresh.tenant.id).await.unwrap().unwrap();
        let (chosen, own) = account.with_own_password(hash.to_owned(), harness.now());
        let session = PortalSession::begin(secret(n).hash(), &chosen, harness.now());
        assert!(is_done(&harness.set_password(own.clone(), session).await));
        let found = harness.ledger.portal_account(fresh.tenant.id).await.unwrap().unwrap();
        assert_eq!(found, chosen);
        assert_eq!(found.own_password(), Some(&own));
        let (session, account) = harness.ledger.portal_session(session.secret).await.unwrap().unwrap();
        assert!(session.lets_in(&account, harness.now()));
        assert_eq!(found.tenant.password_valid_until(), harness.now(), "the initial one is used up");
    }
    assert_sound(&*harness.ledger).await;
}

/// An own password ends every other session; one that replaces an expired issue changes nothing.
pub async fn a_new_password_ends_other_sessions<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let account = account_of::<F>(&harness).await;
    let id = account.tenant.id;
    for n in 1..=2 {
        let session = PortalSession::begin(secret(n).hash(), &account, harness.now());
        harness.ledger.begin_portal_session(session, entry(&harness, "portal.sign_in", id)).await.unwrap();
        let found = harness.ledger.portal_session(session.secret).await.unwrap();
        assert_eq!(found, Some((session, account.clone())));
    }
    let stale = OwnPassword { issue: account.tenant.password_issue + 2, ..own(&harness, &account, "stale") };
    let session = PortalSession::begin(secret(3).hash(), &account, harness.now());
    assert_eq!(harness.set_password(stale, session).await, TenantOutcome::Refused(TenantRefusal::Superseded));
    assert_eq!(harness.ledger.portal_account(id).await.unwrap(), Some(account.clone()));
    assert_eq!(harness.ledger.portal_session(session.secret).await.unwrap(), None);
    let (chosen, own) = account.with_own_password("hash".to_owned(), harness.now());
    let session = PortalSession::begin(secret(3).hash(), &chosen, harness.now());
    assert!(is_done(&harness.set_password(own, session).await));
    for (n, is_there) in [(1, false), (2, false), (3, true)] {
        assert_eq!(harness.ledger.portal_session(secret(n).hash()).await.unwrap().is_some(), is_there, "{n}");
    }
}

/// Sessions are used, ended one by one or all at once, and removed when expired; the audit records it.
pub async fn portal_sessions_begin_and_end<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let account = account_of::<F>(&harness).await;
    let id = account.tenant.id;
    for n in 1..=4 {
        let session = PortalSession::begin(secret(n).hash(), &account, harness.now());
        harness.ledger.begin_portal_session(session, entry(&harness, "portal.sign_in", id)).await.unwrap();
    }
    let (begun, used) = (harness.now(), harness.now() + Duration::from_mins(5));
    for at in [used, begun] {
        harness.ledger.note_portal_session(secret(2).hash(), at).await.unwrap();
    }
    let used_at = harness.ledger.portal_session(secret(2).hash()).await.unwrap().map(|(session, _)| session.used_at);
    assert_eq!(used_at, Some(used), "it never goes back");
    let foreign = TenantId::from_bytes([9; 16]);
    let sign_out = |tenant, n| {
        harness.wait(Duration::from_secs(1));
        harness.ledger.end_portal_session(tenant, secret(n).hash(), entry(&harness, "portal.sign_out", tenant))
    };
    sign_out(id, 1).await.unwrap();
    sign_out(foreign, 2).await.unwrap();
    let there = async |n| harness.ledger.portal_session(secret(n).hash()).await.unwrap().is_some();
    assert_eq!((there(1).await, there(2).await, there(3).await), (false, true, true));
    harness.clock.set(begun + PORTAL_SESSION_LIFETIME);
    let late = PortalSession::begin(secret(5).hash(), &account, harness.now());
    harness.ledger.begin_portal_session(late, entry(&harness, "portal.sign_in", id)).await.unwrap();
    assert_eq!((there(2).await, there(5).await), (false, true), "an expired session is removed");
    harness.change(id, TenantAction::SignOutEverywhere).await;
    assert!(!there(5).await);
    let query = AuditQuery { subject: Some(id.to_string()), limit: 99, ..AuditQuery::default() };
    let entries = harness.ledger.audit(query).await.unwrap();
    let of = |action: &str| entries.iter().filter(|entry| entry.action == action).count();
    assert_eq!((of("portal.sign_in"), of("portal.sign_out")), (5, 2));
}

/// Attempts are counted by account and by address, within an hour, also when they come at once.
pub async fn attempts_to_sign_in_are_counted<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let count = async |account: &str, address: &str| {
        let one = PortalAttempt::new(AttemptKind::SignIn, account, address, harness.now(), &keyring());
        let tries = in_the_end(|| harness.ledger.count_portal_try(one)).await;
        (tries.account, tries.address)
    };
    assert_eq!(count("a", "x").await, (1, 1));
    assert_eq!(count("a", "y").await, (2, 1));
    assert_eq!(count("b", "y").await, (1, 2));
    assert_eq!(count("x", "a").await, (1, 1), "an account is not an address");
    let mut at_once: Vec<u32> =
        join_all((0..8).map(|_| count("c", "z"))).await.into_iter().map(|(tries, _)| tries).collect();
    at_once.sort_unstable();
    assert_eq!(at_once, [1, 2, 3, 4, 5, 6, 7, 8]);
    let link = |account: &str| PortalAttempt::new(AttemptKind::Link, account, "w", harness.now(), &keyring());
    for n in 1..=PORTAL_LINKS_PER_ADDRESS {
        let tries = harness.ledger.count_portal_try(link(&n.to_string())).await.unwrap();
        assert_eq!((tries.account, tries.address), (1, n));
    }
    for n in 1..=2 {
        let refused = harness.ledger.count_portal_try(link("owner")).await.unwrap();
        assert_eq!((refused.account, refused.address), (0, PORTAL_LINKS_PER_ADDRESS + n), "it keeps no owner out");
        assert!(link("owner").is_one_too_many(refused));
    }
    harness.wait(Duration::from_hours(1));
    assert_eq!(count("a", "y").await, (1, 1));
}

/// A suspension, a close and a new issue end the sessions: a resumed tenant starts without any.
pub async fn a_session_ends_with_its_tenant<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 2).await;
    let account = account_of::<F>(&harness).await;
    let (id, other) = (account.tenant.id, harness.join(2).await);
    let other = harness.ledger.portal_account(other).await.unwrap().unwrap();
    let there = async |n| harness.ledger.portal_session(secret(n).hash()).await.unwrap().is_some();
    let orders = [TenantAction::Suspend, TenantAction::ResendMail, TenantAction::Close];
    let stays = PortalSession::begin(secret(9).hash(), &other, harness.now());
    harness.ledger.begin_portal_session(stays, entry(&harness, "portal.sign_in", other.tenant.id)).await.unwrap();
    for (n, order) in (1..).zip(orders) {
        harness.wait(Duration::from_hours(7 * 24));
        let session = PortalSession::begin(secret(n).hash(), &account, harness.now());
        harness.ledger.begin_portal_session(session, entry(&harness, "portal.sign_in", id)).await.unwrap();
        harness.change(id, TenantAction::AskConversion).await;
        assert!(there(n).await, "{order:?}");
        harness.change(id, order.clone()).await;
        assert!(!there(n).await, "{order:?}");
        if order == TenantAction::Suspend {
            harness.change(id, TenantAction::Resume).await;
            assert!(!there(n).await);
        }
    }
    assert_sound(&*harness.ledger).await;
}

/// The wish for a conversion is stored with the tenant, once, until it is converted or closed, or the wish is
/// withdrawn.
pub async fn a_wish_for_conversion_is_kept<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 2).await;
    let (one, two) = (harness.join(1).await, harness.join(2).await);
    let asked_at = async |id| harness.ledger.tenant(id).await.unwrap().unwrap().tenant.conversion_asked_at;
    let first = harness.now();
    for _ in 0..2 {
        harness.change(one, TenantAction::AskConversion).await;
        harness.wait(Duration::from_secs(1));
    }
    assert_eq!((asked_at(one).await, asked_at(two).await), (Some(first), None));
    harness.change(one, TenantAction::Suspend).await;
    assert_eq!(asked_at(one).await, Some(first), "operations still see it");
    harness.change(one, TenantAction::Convert).await;
    assert_eq!(asked_at(one).await, None);
    for order in [TenantAction::WithdrawConversion, TenantAction::WithdrawConversion, TenantAction::Close] {
        if order == TenantAction::Close {
            harness.change(two, TenantAction::AskConversion).await;
        }
        harness.change(two, order.clone()).await;
        assert_eq!(asked_at(two).await, None, "{order:?}");
    }
    let query = AuditQuery { subject: Some(one.to_string()), limit: 99, ..AuditQuery::default() };
    let entries = harness.ledger.audit(query).await.unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.action == "tenant.ask_conversion").count(), 1);
    assert_sound(&*harness.ledger).await;
}

/// A wish stated at many instances at once is stored once, at the time of one of them.
pub async fn a_wish_for_conversion_is_one_wherever_it_is_said<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let id = harness.join(1).await;
    let asked = (0..8).map(|_| {
        harness.wait(Duration::from_millis(1));
        let order = TenantCommand { tenant: id, order: TenantAction::AskConversion, actor: "owner".to_owned() };
        harness.batch([Request::Tenant(order)])
    });
    let asked: Vec<_> = asked.collect();
    let commits = asked.iter().map(|batch| in_the_end(|| harness.try_commit(Arc::clone(batch))));
    for outcomes in join_all(commits).await {
        assert!(matches!(outcomes[..], [Outcome::Tenant(TenantOutcome::Done(_))]), "{outcomes:?}");
    }
    let kept = harness.ledger.tenant(id).await.unwrap().unwrap().tenant.conversion_asked_at;
    assert!(asked.iter().any(|batch| Some(batch.now) == kept), "{kept:?}");
    let query = AuditQuery { subject: Some(id.to_string()), limit: 99, ..AuditQuery::default() };
    let entries = harness.ledger.audit(query).await.unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.action == "tenant.ask_conversion").count(), 1);
    assert_sound(&*harness.ledger).await;
}

/// A link is a mail of the tenant, and takes a unit of the owners' budget, none of the daily limit.
pub async fn a_link_to_a_password_is_a_mail<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let account = account_of::<F>(&harness).await;
    let id = account.tenant.id;
    harness.wait(Duration::from_secs(1));
    assert_eq!(harness.change(id, TenantAction::LostPassword).await.mail, Some(MailKind::Password));
    assert_eq!(told::<F>(&harness, id).await, (vec![MailKind::Account, MailKind::Password], 1, 1));
    assert_eq!(harness.ledger.portal_account(id).await.unwrap(), Some(account), "asking changes nothing else");
    assert_sound(&*harness.ledger).await;
}

/// The kinds of a tenant's mails, oldest first, and the units of this day taken of the daily limit, and by owners.
async fn told<F: LedgerFactory>(harness: &LedgerHarness<F::Ledger>, tenant: TenantId) -> (Vec<MailKind>, u32, u32) {
    let mails = harness.ledger.tenant(tenant).await.unwrap().unwrap().mails;
    let quota = harness.quota(harness.now().date_naive()).await;
    (mails.iter().map(|mail| mail.kind).collect(), quota.used.reserved, quota.used.owners.reserved)
}

/// The owner of this tenant sets another password now.
async fn set_another<F: LedgerFactory>(harness: &LedgerHarness<F::Ledger>, id: TenantId, n: u8) -> TenantOutcome {
    let account = harness.ledger.portal_account(id).await.unwrap().unwrap();
    let (chosen, own) = account.with_own_password(format!("hash {n}"), harness.now());
    harness.set_password(own, PortalSession::begin(secret(n).hash(), &chosen, harness.now())).await
}

/// A changed password is notified by a mail that takes a unit of the owners' budget, or none if none is left.
pub async fn a_changed_password_is_notified<F: LedgerFactory>(factory: &F) {
    use MailKind::{Account, PasswordChanged, Suspended};
    let harness = harness(factory, 2).await;
    let id = account_of::<F>(&harness).await.tenant.id;
    let other = harness.join(2).await;
    harness.wait(Duration::from_secs(1));
    harness.change(other, TenantAction::Suspend).await;
    harness.set_threshold(4).await;
    let mut changed = Vec::new();
    for (n, mails) in [(1, vec![Account, PasswordChanged]), (2, vec![Account, PasswordChanged, PasswordChanged])] {
        harness.wait(Duration::from_secs(1));
        assert!(is_done(&set_another::<F>(&harness, id, n).await));
        assert_eq!(told::<F>(&harness, id).await, (mails, 3, 1), "{n}: a twentieth of 4 is 1");
        changed.push(harness.now());
    }
    let due = claim(&harness, 9).await;
    let kinds: Vec<_> = due.iter().map(|mail| mail.kind).collect();
    assert_eq!(
        kinds,
        [Account, Account, PasswordChanged, PasswordChanged, Suspended],
        "before mails that were due earlier"
    );
    let account = harness.ledger.portal_account(id).await.unwrap().unwrap();
    for (mail, changed_at) in due[2..4].iter().zip(changed) {
        assert_eq!((&mail.to, mail.locale), (&account.tenant.email, account.tenant.locale));
        let composed = mail.compose(&keyring(), &Policy::default().trial, harness.now()).unwrap();
        let expected = PasswordChangedMail { account_name: Tenant::account_name(id), changed_at, changes: None };
        assert_eq!(composed.content, MailContent::PasswordChanged(expected));
    }
    let query = AuditQuery { action: Some("portal.password".to_owned()), limit: 99, ..AuditQuery::default() };
    assert_eq!(harness.ledger.audit(query).await.unwrap().len(), 2);
    assert_sound(&*harness.ledger).await;
}

/// From the fourth change of a day on, one digest mail reports their number after the day ends, once.
pub async fn many_changes_of_a_day_are_notified_by_one_digest<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let id = account_of::<F>(&harness).await.tenant.id;
    for n in 1..=6 {
        harness.wait(Duration::from_secs(1));
        assert!(is_done(&set_another::<F>(&harness, id, n).await));
    }
    let last = harness.now();
    let at_once =
        vec![MailKind::Account, MailKind::PasswordChanged, MailKind::PasswordChanged, MailKind::PasswordChanged];
    assert_eq!(told::<F>(&harness, id).await, (at_once.clone(), 1, 3));
    let midnight = last.date_naive().succ_opt().unwrap().and_time(NaiveTime::MIN).and_utc();
    let due = midnight + CLOCK_SKEW;
    harness.clock.set(due - TimeDelta::microseconds(1));
    assert_eq!(harness.ledger.due_tenants(harness.now(), None, 9).await.unwrap(), []);
    harness.change(id, TenantAction::Advance).await;
    assert_eq!(told::<F>(&harness, id).await.0, at_once, "not before its time");
    harness.clock.set(due);
    let expected = DueTenant { since: due, tenant: id };
    assert_eq!(harness.ledger.due_tenants(harness.now(), None, 9).await.unwrap(), [expected]);
    for _ in 0..2 {
        harness.change(id, TenantAction::Advance).await;
        let kinds = [&at_once[..], &[MailKind::PasswordChanged]].concat();
        assert_eq!(told::<F>(&harness, id).await, (kinds, 0, 1), "of the day on which it leaves");
        assert_eq!(harness.ledger.due_tenants(harness.now(), None, 9).await.unwrap(), []);
        harness.wait(Duration::from_secs(1));
    }
    let mails = claim(&harness, 9).await;
    let composed = mails.last().unwrap().compose(&keyring(), &Policy::default().trial, harness.now()).unwrap();
    let account_name = Tenant::account_name(id);
    let digest = PasswordChangedMail { account_name, changed_at: last, changes: Some(6) };
    assert_eq!(composed.content, MailContent::PasswordChanged(digest));
    assert_sound(&*harness.ledger).await;
}

/// Every kind of act is limited per hour, apart from the others, and is free again with the next.
pub async fn acts_of_an_owner_are_bound_by_the_hour<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 2).await;
    let (id, other) = (harness.join(1).await, harness.join(2).await);
    let wish =
        |n: u32| if n.is_multiple_of(2) { TenantAction::AskConversion } else { TenantAction::WithdrawConversion };
    for n in 0..OWNER_ACTS_PER_HOUR {
        harness.change(id, wish(n)).await;
        harness.change(id, TenantAction::SignOutEverywhere).await;
    }
    let hour = PortalAttempt::hour_of(harness.now());
    let refused = TenantOutcome::Refused(TenantRefusal::TooManyActs { until: PortalAttempt::end_of(hour) });
    for order in [TenantAction::AskConversion, TenantAction::SignOutEverywhere] {
        assert_eq!(harness.order(id, order).await, refused);
    }
    harness.change(id, TenantAction::WithdrawConversion).await;
    assert_eq!(harness.ledger.tenant(id).await.unwrap().unwrap().tenant.conversion_asked_at, None);
    assert!(is_done(&set_another::<F>(&harness, id, 1).await), "passwords are counted apart");
    harness.change(other, TenantAction::AskConversion).await;
    let query = AuditQuery { subject: Some(id.to_string()), limit: 99, ..AuditQuery::default() };
    let entries = harness.ledger.audit(query).await.unwrap();
    let of = |action: &str| entries.iter().filter(|entry| entry.action.contains(action)).count();
    assert_eq!((of("conversion"), of("portal.sign_out"), of("portal.password")), (10, 10, 1));
    harness.clock.set(PortalAttempt::end_of(hour));
    harness.change(id, TenantAction::AskConversion).await;
    harness.change(id, TenantAction::SignOutEverywhere).await;
    assert_sound(&*harness.ledger).await;
}

/// Mails of owners take nothing from applicants, and the other way round.
pub async fn owners_and_applicants_have_budgets_of_their_own<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 3).await;
    harness.set_threshold(2).await;
    let one = harness.join(1).await;
    for n in 1..=9 {
        assert!(is_done(&set_another::<F>(&harness, one, n).await));
    }
    let refused = TenantOutcome::Refused(TenantRefusal::OwnerMailsSpent { limit: 1 });
    assert_eq!(harness.order(one, TenantAction::LostPassword).await, refused);
    let late = harness.prepared(3).await;
    let two = harness.join(2).await;
    assert_eq!(harness.apply_for_code(late).await, "205");
    let order = SettingCommand { key: SettingKey::OwnerMails, value: Some(SettingValue::Count(3)), seen: None };
    harness.ledger.change_setting(order, Arc::new(Policy::default()), harness.operator()).await.unwrap();
    assert_eq!(harness.change(two, TenantAction::LostPassword).await.mail, Some(MailKind::Password));
    assert_eq!(harness.change(one, TenantAction::LostPassword).await.mail, Some(MailKind::Password));
    let quota = harness.quota(harness.now().date_naive()).await;
    assert_eq!((quota.used.reserved, quota.left, quota.used.owners.reserved), (2, 0, 3));
    assert_sound(&*harness.ledger).await;
}

/// Without a change there is no mail: a password that is late, of an owner who may not sign in, or of an unknown
/// tenant.
pub async fn a_refused_password_is_not_notified<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let account = account_of::<F>(&harness).await;
    let id = account.tenant.id;
    let late = own(&harness, &account, "late");
    let session =
        PortalSession { issue: late.issue, ..PortalSession::begin(secret(1).hash(), &account, harness.now()) };
    let set = async |own: OwnPassword| is_done(&harness.set_password(own, session).await);
    assert!(!set(OwnPassword { issue: late.issue + 1, ..late.clone() }).await);
    assert!(!set(OwnPassword { tenant: TenantId::from_bytes([9; 16]), ..late.clone() }).await);
    harness.change(id, TenantAction::Suspend).await;
    let before = told::<F>(&harness, id).await;
    assert!(!set(late.clone()).await, "suspended");
    assert_eq!(told::<F>(&harness, id).await, before);
    harness.change(id, TenantAction::Resume).await;
    assert_eq!(harness.ledger.portal_account(id).await.unwrap(), Some(account));
    assert_eq!(harness.ledger.portal_session(session.secret).await.unwrap(), None);
    assert!(set(late).await, "the fitting one is set");
    assert!(told::<F>(&harness, id).await.0.contains(&MailKind::PasswordChanged));
    assert_sound(&*harness.ledger).await;
}

/// Of passwords set at many instances at once, one is stored, and notified once.
pub async fn a_password_is_changed_by_one_of_many_at_once<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let account = account_of::<F>(&harness).await;
    let id = account.tenant.id;
    harness.wait(Duration::from_secs(1));
    let batches = (1..=8).map(|n| {
        let (chosen, own) = account.with_own_password(format!("hash {n}"), harness.now());
        let session = PortalSession::begin(secret(n).hash(), &chosen, harness.now());
        let order = by_owner(own, session, false);
        harness.batch([Request::Tenant(TenantCommand { tenant: id, order, actor: "owner".to_owned() })])
    });
    let batches: Vec<_> = batches.collect();
    let set = batches.iter().map(|batch| in_the_end(|| harness.try_commit(Arc::clone(batch))));
    let set: Vec<_> = join_all(set).await.into_iter().flatten().collect();
    let is_set = |outcome: &Outcome| matches!(outcome, Outcome::Tenant(TenantOutcome::Done(_)));
    assert_eq!(set.iter().filter(|outcome| is_set(outcome)).count(), 1, "{set:?}");
    let winner = 1 + set.iter().position(is_set).unwrap();
    let kept = harness.ledger.portal_account(id).await.unwrap().unwrap();
    assert_eq!(kept.own_password().map(|own| own.hash.clone()), Some(format!("hash {winner}")));
    assert_eq!(told::<F>(&harness, id).await, (vec![MailKind::Account, MailKind::PasswordChanged], 1, 1));
    assert_sound(&*harness.ledger).await;
}

/// Portal data of a person is exported without its hashes, and erased with the person; expired data is removed.
pub async fn portal_data_is_exported_and_removed<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let account = account_of::<F>(&harness).await;
    let id = account.tenant.id;
    let (chosen, own) = account.with_own_password("$argon2id$secret".to_owned(), harness.now());
    let session = PortalSession::begin(secret(1).hash(), &chosen, harness.now());
    assert!(is_done(&harness.set_password(own, session).await));
    let one = PortalAttempt::new(AttemptKind::SignIn, "a", "x", harness.now(), &keyring());
    harness.ledger.count_portal_try(one).await.unwrap();
    let person = Person::Phone(account.tenant.phone.clone());
    let held = harness.ledger.held_on(person.clone()).await.unwrap();
    let rows = |table| held.0.get(table).map_or(0, Vec::len);
    assert_eq!((rows("portal_passwords"), rows("portal_sessions"), rows("mails"), rows("owner_acts")), (1, 1, 2, 1));
    let words = format!("{held:?}");
    assert!(!words.contains("argon2id") && words.contains(&id.to_string()), "{words}");
    assert_eq!(harness.ledger.expire_portal(harness.now()).await.unwrap(), 0);
    harness.wait(Duration::from_hours(1));
    assert_eq!(harness.ledger.expire_portal(harness.now()).await.unwrap(), 2, "the attempts of account and address");
    harness.wait(PORTAL_SESSION_LIFETIME);
    assert_eq!(harness.ledger.expire_portal(harness.now()).await.unwrap(), 1, "the session");
    harness.change(id, TenantAction::Close).await;
    harness.ledger.forget(person.clone(), "person-1".to_owned(), false, harness.operator()).await.unwrap();
    assert_eq!(harness.ledger.portal_account(id).await.unwrap().unwrap().own, None);
    let held = harness.ledger.held_on(person).await.unwrap().counts();
    assert!(["portal_passwords", "owner_acts"].iter().all(|table| !held.contains_key(table)), "{held:?}");
    let mails = harness.ledger.mails(MailPage { state: None, tenant: Some(id), before: None, limit: 9 }).await.unwrap();
    assert!(mails.iter().any(|mail| mail.mail.kind == MailKind::PasswordChanged));
    assert!(mails.iter().all(|mail| mail.to == ERASED_EMAIL && mail.mail.state != MailState::Due));
    assert_sound(&*harness.ledger).await;
}
