//! Passwords of tenants' owners, their sessions, and tries to sign in.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use trial_core::ports::{AuditTrail, DataCare, Operations, Portal, TrialLedger};
use trial_core::{
    AuditQuery, AuditRecord, ERASED_EMAIL, LifeOrder, LifeOutcome, MailContent, MailKind, MailPage, MailState, Outcome,
    OwnPassword, PORTAL_SESSION_LIFETIME, PasswordChangedMail, Person, Policy, PortalAccount, PortalSecret,
    PortalSession, PortalTry, Request, Tenant, TenantId, TenantOrder, TryKind,
};

use super::life::claim;
use super::{LedgerFactory, assert_sound, desk, in_the_end};
use crate::Desk;
use crate::data::keyring;

fn secret(n: u8) -> PortalSecret {
    PortalSecret::new(&[n; 32])
}

fn entry<L: TrialLedger>(desk: &Desk<L>, action: &'static str, tenant: TenantId) -> AuditRecord {
    desk.operator().entry(action, tenant.to_string(), String::new())
}

fn own<L: TrialLedger>(desk: &Desk<L>, account: &PortalAccount, hash: &str) -> OwnPassword {
    account.with_own_password(hash.to_owned(), desk.now()).1
}

async fn account_of<F: LedgerFactory>(desk: &Desk<F::Ledger>) -> PortalAccount {
    let tenant = desk.join(1).await;
    desk.ledger.portal_account(tenant).await.unwrap().unwrap()
}

/// All that was written of an account comes back, and of a tenant that there is not, nothing.
pub async fn an_account_is_found_with_its_own_password<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 1).await;
    let fresh = account_of::<F>(&desk).await;
    let kept = desk.ledger.tenant(fresh.tenant.id).await.unwrap().unwrap().tenant;
    assert_eq!(fresh, PortalAccount { tenant: kept, own: None });
    assert_eq!(desk.ledger.portal_account(TenantId::from_bytes([9; 16])).await.unwrap(), None);
    for (n, hash) in [(1, "first"), (2, "second")] {
        desk.wait(Duration::from_secs(1));
        let account = desk.ledger.portal_account(fresh.tenant.id).await.unwrap().unwrap();
        let (chosen, own) = account.with_own_password(hash.to_owned(), desk.now());
        let session = PortalSession::begin(secret(n).hash(), &chosen, desk.now());
        assert!(desk.ledger.set_own_password(desk.password_change(own.clone(), session)).await.unwrap());
        let found = desk.ledger.portal_account(fresh.tenant.id).await.unwrap().unwrap();
        assert_eq!(found, chosen);
        assert_eq!(found.own_password(), Some(&own));
        let (session, account) = desk.ledger.portal_session(session.secret).await.unwrap().unwrap();
        assert!(session.lets_in(&account, desk.now()));
        assert_eq!(found.tenant.password_valid_until(), desk.now(), "the initial one is used up");
    }
    assert_sound(&*desk.ledger).await;
}

/// A password of one's own ends every other session; one that replaces an issue that is over changes nothing.
pub async fn a_new_password_ends_other_sessions<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 1).await;
    let account = account_of::<F>(&desk).await;
    let id = account.tenant.id;
    for n in 1..=2 {
        let session = PortalSession::begin(secret(n).hash(), &account, desk.now());
        desk.ledger.begin_portal_session(session, entry(&desk, "portal.sign_in", id)).await.unwrap();
        let found = desk.ledger.portal_session(session.secret).await.unwrap();
        assert_eq!(found, Some((session, account.clone())));
    }
    let stale = OwnPassword { issue: account.tenant.password_issue + 2, ..own(&desk, &account, "stale") };
    let session = PortalSession::begin(secret(3).hash(), &account, desk.now());
    assert!(!desk.ledger.set_own_password(desk.password_change(stale, session)).await.unwrap());
    assert_eq!(desk.ledger.portal_account(id).await.unwrap(), Some(account.clone()));
    assert_eq!(desk.ledger.portal_session(session.secret).await.unwrap(), None);
    let chosen = desk.password_change(own(&desk, &account, "hash"), session);
    assert!(desk.ledger.set_own_password(chosen).await.unwrap());
    for (n, is_there) in [(1, false), (2, false), (3, true)] {
        assert_eq!(desk.ledger.portal_session(secret(n).hash()).await.unwrap().is_some(), is_there, "{n}");
    }
}

