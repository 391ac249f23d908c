//! Changes of passwords: the mails to the owner of a tenant, the limits that count them, and refusals.

use chrono::{DateTime, TimeDelta, Utc};
use trial_core::mails::{MailKind, MailRecord};
use trial_core::operators::SecretHash;
use trial_core::policy::{CLOCK_SKEW, Policy, QuotaPolicy};
use trial_core::portal::{
    OWNER_ACTS_PER_HOUR, OWNER_MAILS_AT_ONCE, PasswordDigest, PortalAccount, PortalAttempt, PortalSession,
};
use trial_core::ports::Portal;
use trial_core::quota::{MailBudget, QuotaUnit};
use trial_core::tenants::{TenantAction, TenantOutcome, TenantRefusal};
use trial_core::values::TenantId;

use crate::desks::{DAY, HOUR, MINUTE, MemoryDesk, desk_by, harness, set_threshold};

const HASH: &str = "$argon2id$v=19$of-a-password";

async fn account(harness: &MemoryDesk, tenant: TenantId) -> PortalAccount {
    harness.ledger.portal_account(tenant).await.unwrap().unwrap()
}

/// A password chosen now by the owner of this account, as it was read.
async fn choose(harness: &MemoryDesk, seen: &PortalAccount, by_link: bool) -> TenantOutcome {
    let (chosen, own) = seen.with_own_password(HASH.to_owned(), harness.now());
    let mut secret = [0; 32];
    secret[..4].copy_from_slice(&own.issue.to_be_bytes());
    secret[4..20].copy_from_slice(own.tenant.as_bytes());
    let session = PortalSession::begin(SecretHash::from_bytes(secret), &chosen, harness.now());
    if by_link { harness.set_password_by_link(own, session).await } else { harness.set_password(own, session).await }
}

async fn change(harness: &MemoryDesk, tenant: TenantId) -> TenantOutcome {
    choose(harness, &account(harness, tenant).await, false).await
}

fn is_done(outcome: &TenantOutcome) -> bool {
    matches!(outcome, TenantOutcome::Done(_))
}

/// Mails about changed passwords, oldest first.
fn notices(harness: &MemoryDesk) -> Vec<MailRecord> {
    let mails = harness.ledger.state().mails.into_values().map(|kept| kept.record);
    mails.filter(|mail| mail.kind == MailKind::PasswordChanged).collect()
}

#[tokio::test]
async fn the_owner_is_told_by_a_mail_that_has_no_secret() {
    let harness = harness(1).await;
    let account = account(&harness, harness.join(1).await).await;
    assert!(is_done(&choose(&harness, &account, false).await));
    let told = notices(&harness);
    let tenant = &account.tenant;
    let day = harness.now().date_naive();
    let expected = MailRecord {
        id: told[0].id,
        kind: MailKind::PasswordChanged,
        tenant: Some(tenant.id),
        to: tenant.email.clone(),
        locale: tenant.locale,
        created_at: harness.now(),
        quota: Some(QuotaUnit { budget: MailBudget::Owners, day, unit: 1, threshold: 50 }),
        detail: None,
    };
    assert_eq!(told, [expected]);
    assert!(!format!("{told:?}").contains(HASH));
    assert_eq!(MailKind::PasswordChanged.priority(), MailKind::Account.priority());
    let entry = harness.ledger.state().audit.pop().unwrap();
    assert_eq!((entry.action, entry.subject), ("portal.password", tenant.id.to_string()));
}

