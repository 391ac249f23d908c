//! The schedule of a mail's attempts, and its end.

use std::time::Duration;

use chrono::TimeDelta;
use trial_core::mails::{DeliveryError, DueMail, Lease, MailContent, MailRetry, SettledAs};
use trial_core::policy::Policy;
use trial_core::ports::Outbox;
use trial_core::tenants::Tenant;
use trial_core::values::LeaseId;
use trial_testkit::data::{keyring, multimedia, voice};

use crate::desks::harness;

pub(crate) async fn due_mail() -> DueMail {
    let harness = harness(1).await;
    harness.join(1).await;
    let now = harness.now();
    let lease = Lease { id: LeaseId::from_bytes([1; 16]), now, until: now, horizon: now + TimeDelta::hours(1) };
    harness.ledger.claim(lease, 1).await.unwrap().remove(0)
}

fn transient() -> DeliveryError {
    DeliveryError::Transient("451 try later".to_owned())
}

/// The waits between attempts, each made as soon as it is due, and the age at which the mail is given up.
fn waits(retry: &MailRetry, mut mail: DueMail) -> (Vec<i64>, i64) {
    let mut now = mail.created_at;
    let mut waits = Vec::new();
    while waits.len() < 1_000 {
        match retry.after(&mail, now, &transient()) {
            SettledAs::Retry { next_attempt_at, error } => {
                assert_eq!(error, "451 try later");
                waits.push((next_attempt_at - now).num_seconds());
                now = next_attempt_at;
                mail.attempts += 1;
            }
            SettledAs::Failed { error } => {
                assert_eq!(error, "451 try later");
                return (waits, (now - mail.created_at).num_seconds());
            }
            SettledAs::Sent { .. } | SettledAs::Overtaken { .. } => panic!("it failed"),
        }
    }
    panic!("it is never given up")
}

#[tokio::test]
async fn from_10_seconds_doubling_to_30_minutes_once_more_after_24_hours() {
    let (waits, given_up_after) = waits(&MailRetry::default(), due_mail().await);
    assert_eq!(waits[..9], [10, 20, 40, 80, 160, 320, 640, 1_280, 1_800]);
    let (last, capped) = waits[9..].split_last().unwrap();
    assert!(capped.iter().all(|wait| *wait == 1_800));
    assert!((1..=1_800).contains(last), "the last try is not put off past the end");
    assert_eq!(given_up_after, 24 * 3_600);
    assert_eq!(waits.iter().sum::<i64>(), 24 * 3_600);
}

#[tokio::test]
async fn a_permanent_failure_is_not_tried_again() {
    let mail = due_mail().await;
    let error = DeliveryError::Permanent("550 no such user".to_owned());
    let failed = SettledAs::Failed { error: "550 no such user".to_owned() };
    assert_eq!(MailRetry::default().after(&mail, mail.created_at, &error), failed);
}

#[tokio::test]
async fn a_mail_that_comes_late_is_given_up_after_its_try() {
    let mail = due_mail().await;
    let late = mail.created_at + TimeDelta::hours(24);
    let failed = SettledAs::Failed { error: "451 try later".to_owned() };
    assert_eq!(MailRetry::default().after(&mail, late, &transient()), failed);
    let just = MailRetry::default().after(&mail, late - TimeDelta::seconds(1), &transient());
    assert_eq!(just, SettledAs::Retry { next_attempt_at: late, error: "451 try later".to_owned() });
}

#[tokio::test]
async fn however_many_attempts_the_wait_stays_at_its_cap() {
    let mail = DueMail { attempts: u32::MAX, ..due_mail().await };
    let retry = MailRetry { first: Duration::MAX, ..MailRetry::default() };
    let SettledAs::Retry { next_attempt_at, .. } = retry.after(&mail, mail.created_at, &transient()) else {
        panic!("a retry")
    };
    assert_eq!(next_attempt_at, mail.created_at + TimeDelta::minutes(30));
}

#[tokio::test]
async fn a_due_mail_is_composed_from_what_is_derived() {
    let mail = due_mail().await;
    let trial = Policy::default().trial;
    let tenant = mail.tenant.as_ref().unwrap().id;
    let outgoing = mail.compose(&keyring(), &trial, mail.created_at).unwrap();
    assert_eq!((outgoing.id, &outgoing.to, outgoing.locale), (mail.id, &mail.to, mail.locale));
    assert_eq!(outgoing.created_at, mail.created_at);
    let MailContent::Account(account) = outgoing.content else { panic!("an account") };
    assert_eq!((account.tenant, account.account_name), (tenant, Tenant::account_name(tenant)));
    assert_eq!(account.initial_password, keyring().password("current", tenant, 1).unwrap());
    assert_eq!(account.password_valid_until, mail.created_at + TimeDelta::days(7));
    assert_eq!(account.trial_ends_at, mail.created_at + TimeDelta::days(30));
    assert_eq!((account.voice, account.multimedia), (voice(1), multimedia(1)));
    let other =
        trial_core::values::Keyring::new(vec![trial_core::values::SecretKey::new("x", &[1; 32]).unwrap()]).unwrap();
    assert!(mail.compose(&other, &trial, mail.created_at).is_err());
}
