//! Queries of operators.

use std::time::Duration;

use trial_core::applications::{Application, ApplicationQuery, ApplyOutcome, ApplyRefusal};
use trial_core::ports::{Operations, Upkeep};
use trial_core::return_codes::ApplyCode;
use trial_core::tenants::TenantPage;
use trial_core::values::{CompanyName, Email, TenantId};

use super::{LedgerFactory, harness};
use crate::data::{application, email, phone, request_id};

/// Newest first, page by page.
pub async fn tenants_are_listed_newest_first<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 5).await;
    let mut joined = Vec::new();
    for n in 1..6 {
        joined.push(harness.join(n).await);
        harness.wait(Duration::from_secs(1));
    }
    joined.reverse();
    let mut listed = Vec::new();
    let mut before = None;
    for expected in [2, 2, 1, 0] {
        let page = harness.ledger.tenants(TenantPage { before, limit: 2 }).await.unwrap();
        assert_eq!(page.len(), expected);
        before = page.last().map(|view| view.tenant.id);
        assert!(page.iter().all(|view| view.access_codes.len() == 2 && view.mails.len() == 1));
        listed.extend(page.iter().map(|view| view.tenant.id));
    }
    assert_eq!(listed, joined);
    assert_eq!(harness.ledger.tenants(TenantPage { before: None, limit: 0 }).await.unwrap(), []);
}

/// An unknown tenant is not found.
pub async fn an_unknown_tenant_is_none<F: LedgerFactory>(factory: &F) {
    let ledger = factory.fresh().await;
    assert_eq!(ledger.tenant(TenantId::from_bytes([9; 16])).await.unwrap(), None);
}

/// One applicant by phone, exchange and address, each application as submitted and decided.
pub async fn applications_are_found<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let spelt = Application {
        company: CompanyName::parse("  Åkesson & Söner \u{202F}AB \u{1F680} ").unwrap(),
        email: Email::parse("\"Jo Ann\"@Example.COM").unwrap(),
        request_id: request_id("web:7.a_b-c"),
        ..harness.prepared(1).await
    };
    assert_eq!(harness.apply_for_code(application(1, "wrong")).await, "002");
    harness.wait(Duration::from_secs(1));
    let ApplyOutcome::Accepted { tenant } = harness.apply(spelt.clone()).await else { panic!("a tenant") };
    harness.prepared(2).await;

    let by_phone = harness.ledger.find_applications(ApplicationQuery::Phone(phone(1)), 9).await.unwrap();
    assert_eq!((by_phone.code_requests.len(), by_phone.applications.len()), (1, 2));
    let [wrong, right] = by_phone.applications.as_slice() else { panic!("two applications, oldest first") };
    assert_eq!(wrong.outcome, ApplyOutcome::Refused(ApplyRefusal::WrongCode { tries_left: 4 }));
    assert_eq!((&wrong.email, wrong.mails.len()), (&email(1), 0));
    assert_eq!(right.outcome, ApplyOutcome::Accepted { tenant });
    assert_eq!((&right.email, right.company.as_str()), (&spelt.email, spelt.company.as_str()));
    assert_eq!((right.at, &right.request_id, &right.phone), (harness.now(), &spelt.request_id, &phone(1)));
    assert_eq!(right.mails, harness.ledger.tenant(tenant).await.unwrap().unwrap().mails);

    let by_exchange = harness.ledger.find_applications(ApplicationQuery::RequestId(spelt.request_id), 9).await.unwrap();
    assert_eq!(by_exchange.applications, std::slice::from_ref(right));
    assert_eq!(by_exchange.code_requests, []);
    let address = Email::parse("\"jo ann\"@example.com").unwrap();
    let by_email = harness.ledger.find_applications(ApplicationQuery::Email(address.key().clone()), 9).await.unwrap();
    assert_eq!(by_email.applications, std::slice::from_ref(right));
    let nobody = harness.ledger.find_applications(ApplicationQuery::Phone(phone(9)), 9).await.unwrap();
    assert_eq!((nobody.code_requests.len(), nobody.applications.len()), (0, 0));
}

/// A clock that was ahead leaves counted hours in the future: earlier hours are shown and counted.
pub async fn hours_that_a_clock_ahead_has_counted_hide_none<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let (start, hour) = (harness.now(), Duration::from_hours(1));
    let mut expected = Vec::new();
    harness.wait(Duration::from_hours(400 * 24));
    assert_eq!(harness.apply_for_code(application(1, "wrong")).await, "001");
    harness.wait(2 * hour);
    while harness.ledger.count_hours(harness.now()).await.unwrap() {}
    for place in 0..2 {
        harness.clock.set(start + 3 * hour * place);
        assert_eq!(harness.apply_for_code(application(2 + place, "wrong")).await, "001");
        expected.push((i64::from(3 * place), 1));
        let told = async || {
            let hours = harness.ledger.application_hours(start, harness.now()).await.unwrap();
            hours.iter().map(|one| ((one.hour - start).num_hours(), one.applications)).collect::<Vec<_>>()
        };
        assert_eq!(told().await, expected);
        harness.wait(hour);
        while harness.ledger.count_hours(harness.now()).await.unwrap() {}
        assert_eq!(told().await, expected);
    }
}

/// Of many, the newest; in order of age.
pub async fn the_newest_are_found<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    for n in 1..6 {
        harness.send(&phone(1)).await;
        let application = Application { request_id: request_id(&format!("try-{n}")), ..application(1, "wrong") };
        harness.apply(application).await;
        harness.wait(Duration::from_mins(1));
    }
    let found = harness.ledger.find_applications(ApplicationQuery::Phone(phone(1)), 2).await.unwrap();
    let tries: Vec<_> = found.applications.iter().map(|view| view.request_id.to_string()).collect();
    assert_eq!(tries, ["try-4", "try-5"]);
    let asked: Vec<_> = found.code_requests.iter().map(|view| view.at).collect();
    assert_eq!(asked, [harness.now() - Duration::from_mins(2), harness.now() - Duration::from_mins(1)]);
}

/// Counted or not, every application is in its hour; counts never change.
pub async fn applications_are_counted_by_the_hour<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 2).await;
    let start = harness.now();
    harness.join(1).await;
    assert_eq!(harness.apply_for_code(application(2, "wrong")).await, "001");
    harness.wait(Duration::from_hours(50));
    harness.join(2).await;
    let told = async || {
        let hours = harness.ledger.application_hours(start, harness.now()).await.unwrap();
        let told = |hour: &trial_core::applications::HourCount| {
            ((hour.hour - start).num_hours(), hour.return_code, hour.applications, hour.tenants)
        };
        hours.iter().map(told).collect::<Vec<_>>()
    };
    let expected = [(0, ApplyCode::Success, 1, 1), (0, ApplyCode::NoCode, 1, 0), (50, ApplyCode::Success, 1, 1)];
    assert_eq!(told().await, expected);
    while harness.ledger.count_hours(harness.now()).await.unwrap() {}
    assert_eq!(told().await, expected);
    harness.wait(Duration::from_hours(1));
    while harness.ledger.count_hours(harness.now()).await.unwrap() {}
    assert!(!harness.ledger.count_hours(harness.now()).await.unwrap());
    assert_eq!(told().await, expected);
    assert_eq!(harness.ledger.application_hours(harness.now(), harness.now()).await.unwrap(), []);
}
