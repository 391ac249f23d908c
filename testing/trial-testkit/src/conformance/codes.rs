//! `generateverifycode`, through the ledger.

use std::time::Duration;

use trial_core::applications::ApplicationQuery;
use trial_core::ports::{Operations, TrialLedger};
use trial_core::return_codes::CodeReply;
use trial_core::sms::GatewayReply;
use trial_core::values::{Locale, Phone, PhonePolicy};
use trial_core::verification::{BudgetScope, CodeOutcome, CodeRefusal, CodeRequest, SendState};

use super::{LedgerFactory, assert_sound, harness};
use crate::LedgerHarness;
use crate::data::{application, foreign_phone, phone, planner_with, request_id};

const MINUTE: Duration = Duration::from_mins(1);

fn refused() -> GatewayReply {
    GatewayReply::Refused { reason: "no credit".to_owned() }
}

fn code(refusal: &CodeRefusal) -> &'static str {
    CodeReply::from(refusal).code.as_str()
}

async fn last_state<L: Operations>(ledger: &L, phone: &Phone) -> SendState {
    let timeline = ledger.find_applications(ApplicationQuery::Phone(phone.clone()), 1).await.unwrap();
    match timeline.code_requests.last().expect("one was made").outcome {
        CodeOutcome::Send { state, .. } => state,
        CodeOutcome::Refused(refusal) => panic!("a send, not {refusal}"),
    }
}

/// 200: the message is stored with the gateway's name and reply.
pub async fn a_sent_code_is_found_with_the_gateways_reply<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let asked = CodeRequest { request_id: request_id("web-1"), phone: phone(1), locale: Locale::ZhCn };
    let sent = harness.request_code(asked).await.unwrap();
    assert_eq!(last_state(&*harness.ledger, &phone(1)).await, SendState::Sending);
    harness.report(&sent, GatewayReply::Accepted { provider_id: Some("SM-1".to_owned()) }).await;

    let timeline = harness.ledger.find_applications(ApplicationQuery::RequestId(request_id("web-1")), 9).await.unwrap();
    let [found] = timeline.code_requests.as_slice() else { panic!("one request, not {timeline:?}") };
    assert_eq!(found.request_id, request_id("web-1"));
    assert_eq!((found.at, &found.phone), (harness.now(), &phone(1)));
    assert_eq!(found.outcome, CodeOutcome::Send { challenge: sent.challenge, state: SendState::Accepted });
    assert_eq!((found.gateway.as_deref(), found.reply.as_deref()), (Some("scripted"), Some("SM-1")));
    assert_eq!(timeline.applications, []);
    assert_sound(&*harness.ledger).await;
}

/// A gateway's first report counts; a later one changes nothing.
pub async fn the_first_report_counts<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let sent = harness.ask(&phone(1)).await.unwrap();
    harness.report(&sent, GatewayReply::Unknown { reason: "no reply".to_owned() }).await;
    harness.report(&sent, refused()).await;
    assert_eq!(last_state(&*harness.ledger, &phone(1)).await, SendState::Unknown);
    assert_eq!(harness.apply_for_code(application(1, "wrong")).await, "002", "the message may have arrived");
}

/// 201: the resend interval, the hourly and the daily limit, over many transactions.
pub async fn sends_to_a_phone_are_limited<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    harness.send(&phone(1)).await;
    harness.wait(Duration::from_secs(59));
    let refusal = harness.ask(&phone(1)).await.unwrap_err();
    assert_eq!(refusal, CodeRefusal::TooSoon { retry_after: Duration::from_secs(1) });
    for _ in 0..4 {
        harness.wait(MINUTE);
        harness.send(&phone(1)).await;
    }
    harness.wait(MINUTE);
    let refusal = harness.ask(&phone(1)).await.unwrap_err();
    assert_eq!(refusal, CodeRefusal::HourlyLimit { retry_after: Duration::from_secs(3_600 - 59 - 5 * 60) });
    assert_eq!(code(&refusal), "201");
    assert!(harness.ask(&phone(2)).await.is_ok(), "another phone has limits of its own");
    harness.wait(Duration::from_hours(1));
    for _ in 0..5 {
        harness.wait(MINUTE);
        harness.send(&phone(1)).await;
    }
    harness.wait(Duration::from_hours(1));
    assert!(matches!(harness.ask(&phone(1)).await, Err(CodeRefusal::DailyLimit { .. })));
    harness.wait(Duration::from_hours(22));
    harness.send(&phone(1)).await;
}

