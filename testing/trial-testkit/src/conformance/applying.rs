//! `applyTenant`, through the ledger.

use std::time::Duration;

use trial_core::access_codes::AccessCodeImport;
use trial_core::applications::{Application, ApplicationQuery, ApplyOutcome, ApplyRefusal, NoCodeReason};
use trial_core::mails::MailState;
use trial_core::ports::Operations;
use trial_core::tenants::TenantStatus;
use trial_core::values::{AccessCodeKind, CompanyName, Email};

use super::{LedgerFactory, assert_sound, harness};
use crate::data::{application, company, email, multimedia, phone, request_id, voice};

/// 000: tenant, both access codes, quota unit and mail are stored.
pub async fn success_brings_everything_into_being<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 2).await;
    let id = harness.join(1).await;
    let view = harness.ledger.tenant(id).await.unwrap().expect("the tenant is there");
    assert_eq!((view.tenant.id, view.tenant.status), (id, TenantStatus::Trial));
    assert_eq!((&view.tenant.phone, &view.tenant.email, &view.tenant.company), (&phone(1), &email(1), &company(1)));
    assert_eq!(view.tenant.created_at, harness.now());
    assert_eq!(view.tenant.trial_ends_at, harness.now() + Duration::from_hours(30 * 24));
    assert_eq!((view.tenant.key_id.as_str(), view.tenant.password_issue), ("current", 1));
    let held: Vec<_> = view.access_codes.into_iter().collect();
    assert_eq!(held, [(AccessCodeKind::Voice, voice(1)), (AccessCodeKind::Multimedia, multimedia(1))]);
    let [mail] = view.mails.as_slice() else { panic!("one mail") };
    assert_eq!((mail.state, mail.attempts, &mail.last_reply), (MailState::Due, 0, &None));
    assert_eq!((mail.created_at, mail.next_attempt_at), (harness.now(), harness.now()));

    let stock = harness.ledger.access_code_stock().await.unwrap();
    assert_eq!(stock.iter().map(|kind| (kind.free, kind.leased)).collect::<Vec<_>>(), [(1, 1), (1, 1)]);
    let quota = harness.quota(harness.now().date_naive()).await;
    assert_eq!((quota.used.reserved, quota.left, quota.used.sent, quota.used.failed), (1, 999, 0, 0));
    assert_sound(&*harness.ledger).await;
}

/// 000 again for the identical application within 24 hours, and nothing more is stored.
pub async fn the_same_application_is_answered_again_for_a_day<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 2).await;
    let first = harness.prepared(1).await;
    let ApplyOutcome::Accepted { tenant } = harness.apply(first.clone()).await else { panic!("a tenant") };
    let again = Application { request_id: request_id("click-2"), ..first.clone() };
    for wait in [0, 1, 86_398] {
        harness.wait(Duration::from_secs(wait));
        assert_eq!(harness.apply(again.clone()).await, ApplyOutcome::Replayed { tenant });
    }
    let other = Application { email: email(2), ..first.clone() };
    let used = ApplyOutcome::Refused(ApplyRefusal::NoCode { reason: NoCodeReason::Used });
    assert_eq!(harness.apply(other).await, used, "another address is another application");
    harness.wait(Duration::from_secs(1));
    assert_eq!(harness.apply(again).await, used);
    let view = harness.ledger.tenant(tenant).await.unwrap().unwrap();
    assert_eq!(view.mails.len(), 1);
    assert_eq!(harness.ledger.access_code_stock().await.unwrap()[0].leased, 1);
    assert_sound(&*harness.ledger).await;
}