/// Sessions are used, ended one by one or all at once, forgotten when their time is over, and the audit says what happened.
pub async fn portal_sessions_begin_and_end<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 1).await;
    let account = account_of::<F>(&desk).await;
    let id = account.tenant.id;
    for n in 1..=4 {
        let session = PortalSession::begin(secret(n).hash(), &account, desk.now());
        desk.ledger.begin_portal_session(session, entry(&desk, "portal.sign_in", id)).await.unwrap();
    }
    let (begun, used) = (desk.now(), desk.now() + Duration::from_mins(5));
    for at in [used, begun] {
        desk.ledger.note_portal_session(secret(2).hash(), at).await.unwrap();
    }
    let used_at = desk.ledger.portal_session(secret(2).hash()).await.unwrap().map(|(session, _)| session.used_at);
    assert_eq!(used_at, Some(used), "it never goes back");
    let foreign = TenantId::from_bytes([9; 16]);
    let sign_out = |tenant, one: Option<u8>| {
        desk.wait(Duration::from_secs(1));
        let one = one.map(|n| secret(n).hash());
        desk.ledger.end_portal_sessions(tenant, one, entry(&desk, "portal.sign_out", tenant))
    };
    sign_out(id, Some(1)).await.unwrap();
    sign_out(foreign, Some(2)).await.unwrap();
    let there = async |n| desk.ledger.portal_session(secret(n).hash()).await.unwrap().is_some();
    assert_eq!((there(1).await, there(2).await, there(3).await), (false, true, true));
    desk.clock.set(begun + PORTAL_SESSION_LIFETIME);
    let late = PortalSession::begin(secret(5).hash(), &account, desk.now());
    desk.ledger.begin_portal_session(late, entry(&desk, "portal.sign_in", id)).await.unwrap();
    assert_eq!((there(2).await, there(5).await), (false, true), "what was over is forgotten");
    sign_out(id, None).await.unwrap();
    assert!(!there(5).await);
    let query = AuditQuery { subject: Some(id.to_string()), limit: 99, ..AuditQuery::default() };
    let entries = desk.ledger.audit(query).await.unwrap();
    let of = |action: &str| entries.iter().filter(|entry| entry.action == action).count();
    assert_eq!((of("portal.sign_in"), of("portal.sign_out")), (5, 2));
}

/// Tries are counted by account and by address, within an hour, also when they come at once.
pub async fn tries_to_sign_in_are_counted<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 0).await;
    let count = async |account: &str, address: &str| {
        let one = PortalTry::new(TryKind::SignIn, account, address, desk.now());
        let tries = in_the_end(|| desk.ledger.count_portal_try(one)).await;
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
    desk.wait(Duration::from_hours(1));
    assert_eq!(count("a", "y").await, (1, 1));
}

/// A suspension, a close and a new issue take the sessions along: what is resumed begins without any.
pub async fn a_session_is_over_with_its_tenant<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 2).await;
    let account = account_of::<F>(&desk).await;
    let (id, other) = (account.tenant.id, desk.join(2).await);
    let other = desk.ledger.portal_account(other).await.unwrap().unwrap();
    let there = async |n| desk.ledger.portal_session(secret(n).hash()).await.unwrap().is_some();
    let orders = [LifeOrder::Suspend, LifeOrder::ResendMail, LifeOrder::Close];
    let stays = PortalSession::begin(secret(9).hash(), &other, desk.now());
    desk.ledger.begin_portal_session(stays, entry(&desk, "portal.sign_in", other.tenant.id)).await.unwrap();
    for (n, order) in (1..).zip(orders) {
        desk.wait(Duration::from_hours(7 * 24));
        let session = PortalSession::begin(secret(n).hash(), &account, desk.now());
        desk.ledger.begin_portal_session(session, entry(&desk, "portal.sign_in", id)).await.unwrap();
        desk.change(id, LifeOrder::AskConversion).await;
        assert!(there(n).await, "{order:?}");
        desk.change(id, order).await;
        assert!(!there(n).await, "{order:?}");
        if order == LifeOrder::Suspend {
            desk.change(id, LifeOrder::Resume).await;
            assert!(!there(n).await);
        }
    }
    assert_sound(&*desk.ledger).await;
}