/// A message that was never sent counts only for a limit of its own, and is answered as before: not 201, as there is no
/// code.
pub async fn sends_that_failed_have_a_limit_of_their_own<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    for _ in 0..5 {
        let sent = harness.ask(&phone(1)).await.unwrap();
        harness.report(&sent, GatewayReply::Unreached { reason: "connection refused".to_owned() }).await;
    }
    let sent = harness.ask(&phone(1)).await.unwrap();
    harness.report(&sent, refused()).await;
    let refusal = harness.ask(&phone(1)).await.unwrap_err();
    assert_eq!(refusal, CodeRefusal::SendsFailed { refused: true, retry_after: Duration::from_secs(30) });
    assert_eq!(code(&refusal), "204");
    let timeline = harness.ledger.find_applications(ApplicationQuery::Phone(phone(1)), 9).await.unwrap();
    let kept = CodeOutcome::Refused(refusal);
    assert!(timeline.code_requests.iter().any(|request| request.outcome == kept), "{timeline:?}");
    harness.wait(Duration::from_secs(30));
    harness.send(&phone(1)).await;
    assert_eq!(harness.ask(&phone(1)).await, Err(CodeRefusal::TooSoon { retry_after: MINUTE }));
}

/// A code that has arrived is valid until the gateway has accepted the next, and both are for one acceptance.
pub async fn a_code_is_good_until_the_next_was_accepted<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 3).await;
    let mut codes = Vec::new();
    for n in 1..=4 {
        codes.push(harness.send(&phone(n)).await);
    }
    for wait in [250, 240] {
        harness.wait(Duration::from_secs(wait));
        let mut next = Vec::new();
        for n in 1..=4 {
            next.push(harness.ask(&phone(n)).await.unwrap());
        }
        if wait == 250 {
            for sent in &next {
                harness.report(sent, GatewayReply::Accepted { provider_id: None }).await;
            }
        } else {
            assert!(codes.iter().zip(&next).all(|(code, next)| code.challenge != next.challenge), "new codes");
            harness.report(&next[0], refused()).await;
            harness.report(&next[1], GatewayReply::Accepted { provider_id: None }).await;
            harness.report(&next[2], GatewayReply::Unknown { reason: "no reply".to_owned() }).await;
        }
    }
    assert_eq!(harness.apply_for_code(application(3, "wrong")).await, "002", "counted against both");
    for (place, expected) in [(0, "000"), (1, "002"), (2, "000"), (3, "000")] {
        let n = u32::try_from(place).unwrap() + 1;
        let right = application(n, codes[place].code.reveal());
        assert_eq!(harness.apply_for_code(right.clone()).await, expected, "phone {n}");
        if expected == "000" {
            assert_eq!(harness.apply_for_code(right).await, "000", "a double click");
            assert_eq!(
                harness.apply_for_code(application(n, &harness.code_on(&phone(n)))).await,
                "001",
                "one acceptance"
            );
        }
    }
    assert_sound(&*harness.ledger).await;
}

/// 202: a message without a gateway's answer is stored as unknown, one that did not reach it as unreached.
pub async fn an_unclear_send_is_kept_as_such<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let reason = || "connection reset".to_owned();
    let sent = harness.ask(&phone(1)).await.unwrap();
    harness.report(&sent, GatewayReply::Unknown { reason: reason() }).await;
    assert_eq!(last_state(&*harness.ledger, &phone(1)).await, SendState::Unknown);
    assert!(matches!(harness.ask(&phone(1)).await, Err(CodeRefusal::TooSoon { .. })));
    let sent = harness.ask(&phone(2)).await.unwrap();
    harness.report(&sent, GatewayReply::Unreached { reason: reason() }).await;
    assert_eq!(last_state(&*harness.ledger, &phone(2)).await, SendState::Unreached);
    assert!(harness.ask(&phone(2)).await.is_ok(), "nothing was sent: no interval");
}