/// 001: never sent, expired, used, spent.
pub async fn no_code_no_trial<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 9).await;
    let no_code = |reason| ApplyOutcome::Refused(ApplyRefusal::NoCode { reason });
    assert_eq!(harness.apply(application(1, "123456")).await, no_code(NoCodeReason::NeverSent));
    let late = harness.prepared(1).await;
    harness.wait(Duration::from_mins(5));
    assert_eq!(harness.apply(late).await, no_code(NoCodeReason::Expired));
    harness.join(2).await;
    let other = Application { email: email(3), ..application(2, &harness.code_on(&phone(2))) };
    assert_eq!(harness.apply(other).await, no_code(NoCodeReason::Used));
    let right = harness.prepared(4).await;
    harness.try_wrong(4, 5).await;
    assert_eq!(harness.apply(right).await, no_code(NoCodeReason::TooManyTries));
}

/// 002: counted against the code and the phone; a success sets the phone's count to 0.
pub async fn wrong_attempts_are_counted<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    assert_eq!(harness.ledger.phone_failures(phone(1)).await.unwrap(), None);
    let right = harness.prepared(1).await;
    assert_eq!(harness.ledger.phone_failures(phone(1)).await.unwrap(), Some(0));
    for left in [4, 3, 2] {
        let wrong = ApplyOutcome::Refused(ApplyRefusal::WrongCode { tries_left: left });
        assert_eq!(harness.apply(application(1, "wrong")).await, wrong);
    }
    assert_eq!(harness.ledger.phone_failures(phone(1)).await.unwrap(), Some(3));
    assert_eq!(harness.apply_for_code(right).await, "000");
    assert_eq!(harness.ledger.phone_failures(phone(1)).await.unwrap(), Some(0));
}

/// 001: a guess of a used code is counted against the phone; the used code itself is not.
pub async fn guesses_of_a_used_code_are_counted<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let right = harness.prepared(1).await;
    assert_eq!(harness.apply_for_code(right.clone()).await, "000");
    let used = ApplyOutcome::Refused(ApplyRefusal::NoCode { reason: NoCodeReason::Used });
    for counted in 1..=3 {
        assert_eq!(harness.apply(application(1, "wrong")).await, used);
        assert_eq!(harness.apply(Application { email: email(3), ..right.clone() }).await, used);
        assert_eq!(harness.ledger.phone_failures(phone(1)).await.unwrap(), Some(counted));
    }
    assert_eq!(harness.apply_for_code(right).await, "000");
    assert_eq!(harness.ledger.phone_failures(phone(1)).await.unwrap(), Some(3));
}

/// 003: a phone is locked over all its codes, until operators unlock it.
pub async fn a_locked_phone_stays_locked_until_it_is_unlocked<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    harness.try_wrong(1, 99).await;
    harness.wait(Duration::from_hours(24));
    let right = harness.prepared(1).await;
    assert_eq!(harness.apply_for_code(application(1, "wrong")).await, "002");
    let locked = ApplyOutcome::Refused(ApplyRefusal::PhoneLocked { failures: 100 });
    assert_eq!(harness.apply(right.clone()).await, locked);
    harness.wait(Duration::from_mins(1));
    assert!(harness.ask(&phone(1)).await.is_err());
    assert!(harness.ledger.unlock_phone(phone(1), harness.operator()).await.unwrap());
    assert_eq!(harness.ledger.phone_failures(phone(1)).await.unwrap(), Some(0));
    assert_eq!(harness.apply_for_code(right).await, "000");
    assert!(!harness.ledger.unlock_phone(phone(2), harness.operator()).await.unwrap(), "it was never seen");
}

/// 004: the same phone, mailbox or company, in any spelling.
pub async fn one_tenant_for_each_applicant<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 9).await;
    harness.join(1).await;
    harness.wait(Duration::from_mins(1));
    harness.send(&phone(1)).await;
    let same_phone = Application { phone: phone(1), ..application(2, &harness.code_on(&phone(1))) };
    let same_email =
        Application { email: Email::parse("APPLICANT1@Example.COM").unwrap(), ..harness.prepared(3).await };
    let company = CompanyName::parse("  ＣＯＭＰＡＮＹ \u{3000} 1").unwrap();
    let same_company = Application { company, ..harness.prepared(4).await };
    for application in [same_phone, same_email, same_company] {
        assert_eq!(harness.apply_for_code(application).await, "004");
    }
    assert_sound(&*harness.ledger).await;
}

