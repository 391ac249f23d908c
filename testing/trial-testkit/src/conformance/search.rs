//! The searches of operators.

use std::time::Duration;

use trial_core::access_codes::{AccessCodePage, AccessCodeState, PoolCommand, PoolOutcome};
use trial_core::applications::{ApplicationQuery, ApplicationSearch};
use trial_core::ports::{Operations, TrialLedger};
use trial_core::return_codes::{ApplyCode, ApplyReply, CodeReply};
use trial_core::sms::GatewayReply;
use trial_core::tenants::{TenantAction, TenantSearch, TenantStatus};
use trial_core::timeline::{PublicInterface, RequestSearch, RequestView};
use trial_core::values::{AccessCodeKind, AnyRequestId};

use super::{LedgerFactory, assert_sound, harness};
use crate::LedgerHarness;
use crate::data::{application, company, email, phone, request_id, voice};

fn everything() -> ApplicationSearch {
    ApplicationSearch { by: None, return_code: None, since: None, until: None, before: None, limit: 50 }
}

async fn codes<L: Operations + TrialLedger>(
    harness: &LedgerHarness<L>,
    search: ApplicationSearch,
) -> Vec<(String, &'static str)> {
    let found = harness.ledger.search_applications(search).await.unwrap();
    let code = |view: &trial_core::applications::ApplicationView| {
        trial_core::return_codes::ApplyReply::from(&view.outcome).code.as_str()
    };
    found.iter().map(|view| (view.company.clone(), code(view))).collect()
}

/// By phone, address, company, exchange, return code and time; newest first, in pages.
pub async fn applications_are_searched<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 2).await;
    harness.join(1).await;
    harness.wait(Duration::from_secs(1));
    let second = harness.now();
    assert_eq!(harness.apply_for_code(application(2, "wrong")).await, "001");
    harness.wait(Duration::from_secs(1));
    harness.join(3).await;
    let row = |n: u32, code| (format!("Company {n}"), code);
    let (one, two, three) = (row(1, "000"), row(2, "001"), row(3, "000"));
    let all = everything();
    assert_eq!(codes(&harness, all.clone()).await, [three.clone(), two.clone(), one.clone()]);
    for (by, expected) in [
        (ApplicationQuery::Phone(phone(1)), &one),
        (ApplicationQuery::Email(email(2).key().clone()), &two),
        (ApplicationQuery::Company(company(3).key().clone()), &three),
        (ApplicationQuery::RequestId(request_id("apply-2")), &two),
    ] {
        let search = ApplicationSearch { by: Some(by), ..all.clone() };
        assert_eq!(codes(&harness, search).await, std::slice::from_ref(expected));
    }
    let accepted = ApplicationSearch { return_code: Some(ApplyCode::Success), ..all.clone() };
    assert_eq!(codes(&harness, accepted.clone()).await, [three.clone(), one.clone()]);
    let none = ApplicationSearch { by: Some(ApplicationQuery::Phone(phone(2))), ..accepted };
    assert_eq!(codes(&harness, none).await, []);
    let later = ApplicationSearch { since: Some(second), ..all.clone() };
    assert_eq!(codes(&harness, later).await, [three.clone(), two.clone()]);
    let earlier = ApplicationSearch { until: Some(second), ..all.clone() };
    assert_eq!(codes(&harness, earlier).await, std::slice::from_ref(&one));
    let page = ApplicationSearch { limit: 2, ..all.clone() };
    let first = harness.ledger.search_applications(page.clone()).await.unwrap();
    let next = ApplicationSearch { before: Some(first[1].id), ..page };
    assert_eq!(codes(&harness, next).await, std::slice::from_ref(&one));
    assert_eq!(harness.ledger.application(first[0].id).await.unwrap().as_ref(), Some(&first[0]));
    assert_eq!(first[0].mails.len(), 1);
}

