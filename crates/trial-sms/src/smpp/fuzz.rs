//! Fuzz targets: octets of a message centre, and ours to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rusmpp::values::DataCoding;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex, split};
use tokio::runtime::Builder;
use trial_core::error::LedgerError;
use trial_core::ports::Receipts;
use trial_core::sms::{DeliveryReceipt, PROVIDER_ID_LENGTH};
use trial_fuzz::Target;
use trial_testkit::FixedClock;

use super::alphabet::Encoded;
use super::session::Session;
use super::{SmppAlphabet, SmppReceipts, SmppTimeouts, gsm, parts};

/// Octets of a PDU's header (section 3.2).
const HEADER: usize = 16;
const GENERIC_NACK: u32 = 0x8000_0000;
const ANSWER: u32 = 0x8000_0000;
const UNBIND: u32 = 6;
/// Answered once recorded, which may be after the end of the connection.
const DELIVERIES: [u32; 2] = [5, 0x103];
/// It has no answer.
const ALERT: u32 = 0x102;

/// Knows every message.
#[derive(Default)]
struct Takes(Mutex<Vec<DeliveryReceipt>>);

#[async_trait]
impl Receipts for Takes {
    async fn record_receipt(&self, receipt: DeliveryReceipt) -> Result<bool, LedgerError> {
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

/// Our answers to the octets of a message centre, and the receipts in those.
async fn exchange(sent: &[u8]) -> (Vec<u8>, Vec<DeliveryReceipt>) {
    let (ours, centre) = duplex(256);
    let (mut from_us, mut to_us) = split(centre);
    let takes = Arc::new(Takes::default());
    let receipts = SmppReceipts { receipts: Arc::clone(&takes) as _, clock: Arc::new(FixedClock::default()) };
    let (session, connection) = Session::over(ours, SmppTimeouts::default(), Some(receipts));
    let mut answered = Vec::new();
    let centre_sends = async {
        // The answers show how much was read.
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
        assert!(answers.len() <= asked.len(), "there is no answer without a request");
        let last = asked.iter().position(|(id, _)| *id == UNBIND).map_or(asked.len(), |unbind| unbind + 1);
        let is_due = |id: &u32| id & ANSWER == 0 && !DELIVERIES.contains(id) && *id != ALERT;
        let due = asked[..last].iter().filter(|(id, _)| is_due(id)).map(|(_, number)| number);
        let given = answers.iter().filter(|(id, _)| !DELIVERIES.contains(&(id ^ ANSWER))).map(|(_, number)| number);
        assert!(given.eq(due), "each is answered once, independently of other bodies");
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

/// The octets of each character of an alphabet.
fn characters_of(alphabet: SmppAlphabet) -> BTreeMap<Vec<u8>, char> {
    let octets = |c: char| match alphabet.encode(c.encode_utf8(&mut [0; 4])) {
        Encoded { coding: DataCoding::McSpecific, characters, .. } => characters.into_iter().next().map(|it| it.octets),
        _ => None,
    };
    ('\0'..='\u{FFFF}').filter_map(|c| Some((octets(c)?, c))).collect()
}

/// The text of octets in an alphabet.
fn shown(octets: &[u8], alphabet: SmppAlphabet, characters: &BTreeMap<Vec<u8>, char>) -> String {
    let (mut text, mut rest) = (String::new(), octets);
    while !rest.is_empty() {
        let length = if rest[0] == 0x1B && alphabet == SmppAlphabet::Gsm { 2 } else { 1 };
        text.push(characters[&rest[..length]]);
        rest = &rest[length..];
    }
    text
}

/// The weight of a text at a message centre: in septets, or in octets if a character has no septet.
fn weight(text: &str) -> usize {
    let septets: Option<Vec<_>> = text.chars().map(gsm::septets).collect();
    septets.map_or_else(|| text.chars().count(), |septets| septets.concat().len())
}

/// The first byte selects the size of a part and the alphabet, the rest is the text.
#[test]
fn sms_parts() {
    let alphabets = [SmppAlphabet::Gsm, SmppAlphabet::Latin1, SmppAlphabet::Ascii, SmppAlphabet::Ucs2];
    let alphabets = alphabets.map(|alphabet| {
        let characters = characters_of(alphabet);
        let known: BTreeSet<char> = characters.values().copied().collect();
        (alphabet, characters, known)
    });
    Target::new("sms_parts").check(|input| {
        let Some((first, text)) = input.split_first() else { return };
        let (Ok(text), most) = (std::str::from_utf8(text), 4 + usize::from(first % 157)) else { return };
        let (alphabet, characters, known) = &alphabets[usize::from(*first) % alphabets.len()];
        let Encoded { coding, characters: encoded, most: (alone, part) } = alphabet.encode(text);
        assert!([(160, 153), (140, 134)].contains(&(alone, part)));
        let is_wide = coding == DataCoding::Ucs2;
        let can_be_narrow = text.chars().all(|c| known.contains(&c));
        assert_eq!(
            is_wide,
            !can_be_narrow && !text.is_empty(),
            "UCS-2 where the alphabet lacks a character, and only there"
        );
        let parts = parts::split(encoded, most);
        let whole: String = parts
            .iter()
            .map(|part| {
                if is_wide {
                    assert!(part.len() <= most);
                    let units = part.chunks(2).map(|unit| u16::from_be_bytes(unit.try_into().unwrap()));
                    String::from_utf16(&units.collect::<Vec<_>>()).unwrap()
                } else {
                    let said = shown(part, *alphabet, characters);
                    assert!(alone == 140 || weight(&said) <= most);
                    said
                }
            })
            .collect();
        assert_eq!(whole, text, "no part ends inside a character");
    });
}
