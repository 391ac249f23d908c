//! Changes of passwords: the mails to the owner of a tenant, the limits that count them, and refusals.

use chrono::{DateTime, TimeDelta, Utc};
use trial_core::mails::{MailKind, MailRecord};
use trial_core::operators::SecretHash;
use trial_core::policy::{CLOCK_SKEW, Policy, QuotaPolicy};
use trial_core::portal::{
    OWNER_ACTS_PER_HOUR, OWNER_MAILS_AT_ONCE, PasswordDigest, PortalAccount, PortalSession, PortalTry,
};
use trial_core::ports::Portal;
use trial_core::quota::{MailBudget, QuotaUnit};
use trial_core::tenants::{LifeOrder, LifeOutcome, LifeRefusal};
use trial_core::values::TenantId;

use crate::desks::{DAY, HOUR, MINUTE, MemoryDesk, desk, desk_by, set_threshold};

const HASH: &str = "$argon2id$v=19$of-a-password";

async fn account(desk: &MemoryDesk, tenant: TenantId) -> PortalAccount {
    desk.ledger.portal_account(tenant).await.unwrap().unwrap()
}

/// A password chosen now by the owner of this account, as it was read.
async fn choose(desk: &MemoryDesk, seen: &PortalAccount, by_link: bool) -> LifeOutcome {
    let (chosen, own) = seen.with_own_password(HASH.to_owned(), desk.now());
    let mut secret = [0; 32];
    secret[..4].copy_from_slice(&own.issue.to_be_bytes());
    secret[4..20].copy_from_slice(own.tenant.as_bytes());
    let session = PortalSession::begin(SecretHash::from_bytes(secret), &chosen, desk.now());
    if by_link { desk.set_password_by_link(own, session).await } else { desk.set_password(own, session).await }
}

async fn change(desk: &MemoryDesk, tenant: TenantId) -> LifeOutcome {
    choose(desk, &account(desk, tenant).await, false).await
}

fn is_done(outcome: &LifeOutcome) -> bool {
    matches!(outcome, LifeOutcome::Done(_))
}

/// Mails about changed passwords, oldest first.
fn notices(desk: &MemoryDesk) -> Vec<MailRecord> {
    let mails = desk.ledger.state().mails.into_values().map(|kept| kept.record);
    mails.filter(|mail| mail.kind == MailKind::PasswordChanged).collect()
}

#[tokio::test]
async fn the_owner_is_told_by_a_mail_that_has_no_secret() {
    let desk = desk(1).await;
    let account = account(&desk, desk.join(1).await).await;
    assert!(is_done(&choose(&desk, &account, false).await));
    let told = notices(&desk);
    let tenant = &account.tenant;
    let day = desk.now().date_naive();
    let expected = MailRecord {
        id: told[0].id,
        kind: MailKind::PasswordChanged,
        tenant: Some(tenant.id),
        to: tenant.email.clone(),
        locale: tenant.locale,
        created_at: desk.now(),
        quota: Some(QuotaUnit { budget: MailBudget::Owners, day, unit: 1, threshold: 50 }),
        detail: None,
    };
    assert_eq!(told, [expected]);
    assert!(!format!("{told:?}").contains(HASH));
    assert_eq!(MailKind::PasswordChanged.priority(), MailKind::Account.priority());
    let entry = desk.ledger.state().audit.pop().unwrap();
    assert_eq!((entry.action, entry.subject), ("portal.password", tenant.id.to_string()));
}

