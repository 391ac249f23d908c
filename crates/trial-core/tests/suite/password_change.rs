//! What the owner of a tenant is told of a changed password, and when nothing may be changed.

use chrono::TimeDelta;
use trial_core::ports::Portal;
use trial_core::{
    LifeOrder, MailKind, MailRecord, OwnPassword, PasswordChange, PortalAccount, PortalSession, QuotaFacts, QuotaUnit,
    SecretHash, TenantId,
};

use crate::desks::{DAY, MemoryDesk, desk};

const HASH: &str = "$argon2id$v=19$of-a-password";

async fn account(desk: &MemoryDesk, tenant: TenantId) -> PortalAccount {
    desk.ledger.portal_account(tenant).await.unwrap().unwrap()
}

/// The choice of a password by the owner of this account.
fn choice(desk: &MemoryDesk, account: &PortalAccount) -> PasswordChange {
    let (chosen, own) = account.with_own_password(HASH.to_owned(), desk.now());
    desk.password_change(own, PortalSession::begin(SecretHash::from_bytes([1; 32]), &chosen, desk.now()))
}

fn quota(change: &PasswordChange, threshold: u32, reserved: u32) -> QuotaFacts {
    QuotaFacts { day: change.day(), threshold, reserved }
}

#[tokio::test]
async fn the_owner_is_told_by_a_mail_that_has_no_secret() {
    let desk = desk(1).await;
    let account = account(&desk, desk.join(1).await).await;
    let change = choice(&desk, &account);
    let notice = change.notice(&account, quota(&change, 9, 3)).unwrap();
    let tenant = &account.tenant;
    let expected = MailRecord {
        id: change.mail,
        kind: MailKind::PasswordChanged,
        tenant: Some(tenant.id),
        to: tenant.email.clone(),
        locale: tenant.locale,
        created_at: desk.now(),
        quota: Some(QuotaUnit { day: change.day(), unit: 4, threshold: 9 }),
        detail: None,
    };
    assert_eq!(notice, expected);
    assert!(!format!("{notice:?}").contains(HASH));
    assert_eq!(MailKind::PasswordChanged.priority(), MailKind::Account.priority());
    assert_eq!((change.entry.action, change.entry.subject.as_str()), ("portal.password", &*tenant.id.to_string()));
}

#[tokio::test]
async fn the_last_unit_is_taken_and_where_none_is_left_it_goes_without() {
    let desk = desk(1).await;
    let account = account(&desk, desk.join(1).await).await;
    let change = choice(&desk, &account);
    for (threshold, reserved, unit) in [(5, 4, Some(5)), (5, 5, None), (5, 6, None), (0, 0, None)] {
        let notice = change.notice(&account, quota(&change, threshold, reserved)).unwrap();
        assert_eq!(notice.quota.map(|unit| unit.unit), unit, "{reserved} of {threshold}");
    }
}

#[tokio::test]
async fn nothing_is_changed_or_told_once_another_password_is_in_force_or_the_owner_is_shut_out() {
    let desk = desk(1).await;
    let id = desk.join(1).await;
    let seen = account(&desk, id).await;
    let change = choice(&desk, &seen);
    let tells = |account: &PortalAccount| change.notice(account, quota(&change, 9, 0)).is_some();
    assert!(tells(&seen));
    assert!(!tells(&seen.with_own_password("another".to_owned(), desk.now()).0), "another was chosen meanwhile");
    for (order, may) in [
        (LifeOrder::Suspend, false),
        (LifeOrder::Resume, true),
        (LifeOrder::Convert, true),
        (LifeOrder::Close, false),
        (LifeOrder::Reopen, true),
    ] {
        desk.change(id, order).await;
        assert_eq!(tells(&account(&desk, id).await), may, "{order:?}");
    }
    desk.wait(7 * DAY);
    desk.change(id, LifeOrder::ResendMail).await;
    assert!(!tells(&account(&desk, id).await), "operations had another initial password mailed");
}

/// A new initial password is in the mail that it comes by: there is no other to tell of it.
#[tokio::test]
async fn a_new_initial_password_is_told_by_the_account_mail_alone() {
    let desk = desk(1).await;
    let id = desk.join(1).await;
    let change = choice(&desk, &account(&desk, id).await);
    assert!(desk.ledger.set_own_password(change).await.unwrap());
    desk.wait(DAY);
    let before: Vec<_> = desk.ledger.state().mails.into_keys().collect();
    assert_eq!(desk.change(id, LifeOrder::ResendMail).await.mail, Some(MailKind::Account));
    assert_eq!(account(&desk, id).await.tenant.password_issue, 3);
    let mut mails = desk.ledger.state().mails;
    mails.retain(|mail, _| !before.contains(mail));
    let kinds: Vec<_> = mails.into_values().map(|kept| (kept.record.kind, kept.record.tenant)).collect();
    assert_eq!(kinds, [(MailKind::Account, Some(id))]);
}

/// The day is that of the time zone, at the time of the change.
#[tokio::test]
async fn the_unit_is_one_of_the_day_of_the_change() {
    let desk = desk(1).await;
    let account = account(&desk, desk.join(1).await).await;
    let mut change = choice(&desk, &account);
    let noon = change.own.set_at.date_naive().and_hms_opt(12, 0, 0).unwrap().and_utc();
    change.quota.timezone = "Asia/Shanghai".parse().unwrap();
    for (hours, days) in [(0, 0), (3, 0), (4, 1)] {
        change.own = OwnPassword { set_at: noon + TimeDelta::hours(hours), ..change.own };
        assert_eq!(change.day() - noon.date_naive(), TimeDelta::days(days), "{hours}");
    }
}
