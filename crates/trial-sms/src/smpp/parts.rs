//! What is submitted: a text in the alphabet that it needs, in as many parts as it takes.

use rusmpp::pdus::{BindTransceiver, SubmitSm};
use rusmpp::types::{COctetString, OctetString};
use rusmpp::values::{
    DataCoding, EsmClass, InterfaceVersion, IntermediateNotification, MCDeliveryReceipt, Npi, RegisteredDelivery,
    SmeOriginatedAcknowledgement, Ton,
};
use trial_core::SmsMessage;

use super::{SmppSettings, gsm};
use crate::text::Wording;
use crate::web::UnusableGateway;

/// Septets of a message that is sent alone, and of one part: what 140 octets hold without and with the 6 that tie the
/// parts together (GSM 03.40 section 9.2.3.24.1).
const GSM: (usize, usize) = (160, 153);
/// Octets of the same in UCS-2.
const UCS2: (usize, usize) = (140, 134);
/// Parts that a message may have.
const MAX_PARTS: usize = 8;
/// Bit 6 of `esm_class`: the text begins with a header (section 5.2.12).
const HAS_HEADER: u8 = 0x40;
/// Octets in the header, of the only element in it, and that element: parts of a message, by an 8-bit reference.
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

/// A message without its text and its phone.
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

/// The parts of a message: in the GSM alphabet if it has all of the text's characters, else in UCS-2.
pub(super) fn of_message(
    template: &SubmitSm,
    message: &SmsMessage,
    wording: &Wording,
    reference: u8,
) -> Result<Vec<SubmitSm>, String> {
    let mut addressed = template.clone();
    addressed.destination_addr = message
        .to
        .as_str()
        .trim_start_matches('+')
        .parse()
        .map_err(|_| "the phone does not fit into the protocol".to_owned())?;
    let text = wording.text(message);
    let (coding, characters, (alone, part)) = match gsm::encode(&text) {
        Some(characters) => (DataCoding::McSpecific, characters, GSM),
        None => (DataCoding::Ucs2, ucs2(&text), UCS2),
    };
    addressed.data_coding = coding;
    if characters.iter().map(Vec::len).sum::<usize>() <= alone {
        return Ok(vec![with_text(addressed, characters.concat())?]);
    }
    let parts = split(characters, part);
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

/// UTF-16, which phones read where UCS-2 is said, so that a character beyond the first 65,536 is shown too.
pub(super) fn ucs2(text: &str) -> Vec<Vec<u8>> {
    let units = |c: char| c.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes()).collect();
    text.chars().map(units).collect()
}

/// Parts of at most so many octets, none of which ends inside a character.
pub(super) fn split(characters: Vec<Vec<u8>>, most: usize) -> Vec<Vec<u8>> {
    let mut parts = vec![Vec::new()];
    for character in characters {
        match parts.last_mut() {
            Some(part) if part.len() + character.len() <= most => part.extend(character),
            _ => parts.push(character),
        }
    }
    parts
}

fn too_long() -> String {
    "the text does not fit into the parts of a message".to_owned()
}