/// A change cannot be refused: it is notified without a unit. A link can be refused.
#[tokio::test]
async fn the_last_unit_of_owners_is_taken_and_where_none_is_left_it_goes_without() {
    for (owner_mails, units) in [(Some(2), [Some(1), Some(2), None]), (Some(0), [None; 3])] {
        let desk = desk_by(1, |policy| policy.quota.owner_mails = owner_mails).await;
        let id = desk.join(1).await;
        for _ in units {
            desk.wait(MINUTE);
            assert!(is_done(&change(&desk, id).await));
        }
        let told = notices(&desk);
        assert_eq!(told.iter().map(|mail| mail.quota.map(|unit| unit.unit)).collect::<Vec<_>>(), units);
        let spent = LifeRefusal::OwnerMailsSpent { limit: owner_mails.unwrap() };
        assert_eq!(desk.order(id, LifeOrder::LostPassword).await, LifeOutcome::Refused(spent));
        assert_eq!(desk.ledger.state().reserved.into_values().collect::<Vec<_>>(), [1], "that of the account");
    }
}

/// Owners in a loop take no unit of the day from applicants, whatever the limit; nor do applicants from owners.
#[tokio::test]
async fn neither_owners_nor_applicants_take_the_others_mails() {
    let desk = desk(9).await;
    let owners = [desk.join(1).await, desk.join(2).await, desk.join(3).await];
    for _ in 0..OWNER_ACTS_PER_HOUR {
        for owner in owners {
            assert!(is_done(&change(&desk, owner).await));
            desk.order(owner, LifeOrder::LostPassword).await;
        }
    }
    let state = desk.ledger.state();
    let taken = |days: std::collections::BTreeMap<_, _>| days.into_values().collect::<Vec<u32>>();
    assert_eq!((taken(state.reserved), taken(state.owner_mails)), (vec![3], vec![18]), "three of both kinds each");
    set_threshold(&desk, 4);
    desk.join(4).await;
    let fifth = desk.ask(&trial_testkit::data::phone(5)).await;
    assert!(fifth.is_err(), "the threshold of applicants is reached by applicants alone");
    set_threshold(&desk, 1_000);
    let other = desk.join(5).await;
    set_threshold(&desk, 5);
    assert_eq!(desk.order(other, LifeOrder::LostPassword).await, {
        LifeOutcome::Refused(LifeRefusal::OwnerMailsSpent { limit: 1 })
    });
    set_threshold(&desk, 19 * 20);
    assert!(is_done(&desk.order(other, LifeOrder::LostPassword).await));
}

#[tokio::test]
async fn three_links_are_mailed_on_a_day_and_no_more() {
    let desk = desk(2).await;
    let (one, two) = (desk.join(1).await, desk.join(2).await);
    for _ in 0..OWNER_MAILS_AT_ONCE {
        desk.change(one, LifeOrder::LostPassword).await;
    }
    let refused = LifeOutcome::Refused(LifeRefusal::TooManyLinks);
    assert_eq!(desk.order(one, LifeOrder::LostPassword).await, refused);
    assert!(is_done(&change(&desk, one).await), "a notice is no link");
    assert_eq!(notices(&desk).len(), 1);
    desk.change(two, LifeOrder::LostPassword).await;
    desk.wait(DAY);
    desk.change(one, LifeOrder::LostPassword).await;
}

/// Ten changes of one day, by either way, give three mails and one digest after the day.
#[tokio::test]
async fn changes_beyond_the_third_are_told_once_when_the_day_is_over() {
    let desk = desk(1).await;
    let id = desk.join(1).await;
    for n in 0..10 {
        desk.wait(MINUTE);
        assert!(is_done(&choose(&desk, &account(&desk, id).await, n % 2 == 0).await));
    }
    assert_eq!(notices(&desk).len(), 3);
    let last = desk.now();
    desk.wait(DAY);
    for _ in 0..3 {
        desk.change(id, LifeOrder::Advance).await;
    }
    let told = notices(&desk);
    assert_eq!((told.len(), told[3].created_at), (4, desk.now()));
    assert_eq!(told[3].detail, Some(format!("10 {}", last.format("%Y-%m-%dT%H:%M:%S%.6fZ"))));
    desk.wait(MINUTE);
    assert!(is_done(&change(&desk, id).await));
    assert_eq!(notices(&desk)[4].detail, None, "another day");
}

