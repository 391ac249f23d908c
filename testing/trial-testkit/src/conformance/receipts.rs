//! Delivery receipts.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use trial_core::applications::ApplicationQuery;
use trial_core::ports::{Operations, Receipts, TrialLedger};
use trial_core::sms::{Delivery, DeliveryReceipt, DeliveryState, GatewayReply, PROVIDER_ID_LENGTH};
use trial_core::values::Phone;

use super::{LedgerFactory, assert_sound, harness, in_the_end};
use crate::LedgerHarness;
use crate::data::phone;

const SECOND: Duration = Duration::from_secs(1);

fn receipt(provider_id: &str, state: DeliveryState, at: DateTime<Utc>) -> DeliveryReceipt {
    let reason = (state == DeliveryState::Failed).then(|| "status UNDELIV".to_owned());
    DeliveryReceipt { gateway: "scripted".to_owned(), provider_id: provider_id.to_owned(), state, reason, at }
}

/// A message to this phone, accepted by the gateway under this id.
async fn taken<L: TrialLedger>(harness: &LedgerHarness<L>, phone: &Phone, id: &str) {
    let sent = harness.ask(phone).await.unwrap();
    harness.report(&sent, GatewayReply::Accepted { provider_id: Some(id.to_owned()) }).await;
}

/// The known delivery state of the newest message to this phone.
async fn known<L: Operations>(ledger: &L, phone: &Phone) -> Option<Delivery> {
    let found = ledger.find_applications(ApplicationQuery::Phone(phone.clone()), 1).await.unwrap();
    found.code_requests.last().expect("one was made").delivery.clone()
}

/// Each receipt is stored with its message, and with no other.
pub async fn a_receipt_is_kept_with_its_message<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    taken(&harness, &phone(1), "id-1").await;
    taken(&harness, &phone(2), "id-2").await;
    harness.wait(SECOND);
    let at = harness.now();
    assert!(harness.ledger.record_receipt(receipt("id-1", DeliveryState::Delivered, at)).await.unwrap());
    assert!(harness.ledger.record_receipt(receipt("id-2", DeliveryState::Failed, at)).await.unwrap());
    let delivered = Delivery { state: DeliveryState::Delivered, reason: None, at };
    assert_eq!(known(&*harness.ledger, &phone(1)).await, Some(delivered));
    let failed = Delivery { state: DeliveryState::Failed, reason: Some("status UNDELIV".to_owned()), at };
    assert_eq!(known(&*harness.ledger, &phone(2)).await, Some(failed));
    assert_sound(&*harness.ledger).await;
}

/// Late, repeated and out of order: the stored state is the one that the core's rule gives.
pub async fn receipts_never_go_back<F: LedgerFactory>(factory: &F) {
    use DeliveryState::{Delivered, Failed, Sent};
    let harness = harness(factory, 0).await;
    for (n, (told, held)) in (1..).zip([
        ([Sent, Sent, Failed], (Failed, 3)),
        ([Failed, Sent, Failed], (Failed, 1)),
        ([Failed, Delivered, Sent], (Delivered, 2)),
        ([Delivered, Failed, Delivered], (Delivered, 1)),
    ]) {
        let id = format!("id-{n}");
        taken(&harness, &phone(n), &id).await;
        let begun = harness.now();
        for state in told {
            harness.wait(SECOND);
            assert!(harness.ledger.record_receipt(receipt(&id, state, harness.now())).await.unwrap());
        }
        let (state, after) = held;
        let known = known(&*harness.ledger, &phone(n)).await.unwrap();
        assert_eq!((known.state, known.at), (state, begun + after * SECOND), "{told:?}");
        assert_eq!(known.reason.is_some(), state == Failed);
    }
}

/// A receipt is not recorded if its message was not accepted, or under another id, or by another gateway.
pub async fn a_receipt_without_a_message_is_reported<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let sent = harness.ask(&phone(1)).await.unwrap();
    let told = || receipt("id-1", DeliveryState::Delivered, harness.now());
    assert!(!harness.ledger.record_receipt(told()).await.unwrap(), "the gateway's reply is not stored yet");
    let other = harness.ask(&phone(2)).await.unwrap();
    harness.report(&other, GatewayReply::Refused { reason: "id-1".to_owned() }).await;
    assert!(!harness.ledger.record_receipt(told()).await.unwrap(), "the words of a refusal are no id");
    harness.report(&sent, GatewayReply::Accepted { provider_id: Some("id-1".to_owned()) }).await;
    let elsewhere = DeliveryReceipt { gateway: "another".to_owned(), ..told() };
    assert!(!harness.ledger.record_receipt(elsewhere).await.unwrap());
    assert_eq!(known(&*harness.ledger, &phone(1)).await, None);
    assert!(harness.ledger.record_receipt(told()).await.unwrap(), "it comes again, and the reply is stored");
}

/// A reused id of a provider means its newest message.
pub async fn an_id_used_again_is_the_newest_message<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    taken(&harness, &phone(1), "1").await;
    harness.wait(SECOND);
    taken(&harness, &phone(2), "1").await;
    assert!(harness.ledger.record_receipt(receipt("1", DeliveryState::Delivered, harness.now())).await.unwrap());
    assert_eq!(known(&*harness.ledger, &phone(1)).await, None);
    assert!(known(&*harness.ledger, &phone(2)).await.is_some());
}

/// An id of any length can be stored; one that a receipt can name is found.
pub async fn a_long_id_is_stored<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let longest = "\u{4E91}".repeat(PROVIDER_ID_LENGTH);
    taken(&harness, &phone(1), &longest).await;
    // Incompressible.
    let numbers = (0..20_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_string());
    let endless = numbers.collect::<String>();
    taken(&harness, &phone(2), &endless).await;
    assert!(harness.ledger.record_receipt(receipt(&longest, DeliveryState::Delivered, harness.now())).await.unwrap());
}

/// A message with a receipt is decided about like any other.
pub async fn no_decision_looks_at_receipts<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let prepared = harness.prepared(1).await;
    assert!(harness.ledger.record_receipt(receipt("provider-1", DeliveryState::Failed, harness.now())).await.unwrap());
    assert_eq!(harness.apply_for_code(prepared).await, "000", "the code is good all the same");
    assert!(known(&*harness.ledger, &phone(1)).await.is_some());
    assert_sound(&*harness.ledger).await;
}

/// Receipts of one message that arrive at the same time.
pub async fn receipts_at_once_end_delivered<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    taken(&harness, &phone(1), "id-1").await;
    let at = harness.now();
    let told = DeliveryState::ALL.iter().cycle().take(12).map(|state| {
        let ledger = &harness.ledger;
        in_the_end(move || ledger.record_receipt(receipt("id-1", *state, at)))
    });
    assert_eq!(join_all(told).await, vec![true; 12]);
    assert_eq!(known(&*harness.ledger, &phone(1)).await.unwrap().state, DeliveryState::Delivered);
}
