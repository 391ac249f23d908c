//! Sending a code: decide and store, then send, then store the gateway's reply.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mockall::Sequence;
use tokio::sync::mpsc;
use trial_core::error::LedgerError;
use trial_core::planner::{Outcome, Request};
use trial_core::ports::{MockSmsGateway, MockTrialLedger, SmsGateway};
use trial_core::return_codes::{CodeReply, SendCode};
use trial_core::sms::{GatewayReply, GatewayUnusable, SmsMessage};
use trial_core::verification::{CodeOutcome, CodeRefusal};
use trial_engine::{Engine, SmsRoute};
use trial_testkit::{LedgerHarness, MemoryLedger, ScriptedGateway, data};

use crate::stage::{decided_to_send, options, parts, with_gateway};

fn gateway(reply: impl Fn() -> GatewayReply + Send + 'static) -> MockSmsGateway {
    let mut gateway = MockSmsGateway::new();
    gateway.expect_name().return_const("mock");
    gateway.expect_send().times(1).returning(move |_| reply());
    gateway
}

/// A ledger that decides to send, and then stores the gateway's reply.
fn deciding_ledger(expected: GatewayReply) -> MockTrialLedger {
    let mut order = Sequence::new();
    let mut ledger = MockTrialLedger::new();
    let asked = |request: &Request| matches!(request, Request::SendCode(_));
    ledger
        .expect_commit()
        .times(1)
        .in_sequence(&mut order)
        .withf(move |batch, _| batch.requests.len() == 1 && asked(&batch.requests[0].1))
        .returning(|_, _| Ok(vec![decided_to_send(&data::phone(1)).0]));
    let (_, code) = decided_to_send(&data::phone(1));
    let told = move |request: &Request| {
        matches!(request, Request::SendReport(report)
            if report.reply == expected && report.code_request == code.code_request && report.challenge == code.challenge)
    };
    ledger
        .expect_commit()
        .times(1)
        .in_sequence(&mut order)
        .withf(move |batch, _| batch.requests.len() == 1 && told(&batch.requests[0].1))
        .returning(|_, _| Ok(vec![Outcome::SendReport]));
    ledger
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_costs_no_message() {
    let refusal = CodeRefusal::TooSoon { retry_after: Duration::from_secs(42) };
    let mut ledger = MockTrialLedger::new();
    ledger
        .expect_commit()
        .times(1)
        .returning(move |_, _| Ok(vec![Outcome::SendCode(CodeOutcome::Refused(refusal), None)]));
    let engine = Engine::start(parts(ledger), options());
    let reply = engine.service().send_code(data::code_request(&data::phone(1))).await.unwrap();
    assert_eq!(reply, CodeReply { code: SendCode::TooSoon, retry_after: Some(Duration::from_secs(42)) });
}

#[tokio::test(start_paused = true)]
async fn each_reply_of_the_gateway_is_stored_and_answered() {
    let reason = || "reason".to_owned();
    let replies = [
        (GatewayReply::Accepted { provider_id: Some("id".to_owned()) }, SendCode::Sent),
        (GatewayReply::Refused { reason: reason() }, SendCode::NotSent),
        (GatewayReply::AccountRefused { reason: reason() }, SendCode::NotSent),
        (GatewayReply::Throttled { reason: reason() }, SendCode::NotSent),
        (GatewayReply::Unreached { reason: reason() }, SendCode::Exception),
        (GatewayReply::Unknown { reason: reason() }, SendCode::Exception),
    ];
    for (said, answered) in replies {
        let (saying, state) = (said.clone(), said.state());
        let parts = with_gateway(parts(deciding_ledger(said)), gateway(move || saying.clone()));
        let engine = Engine::start(parts, options());
        let reply = engine.service().send_code(data::code_request(&data::phone(1))).await.unwrap();
        assert_eq!(reply.code, answered);
        // The next may be sent at once, unless this one may be on its way.
        let wait = state.may_arrive().then_some(Duration::from_mins(1));
        assert_eq!(reply.retry_after, wait, "{state}");
        engine.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_code_that_the_gateway_repeats_is_not_stored() {
    let code = decided_to_send(&data::phone(1)).1.code;
    let code = code.reveal();
    for (said, stored, answered) in [
        (
            GatewayReply::Accepted { provider_id: Some(format!("17{code}001")) },
            GatewayReply::Accepted { provider_id: None },
            SendCode::Sent,
        ),
        (
            GatewayReply::Refused { reason: format!("text: your code is {code}") },
            GatewayReply::Refused { reason: "text: your code is ***".to_owned() },
            SendCode::NotSent,
        ),
    ] {
        let parts = with_gateway(parts(deciding_ledger(stored)), gateway(move || said.clone()));
        let engine = Engine::start(parts, options());
        let reply = engine.service().send_code(data::code_request(&data::phone(1))).await.unwrap();
        assert_eq!(reply.code, answered);
        engine.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_message_carries_the_stored_code_and_its_life() {
    let (_, code) = decided_to_send(&data::phone(1));
    let mut gateway = MockSmsGateway::new();
    gateway.expect_name().return_const("mock");
    let expected = SmsMessage {
        code_request: code.code_request,
        to: data::phone(1),
        code: code.code,
        valid_minutes: 5,
        locale: code.locale,
    };
    gateway
        .expect_send()
        .times(1)
        .withf(move |message| *message == expected)
        .returning(|_| GatewayReply::Accepted { provider_id: None });
    let ledger = deciding_ledger(GatewayReply::Accepted { provider_id: None });
    let engine = Engine::start(with_gateway(parts(ledger), gateway), options());
    engine.service().send_code(data::code_request(&data::phone(1))).await.unwrap();
}

/// A gateway that never answers.
struct Mute;

#[async_trait]
impl SmsGateway for Mute {
    fn name(&self) -> &'static str {
        "mute"
    }

    async fn send(&self, _: &SmsMessage) -> GatewayReply {
        pending().await
    }

    async fn check(&self) -> Result<(), GatewayUnusable> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_does_not_answer_in_time_is_unknown() {
    let unknown = GatewayReply::Unknown { reason: "no reply within 10 s".to_owned() };
    let engine = Engine::start(with_gateway(parts(deciding_ledger(unknown)), Mute), options());
    let started = tokio::time::Instant::now();
    let reply = engine.service().send_code(data::code_request(&data::phone(1))).await.unwrap();
    let next = Some(Duration::from_mins(1));
    assert_eq!(reply, CodeReply { retry_after: next, ..CodeReply::EXCEPTION }, "it may be on its way");
    assert_eq!(started.elapsed(), options().sms_timeout);
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_cannot_be_stored_is_answered_all_the_same() {
    let mut ledger = MockTrialLedger::new();
    let mut order = Sequence::new();
    ledger
        .expect_commit()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _| Ok(vec![decided_to_send(&data::phone(1)).0]));
    ledger
        .expect_commit()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _| Err(LedgerError::Unavailable(Box::from("cause"))));
    let accepted = || GatewayReply::Accepted { provider_id: None };
    let engine = Engine::start(with_gateway(parts(ledger), gateway(accepted)), options());
    let reply = engine.service().send_code(data::code_request(&data::phone(1))).await.unwrap();
    assert_eq!(reply.code, SendCode::Sent, "the message is on its way, and the stored code is in it");
}

/// A gateway that answers on a signal.
struct Slow(tokio::sync::Mutex<mpsc::Receiver<()>>);

#[async_trait]
impl SmsGateway for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    async fn send(&self, _: &SmsMessage) -> GatewayReply {
        self.0.lock().await.recv().await;
        GatewayReply::Refused { reason: "slowly".to_owned() }
    }

    async fn check(&self) -> Result<(), GatewayUnusable> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_outcome_of_a_message_is_stored_even_if_the_client_disconnects() {
    let refused = GatewayReply::Refused { reason: "slowly".to_owned() };
    let (answer, told) = mpsc::channel(1);
    let slow = Slow(tokio::sync::Mutex::new(told));
    let engine = Engine::start(with_gateway(parts(deciding_ledger(refused)), slow), options());
    let service = engine.service();
    let caller = tokio::spawn(async move { service.send_code(data::code_request(&data::phone(1))).await });
    while answer.try_send(()).is_ok() {
        tokio::task::yield_now().await;
    }
    caller.abort();
    engine.stop().await.unwrap();
    // The mock judges, as it goes, that both commits came.
}

#[tokio::test(start_paused = true)]
async fn a_code_is_sent_even_if_the_caller_hangs_up_before_it_is_decided() {
    let ledger = deciding_ledger(GatewayReply::Accepted { provider_id: None });
    let accepted = || GatewayReply::Accepted { provider_id: None };
    let engine = Engine::start(with_gateway(parts(ledger), gateway(accepted)), options());
    let service = engine.service();
    let caller = tokio::spawn(async move { service.send_code(data::code_request(&data::phone(1))).await });
    tokio::task::yield_now().await;
    caller.abort();
    engine.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn from_the_first_request_to_the_tenant() {
    let harness = LedgerHarness::new(MemoryLedger::default()).with_access_codes(1).await;
    let ledger = Arc::clone(&harness.ledger);
    let gateway = Arc::new(ScriptedGateway::default());
    let mut parts = parts(MockTrialLedger::new());
    parts.ledger = ledger.clone();
    parts.outbox = ledger;
    parts.gateways = vec![SmsRoute::everywhere(gateway.clone())];
    let engine = Engine::start(parts, options());
    let service = engine.service();
    let asked = service.send_code(data::code_request(&data::phone(1))).await.unwrap();
    assert_eq!(asked.code, SendCode::Sent);
    let code = gateway.messages()[0].code.reveal().to_owned();
    for _ in 0..2 {
        let reply = service.apply(data::application(1, &code)).await.unwrap();
        assert_eq!(reply.code.as_str(), "000");
    }
    engine.stop().await.unwrap();
}