/// A late sweep loses nothing: changes of two days give one digest.
#[tokio::test]
async fn a_digest_that_is_late_takes_along_what_comes() {
    let desk = desk(1).await;
    let id = desk.join(1).await;
    for _ in 0..2 {
        for _ in 0..5 {
            assert!(is_done(&change(&desk, id).await));
        }
        desk.wait(DAY);
    }
    let digest = desk.ledger.state().owner_acts[&id].digest.unwrap();
    let first_midnight = (desk.now() - DAY).date_naive().and_hms_opt(0, 0, 0).unwrap().and_utc();
    let last_at = desk.now() - DAY;
    assert_eq!(digest, PasswordDigest { changes: 10, last_at, due_at: first_midnight + CLOCK_SKEW });
    desk.change(id, LifeOrder::Advance).await;
    assert_eq!(notices(&desk).len(), 7);
}

/// A commercial tenant, which has no other scheduled step, is due with its digest; so is one that was closed since.
#[tokio::test]
async fn a_digest_is_a_step_of_the_tenant() {
    for then in [LifeOrder::Convert, LifeOrder::Close] {
        let desk = desk(1).await;
        let id = desk.join(1).await;
        for _ in 0..4 {
            assert!(is_done(&change(&desk, id).await));
        }
        desk.change(id, then).await;
        let state = desk.ledger.state();
        let due = state.owner_acts[&id].digest.unwrap().due_at;
        assert_eq!(state.tenants[&id].next_step_at, Some(due));
        desk.clock.set(due);
        desk.change(id, LifeOrder::Advance).await;
        assert_eq!(desk.ledger.state().tenants[&id].next_step_at, None);
        assert_eq!(notices(&desk).len(), 4);
    }
}

/// The day is that of the time zone; the digest is sent once no instance's clock can be in it any more.
#[tokio::test]
async fn a_digest_is_due_when_its_day_is_over_in_the_time_zone() {
    let desk = desk_by(1, |policy| policy.quota.timezone = "Asia/Shanghai".parse().unwrap()).await;
    let id = desk.join(1).await;
    for _ in 0..4 {
        assert!(is_done(&change(&desk, id).await));
    }
    let zone = QuotaPolicy { timezone: "Asia/Shanghai".parse().unwrap(), ..Policy::default().quota };
    let tomorrow = zone.day_of(desk.now()).succ_opt().unwrap();
    let due = desk.ledger.state().owner_acts[&id].digest.unwrap().due_at;
    assert_eq!(due, zone.start_of(tomorrow) + CLOCK_SKEW);
}

/// Each kind of act is allowed ten times an hour, and then not until the next hour, whatever the other kinds.
#[tokio::test]
async fn each_kind_of_act_is_bound_by_the_hour() {
    let desk = desk(1).await;
    let id = desk.join(1).await;
    let begun = PortalTry::end_of(PortalTry::hour_of(desk.now()));
    desk.clock.set(begun);
    let until = PortalTry::end_of(PortalTry::hour_of(begun));
    let refused = LifeOutcome::Refused(LifeRefusal::TooManyActs { until });
    for n in 0..OWNER_ACTS_PER_HOUR {
        desk.wait(MINUTE);
        let wish = if n % 2 == 0 { LifeOrder::AskConversion } else { LifeOrder::WithdrawConversion };
        assert!(is_done(&desk.order(id, wish).await));
        assert!(is_done(&desk.order(id, LifeOrder::SignOutEverywhere).await));
        assert!(is_done(&change(&desk, id).await));
    }
    let written = desk.ledger.state().audit.len();
    for _ in 0..99 {
        assert_eq!(desk.order(id, LifeOrder::AskConversion).await, refused);
        assert_eq!(desk.order(id, LifeOrder::SignOutEverywhere).await, refused);
        assert_eq!(change(&desk, id).await, refused);
    }
    assert_eq!(desk.ledger.state().audit.len(), written, "and nothing is written");
    assert!(is_done(&desk.order(id, LifeOrder::WithdrawConversion).await), "it is withdrawn already: nothing to count");
    assert!(
        is_done(&choose(&desk, &account(&desk, id).await, true).await),
        "a mailed link is bound by the day's links"
    );
    desk.clock.set(until);
    for order in [LifeOrder::AskConversion, LifeOrder::SignOutEverywhere] {
        assert!(is_done(&desk.order(id, order).await));
    }
    assert!(is_done(&change(&desk, id).await));
}

