//! Several gateways: the first to be asked, the next one, and those left alone.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{advance, sleep};
use trial_core::planner::{Outcome, Request};
use trial_core::ports::{MockTrialLedger, SmsGateway};
use trial_core::return_codes::{CodeReply, SendCode};
use trial_core::sms::{GatewayReply, GatewayUnusable, ServedCountries, SmsMessage};
use trial_core::values::Phone;
use trial_engine::{Engine, EngineParts, SmsRoute};
use trial_testkit::{ScriptedGateway, data};

use crate::stage::{decided_to_send, options, parts};

/// A scripted gateway with a name and a duration of its own.
struct Named {
    name: &'static str,
    takes: Duration,
    gateway: ScriptedGateway,
}

#[async_trait]
impl SmsGateway for Named {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn send(&self, message: &SmsMessage) -> GatewayReply {
        sleep(self.takes).await;
        self.gateway.send(message).await
    }

    async fn check(&self) -> Result<(), GatewayUnusable> {
        Ok(())
    }
}

fn named(name: &'static str, replies: impl IntoIterator<Item = GatewayReply>) -> Arc<Named> {
    Arc::new(Named { name, takes: Duration::ZERO, gateway: ScriptedGateway::new(replies) })
}

fn asked(gateway: &Named) -> usize {
    gateway.gateway.messages().len()
}

fn accepted() -> GatewayReply {
    GatewayReply::Accepted { provider_id: None }
}

fn refused() -> GatewayReply {
    GatewayReply::Refused { reason: "refused".to_owned() }
}

fn account_refused() -> GatewayReply {
    GatewayReply::AccountRefused { reason: "account refused".to_owned() }
}

fn throttled() -> GatewayReply {
    GatewayReply::Throttled { reason: "throttled".to_owned() }
}

fn unreached() -> GatewayReply {
    GatewayReply::Unreached { reason: "unreached".to_owned() }
}

fn unknown() -> GatewayReply {
    GatewayReply::Unknown { reason: "unknown".to_owned() }
}

/// A ledger that decides to send any code, and passes on the recorded replies.
fn ledger(phone: Phone) -> (MockTrialLedger, std::sync::mpsc::Receiver<(String, GatewayReply)>) {
    let (tell, told) = std::sync::mpsc::channel();
    let mut ledger = MockTrialLedger::new();
    ledger.expect_check().returning(|| Ok(()));
    ledger.expect_commit().returning(move |batch, _| {
        let outcome = |request: &Request| match request {
            Request::SendReport(report) => {
                tell.send((report.gateway.clone(), report.reply.clone())).unwrap();
                Outcome::SendReport
            }
            _ => decided_to_send(&phone).0,
        };
        Ok(batch.requests.iter().map(|(_, request)| outcome(request)).collect())
    });
    (ledger, told)
}

/// An engine over these gateways, and the record of each message.
struct Stage {
    engine: Engine,
    told: std::sync::mpsc::Receiver<(String, GatewayReply)>,
    phone: Phone,
}

fn routed(gateways: &[(&Arc<Named>, &[u16])], phone: &Phone) -> Stage {
    let (ledger, told) = ledger(phone.clone());
    let route = |(gateway, countries): &(&Arc<Named>, &[u16])| SmsRoute {
        gateway: Arc::clone(gateway) as Arc<dyn SmsGateway>,
        countries: ServedCountries(countries.to_vec()),
    };
    let engine_parts = EngineParts { gateways: gateways.iter().map(route).collect(), ..parts(ledger) };
    Stage { engine: Engine::start(engine_parts, options()), told, phone: phone.clone() }
}

fn stage(gateways: &[&Arc<Named>]) -> Stage {
    let everywhere: Vec<(&Arc<Named>, &[u16])> = gateways.iter().map(|gateway| (*gateway, &[][..])).collect();
    routed(&everywhere, &data::phone(1))
}

impl Stage {
    /// Asks for a code; returns the answer, and the gateway and reply that are stored.
    async fn send(&self) -> (SendCode, String, GatewayReply) {
        let reply: CodeReply = self.engine.service().send_code(data::code_request(&self.phone)).await.unwrap();
        let (gateway, said) = self.told.recv().unwrap();
        (reply.code, gateway, said)
    }