/// The wish for a conversion is kept with the tenant, once, until it is converted or closed, or the wish is taken back.
pub async fn a_wish_for_conversion_is_kept<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 2).await;
    let (one, two) = (desk.join(1).await, desk.join(2).await);
    let asked_at = async |id| desk.ledger.tenant(id).await.unwrap().unwrap().tenant.conversion_asked_at;
    let first = desk.now();
    for _ in 0..2 {
        desk.change(one, LifeOrder::AskConversion).await;
        desk.wait(Duration::from_secs(1));
    }
    assert_eq!((asked_at(one).await, asked_at(two).await), (Some(first), None));
    desk.change(one, LifeOrder::Suspend).await;
    assert_eq!(asked_at(one).await, Some(first), "operations still see it");
    desk.change(one, LifeOrder::Convert).await;
    assert_eq!(asked_at(one).await, None);
    for order in [LifeOrder::WithdrawConversion, LifeOrder::WithdrawConversion, LifeOrder::Close] {
        if order == LifeOrder::Close {
            desk.change(two, LifeOrder::AskConversion).await;
        }
        desk.change(two, order).await;
        assert_eq!(asked_at(two).await, None, "{order:?}");
    }
    let query = AuditQuery { subject: Some(one.to_string()), limit: 99, ..AuditQuery::default() };
    let entries = desk.ledger.audit(query).await.unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.action == "tenant.ask_conversion").count(), 1);
    assert_sound(&*desk.ledger).await;
}

/// Asked for at many instances at once, a conversion is wished for once, at the time of one of them.
pub async fn a_wish_for_conversion_is_one_wherever_it_is_said<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 1).await;
    let id = desk.join(1).await;
    let asked = (0..8).map(|_| {
        desk.wait(Duration::from_millis(1));
        let order = TenantOrder { tenant: id, order: LifeOrder::AskConversion, actor: "owner".to_owned() };
        desk.batch([Request::Tenant(order)])
    });
    let asked: Vec<_> = asked.collect();
    let commits = asked.iter().map(|batch| in_the_end(|| desk.try_commit(Arc::clone(batch))));
    for outcomes in join_all(commits).await {
        assert!(matches!(outcomes[..], [Outcome::Tenant(LifeOutcome::Done(_))]), "{outcomes:?}");
    }
    let kept = desk.ledger.tenant(id).await.unwrap().unwrap().tenant.conversion_asked_at;
    assert!(asked.iter().any(|batch| Some(batch.now) == kept), "{kept:?}");
    let query = AuditQuery { subject: Some(id.to_string()), limit: 99, ..AuditQuery::default() };
    let entries = desk.ledger.audit(query).await.unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.action == "tenant.ask_conversion").count(), 1);
    assert_sound(&*desk.ledger).await;
}

/// A link is a mail of the tenant, and takes a unit of the day as any other.
pub async fn a_link_to_a_password_is_a_mail<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 1).await;
    let account = account_of::<F>(&desk).await;
    let id = account.tenant.id;
    desk.wait(Duration::from_secs(1));
    assert_eq!(desk.change(id, LifeOrder::LostPassword).await.mail, Some(MailKind::Password));
    let mails = desk.ledger.tenant(id).await.unwrap().unwrap().mails;
    assert_eq!(mails.iter().map(|mail| mail.kind).collect::<Vec<_>>(), [MailKind::Account, MailKind::Password]);
    let quota = desk.ledger.quota(desk.now().date_naive(), 1_000).await.unwrap();
    assert_eq!(quota.reserved, 2);
    assert_eq!(desk.ledger.portal_account(id).await.unwrap(), Some(account), "asking changes nothing else");
    assert_sound(&*desk.ledger).await;
}

