//! Delivery receipts: reading and recording (sections 4.6.1 and 5.2.12, and appendix B).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusmpp::CommandStatus;
use tokio::time::sleep;
use trial_core::ports::{Clock, Receipts};
use trial_core::sms::{DeliveryReceipt, DeliveryState, UnreadableReceipt};

use super::pdu::{self, Delivered, tag};
use super::receipt_text::Fields;
use crate::receipt::{UNKNOWN, receipt, state_of, words};

/// Bit 2 of `esm_class`, which no other type of message has (section 5.2.12).
const IS_RECEIPT: u8 = 0b0000_0100;
/// Bit 5 of `esm_class`: an intermediate notification, which decides nothing (section 5.2.12).
const IS_INTERMEDIATE: u8 = 0b0010_0000;
/// The longest state that is read, in characters.
const STATE_LENGTH: usize = 32;
/// The longest error code, in digits. Phones and verification codes are longer.
const ERROR_DIGITS: usize = 5;
/// A receipt may overtake the answer to its message on the way to the ledger: it is recorded again after these waits.
const WAITS: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(4)];

/// The destination of receipts.
#[derive(Clone)]
pub struct SmppReceipts {
    /// Stores them.
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
    /// Records a delivery of the message centre if it is a receipt; returns the answer to it. After a temporary error,
    /// the message centre delivers it again, for as long as it sees fit. A receipt that can never be used, or that
    /// belongs to no message of ours, is answered like the rest.
    pub(super) async fn take(&self, delivered: &Delivered) -> CommandStatus {
        let told = match read(delivered, self.clock.now()) {
            Ok(Some(told)) => told,
            Ok(None) => return CommandStatus::EsmeRok,
            Err(problem) => {
                tracing::warn!(gateway = "smpp", %problem, "a receipt cannot be read");
                return CommandStatus::EsmeRok;
            }
        };
        for wait in WAITS.map(Some).into_iter().chain([None]) {
            match (self.receipts.record_receipt(told.clone()).await, wait) {
                (Ok(true), _) => return CommandStatus::EsmeRok,
                (Ok(false), Some(wait)) => sleep(wait).await,
                (Ok(false), None) => tracing::debug!(gateway = "smpp", "a receipt belongs to no known message"),
                (Err(error), _) => {
                    tracing::warn!(gateway = "smpp", %error, "a receipt cannot be recorded now");
                    return CommandStatus::EsmeRxTAppn;
                }
            }
        }
        CommandStatus::EsmeRok
    }
}

/// The receipt in a delivery; `None` if it is no receipt, or says that nothing is known.
///
/// A delivery with `receipted_message_id` is a receipt whatever its class: only the message centre writes that. A text
/// alone counts if the class says so: any phone can send one.
fn read(delivered: &Delivered, at: DateTime<Utc>) -> Result<Option<DeliveryReceipt>, UnreadableReceipt> {
    let named = delivered.tlv(tag::RECEIPTED_MESSAGE_ID).and_then(pdu::text);
    if delivered.esm_class & IS_RECEIPT == 0 && named.is_none() {
        return Ok(None);
    }
    let payload = delivered.tlv(tag::MESSAGE_PAYLOAD).unwrap_or_default();
    let texts = [delivered.text.as_slice(), payload].map(|octets| Fields::read(octets, delivered));
    let field = |names: &[&str]| texts.iter().find_map(|fields| fields.get(names)).map(str::to_owned);
    let known = delivered.tlv(tag::MESSAGE_STATE).and_then(state_name).filter(|state| *state != UNKNOWN);
    let word = known.map(str::to_owned).or_else(|| field(&["stat", "status", "state"]));
    let word = word.or_else(|| delivered.tlv(tag::MESSAGE_STATE).map(|_| UNKNOWN.to_owned()));
    let word = word.ok_or(UnreadableReceipt("the message's state is missing"))?.to_ascii_uppercase();
    if word == UNKNOWN {
        return Ok(None);
    }
    if word.chars().count() > STATE_LENGTH {
        return Err(UnreadableReceipt("the message's state is too long"));
    }
    // Besides the words there are the codes of networks (`MA:0005`, `NOROUTES`), all of them for failures.
    let is_intermediate = delivered.esm_class & IS_INTERMEDIATE != 0 && delivered.esm_class & IS_RECEIPT == 0;
    let state = match state_of(&word) {
        None | Some(DeliveryState::Failed) if is_intermediate => return Ok(None),
        state => state.unwrap_or(DeliveryState::Failed),
    };
    let reason = (state == DeliveryState::Failed).then(|| {
        let is_code = |error: &str| error.len() <= ERROR_DIGITS && error.bytes().all(|octet| octet.is_ascii_digit());
        let error = field(&["err", "error"]).map(|error| if is_code(&error) { error } else { words(&error) });
        let error = error.or_else(|| delivered.tlv(tag::NETWORK_ERROR_CODE).and_then(network_error));
        format!("status {}{}", words(&word), error.map(|error| format!(", error {error}")).unwrap_or_default())
    });
    receipt("smpp", named.or_else(|| field(&["id"])), (state, reason), at).map(Some)
}

