//! The parts of a submission: a text in the alphabet that it needs, in as many parts as it takes.

use rusmpp::pdus::{BindTransceiver, SubmitSm};
use rusmpp::types::{COctetString, OctetString};
use rusmpp::values::{
    EsmClass, InterfaceVersion, IntermediateNotification, MCDeliveryReceipt, Npi, RegisteredDelivery,
    SmeOriginatedAcknowledgement, Ton,
};
use trial_core::sms::SmsMessage;

use super::alphabet::Character;
use super::{SmppAlphabet, SmppSettings};
use crate::text::Wording;
use crate::web::UnusableGateway;

/// Parts of a message, at most.
const MAX_PARTS: usize = 8;
/// Bit 6 of `esm_class`: the text begins with a header (section 5.2.12).
const HAS_HEADER: u8 = 0x40;
/// Octets in the header, of its only element, and the element's number: parts of a message, by an 8-bit reference.
const HEADER: [u8; 3] = [5, 0, 3];

fn text<const MAX: usize>(key: &'static str, value: &str) -> Result<COctetString<1, MAX>, UnusableGateway> {
    value.parse().map_err(|_| UnusableGateway::Text(key, MAX - 1))
}

pub(super) fn bind(settings: &SmppSettings) -> Result<BindTransceiver, UnusableGateway> {
    Ok(BindTransceiver::builder()
        .system_id(text("system_id", &settings.system_id)?)
        .password(text("password", &settings.password)?)
        .system_type(text("system_type", &settings.system_type)?)
        .interface_version(InterfaceVersion::Smpp3_4)
        .build())
}

/// A message without text and phone.
pub(super) fn template(settings: &SmppSettings) -> Result<SubmitSm, UnusableGateway> {
    let source = settings.source_addr.as_str();
    let (ton, npi) = match source.strip_prefix('+') {
        Some(digits) if is_number(digits) => (Ton::International, Npi::Isdn),
        _ if is_number(source) => (Ton::Unknown, Npi::Isdn),
        _ if source.is_empty() => (Ton::Unknown, Npi::Unknown),
        _ => (Ton::Alphanumeric, Npi::Unknown),
    };
    let number = if ton == Ton::International { &source[1..] } else { source };
    Ok(SubmitSm::builder()
        .source_addr_ton(ton)
        .source_addr_npi(npi)
        .source_addr(text("source_addr", number)?)
        .dest_addr_ton(Ton::International)
        .dest_addr_npi(Npi::Isdn)
        // The library's default is an acknowledgement of ANSI-41, which this is not (section 5.2.12).
        .esm_class(EsmClass::from(0))
        .registered_delivery(RegisteredDelivery::new(
            MCDeliveryReceipt::McDeliveryReceiptRequestedWhereFinalDeliveryOutcomeIsSuccessOrFailure,
            SmeOriginatedAcknowledgement::default(),
            IntermediateNotification::default(),
            0,
        ))
        .build())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The parts of a message: in the message centre's alphabet if it has all of the text's characters, else in UCS-2.
pub(super) fn of_message(
    template: &SubmitSm,
    message: &SmsMessage,
    (wording, alphabet): (&Wording, SmppAlphabet),
    reference: u8,
) -> Result<Vec<SubmitSm>, String> {
    let mut addressed = template.clone();
    addressed.destination_addr = message
        .to
        .as_str()
        .trim_start_matches('+')
        .parse()
        .map_err(|_| "the phone does not fit into the protocol".to_owned())?;
    let encoded = alphabet.encode(&wording.text(message));
    addressed.data_coding = encoded.coding;
    let (alone, part) = encoded.most;
    let weight: usize = encoded.characters.iter().map(|character| character.weight).sum();
    if weight <= alone {
        return Ok(vec![with_text(addressed, split(encoded.characters, alone).concat())?]);
    }
    let parts = split(encoded.characters, part);
    let count = u8::try_from(parts.len()).ok().filter(|count| usize::from(*count) <= MAX_PARTS).ok_or_else(too_long)?;
    addressed.esm_class = EsmClass::from(HAS_HEADER);
    (1..)
        .zip(parts)
        .map(|(number, part)| {
            let header = [HEADER.as_slice(), &[reference, count, number]].concat();
            with_text(addressed.clone(), [header, part].concat())
        })
        .collect()
}

fn with_text(message: SubmitSm, octets: Vec<u8>) -> Result<SubmitSm, String> {
    Ok(message.with_short_message(OctetString::from_vec(octets).map_err(|_| too_long())?))
}

/// The octets of parts of at most this weight, none of which ends inside a character.
pub(super) fn split(characters: Vec<Character>, most: usize) -> Vec<Vec<u8>> {
    let (mut parts, mut weight) = (vec![Vec::new()], 0);
    for character in characters {
        weight += character.weight;
        match parts.last_mut() {
            Some(part) if weight <= most => part.extend(character.octets),
            _ => {
                weight = character.weight;
                parts.push(character.octets);
            }
        }
    }
    parts
}

fn too_long() -> String {
    "the text does not fit into the parts of a message".to_owned()
}
