//! The common parts of receipts of all providers.

use chrono::{DateTime, Utc};
use percent_encoding::percent_decode;
use trial_core::privacy::Redaction;
use trial_core::sms::{DeliveryReceipt, DeliveryState, PROVIDER_ID_LENGTH, UnreadableReceipt};

use crate::charset;

/// The first value in a form under one of these names, in their order; empty ones are skipped. Names are compared
/// without case. Anything but a form has no fields.
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

/// A name or a value of a form, in any encoding: the charset of a form's type does not apply to percent-encoded text.
fn text(encoded: &[u8]) -> String {
    let spaced: Vec<u8> = encoded.iter().map(|octet| if *octet == b'+' { b' ' } else { *octet }).collect();
    let octets: Vec<u8> = percent_decode(&spaced).collect();
    charset::decode(&octets, None).trim_matches(|c: char| c.is_whitespace() || c == '\0').to_owned()
}

/// A receipt of a message with a valid id.
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

/// The storable text of a receipt. The phone and the code that it could repeat are not known here.
pub(crate) fn words(said: &str) -> String {
    Redaction::default().numbers().redact(said)
}

/// The provider's word for an unknown state.
pub(crate) const UNKNOWN: &str = "UNKNOWN";

/// The words of SMPP's receipts (3.4, appendix B), which others have adopted, and their spellings. `ACCEPTD` says that
/// somebody accepted it on behalf of the phone, and not that the phone has it.
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