/// A change cannot be refused: it is notified without a unit. A link can be refused.
#[tokio::test]
async fn the_last_unit_of_owners_is_taken_and_where_none_is_left_it_goes_without() {
    for (owner_mails, units) in [(Some(2), [Some(1), Some(2), None]), (Some(0), [None; 3])] {
        let harness = desk_by(1, |policy| policy.quota.owner_mails = owner_mails).await;
        let id = harness.join(1).await;
        for _ in units {
            harness.wait(MINUTE);
            assert!(is_done(&change(&harness, id).await));
        }
        let told = notices(&harness);
        assert_eq!(told.iter().map(|mail| mail.quota.map(|unit| unit.unit)).collect::<Vec<_>>(), units);
        let spent = TenantRefusal::OwnerMailsSpent { limit: owner_mails.unwrap() };
        assert_eq!(harness.order(id, TenantAction::LostPassword).await, TenantOutcome::Refused(spent));
        assert_eq!(harness.ledger.state().reserved.into_values().collect::<Vec<_>>(), [1], "that of the account");
    }
}

/// Owners in a loop take no unit of the day from applicants, whatever the limit; nor do applicants from owners.
#[tokio::test]
async fn neither_owners_nor_applicants_take_the_others_mails() {
    let harness = harness(9).await;
    let owners = [harness.join(1).await, harness.join(2).await, harness.join(3).await];
    for _ in 0..OWNER_ACTS_PER_HOUR {
        for owner in owners {
            assert!(is_done(&change(&harness, owner).await));
            harness.order(owner, TenantAction::LostPassword).await;
        }
    }
    let state = harness.ledger.state();
    let taken = |days: std::collections::BTreeMap<_, _>| days.into_values().collect::<Vec<u32>>();
    assert_eq!((taken(state.reserved), taken(state.owner_mails)), (vec![3], vec![18]), "three of both kinds each");
    set_threshold(&harness, 4);
    harness.join(4).await;
    let fifth = harness.ask(&trial_testkit::data::phone(5)).await;
    assert!(fifth.is_err(), "the threshold of applicants is reached by applicants alone");
    set_threshold(&harness, 1_000);
    let other = harness.join(5).await;
    set_threshold(&harness, 5);
    assert_eq!(harness.order(other, TenantAction::LostPassword).await, {
        TenantOutcome::Refused(TenantRefusal::OwnerMailsSpent { limit: 1 })
    });
    set_threshold(&harness, 19 * 20);
    assert!(is_done(&harness.order(other, TenantAction::LostPassword).await));
}

#[tokio::test]
async fn three_links_are_mailed_on_a_day_and_no_more() {
    let harness = harness(2).await;
    let (one, two) = (harness.join(1).await, harness.join(2).await);
    for _ in 0..OWNER_MAILS_AT_ONCE {
        harness.change(one, TenantAction::LostPassword).await;
    }
    let refused = TenantOutcome::Refused(TenantRefusal::TooManyLinks);
    assert_eq!(harness.order(one, TenantAction::LostPassword).await, refused);
    assert!(is_done(&change(&harness, one).await), "a notice is no link");
    assert_eq!(notices(&harness).len(), 1);
    harness.change(two, TenantAction::LostPassword).await;
    harness.wait(DAY);
    harness.change(one, TenantAction::LostPassword).await;
}

/// Ten changes of one day, by either way, give three mails and one digest after the day.
#[tokio::test]
async fn changes_beyond_the_third_are_told_once_when_the_day_is_over() {
    let harness = harness(1).await;
    let id = harness.join(1).await;
    for n in 0..10 {
        harness.wait(MINUTE);
        assert!(is_done(&choose(&harness, &account(&harness, id).await, n % 2 == 0).await));
    }
    assert_eq!(notices(&harness).len(), 3);
    let last = harness.now();
    harness.wait(DAY);
    for _ in 0..3 {
        harness.change(id, TenantAction::Advance).await;
    }
    let told = notices(&harness);
    assert_eq!((told.len(), told[3].created_at), (4, harness.now()));
    assert_eq!(told[3].detail, Some(format!("10 {}", last.format("%Y-%m-%dT%H:%M:%S%.6fZ"))));
    harness.wait(MINUTE);
    assert!(is_done(&change(&harness, id).await));
    assert_eq!(notices(&harness)[4].detail, None, "another day");
}

