//! The parts that receipts of all providers have in common.

use chrono::{DateTime, Utc};
use percent_encoding::percent_decode;
use trial_core::{DeliveryReceipt, DeliveryState, PROVIDER_ID_LENGTH, Redaction, UnreadableReceipt};

use crate::charset;

/// The first value in a form under one of these names, by their order; empty ones are none. Names are compared without their
/// case. What is no form has no fields.
pub(crate) fn fields<const N: usize>(form: &[u8], names: [&[&str]; N]) -> [Option<String>; N] {
    let form = form.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(form);
    let pairs = form.split(|octet| *octet == b'&').map(|pair| {
        let mut halves = pair.splitn(2, |octet| *octet == b'=').map(text);
        (halves.next().unwrap_or_default(), halves.next().unwrap_or_default())
    });
    let pairs: Vec<(String, String)> = pairs.filter(|(_, value)| !value.is_empty()).collect();
    names.map(|names| {
        let values = |name: &&str| pairs.iter().find(|(given, _)| given.eq_ignore_ascii_case(name));
        names.iter().find_map(values).map(|(_, value)| value.clone())
    })
}

/// A name or a value of a form, in whichever encoding it is: a charset that a form's type names says nothing of what is
/// percent-encoded in it.
fn text(encoded: &[u8]) -> String {
    let spaced: Vec<u8> = encoded.iter().map(|octet| if *octet == b'+' { b' ' } else { *octet }).collect();
    let octets: Vec<u8> = percent_decode(&spaced).collect();
    charset::decode(&octets, None).trim_matches(|c: char| c.is_whitespace() || c == '\0').to_owned()
}

/// A receipt of a message with an id that one can have.
pub(crate) fn receipt(
    gateway: &str,
    id: Option<String>,
    (state, reason): (DeliveryState, Option<String>),
    at: DateTime<Utc>,
) -> Result<DeliveryReceipt, UnreadableReceipt> {
    let provider_id = id.ok_or(UnreadableReceipt("the message's id is missing"))?;
    if provider_id.chars().count() > PROVIDER_ID_LENGTH {
        return Err(UnreadableReceipt("the message's id is too long"));
    }
    Ok(DeliveryReceipt { gateway: gateway.to_owned(), provider_id, state, reason, at })
}

/// The words of a receipt that may be stored. The phone and the code that they could repeat are not known here.
pub(crate) fn words(said: &str) -> String {
    Redaction::default().numbers().redact(said)
}

/// The state that a provider gives if it knows none.
pub(crate) const UNKNOWN: &str = "UNKNOWN";

/// The words of SMPP's receipts (3.4, appendix B), which others have taken over, and the ways that they are spelt in.
/// `ACCEPTD` says that somebody took it on behalf of the phone, and not that the phone has it.
pub(crate) fn state_of(word: &str) -> Option<DeliveryState> {
    match word {
        "ENROUTE" | "ACCEPTD" | "ACCEPTED" | "SCHEDULED" | "BUFFRED" | "BUFFERED" | "SUBMITD" | "SUBMITTED"
        | "SENT" => Some(DeliveryState::Sent),
        "DELIVRD" | "DELIVERED" | "DELIVERD" | "DELIVRED" => Some(DeliveryState::Delivered),
        "EXPIRED" | "DELETED" | "UNDELIV" | "UNDELIVRD" | "UNDELIVERED" | "UNDELIVERABLE" | "REJECTD" | "REJECTED"
        | "FAILED" | "SKIPPED" => Some(DeliveryState::Failed),
        _ => None,
    }
}
