//! Mails that are sent or overtaken, by the state of their tenant.

use chrono::TimeDelta;
use trial_core::mails::{DueMail, MailKind};
use trial_core::policy::Policy;
use trial_core::tenants::TenantStatus;

use crate::mail_retry::due_mail;

/// The mail of this kind, about a tenant of this status, put into the outbox when that status began.
async fn mail(kind: MailKind, status: TenantStatus) -> DueMail {
    let mut mail = DueMail { kind, ..due_mail().await };
    let tenant = mail.tenant.as_mut().unwrap();
    mail.created_at = tenant.trial_ends_at - TimeDelta::days(7);
    mail.detail = Some(tenant.password_issue.to_string());
    tenant.password_issued_at = mail.created_at;
    tenant.status = status;
    match status {
        TenantStatus::Trial => {}
        TenantStatus::Suspended => tenant.suspended_at = Some(mail.created_at),
        TenantStatus::Commercial => tenant.converted_at = Some(mail.created_at),
        TenantStatus::Closed => tenant.closed_at = Some(mail.created_at),
    }
    mail
}

fn leaves(mail: &DueMail, after: TimeDelta) -> bool {
    mail.overtaken(&Policy::default().trial, mail.created_at + after).is_none()
}

#[tokio::test]
async fn each_kind_leaves_in_the_states_that_it_is_true_of() {
    use TenantStatus::{Closed, Commercial, Suspended, Trial};
    for kind in MailKind::ALL {
        let states: &[TenantStatus] = match kind {
            MailKind::Account | MailKind::Password => &[Trial, Commercial],
            MailKind::Reminder => &[Trial],
            MailKind::Suspended => &[Suspended],
            MailKind::Closed => &[Closed],
            MailKind::PasswordChanged | MailKind::Warning => &[Trial, Suspended, Commercial, Closed],
        };
        for status in [Trial, Suspended, Commercial, Closed] {
            let leaves = leaves(&mail(*kind, status).await, TimeDelta::seconds(1));
            assert_eq!(leaves, states.contains(&status), "{kind}, {status}");
        }
    }
}

#[tokio::test]
async fn a_newer_one_of_its_kind_takes_the_place_of_an_account_and_a_reminder() {
    for kind in MailKind::ALL {
        let mail = DueMail { superseded: true, ..mail(*kind, TenantStatus::Trial).await };
        let alone = DueMail { superseded: false, ..mail.clone() };
        let replaced = leaves(&alone, TimeDelta::zero()) && !leaves(&mail, TimeDelta::zero());
        assert_eq!(replaced, matches!(kind, MailKind::Account | MailKind::Reminder), "{kind}");
    }
}

#[tokio::test]
async fn time_overtakes_passwords_links_and_reminders() {
    for (kind, last) in [
        (MailKind::Account, TimeDelta::days(7)),
        (MailKind::Reminder, TimeDelta::days(7)),
        (MailKind::Password, TimeDelta::minutes(30)),
    ] {
        let mail = mail(kind, TenantStatus::Trial).await;
        assert!(leaves(&mail, last - TimeDelta::seconds(1)), "{kind}");
        assert!(!leaves(&mail, last), "{kind}");
    }
}

#[tokio::test]
async fn a_notice_of_what_began_again_is_a_notice_of_the_first_time_no_more() {
    for (kind, status) in [(MailKind::Suspended, TenantStatus::Suspended), (MailKind::Closed, TenantStatus::Closed)] {
        let mut mail = mail(kind, status).await;
        let tenant = mail.tenant.as_mut().unwrap();
        let again = Some(mail.created_at + TimeDelta::seconds(1));
        (tenant.suspended_at, tenant.closed_at) = (again, again);
        assert!(!leaves(&mail, TimeDelta::seconds(2)), "{kind}");
    }
}

#[tokio::test]
async fn a_mail_without_its_tenant_is_sent_to_nobody() {
    for kind in MailKind::ALL {
        let mail = DueMail { tenant: None, ..mail(*kind, TenantStatus::Trial).await };
        assert_eq!(leaves(&mail, TimeDelta::zero()), *kind == MailKind::Warning, "{kind}");
    }
}