/// Requests of both interfaces in one order: by interface, applicant, exchange, return code and time, in pages.
pub async fn requests_are_searched<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let refused = harness.ask(&phone(3)).await.unwrap();
    harness.report(&refused, GatewayReply::Refused { reason: "no".to_owned() }).await;
    harness.wait(Duration::from_secs(1));
    let prepared = harness.prepared(1).await;
    harness.wait(Duration::from_secs(1));
    assert_eq!(harness.apply_for_code(prepared).await, "000");
    harness.wait(Duration::from_secs(1));
    let last = harness.now();
    assert_eq!(harness.apply_for_code(application(2, "wrong")).await, "001");
    let all = RequestSearch {
        interface: None,
        by: None,
        return_code: None,
        since: None,
        until: None,
        before: None,
        limit: 50,
    };
    let found = async |search: RequestSearch| {
        let found = harness.ledger.search_requests(search).await.unwrap();
        let told = found.iter().map(|view| match view {
            RequestView::Code(view) => (view.phone.clone(), CodeReply::from(&view.outcome).code.as_str()),
            RequestView::Application(view) => (view.phone.clone(), ApplyReply::from(&view.outcome).code.as_str()),
        });
        told.collect::<Vec<_>>()
    };
    let row = |n, code| (phone(n), code);
    let (not_sent, sent, accepted, no_code) = (row(3, "204"), row(1, "200"), row(1, "000"), row(2, "001"));
    assert_eq!(
        found(all.clone()).await,
        [no_code.clone(), accepted.clone(), sent.clone(), not_sent.clone()],
        "newest first"
    );
    let codes = RequestSearch { interface: Some(PublicInterface::SendCode), ..all.clone() };
    assert_eq!(found(codes).await, [sent.clone(), not_sent.clone()]);
    let applied = RequestSearch { interface: Some(PublicInterface::Apply), ..all.clone() };
    assert_eq!(found(applied).await, [no_code.clone(), accepted.clone()]);
    for (by, expected) in [
        (ApplicationQuery::Phone(phone(1)), vec![accepted.clone(), sent.clone()]),
        (ApplicationQuery::Email(email(1).key().clone()), vec![accepted.clone()]),
        (ApplicationQuery::Company(company(2).key().clone()), vec![no_code.clone()]),
        (ApplicationQuery::RequestId(request_id("apply-2")), vec![no_code.clone()]),
    ] {
        assert_eq!(found(RequestSearch { by: Some(by), ..all.clone() }).await, expected);
    }
    for (code, expected) in [("204", &not_sent), ("200", &sent), ("000", &accepted), ("001", &no_code)] {
        let search = RequestSearch { return_code: Some(code.parse().unwrap()), ..all.clone() };
        assert_eq!(found(search).await, std::slice::from_ref(expected), "{code}");
    }
    let by_code = RequestSearch { return_code: Some("202".parse().unwrap()), ..all.clone() };
    assert_eq!(found(by_code).await, []);
    assert_eq!(found(RequestSearch { since: Some(last), ..all.clone() }).await, std::slice::from_ref(&no_code));
    let earlier = RequestSearch { until: Some(last), ..all.clone() };
    assert_eq!(found(earlier).await, [accepted.clone(), sent.clone(), not_sent.clone()]);
    let page = RequestSearch { limit: 2, ..all };
    let first = harness.ledger.search_requests(page.clone()).await.unwrap();
    assert_eq!(first.len(), 2);
    let next = RequestSearch { before: Some(first[1].id()), ..page };
    assert_eq!(found(next.clone()).await, [sent, not_sent]);
    for view in first.iter().chain(&harness.ledger.search_requests(next).await.unwrap()) {
        assert_eq!(harness.ledger.request(view.id()).await.unwrap().as_ref(), Some(view));
    }
    let unknown = AnyRequestId::new(last, [9; 10]);
    assert_eq!(harness.ledger.request(unknown).await.unwrap(), None);
}