/// 204: a refused first message leaves no code and costs no budget.
pub async fn a_refused_code_was_never_sent<F: LedgerFactory>(factory: &F) {
    let mut harness = harness(factory, 0).await;
    harness.set_planner(planner_with(|policy| policy.limits.sms_per_day = 1));
    let sent = harness.ask(&phone(1)).await.unwrap();
    harness.report(&sent, refused()).await;
    assert_eq!(last_state(&*harness.ledger, &phone(1)).await, SendState::Refused);
    assert_eq!(harness.apply_for_code(application(1, sent.code.reveal())).await, "001");
    let again = harness.ask(&phone(1)).await.expect("the budget was given back");
    assert_ne!(again.challenge, sent.challenge);
}

/// 204: the budget of the day is counted over all phones, per country for foreign ones, and starts anew each day.
pub async fn the_sms_budget_is_kept_by_day<F: LedgerFactory>(factory: &F) {
    let mut harness = harness(factory, 0).await;
    harness.set_planner(planner_with(|policy| {
        policy.phone = PhonePolicy::from_codes("CN", &["CN".to_owned(), "HK".to_owned()]).unwrap();
        policy.limits.sms_per_day = 4;
        policy.limits.sms_per_country_day = 2;
    }));
    harness.send(&foreign_phone(1)).await;
    harness.send(&foreign_phone(2)).await;
    let refusal = harness.ask(&foreign_phone(3)).await.unwrap_err();
    assert_eq!(refusal, CodeRefusal::BudgetSpent { scope: BudgetScope::Country(852), sent: 2 });
    harness.send(&phone(1)).await;
    harness.send(&phone(2)).await;
    let refusal = harness.ask(&phone(3)).await.unwrap_err();
    assert_eq!(refusal, CodeRefusal::BudgetSpent { scope: BudgetScope::All, sent: 4 });
    assert_eq!(code(&refusal), "204");
    harness.wait(Duration::from_hours(16));
    harness.send(&foreign_phone(3)).await;
    harness.send(&phone(3)).await;
}

/// 205: the daily e-mail limit is checked first, and the refusal is stored.
pub async fn no_code_is_sent_when_no_mail_could_be<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    harness.set_threshold(1).await;
    harness.join(1).await;
    let refusal = harness.ask(&phone(2)).await.unwrap_err();
    assert_eq!(refusal, CodeRefusal::QuotaReached { threshold: 1 });
    let timeline = harness.ledger.find_applications(ApplicationQuery::Phone(phone(2)), 9).await.unwrap();
    assert_eq!(timeline.code_requests[0].outcome, CodeOutcome::Refused(refusal));
    assert_eq!((&timeline.code_requests[0].gateway, &timeline.code_requests[0].reply), (&None, &None));
}

/// A resend repeats the code and prolongs it up to its cap; attempts are kept; then a new code is created.
pub async fn a_resend_repeats_the_code_up_to_its_cap<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let first = harness.send(&phone(1)).await;
    let made_at = harness.now();
    assert_eq!(first.expires_at, made_at + 5 * MINUTE);
    assert_eq!(harness.apply_for_code(application(1, "wrong")).await, "002");
    for minute in [4, 8] {
        harness.wait(4 * MINUTE);
        let again = harness.send(&phone(1)).await;
        assert_eq!((again.challenge, &again.code), (first.challenge, &first.code), "minute {minute}");
        assert_eq!(again.expires_at, made_at + ((minute + 5) * MINUTE).min(10 * MINUTE));
    }
    for _ in 0..4 {
        assert_eq!(harness.apply_for_code(application(1, "wrong")).await, "002");
    }
    assert_eq!(
        harness.apply_for_code(application(1, first.code.reveal())).await,
        "001",
        "five attempts over all sends"
    );
    harness.wait(MINUTE);
    let new = harness.send(&phone(1)).await;
    assert_ne!(new.challenge, first.challenge);
    assert_eq!(harness.apply_for_code(application(1, new.code.reveal())).await, "000");
    assert_sound(&*harness.ledger).await;
}

/// The ledger reports that it can be used.
pub async fn it_can_be_checked<F: LedgerFactory>(factory: &F) {
    assert!(factory.fresh().await.check().await.is_ok());
}

/// An empty batch has no outcome and stores nothing.
pub async fn an_empty_batch_has_no_outcome<F: LedgerFactory>(factory: &F) {
    let harness: LedgerHarness<F::Ledger> = harness(factory, 1).await;
    assert_eq!(harness.commit([]).await, []);
    assert_sound(&*harness.ledger).await;
}
