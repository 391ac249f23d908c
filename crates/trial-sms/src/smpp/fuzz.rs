//! Fuzz targets: what a message centre may send, and what we send.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex, split};
use tokio::runtime::Builder;
use trial_core::ports::Receipts;
use trial_core::{DeliveryReceipt, LedgerError, PROVIDER_ID_LENGTH};
use trial_fuzz::Target;
use trial_testkit::FixedClock;

use super::session::Session;
use super::{SmppReceipts, SmppTimeouts, gsm, parts};

/// Octets before what a PDU holds (section 3.2).
const HEADER: usize = 16;
const GENERIC_NACK: u32 = 0x8000_0000;
const ANSWER: u32 = 0x8000_0000;

/// Knows every message.
#[derive(Default)]
struct Takes(Mutex<Vec<DeliveryReceipt>>);

#[async_trait]
impl Receipts for Takes {
    async fn take_down(&self, receipt: DeliveryReceipt) -> Result<bool, LedgerError> {
        self.0.lock().unwrap().push(receipt);
        Ok(true)
    }
}

/// The id and the sequence number of each whole PDU, by its length alone.
fn frames(mut octets: &[u8]) -> Vec<(u32, u32)> {
    let mut frames = Vec::new();
    while let Some((header, _)) = octets.split_at_checked(HEADER) {
        let [length, id, _, number] =
            [0, 4, 8, 12].map(|at| u32::from_be_bytes(header[at..at + 4].try_into().unwrap()));
        let length = usize::try_from(length).unwrap();
        if length < HEADER || length > octets.len() {
            break;
        }
        frames.push((id, number));
        octets = &octets[length..];
    }
    frames
}

/// What we answer to what a message centre sends, and the receipts that were in it.
async fn exchange(sent: &[u8]) -> (Vec<u8>, Vec<DeliveryReceipt>) {
    let (ours, centre) = duplex(256);
    let (mut from_us, mut to_us) = split(centre);
    let takes = Arc::new(Takes::default());
    let receipts = SmppReceipts { receipts: Arc::clone(&takes) as _, clock: Arc::new(FixedClock::default()) };
    let (session, connection) = Session::over(ours, SmppTimeouts::default(), Some(receipts));
    let mut answered = Vec::new();
    let centre_sends = async {
        // Whether we are still there to read it is what the answers tell.
        let _ = to_us.write_all(sent).await;
        let _ = to_us.shutdown().await;
    };
    let ((), (), read) = tokio::join!(connection.run(), centre_sends, from_us.read_to_end(&mut answered));
    read.unwrap();
    drop(session);
    (answered, takes.0.lock().unwrap().clone())
}

#[test]
fn smpp_frames() {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    Target::new("smpp_frames").check(|sent| {
        let (answered, receipts) = runtime.block_on(exchange(sent));
        let (asked, answers) = (frames(sent), frames(&answered));
        assert!(answers.len() <= asked.len(), "nobody is answered who did not ask");
        for (id, number) in &answers {
            let is_answer = |request: &u32| *id == GENERIC_NACK || *id == request | ANSWER;
            let asked = asked.iter().filter(|(_, theirs)| theirs == number);
            assert!(asked.clone().any(|(request, _)| request & ANSWER == 0 && is_answer(request)), "{id:08x} {number}");
        }
        for receipt in receipts {
            assert!((1..=PROVIDER_ID_LENGTH).contains(&receipt.provider_id.chars().count()));
            let reason = receipt.reason.unwrap_or_default();
            let longest = reason.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
            assert!(longest < Some(4) && !reason.contains(char::is_control), "{reason}");
        }
    });
}

/// The octets of each character of the default alphabet.
fn alphabet() -> BTreeMap<Vec<u8>, char> {
    ('\0'..='\u{FFFF}').filter_map(|c| Some((gsm::encode(&c.to_string())?.concat(), c))).collect()
}

/// What octets of an alphabet say.
fn characters(octets: &[u8], alphabet: &BTreeMap<Vec<u8>, char>) -> String {
    let (mut text, mut rest) = (String::new(), octets);
    while !rest.is_empty() {
        let length = if rest[0] == 0x1B { 2 } else { 1 };
        text.push(alphabet[&rest[..length]]);
        rest = &rest[length..];
    }
    text
}

/// The first byte says how long a part may be, the rest is the text.
#[test]
fn sms_parts() {
    let alphabet = alphabet();
    Target::new("sms_parts").check(|input| {
        let Some((first, text)) = input.split_first() else { return };
        let (Ok(text), most) = (std::str::from_utf8(text), 4 + usize::from(first % 157)) else { return };
        let encoded = gsm::encode(text);
        let is_gsm = encoded.is_some();
        let parts = parts::split(encoded.unwrap_or_else(|| parts::ucs2(text)), most);
        assert!(parts.iter().all(|part| part.len() <= most));
        let shown: String = parts
            .iter()
            .map(|part| {
                let units = part.chunks(2).map(|unit| u16::from_be_bytes(unit.try_into().unwrap_or_default()));
                if is_gsm {
                    characters(part, &alphabet)
                } else {
                    String::from_utf16(&units.collect::<Vec<_>>()).unwrap()
                }
            })
            .collect();
        assert_eq!(shown, text, "no part ends inside a character");
    });
}