/// A late sweep loses nothing: changes of two days give one digest.
#[tokio::test]
async fn a_digest_that_is_late_takes_along_what_comes() {
    let harness = harness(1).await;
    let id = harness.join(1).await;
    for _ in 0..2 {
        for _ in 0..5 {
            assert!(is_done(&change(&harness, id).await));
        }
        harness.wait(DAY);
    }
    let digest = harness.ledger.state().owner_acts[&id].digest.unwrap();
    let first_midnight = (harness.now() - DAY).date_naive().and_hms_opt(0, 0, 0).unwrap().and_utc();
    let last_at = harness.now() - DAY;
    assert_eq!(digest, PasswordDigest { changes: 10, last_at, due_at: first_midnight + CLOCK_SKEW });
    harness.change(id, TenantAction::Advance).await;
    assert_eq!(notices(&harness).len(), 7);
}

/// A commercial tenant, which has no other scheduled step, is due with its digest; so is one that was closed since.
#[tokio::test]
async fn a_digest_is_a_step_of_the_tenant() {
    for then in [TenantAction::Convert, TenantAction::Close] {
        let harness = harness(1).await;
        let id = harness.join(1).await;
        for _ in 0..4 {
            assert!(is_done(&change(&harness, id).await));
        }
        harness.change(id, then).await;
        let state = harness.ledger.state();
        let due = state.owner_acts[&id].digest.unwrap().due_at;
        assert_eq!(state.tenants[&id].next_step_at, Some(due));
        harness.clock.set(due);
        harness.change(id, TenantAction::Advance).await;
        assert_eq!(harness.ledger.state().tenants[&id].next_step_at, None);
        assert_eq!(notices(&harness).len(), 4);
    }
}

/// The day is that of the time zone; the digest is sent once no instance's clock can be in it any more.
#[tokio::test]
async fn a_digest_is_due_when_its_day_is_over_in_the_time_zone() {
    let harness = desk_by(1, |policy| policy.quota.timezone = "Asia/Shanghai".parse().unwrap()).await;
    let id = harness.join(1).await;
    for _ in 0..4 {
        assert!(is_done(&change(&harness, id).await));
    }
    let zone = QuotaPolicy { timezone: "Asia/Shanghai".parse().unwrap(), ..Policy::default().quota };
    let tomorrow = zone.day_of(harness.now()).succ_opt().unwrap();
    let due = harness.ledger.state().owner_acts[&id].digest.unwrap().due_at;
    assert_eq!(due, zone.start_of(tomorrow) + CLOCK_SKEW);
}

/// Each kind of act is allowed ten times an hour, and then not until the next hour, whatever the other kinds.
#[tokio::test]
async fn each_kind_of_act_is_bound_by_the_hour() {
    let harness = harness(1).await;
    let id = harness.join(1).await;
    let begun = PortalAttempt::end_of(PortalAttempt::hour_of(harness.now()));
    harness.clock.set(begun);
    let until = PortalAttempt::end_of(PortalAttempt::hour_of(begun));
    let refused = TenantOutcome::Refused(TenantRefusal::TooManyActs { until });
    for n in 0..OWNER_ACTS_PER_HOUR {
        harness.wait(MINUTE);
        let wish = if n % 2 == 0 { TenantAction::AskConversion } else { TenantAction::WithdrawConversion };
        assert!(is_done(&harness.order(id, wish).await));
        assert!(is_done(&harness.order(id, TenantAction::SignOutEverywhere).await));
        assert!(is_done(&change(&harness, id).await));
    }
    let written = harness.ledger.state().audit.len();
    for _ in 0..99 {
        assert_eq!(harness.order(id, TenantAction::AskConversion).await, refused);
        assert_eq!(harness.order(id, TenantAction::SignOutEverywhere).await, refused);
        assert_eq!(change(&harness, id).await, refused);
    }
    assert_eq!(harness.ledger.state().audit.len(), written, "and nothing is written");
    assert!(
        is_done(&harness.order(id, TenantAction::WithdrawConversion).await),
        "it is withdrawn already: nothing to count"
    );
    assert!(
        is_done(&choose(&harness, &account(&harness, id).await, true).await),
        "a mailed link is bound by the day's links"
    );
    harness.clock.set(until);
    for order in [TenantAction::AskConversion, TenantAction::SignOutEverywhere] {
        assert!(is_done(&harness.order(id, order).await));
    }
    assert!(is_done(&change(&harness, id).await));
}

