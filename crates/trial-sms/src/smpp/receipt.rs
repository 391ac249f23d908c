//! Delivery receipts: what they say, and taking them down (sections 4.6.1 and 5.2.12, and appendix B).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusmpp::CommandStatus;
use rusmpp::pdus::DeliverSm;
use rusmpp::tlvs::TlvValue;
use rusmpp::values::MessageState;
use tokio::time::sleep;
use trial_core::ports::{Clock, Receipts};
use trial_core::{DeliveryReceipt, DeliveryState, UnreadableReceipt};

use crate::receipt::{UNKNOWN, receipt, state_of, words};

/// Bits 2 to 5 of `esm_class`, and what they are for a receipt.
const MESSAGE_TYPE: u8 = 0b0011_1100;
const IS_RECEIPT: u8 = 0b0000_0100;
/// A receipt may overtake the answer to its message on the way to the ledger: so long it is tried again.
const WAITS: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(4)];

/// Where receipts go.
#[derive(Clone)]
pub struct SmppReceipts {
    /// Keeps them.
    pub receipts: Arc<dyn Receipts>,
    /// Dates them.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for SmppReceipts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmppReceipts").finish_non_exhaustive()
    }
}

impl SmppReceipts {
    /// Takes down what the message centre delivers, if it is a receipt; returns its answer. Where that is an error for now,
    /// the message centre delivers it again, for as long as it holds that right. What is of no use however often it comes,
    /// or is of no message of ours, is answered like the rest.
    pub(super) async fn take(&self, delivered: &DeliverSm) -> CommandStatus {
        let told = match read(delivered, self.clock.now()) {
            Ok(Some(told)) => told,
            Ok(None) => return CommandStatus::EsmeRok,
            Err(problem) => {
                tracing::warn!(gateway = "smpp", %problem, "a receipt cannot be read");
                return CommandStatus::EsmeRok;
            }
        };
        for wait in WAITS.map(Some).into_iter().chain([None]) {
            match (self.receipts.take_down(told.clone()).await, wait) {
                (Ok(true), _) => return CommandStatus::EsmeRok,
                (Ok(false), Some(wait)) => sleep(wait).await,
                (Ok(false), None) => tracing::debug!(gateway = "smpp", "a receipt is of no message that is known"),
                (Err(error), _) => {
                    tracing::warn!(gateway = "smpp", %error, "a receipt cannot be taken down now");
                    return CommandStatus::EsmeRxTAppn;
                }
            }
        }
        CommandStatus::EsmeRok
    }
}

/// What a delivery says of a message of ours; nothing if it is no receipt, or says that nothing is known.
fn read(delivered: &DeliverSm, at: DateTime<Utc>) -> Result<Option<DeliveryReceipt>, UnreadableReceipt> {
    if u8::from(delivered.esm_class) & MESSAGE_TYPE != IS_RECEIPT {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(delivered.short_message().as_ref()).into_owned();
    let values = || delivered.tlvs().iter().filter_map(|tlv| tlv.value());
    let id = values().find_map(|value| match value {
        TlvValue::ReceiptedMessageId(id) => Some(id.as_str().to_owned()),
        _ => None,
    });
    let id = id.filter(|id| !id.is_empty()).or_else(|| field(&text, "id").map(str::to_owned));
    let word = values().find_map(|value| match value {
        TlvValue::MessageState(state) => Some(name(*state).to_owned()),
        _ => None,
    });
    let word = word.or_else(|| field(&text, "stat").map(str::to_ascii_uppercase));
    let word = word.ok_or(UnreadableReceipt("the message's state is missing"))?;
    if word == UNKNOWN {
        return Ok(None);
    }
    let state = state_of(&word).ok_or(UnreadableReceipt("the message's state is none that there is"))?;
    let reason = (state == DeliveryState::Failed).then(|| {
        let error = field(&text, "err").map(|error| format!(", error {}", words(error)));
        format!("status {word}{}", error.unwrap_or_default())
    });
    receipt("smpp", id, (state, reason), at).map(Some)
}

/// A state as the text of a receipt names it (section 5.2.28).
fn name(state: MessageState) -> &'static str {
    match state {
        MessageState::Scheduled | MessageState::Enroute => "ENROUTE",
        MessageState::Delivered => "DELIVRD",
        MessageState::Expired => "EXPIRED",
        MessageState::Deleted => "DELETED",
        MessageState::Undeliverable => "UNDELIV",
        MessageState::Accepted => "ACCEPTD",
        MessageState::Rejected => "REJECTD",
        _ => UNKNOWN,
    }
}