/// By status, by applicant, also of closed tenants, and by the wish for conversion.
pub async fn tenants_are_searched<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 2).await;
    let first = harness.join(1).await;
    harness.wait(Duration::from_secs(1));
    let second = harness.join(2).await;
    harness.change(first, TenantAction::Close).await;
    let all = TenantSearch { by: None, status: None, asks_conversion: false, before: None, limit: 9 };
    let found = async |search: TenantSearch| {
        let found = harness.ledger.search_tenants(search).await.unwrap();
        found.into_iter().map(|view| view.tenant.id).collect::<Vec<_>>()
    };
    assert_eq!(found(all.clone()).await, [second, first]);
    assert_eq!(found(TenantSearch { status: Some(TenantStatus::Closed), ..all.clone() }).await, [first]);
    let by = |query| TenantSearch { by: Some(query), ..all.clone() };
    assert_eq!(found(by(ApplicationQuery::Phone(phone(1)))).await, [first]);
    assert_eq!(found(by(ApplicationQuery::Company(company(2).key().clone()))).await, [second]);
    assert_eq!(found(by(ApplicationQuery::Email(email(3).key().clone()))).await, []);
    let asking = TenantSearch { asks_conversion: true, ..all.clone() };
    assert_eq!(found(asking.clone()).await, []);
    harness.change(second, TenantAction::AskConversion).await;
    assert_eq!(found(asking).await, [second]);
    assert_eq!(found(TenantSearch { before: Some(second), ..all }).await, [first]);
}

/// Retired, released, and listed; the code of a tenant is left alone.
pub async fn access_codes_are_retired_and_released<F: LedgerFactory>(factory: &F) {
    use AccessCodeState::{Free, Quarantined, Retired};
    let harness = harness(factory, 3).await;
    let tenant = harness.join(1).await;
    let ledger = &*harness.ledger;
    let order = async |n, order| ledger.order_access_code(voice(n), order, harness.operator()).await.unwrap();
    let list = async |state, after| {
        let page = AccessCodePage { kind: AccessCodeKind::Voice, state, after, limit: 9 };
        ledger.access_codes(page).await.unwrap().into_iter().map(|view| view.code).collect::<Vec<_>>()
    };
    assert_eq!(list(AccessCodeState::Free, None).await, [voice(2), voice(3)]);
    assert_eq!(list(AccessCodeState::Free, Some(voice(2))).await, [voice(3)]);
    let held = ledger.access_code(voice(1)).await.unwrap().unwrap();
    assert_eq!((held.state, held.tenant), (AccessCodeState::Leased, Some(tenant)));
    assert_eq!(order(1, PoolCommand::Retire).await, PoolOutcome::Refused(AccessCodeState::Leased));
    assert_eq!(order(1, PoolCommand::Release).await, PoolOutcome::Refused(AccessCodeState::Leased));
    assert_eq!(order(9, PoolCommand::Retire).await, PoolOutcome::Unknown);
    assert_eq!(ledger.access_code(voice(9)).await.unwrap(), None);
    let done = |before, after| PoolOutcome::Done { before, after };
    assert_eq!(order(2, PoolCommand::Retire).await, done(Free, Retired));
    assert_eq!(order(2, PoolCommand::Retire).await, PoolOutcome::Refused(Retired));
    harness.wait(Duration::from_secs(1));
    assert_eq!(order(2, PoolCommand::Release).await, done(Retired, Free));
    assert_eq!(ledger.resting_since().await.unwrap(), []);
    let closed_at = harness.now();
    harness.change(tenant, TenantAction::Close).await;
    let rests = [(AccessCodeKind::Voice, closed_at), (AccessCodeKind::Multimedia, closed_at)];
    let mut found = ledger.resting_since().await.unwrap();
    found.sort_by_key(|(kind, _)| kind.as_str() != AccessCodeKind::Voice.as_str());
    assert_eq!(found, rests);
    harness.wait(Duration::from_secs(1));
    assert_eq!(order(1, PoolCommand::Release).await, done(Quarantined, Free));
    assert_sound(ledger).await;
    for (n, code) in [(2, voice(3)), (3, voice(2)), (4, voice(1))] {
        let tenant = harness.join(n).await;
        let held = ledger.tenant(tenant).await.unwrap().unwrap().access_codes;
        assert_eq!(held[&AccessCodeKind::Voice], code, "the longest free");
        if n == 3 {
            let more = crate::data::access_codes(4);
            let rows = more.rows.into_iter().filter(|(_, _, kind)| *kind == AccessCodeKind::Multimedia).collect();
            let import = trial_core::access_codes::AccessCodeImport { rows };
            ledger.import_access_codes(import, false, harness.operator()).await.unwrap();
        }
    }
}