/// The clocks of two instances around a full hour, or midnight, restart no count; a clock that is set back does.
#[tokio::test]
async fn two_clocks_at_the_end_of_an_hour_begin_it_once() {
    let harness = harness(1).await;
    let id = harness.join(1).await;
    let midnight = harness.now().date_naive().succ_opt().unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc();
    let done = async |at: DateTime<Utc>, order: TenantAction| {
        harness.clock.set(at);
        is_done(&harness.order(id, order).await)
    };
    for n in 0..OWNER_ACTS_PER_HOUR {
        let at = midnight + TimeDelta::seconds(if n % 2 == 0 { 10 } else { -10 });
        assert!(done(at, TenantAction::SignOutEverywhere).await, "{n}");
        assert_eq!(done(at, TenantAction::LostPassword).await, n < OWNER_MAILS_AT_ONCE, "{n}");
    }
    for seconds in [-10, 10] {
        assert!(!done(midnight + TimeDelta::seconds(seconds), TenantAction::SignOutEverywhere).await);
    }
    assert!(done(midnight - 3 * HOUR, TenantAction::SignOutEverywhere).await);
}

#[tokio::test]
async fn nothing_is_changed_or_told_once_another_password_is_in_force_or_the_owner_is_shut_out() {
    let harness = harness(1).await;
    let id = harness.join(1).await;
    let seen = account(&harness, id).await;
    for order in [TenantAction::Suspend, TenantAction::Close] {
        harness.change(id, order.clone()).await;
        let status = account(&harness, id).await.tenant.status.to_string();
        let refused = TenantOutcome::Refused(TenantRefusal::Status { status });
        assert_eq!(choose(&harness, &seen, false).await, refused, "{order:?}");
        let back = if order == TenantAction::Suspend { TenantAction::Resume } else { TenantAction::Reopen };
        harness.change(id, back).await;
    }
    assert!(is_done(&choose(&harness, &seen, false).await));
    let superseded = TenantOutcome::Refused(TenantRefusal::Superseded);
    assert_eq!(choose(&harness, &seen, true).await, superseded, "another was chosen meanwhile");
    let seen = account(&harness, id).await;
    harness.wait(7 * DAY);
    harness.change(id, TenantAction::ResendMail).await;
    assert_eq!(choose(&harness, &seen, false).await, superseded, "operations had another initial password mailed");
    assert_eq!(notices(&harness).len(), 1);
}

/// A new initial password is notified by the mail that contains it, and by no other.
#[tokio::test]
async fn a_new_initial_password_is_told_by_the_account_mail_alone() {
    let harness = harness(1).await;
    let id = harness.join(1).await;
    assert!(is_done(&change(&harness, id).await));
    harness.wait(DAY);
    let before: Vec<_> = harness.ledger.state().mails.into_keys().collect();
    assert_eq!(harness.change(id, TenantAction::ResendMail).await.mail, Some(MailKind::Account));
    assert_eq!(account(&harness, id).await.tenant.password_issue, 3);
    let mut mails = harness.ledger.state().mails;
    mails.retain(|mail, _| !before.contains(mail));
    let kinds: Vec<_> = mails.into_values().map(|kept| (kept.record.kind, kept.record.tenant)).collect();
    assert_eq!(kinds, [(MailKind::Account, Some(id))]);
}