/// The word for a `message_state` (section 5.2.28, and 4.7.15 of version 5.0) of any length, as a number or its digit.
fn state_name(value: &[u8]) -> Option<&'static str> {
    let (last, zeros) = value.split_last()?;
    if zeros.iter().any(|octet| *octet != 0) {
        return None;
    }
    Some(match last.checked_sub(b'0').unwrap_or(*last) {
        0 | 1 => "ENROUTE",
        2 => "DELIVRD",
        3 => "EXPIRED",
        4 => "DELETED",
        5 => "UNDELIV",
        6 => "ACCEPTD",
        8 => "REJECTD",
        9 => "SKIPPED",
        _ => UNKNOWN,
    })
}

/// `network_error_code`: the kind of network, and the two octets of its own number (section 5.3.2.31).
fn network_error(value: &[u8]) -> Option<String> {
    let [network, high, low, ..] = value else { return None };
    Some(format!("{network}/{high}.{low}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use trial_core::error::LedgerError;
    use trial_testkit::FixedClock;

    use super::*;

    const AT: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn delivered(esm_class: u8, text: &[u8], tlvs: &[(u16, &[u8])]) -> Delivered {
        let tlvs = tlvs.iter().map(|(tag, value)| (*tag, value.to_vec())).collect();
        Delivered { esm_class, text: text.to_vec(), tlvs, ..Delivered::default() }
    }

    /// The message's id, its state, and the reason of a failure.
    type Told = (String, DeliveryState, Option<String>);

    fn told(text: &str) -> Result<Option<Told>, &'static str> {
        let told = read(&delivered(4, text.as_bytes(), &[]), AT);
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
            ("MA:0005", ok(DeliveryState::Failed, Some("status MA:0005"))),
            ("NOROUTES err:1241", ok(DeliveryState::Failed, Some("status NOROUTES, error 1241"))),
            ("UNDELIV err:MK:0011", ok(DeliveryState::Failed, Some("status UNDELIV, error MK:0011"))),
            ("166732800011234 err:000", ok(DeliveryState::Failed, Some("status ***, error 000"))),
            ("WHATEVERWHATEVERWHATEVERWHATEVERX", Err("the message's state is too long")),
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
        assert!(read(&delivered(4, &[0xFF; 200], &[]), AT).is_err());
    }

    #[test]
    fn every_spelling_of_a_state_is_read() {
        for (state, words) in [
            (
                Some(DeliveryState::Delivered),
                &["DELIVRD", "DELIVERED", "delivered", "Delivrd", "DELIVERD", "DELIVRED"][..],
            ),
            (
                Some(DeliveryState::Sent),
                &["ENROUTE", "ACCEPTD", "ACCEPTED", "accepted", "SCHEDULED", "BUFFERED", "SUBMITTED", "SENT"],
            ),
            (
                Some(DeliveryState::Failed),
                &[
                    "UNDELIV",
                    "UNDELIVERED",
                    "UNDELIVERABLE",
                    "UNDELIVRD",
                    "EXPIRED",
                    "DELETED",
                    "REJECTD",
                    "REJECTED",
                    "Rejected",
                    "FAILED",
                    "SKIPPED",
                ],
            ),
            (None, &["UNKNOWN", "unknown"]),
        ] {
            for word in words {
                let told = told(&format!("id:1 stat:{word}")).unwrap();
                assert_eq!(told.map(|(_, state, _)| state), state, "{word}");
            }
        }
    }

    #[test]
    fn parameters_outweigh_the_text() {
        let tlvs: &[(u16, &[u8])] = &[(tag::RECEIPTED_MESSAGE_ID, b"id-1\0"), (tag::MESSAGE_STATE, &[5])];
        let told = read(&delivered(4, b"id:2 stat:DELIVRD err:7", tlvs), AT).unwrap().unwrap();
        assert_eq!((told.provider_id.as_str(), told.state), ("id-1", DeliveryState::Failed));
        assert_eq!(told.reason.as_deref(), Some("status UNDELIV, error 7"));
        assert_eq!(read(&delivered(4, b"", tlvs), AT).unwrap().unwrap().reason.as_deref(), Some("status UNDELIV"));
        let with_error = [tlvs, &[(tag::NETWORK_ERROR_CODE, &[3, 0, 17, 0])]].concat();
        let told = read(&delivered(4, b"", &with_error), AT).unwrap().unwrap();
        assert_eq!(told.reason.as_deref(), Some("status UNDELIV, error 3/0.17"));
    }

    #[test]
    fn a_state_is_read_whatever_its_length() {
        let state = |value: &[u8]| {
            let tlvs: &[(u16, &[u8])] = &[(tag::RECEIPTED_MESSAGE_ID, b"id-1"), (tag::MESSAGE_STATE, value)];
            read(&delivered(0, b"", tlvs), AT).map(|told| told.map(|told| told.state))
        };
        for value in [&[2][..], &[0, 2], &[0, 0, 0, 2], b"2"] {
            assert_eq!(state(value), Ok(Some(DeliveryState::Delivered)), "{value:?}");
        }
        for (value, expected) in [
            (0, Some(DeliveryState::Sent)),
            (1, Some(DeliveryState::Sent)),
            (6, Some(DeliveryState::Sent)),
            (3, Some(DeliveryState::Failed)),
            (4, Some(DeliveryState::Failed)),
            (8, Some(DeliveryState::Failed)),
            (9, Some(DeliveryState::Failed)),
            (7, None),
            (99, None),
        ] {
            assert_eq!(state(&[value]), Ok(expected), "{value}");
        }
        // The text may give a state that the parameter does not.
        let tlvs: &[(u16, &[u8])] = &[(tag::MESSAGE_STATE, &[7])];
        let told = read(&delivered(4, b"id:1 stat:DELIVRD", tlvs), AT).unwrap().unwrap();
        assert_eq!(told.state, DeliveryState::Delivered);
    }

    #[test]
    fn a_receipt_is_known_by_its_class_or_by_the_message_centres_parameter() {
        fn told(esm_class: u8, text: &[u8], tlvs: &[(u16, &[u8])]) -> Option<(String, DeliveryState)> {
            let told = read(&delivered(esm_class, text, tlvs), AT).unwrap();
            told.map(|told| (told.provider_id, told.state))
        }
        let text = b"id:1 stat:DELIVRD".as_slice();
        let one = Some(("1".to_owned(), DeliveryState::Delivered));
        for esm_class in [0x00, 0x40, 0x20, 0x08] {
            assert_eq!(told(esm_class, text, &[]), None, "{esm_class:02x}: any phone can write that");
        }
        assert_eq!(told(0x04, b"", &[(tag::MESSAGE_PAYLOAD, text)]), one);
        assert_eq!(told(0x24, text, &[]), one);
        let wide: Vec<u8> = text.iter().flat_map(|octet| [0, *octet]).collect();
        assert_eq!(told(0x04, b"", &[(tag::MESSAGE_PAYLOAD, &wide)]), one);
        let enroute = read(&delivered(0x24, b"id:1 stat:ENROUTE", &[]), AT).unwrap().unwrap();
        assert_eq!(enroute.state, DeliveryState::Sent);
        // An intermediate notification says that an attempt failed, and not that the message did.
        for (state, expected) in [(1, Some(DeliveryState::Sent)), (5, None), (2, Some(DeliveryState::Delivered))] {
            let tlvs: &[(u16, &[u8])] = &[(tag::RECEIPTED_MESSAGE_ID, b"1\0"), (tag::MESSAGE_STATE, &[state])];
            assert_eq!(told(0x20, b"", tlvs).map(|(_, state)| state), expected, "{state}");
        }
        for esm_class in [0x00, 0x08, 0x20] {
            let tlvs: &[(u16, &[u8])] = &[(tag::RECEIPTED_MESSAGE_ID, b"1\0"), (tag::MESSAGE_STATE, &[2])];
            assert_eq!(told(esm_class, b"", tlvs), one);
            assert_eq!(told(esm_class, b"stat:DELIVRD", &tlvs[..1]), one);
        }
    }

    /// Answers by a script, and counts calls.
    #[derive(Default)]
    struct Script(Mutex<(Vec<Result<bool, LedgerError>>, usize)>);

    #[async_trait]
    impl Receipts for Script {
        async fn record_receipt(&self, _receipt: DeliveryReceipt) -> Result<bool, LedgerError> {
            let (answers, asked) = &mut *self.0.lock().unwrap();
            *asked += 1;
            answers.pop().unwrap_or(Ok(false))
        }
    }

    async fn answer(answers: Vec<Result<bool, LedgerError>>) -> (CommandStatus, usize) {
        let script = Arc::new(Script(Mutex::new((answers, 0))));
        let receipts = SmppReceipts { receipts: Arc::clone(&script) as _, clock: Arc::new(FixedClock::default()) };
        let status = receipts.take(&delivered(4, b"id:1 stat:DELIVRD", &[])).await;
        (status, script.0.lock().unwrap().1)
    }

    #[tokio::test(start_paused = true)]
    async fn a_receipt_that_came_too_early_is_tried_again_for_a_while() {
        assert_eq!(answer(vec![Ok(true)]).await, (CommandStatus::EsmeRok, 1));
        assert_eq!(answer(vec![Ok(true), Ok(false), Ok(false)]).await, (CommandStatus::EsmeRok, 3));
        assert_eq!(answer(Vec::new()).await, (CommandStatus::EsmeRok, 4), "of an unknown message");
        let lost = LedgerError::Unavailable("gone".into());
        assert_eq!(answer(vec![Err(lost)]).await, (CommandStatus::EsmeRxTAppn, 1), "it is to come again");
    }
}