/// A field of the text, up to where the message's own begins: that may say anything.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let pairs = text.split_ascii_whitespace().filter_map(|word| word.split_once(':'));
    let mut ours = pairs.take_while(|(name, _)| !name.eq_ignore_ascii_case("text"));
    ours.find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use rusmpp::tlvs::MessageDeliveryRequestTlvValue as Tlv;
    use rusmpp::types::OctetString;
    use rusmpp::values::EsmClass;
    use trial_core::LedgerError;
    use trial_testkit::FixedClock;

    use super::*;

    const AT: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn delivered(esm_class: u8, text: &[u8], tlvs: Vec<Tlv>) -> DeliverSm {
        let text = OctetString::from_vec(text.to_vec()).unwrap();
        DeliverSm::builder().esm_class(EsmClass::from(esm_class)).short_message(text).tlvs(tlvs).build()
    }

    /// The message's id, how far it got, and why it failed.
    type Told = (String, DeliveryState, Option<String>);

    fn told(text: &str) -> Result<Option<Told>, &'static str> {
        let told = read(&delivered(4, text.as_bytes(), Vec::new()), AT);
        told.map(|told| told.map(|told| (told.provider_id, told.state, told.reason))).map_err(|error| error.0)
    }

    #[test]
    fn the_text_of_appendix_b_is_read() {
        let dates = "sub:001 dlvrd:001 submit date:2611221000 done date:2611221001";
        let ok = |state, reason: Option<&str>| Ok(Some(("0A-7".to_owned(), state, reason.map(str::to_owned))));
        for (stat, expected) in [
            ("DELIVRD err:000", ok(DeliveryState::Delivered, None)),
            ("ENROUTE err:000", ok(DeliveryState::Sent, None)),
            ("ACCEPTD err:000", ok(DeliveryState::Sent, None)),
            ("UNDELIV err:034", ok(DeliveryState::Failed, Some("status UNDELIV, error 034"))),
            ("EXPIRED", ok(DeliveryState::Failed, Some("status EXPIRED"))),
            ("REJECTD err:+8616673280001", ok(DeliveryState::Failed, Some("status REJECTD, error +***"))),
            ("UNKNOWN err:000", Ok(None)),
            ("WHATEVR err:000", Err("the message's state is none that there is")),
        ] {
            assert_eq!(told(&format!("id:0A-7 {dates} stat:{stat} text:your code is")), expected, "{stat}");
        }
        assert_eq!(told("ID:0A-7 STAT:delivrd Text:"), ok(DeliveryState::Delivered, None));
    }

    #[test]
    fn the_text_of_the_message_is_not_believed() {
        assert_eq!(told("id:1 text:stat:DELIVRD stat:DELIVRD"), Err("the message's state is missing"));
        assert_eq!(told("stat:DELIVRD text: id:1"), Err("the message's id is missing"));
        assert_eq!(told(""), Err("the message's state is missing"));
        assert_eq!(told("id: stat:"), Err("the message's state is missing"));
        assert!(read(&delivered(4, &[0xFF; 200], Vec::new()), AT).is_err());
    }

    #[test]
    fn what_stands_in_fields_of_its_own_goes_before_the_text() {
        let tlvs =
            vec![Tlv::ReceiptedMessageId("id-1".parse().unwrap()), Tlv::MessageState(MessageState::Undeliverable)];
        let told = read(&delivered(4, b"id:2 stat:DELIVRD err:7", tlvs.clone()), AT).unwrap().unwrap();
        assert_eq!((told.provider_id.as_str(), told.state), ("id-1", DeliveryState::Failed));
        assert_eq!(told.reason.as_deref(), Some("status UNDELIV, error 7"));
        assert_eq!(read(&delivered(4, b"", tlvs), AT).unwrap().unwrap().reason.as_deref(), Some("status UNDELIV"));
    }

    #[test]
    fn what_is_no_receipt_says_nothing() {
        for esm_class in [0x00, 0x40, 0x20, 0x08] {
            assert_eq!(read(&delivered(esm_class, b"id:1 stat:DELIVRD", Vec::new()), AT), Ok(None));
        }
        assert!(read(&delivered(0x44, b"id:1 stat:DELIVRD", Vec::new()), AT).unwrap().is_some());
    }

    /// Answers by a script, and notes how often it was asked.
    #[derive(Default)]
    struct Script(Mutex<(Vec<Result<bool, LedgerError>>, usize)>);

    #[async_trait]
    impl Receipts for Script {
        async fn take_down(&self, _receipt: DeliveryReceipt) -> Result<bool, LedgerError> {
            let (answers, asked) = &mut *self.0.lock().unwrap();
            *asked += 1;
            answers.pop().unwrap_or(Ok(false))
        }
    }

    async fn answer(answers: Vec<Result<bool, LedgerError>>) -> (CommandStatus, usize) {
        let script = Arc::new(Script(Mutex::new((answers, 0))));
        let receipts = SmppReceipts { receipts: Arc::clone(&script) as _, clock: Arc::new(FixedClock::default()) };
        let status = receipts.take(&delivered(4, b"id:1 stat:DELIVRD", Vec::new())).await;
        (status, script.0.lock().unwrap().1)
    }

    #[tokio::test(start_paused = true)]
    async fn a_receipt_that_came_too_early_is_tried_again_for_a_while() {
        assert_eq!(answer(vec![Ok(true)]).await, (CommandStatus::EsmeRok, 1));
        assert_eq!(answer(vec![Ok(true), Ok(false), Ok(false)]).await, (CommandStatus::EsmeRok, 3));
        assert_eq!(answer(Vec::new()).await, (CommandStatus::EsmeRok, 4), "of nobody's message");
        let lost = LedgerError::Unavailable("gone".into());
        assert_eq!(answer(vec![Err(lost)]).await, (CommandStatus::EsmeRxTAppn, 1), "it is to come again");
    }
}