/// The kinds of the mails of a tenant, oldest first, and the units that are taken of this day.
async fn told<F: LedgerFactory>(desk: &Desk<F::Ledger>, tenant: TenantId) -> (Vec<MailKind>, u32) {
    let mails = desk.ledger.tenant(tenant).await.unwrap().unwrap().mails;
    let quota = desk.ledger.quota(desk.now().date_naive(), 1_000).await.unwrap();
    (mails.iter().map(|mail| mail.kind).collect(), quota.reserved)
}

/// Another password is told with it, by a mail that takes a unit of the day, or none where none is left.
pub async fn an_owner_is_told_of_a_changed_password<F: LedgerFactory>(factory: &F) {
    use MailKind::{Account, PasswordChanged, Suspended};
    let desk = desk(factory, 2).await;
    let id = account_of::<F>(&desk).await.tenant.id;
    let other = desk.join(2).await;
    desk.wait(Duration::from_secs(1));
    desk.change(other, LifeOrder::Suspend).await;
    desk.ledger.set_quota(4, desk.operator()).await.unwrap();
    let mut changes = Vec::new();
    for (n, expected) in
        [(1, (vec![Account, PasswordChanged], 4)), (2, (vec![Account, PasswordChanged, PasswordChanged], 4))]
    {
        desk.wait(Duration::from_secs(1));
        let account = desk.ledger.portal_account(id).await.unwrap().unwrap();
        let (chosen, own) = account.with_own_password(format!("hash {n}"), desk.now());
        let change = desk.password_change(own, PortalSession::begin(secret(n).hash(), &chosen, desk.now()));
        assert!(desk.ledger.set_own_password(change.clone()).await.unwrap());
        assert_eq!(told::<F>(&desk, id).await, expected, "{n}");
        changes.push(change);
    }
    let due = claim(&desk, 9).await;
    let kinds: Vec<_> = due.iter().map(|mail| mail.kind).collect();
    assert_eq!(kinds, [Account, Account, PasswordChanged, PasswordChanged, Suspended], "before what was due earlier");
    let account = desk.ledger.portal_account(id).await.unwrap().unwrap();
    for (mail, change) in due[2..4].iter().zip(&changes) {
        assert_eq!((mail.id, &mail.to, mail.locale), (change.mail, &account.tenant.email, account.tenant.locale));
        let composed = mail.compose(&keyring(), &Policy::default().trial).unwrap();
        let expected = PasswordChangedMail { account_name: Tenant::account_name(id), changed_at: change.own.set_at };
        assert_eq!(composed.content, MailContent::PasswordChanged(expected));
    }
    let query = AuditQuery { action: Some("portal.password".to_owned()), limit: 99, ..AuditQuery::default() };
    assert_eq!(desk.ledger.audit(query).await.unwrap().len(), 2);
    assert_sound(&*desk.ledger).await;
}

/// What changes nothing is not told: a password that comes too late, one of an owner who is shut out, and one of nobody.
pub async fn a_refused_password_is_not_told<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 1).await;
    let account = account_of::<F>(&desk).await;
    let id = account.tenant.id;
    let session = PortalSession::begin(secret(1).hash(), &account, desk.now());
    let set = async |own: OwnPassword| {
        let change = desk.password_change(own, session);
        desk.ledger.set_own_password(change).await.unwrap()
    };
    let late = own(&desk, &account, "late");
    assert!(!set(OwnPassword { issue: late.issue + 1, ..late.clone() }).await);
    assert!(!set(OwnPassword { tenant: TenantId::from_bytes([9; 16]), ..late.clone() }).await);
    desk.change(id, LifeOrder::Suspend).await;
    let before = told::<F>(&desk, id).await;
    assert!(!set(late.clone()).await, "suspended");
    assert_eq!(told::<F>(&desk, id).await, before);
    desk.change(id, LifeOrder::Resume).await;
    assert_eq!(desk.ledger.portal_account(id).await.unwrap(), Some(account));
    assert_eq!(desk.ledger.portal_session(session.secret).await.unwrap(), None);
    assert!(set(late).await, "it was none of these");
    assert!(told::<F>(&desk, id).await.0.contains(&MailKind::PasswordChanged));
    assert_sound(&*desk.ledger).await;
}

