//! The message centre of the npm package `smpp`.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use trial_core::error::LedgerError;
use trial_core::ports::{Receipts, SmsGateway as _};
use trial_core::sms::{DeliveryReceipt, DeliveryState, GatewayReply};
use trial_core::values::Locale;
use trial_sms::{SmppGateway, SmppReceipts, SmppSettings, SmppTimeouts, Wording, code_text};
use trial_testkit::FixedClock;

use super::program::{Program, node};
use crate::requests::message;
use crate::smpp::{QUICK, TIMEOUTS, smpp_settings};

/// The message centre and its port.
pub(super) async fn centre() -> (Program, u16) {
    let mut centre = Program::start(node("centre.js"));
    let port = centre.hear_of("port").await["port"].as_u64().unwrap();
    (centre, u16::try_from(port).unwrap())
}

/// Receipts as received.
#[derive(Default)]
struct Kept(Mutex<Vec<DeliveryReceipt>>);

#[async_trait]
impl Receipts for Kept {
    async fn record_receipt(&self, receipt: DeliveryReceipt) -> Result<bool, LedgerError> {
        self.0.lock().unwrap().push(receipt);
        Ok(true)
    }
}

fn settings(port: u16, brand: &str) -> SmppSettings {
    let wording = Wording { brand: brand.into(), ..Wording::default() };
    SmppSettings { password: "secret".to_owned().into(), wording, ..smpp_settings(port) }
}

#[tokio::test]
async fn takes_messages_in_both_alphabets_and_its_receipts_are_kept() {
    let (mut centre, port) = centre().await;
    let kept = Arc::new(Kept::default());
    let receipts = SmppReceipts { receipts: Arc::clone(&kept) as _, clock: Arc::new(FixedClock::default()) };
    let gateway = SmppGateway::start(&settings(port, "Trialgate"), Some(receipts)).unwrap();
    for (number, locale, coding) in [(1, Locale::En, 0), (2, Locale::ZhCn, 8)] {
        let reply = gateway.send(&message(locale)).await;
        assert_eq!(reply, GatewayReply::Accepted { provider_id: Some(format!("m{number}")) });
        let seen = centre.hear_of("to").await;
        assert_eq!((seen["to"].as_str(), seen["from"].as_str()), (Some("8616673280001"), Some("Trialgate")));
        assert_eq!(seen["text"], code_text("Trialgate", &message(locale)));
        assert_eq!(seen["coding"], coding);
        let receipt = centre.hear_of("receipt").await;
        assert_eq!((receipt["receipt"].as_str(), receipt["status"].as_u64()), (seen["id"].as_str(), Some(0)));
    }
    assert_eq!(gateway.check().await, Ok(()));
    let kept: Vec<_> = kept.0.lock().unwrap().iter().map(|told| (told.provider_id.clone(), told.state)).collect();
    assert_eq!(kept, [("m1".to_owned(), DeliveryState::Delivered), ("m2".to_owned(), DeliveryState::Delivered)]);
}

#[tokio::test]
async fn puts_the_parts_of_a_long_message_together() {
    for (locale, letter) in [(Locale::En, "x"), (Locale::ZhCn, "云")] {
        let (mut centre, port) = centre().await;
        let brand = letter.repeat(150);
        let gateway = SmppGateway::start(&settings(port, &brand), None).unwrap();
        assert!(matches!(gateway.send(&message(locale)).await, GatewayReply::Accepted { .. }));
        let expected = code_text(&brand, &message(locale));
        let mut whole = String::new();
        let mut parts = 0;
        while whole.len() < expected.len() {
            let piece = centre.hear_of("to").await;
            parts += 1;
            let udh = piece["udh"].as_str().unwrap();
            assert!(udh.contains("0003") && udh.ends_with(&format!("{parts:02x}")), "{udh}");
            whole.push_str(piece["text"].as_str().unwrap());
        }
        assert_eq!(whole, expected);
        assert!(parts > 1);
    }
}

#[tokio::test]
async fn throttles_and_refuses_the_bind() {
    let (_centre, port) = centre().await;
    let throttled = SmppGateway::start(&settings(port, "throttle me"), None).unwrap();
    let reason = "ESME_RTHROTTLED".to_owned();
    assert_eq!(throttled.send(&message(Locale::En)).await, GatewayReply::Throttled { reason });
    let wrong = SmppSettings {
        password: "wrong".to_owned().into(),
        timeouts: SmppTimeouts { connect: QUICK, ..TIMEOUTS },
        ..settings(port, "Trialgate")
    };
    let gateway = SmppGateway::start(&wrong, None).unwrap();
    let GatewayReply::Unreached { reason } = gateway.send(&message(Locale::En)).await else { panic!("it is refused") };
    assert!(reason.starts_with("no connection: "), "{reason}");
}
