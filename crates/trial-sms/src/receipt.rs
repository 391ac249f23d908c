//! What receipts of all providers have in common.

use chrono::{DateTime, Utc};
use trial_core::{DeliveryReceipt, DeliveryState, PROVIDER_ID_LENGTH, Redaction, UnreadableReceipt};

/// The first value of each of these fields in a form; empty ones are none. What is no form has no fields.
pub(crate) fn fields<const N: usize>(form: &[u8], names: [&str; N]) -> [Option<String>; N] {
    names.map(|name| {
        let field = url::form_urlencoded::parse(form).find(|(given, _)| given == name);
        field.map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
    })
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

/// What may be kept of the words in a receipt, which does not say whose phone and code they could repeat.
pub(crate) fn words(said: &str) -> String {
    Redaction::default().numbers().redact(said)
}

/// What a provider says where it does not know: nothing.
pub(crate) const UNKNOWN: &str = "UNKNOWN";

/// The words of SMPP's receipts (3.4, appendix B), which others have taken over. `ACCEPTD` says that somebody took it on
/// behalf of the phone, and not that the phone has it.
pub(crate) fn state_of(word: &str) -> Option<DeliveryState> {
    match word {
        "ENROUTE" | "ACCEPTD" => Some(DeliveryState::Sent),
        "DELIVRD" => Some(DeliveryState::Delivered),
        "EXPIRED" | "DELETED" | "UNDELIV" | "REJECTD" => Some(DeliveryState::Failed),
        _ => None,
    }
}