/// Of passwords that are set at many instances at once one is, and is told once.
pub async fn a_password_is_changed_by_one_of_many_at_once<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 1).await;
    let account = account_of::<F>(&desk).await;
    desk.wait(Duration::from_secs(1));
    let changes = (1..=8).map(|n| {
        let (chosen, own) = account.with_own_password(format!("hash {n}"), desk.now());
        desk.password_change(own, PortalSession::begin(secret(n).hash(), &chosen, desk.now()))
    });
    let changes: Vec<_> = changes.collect();
    let set = changes.iter().map(|change| in_the_end(|| desk.ledger.set_own_password(change.clone())));
    let set = join_all(set).await;
    assert_eq!(set.iter().filter(|is_set| **is_set).count(), 1, "{set:?}");
    let winner = set.iter().position(|is_set| *is_set).unwrap();
    let kept = desk.ledger.portal_account(account.tenant.id).await.unwrap().unwrap();
    assert_eq!(kept.own_password(), Some(&changes[winner].own));
    let expected = (vec![MailKind::Account, MailKind::PasswordChanged], 2);
    assert_eq!(told::<F>(&desk, account.tenant.id).await, expected);
    assert_sound(&*desk.ledger).await;
}

/// What the portal keeps of a person is shown without its hashes, and goes with him; what is over goes by itself.
pub async fn what_the_portal_keeps_is_shown_and_removed<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 1).await;
    let account = account_of::<F>(&desk).await;
    let id = account.tenant.id;
    let (chosen, own) = account.with_own_password("$argon2id$secret".to_owned(), desk.now());
    let session = PortalSession::begin(secret(1).hash(), &chosen, desk.now());
    assert!(desk.ledger.set_own_password(desk.password_change(own, session)).await.unwrap());
    let one = PortalTry::new(TryKind::SignIn, "a", "x", desk.now());
    desk.ledger.count_portal_try(one).await.unwrap();
    let person = Person::Phone(account.tenant.phone.clone());
    let held = desk.ledger.held_on(person.clone()).await.unwrap();
    let rows = |table| held.0.get(table).map_or(0, Vec::len);
    assert_eq!((rows("portal_passwords"), rows("portal_sessions"), rows("mails")), (1, 1, 2));
    let words = format!("{held:?}");
    assert!(!words.contains("argon2id") && words.contains(&id.to_string()), "{words}");
    assert_eq!(desk.ledger.expire_portal(desk.now()).await.unwrap(), 0);
    desk.wait(Duration::from_hours(1));
    assert_eq!(desk.ledger.expire_portal(desk.now()).await.unwrap(), 2, "the tries of the account and of the address");
    desk.wait(PORTAL_SESSION_LIFETIME);
    assert_eq!(desk.ledger.expire_portal(desk.now()).await.unwrap(), 1, "the session");
    desk.change(id, LifeOrder::Close).await;
    desk.ledger.forget(person.clone(), "person-1".to_owned(), false, desk.operator()).await.unwrap();
    assert_eq!(desk.ledger.portal_account(id).await.unwrap().unwrap().own, None);
    assert!(!desk.ledger.held_on(person).await.unwrap().counts().contains_key("portal_passwords"));
    let mails = desk.ledger.mails(MailPage { state: None, tenant: Some(id), before: None, limit: 9 }).await.unwrap();
    assert!(mails.iter().any(|mail| mail.mail.kind == MailKind::PasswordChanged));
    assert!(mails.iter().all(|mail| mail.to == ERASED_EMAIL && mail.mail.state != MailState::Due));
    assert_sound(&*desk.ledger).await;
}