/// The clocks of two instances around a full hour, or midnight, restart no count; a clock that is set back does.
#[tokio::test]
async fn two_clocks_at_the_end_of_an_hour_begin_it_once() {
    let desk = desk(1).await;
    let id = desk.join(1).await;
    let midnight = desk.now().date_naive().succ_opt().unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc();
    let done = async |at: DateTime<Utc>, order: LifeOrder| {
        desk.clock.set(at);
        is_done(&desk.order(id, order).await)
    };
    for n in 0..OWNER_ACTS_PER_HOUR {
        let at = midnight + TimeDelta::seconds(if n % 2 == 0 { 10 } else { -10 });
        assert!(done(at, LifeOrder::SignOutEverywhere).await, "{n}");
        assert_eq!(done(at, LifeOrder::LostPassword).await, n < OWNER_MAILS_AT_ONCE, "{n}");
    }
    for seconds in [-10, 10] {
        assert!(!done(midnight + TimeDelta::seconds(seconds), LifeOrder::SignOutEverywhere).await);
    }
    assert!(done(midnight - 3 * HOUR, LifeOrder::SignOutEverywhere).await);
}

#[tokio::test]
async fn nothing_is_changed_or_told_once_another_password_is_in_force_or_the_owner_is_shut_out() {
    let desk = desk(1).await;
    let id = desk.join(1).await;
    let seen = account(&desk, id).await;
    for order in [LifeOrder::Suspend, LifeOrder::Close] {
        desk.change(id, order.clone()).await;
        let status = account(&desk, id).await.tenant.status.to_string();
        let refused = LifeOutcome::Refused(LifeRefusal::Status { status });
        assert_eq!(choose(&desk, &seen, false).await, refused, "{order:?}");
        let back = if order == LifeOrder::Suspend { LifeOrder::Resume } else { LifeOrder::Reopen };
        desk.change(id, back).await;
    }
    assert!(is_done(&choose(&desk, &seen, false).await));
    let superseded = LifeOutcome::Refused(LifeRefusal::Superseded);
    assert_eq!(choose(&desk, &seen, true).await, superseded, "another was chosen meanwhile");
    let seen = account(&desk, id).await;
    desk.wait(7 * DAY);
    desk.change(id, LifeOrder::ResendMail).await;
    assert_eq!(choose(&desk, &seen, false).await, superseded, "operations had another initial password mailed");
    assert_eq!(notices(&desk).len(), 1);
}

/// A new initial password is notified by the mail that contains it, and by no other.
#[tokio::test]
async fn a_new_initial_password_is_told_by_the_account_mail_alone() {
    let desk = desk(1).await;
    let id = desk.join(1).await;
    assert!(is_done(&change(&desk, id).await));
    desk.wait(DAY);
    let before: Vec<_> = desk.ledger.state().mails.into_keys().collect();
    assert_eq!(desk.change(id, LifeOrder::ResendMail).await.mail, Some(MailKind::Account));
    assert_eq!(account(&desk, id).await.tenant.password_issue, 3);
    let mut mails = desk.ledger.state().mails;
    mails.retain(|mail, _| !before.contains(mail));
    let kinds: Vec<_> = mails.into_values().map(|kept| (kept.record.kind, kept.record.tenant)).collect();
    assert_eq!(kinds, [(MailKind::Account, Some(id))]);
}