    async fn sms_problem(&self) -> Option<String> {
        let dependencies = self.engine.health().dependencies().await;
        dependencies.into_iter().find(|dependency| dependency.name == "sms").unwrap().problem
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_gateway_is_asked_only_when_the_message_is_not_on_its_way() {
    for (first, goes_on) in [
        (accepted(), false),
        (refused(), true),
        (account_refused(), true),
        (throttled(), true),
        (unreached(), true),
        (unknown(), false),
    ] {
        let (one, two) = (named("one", [first.clone()]), named("two", []));
        let (code, gateway, said) = stage(&[&one, &two]).send().await;
        assert_eq!((asked(&one), asked(&two)), (1, usize::from(goes_on)), "{first:?}");
        if goes_on {
            assert_eq!((code, gateway.as_str(), said), (SendCode::Sent, "two", accepted()));
        } else {
            assert_eq!((gateway.as_str(), said), ("one", first));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_word_is_the_one_that_counts() {
    for (second, code) in
        [(refused(), SendCode::NotSent), (unreached(), SendCode::Exception), (unknown(), SendCode::Exception)]
    {
        let (one, two) = (named("one", [refused()]), named("two", [second.clone()]));
        assert_eq!(stage(&[&one, &two]).send().await, (code, "two".to_owned(), second));
    }
}

#[tokio::test(start_paused = true)]
async fn all_gateways_together_have_one_bound() {
    let slow = |name, replies: [GatewayReply; 1]| {
        Arc::new(Named { name, takes: Duration::from_secs(6), gateway: ScriptedGateway::new(replies) })
    };
    let (one, two, three) = (slow("one", [unreached()]), slow("two", [refused()]), named("three", []));
    let stage = stage(&[&one, &two, &three]);
    let started = tokio::time::Instant::now();
    let (code, gateway, said) = stage.send().await;
    assert_eq!(started.elapsed(), options().sms_timeout);
    let cut_off = GatewayReply::Unknown { reason: "no reply within 10 s".to_owned() };
    assert_eq!((code, gateway.as_str(), said), (SendCode::Exception, "two", cut_off));
    assert_eq!(asked(&three), 0, "a gateway that was cut off may have sent the message");
}

#[tokio::test(start_paused = true)]
async fn phones_go_to_the_gateways_of_their_country() {
    let (home, abroad) = (named("home", []), named("abroad", []));
    let hong_kong = Phone::from_canonical("+85251234567", 852);
    let (_, gateway, _) = routed(&[(&home, &[86]), (&abroad, &[852, 1])], &hong_kong).send().await;
    assert_eq!(gateway, "abroad");
    let (code, gateway, said) = routed(&[(&home, &[86])], &hong_kong).send().await;
    let reason = "no gateway serves the country code 852".to_owned();
    assert_eq!((code, gateway.as_str(), said), (SendCode::Exception, "none", GatewayReply::Unreached { reason }));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_fails_again_and_again_is_left_alone_and_tried_again() {
    let breaker = options().breaker;
    let failing = std::iter::repeat_with(unreached).take(breaker.open_after as usize + 1);
    let (one, two) = (named("one", failing), named("two", []));
    let stage = stage(&[&one, &two]);
    for sent in 1..=breaker.open_after {
        assert_eq!(stage.sms_problem().await, None);
        assert_eq!(stage.send().await.1, "two");
        assert_eq!(asked(&one), sent as usize);
    }
    let problem = stage.sms_problem().await.unwrap();
    assert_eq!(problem, "one: left alone after 5 failures in a row, tried again in 30 s (unreached)");

    stage.send().await;
    assert_eq!(asked(&one), 5, "nobody waits for it");
    advance(breaker.probe_after).await;
    stage.send().await;
    assert_eq!(asked(&one), 6, "one message tries it");
    stage.send().await;
    assert_eq!(asked(&one), 6, "it failed again");
    advance(breaker.probe_after).await;
    assert_eq!(stage.send().await.1, "one", "it is back");
    assert_eq!(stage.sms_problem().await, None);
    assert_eq!(stage.send().await.1, "one");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_refused_says_nothing_against_the_gateway() {
    let one = named("one", std::iter::repeat_with(refused).take(20));
    let stage = stage(&[&one]);
    for _ in 0..20 {
        assert_eq!(stage.send().await.0, SendCode::NotSent);
    }
    assert_eq!(stage.sms_problem().await, None);
    assert_eq!(asked(&one), 20);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_refuses_the_account_is_left_alone() {
    let one = named("one", std::iter::repeat_with(account_refused).take(20));
    let two = named("two", []);
    let stage = stage(&[&one, &two]);
    for _ in 0..20 {
        assert_eq!(stage.send().await.1, "two");
    }
    assert_eq!(asked(&one), options().breaker.open_after as usize);
    assert!(stage.sms_problem().await.unwrap().ends_with("(account refused)"));
}

#[tokio::test(start_paused = true)]
async fn one_message_alone_probes_a_gateway_with_an_open_breaker() {
    let breaker = options().breaker;
    let replies = std::iter::repeat_with(unknown).take(breaker.open_after as usize);
    let slow = Arc::new(Named { name: "one", takes: Duration::from_secs(3), gateway: ScriptedGateway::new(replies) });
    let stage = stage(&[&slow]);
    for _ in 0..breaker.open_after {
        stage.send().await;
    }
    let (code, gateway, _) = stage.send().await;
    assert_eq!((code, gateway.as_str()), (SendCode::Exception, "none"));
    advance(breaker.probe_after).await;
    let service = stage.engine.service();
    let ask = || service.send_code(data::code_request(&stage.phone));
    let (first, second) = tokio::join!(ask(), ask());
    let mut codes = [first.unwrap().code, second.unwrap().code];
    codes.sort_by_key(|code| code.as_str());
    assert_eq!(codes, [SendCode::Sent, SendCode::Exception]);
    assert_eq!(asked(&slow), 6);
}

#[tokio::test(start_paused = true)]
async fn the_code_of_a_test_number_reaches_no_gateway() {
    let (tell, told) = std::sync::mpsc::channel();
    let mut ledger = MockTrialLedger::new();
    ledger.expect_commit().returning(move |batch, _| {
        if let Request::SendReport(report) = &batch.requests[0].1 {
            tell.send((report.gateway.clone(), report.reply.clone())).unwrap();
            return Ok(vec![Outcome::SendReport]);
        }
        let (Outcome::SendCode(outcome, Some(code)), _) = decided_to_send(&data::phone(1)) else { panic!() };
        Ok(vec![Outcome::SendCode(outcome, Some(trial_core::verification::CodeToSend { is_test: true, ..code }))])
    });
    let one = named("one", []);
    let engine_parts = EngineParts { gateways: vec![SmsRoute::everywhere(one.clone())], ..parts(ledger) };
    let engine = Engine::start(engine_parts, options());
    let reply = engine.service().send_code(data::code_request(&data::phone(1))).await.unwrap();
    assert_eq!((reply.code, asked(&one)), (SendCode::Sent, 0));
    assert_eq!(told.recv().unwrap(), ("test".to_owned(), accepted()));
}