/// 006: an access code of each kind, or none.
pub async fn a_trial_needs_an_access_code_of_each_kind<F: LedgerFactory>(factory: &F) {
    for kind in AccessCodeKind::ALL {
        let harness = harness(factory, 0).await;
        let rows = (1..4).map(|n| (u64::from(n), voice(n), *kind)).collect();
        harness.ledger.import_access_codes(AccessCodeImport { rows }, false, harness.operator()).await.unwrap();
        assert_eq!(harness.apply_for_code(harness.prepared(1).await).await, "006");
        let stock = harness.ledger.access_code_stock().await.unwrap();
        assert_eq!(stock.iter().map(|kind| kind.free).sum::<u64>(), 3, "none is taken alone");
        assert_sound(&*harness.ledger).await;
    }
}

/// 205: the daily e-mail limit.
pub async fn the_email_threshold_is_kept_by_day<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 9).await;
    let late = harness.prepared(3).await;
    harness.set_threshold(2).await;
    harness.join(1).await;
    harness.join(2).await;
    assert_eq!(harness.apply_for_code(late).await, "205");
    harness.wait(Duration::from_hours(16));
    harness.join(3).await;
    let quota = harness.quota(harness.now().date_naive()).await;
    assert_eq!((quota.threshold, quota.used.reserved, quota.left), (2, 1, 1));
    let yesterday = harness.quota(harness.now().date_naive().pred_opt().unwrap()).await;
    assert_eq!((yesterday.used.reserved, yesterday.left), (2, 0));
    assert_sound(&*harness.ledger).await;
}

/// A limit holds from the next decision on; one below the units taken takes none back.
pub async fn a_new_threshold_is_in_force_at_once<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 9).await;
    let day = harness.now().date_naive();
    assert_eq!(harness.quota(day).await.threshold, 1_000, "until one is set");
    let waiting = [harness.prepared(3).await, harness.prepared(4).await];
    harness.join(1).await;
    harness.join(2).await;
    harness.set_threshold(1).await;
    assert_eq!(harness.apply_for_code(waiting[0].clone()).await, "205");
    let quota = harness.quota(day).await;
    assert_eq!((quota.threshold, quota.used.reserved, quota.left), (1, 2, 0));
    harness.set_threshold(3).await;
    assert_eq!(harness.apply_for_code(waiting[0].clone()).await, "000");
    assert_eq!(harness.apply_for_code(waiting[1].clone()).await, "205");
    harness.set_threshold(0).await;
    harness.set_threshold(4).await;
    assert_eq!(harness.apply_for_code(waiting[1].clone()).await, "000");
    assert_sound(&*harness.ledger).await;
}

/// 004, 006 and 205 leave the code unchanged; 000 alone consumes it.
pub async fn a_refusal_after_the_code_leaves_it_valid<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    harness.join(1).await;
    let right = harness.prepared(2).await;
    assert_eq!(harness.apply_for_code(Application { email: email(1), ..right.clone() }).await, "004");
    assert_eq!(harness.apply_for_code(right.clone()).await, "006");
    let rows = vec![(2, voice(2), AccessCodeKind::Voice), (3, multimedia(2), AccessCodeKind::Multimedia)];
    harness.ledger.import_access_codes(AccessCodeImport { rows }, false, harness.operator()).await.unwrap();
    harness.set_threshold(1).await;
    assert_eq!(harness.apply_for_code(right.clone()).await, "205");
    harness.set_threshold(2).await;
    assert_eq!(harness.ledger.phone_failures(phone(2)).await.unwrap(), Some(0));
    assert_eq!(harness.apply_for_code(right).await, "000");
    let timeline = harness.ledger.find_applications(ApplicationQuery::Phone(phone(2)), 9).await.unwrap();
    assert_eq!(timeline.applications.len(), 4, "each is on the timeline");
    assert_sound(&*harness.ledger).await;
}
