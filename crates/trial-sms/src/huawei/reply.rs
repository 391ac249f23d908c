//! Replies of the service.

use reqwest::StatusCode;
use trial_core::sms::GatewayReply;

use super::codes::{SYSTEM_ERROR, meaning};
use crate::json::whole_number;
use crate::refusal::Refusal;
use crate::web::Answer;

/// The request, and the messages to all numbers in it, were accepted. Written as a number it is 0.
const ACCEPTED: &str = "000000";
/// Some of the numbers were not accepted: each has a status of its own. The second is the older one.
const PARTLY: [&str; 2] = ["E000510", "E200037"];

/// The reply of the service: by its own code first, which it gives under any status. The number's own status, if it has
/// one, takes precedence over an acceptance.
pub(super) fn read(answer: &Answer) -> GatewayReply {
    let json = answer.json();
    let at = |pointer: &str| json.as_ref().and_then(|json| json.at(pointer));
    let Some(code) = at("/code").map(|code| code_of(&code)) else {
        return if answer.status.is_success() { answer.not_understood() } else { answer.by_status() };
    };
    // The one number's entry, in a list or by itself.
    let of_number = |field: &str| {
        let found = at(&format!("/result/0/{field}")).or_else(|| at(&format!("/result/{field}")));
        found.filter(|value| !value.is_empty())
    };
    let number = of_number("status").map(|status| code_of(&status));
    let status = answer.status;
    match (code.as_str(), number) {
        (ACCEPTED, number) if status.is_success() && number.as_deref().is_none_or(|number| number == ACCEPTED) => {
            GatewayReply::Accepted { provider_id: of_number("smsMsgId") }
        }
        (code, Some(number)) if status.is_success() && (code == ACCEPTED || PARTLY.contains(&code)) => {
            refused(answer, &number, "", Refusal::Message)
        }
        (ACCEPTED, _) => answer.not_understood(),
        // With 400 it is a template that cannot be filled.
        (SYSTEM_ERROR, _) if status == StatusCode::BAD_REQUEST => {
            Refusal::Message.reply(reason(answer, SYSTEM_ERROR, &at("/description").unwrap_or_default()))
        }
        (code, _) if status.is_server_error() => {
            let code = known(code, |code| answer.said(code));
            Refusal::Open.reply(format!("status {}, code {code}", status.as_u16()))
        }
        (code, _) if status == StatusCode::TOO_MANY_REQUESTS => {
            Refusal::Throttled.reply(format!("status 429, code {}", known(code, |code| answer.said(code))))
        }
        (code, _) => {
            let of_status = if status == StatusCode::UNAUTHORIZED { Refusal::Account } else { Refusal::Message };
            refused(answer, code, &at("/description").unwrap_or_default(), of_status)
        }
    }
}

/// A code as the service documents it, from a text in any case or from a number.
fn code_of(written: &str) -> String {
    if whole_number(written) == Some(0) { ACCEPTED.to_owned() } else { written.to_ascii_uppercase() }
}

/// By the table, or else by `otherwise`.
fn refused(answer: &Answer, code: &str, description: &str, otherwise: Refusal) -> GatewayReply {
    let (refusal, words) = meaning(code).unwrap_or((otherwise, ""));
    let words = if description.is_empty() { words } else { description };
    refusal.reply(reason(answer, code, words))
}

fn reason(answer: &Answer, code: &str, words: &str) -> String {
    let said = answer.said(words);
    let said = if said.is_empty() { said } else { format!(": {said}") };
    format!("code {}{said}", known(code, |code| answer.said(code)))
}

/// A code of the service, `E` and six digits, as it is; anything else without personal data, carriers' codes included.
pub(super) fn known(code: &str, words: impl FnOnce(&str) -> String) -> String {
    let is_code = code.strip_prefix('E').is_some_and(|digits| digits.len() == 6 && digits.parse::<u32>().is_ok());
    if is_code { code.to_owned() } else { words(code) }
}
