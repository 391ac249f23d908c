//! Replies of the service.

use reqwest::StatusCode;
use trial_core::sms::GatewayReply;

use super::codes::{SYSTEM_ERROR, meaning};
use crate::refusal::Refusal;
use crate::web::Answer;

/// The request, and the message to the one number in it, were accepted.
const ACCEPTED: &str = "000000";
/// Some of the numbers were not accepted: each has a status of its own. The second is the older one.
const PARTLY: [&str; 2] = ["E000510", "E200037"];

/// The reply of the service: by its own code first, which it gives under any status.
pub(super) fn read(answer: &Answer) -> GatewayReply {
    let json = answer.json();
    let at = |pointer| json.as_ref().and_then(|json| json.at(pointer));
    let Some(code) = at("/code").map(|code| code.to_ascii_uppercase()) else {
        return if answer.status.is_success() { answer.not_understood() } else { answer.by_status() };
    };
    let number = at("/result/0/status").map(|status| status.to_ascii_uppercase());
    let status = answer.status;
    match (code.as_str(), number) {
        (ACCEPTED, Some(number)) if status == StatusCode::OK && number == ACCEPTED => {
            GatewayReply::Accepted { provider_id: at("/result/0/smsMsgId").filter(|id| !id.is_empty()) }
        }
        (code, Some(number)) if status == StatusCode::OK && (code == ACCEPTED || PARTLY.contains(&code)) => {
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
