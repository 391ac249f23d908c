use reqwest::StatusCode;
use serde::Deserialize;
use trial_core::GatewayReply;

use crate::web::Answer;

/// The request, and the message to the one number in it, were taken.
const ACCEPTED: &str = "000000";
/// Some of the numbers were not taken: each has a status of its own.
const PARTLY: &str = "E000510";
/// "System error": with 400 for a template that cannot be filled, else for whatever else.
const SYSTEM_ERROR: &str = "E000000";
/// The number has had its messages for a while, or the channel has no rate left.
const THROTTLED: [&str; 3] = ["MILIMIT", "LIMIT", "E200036"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    code: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    result: Option<Vec<OneNumber>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OneNumber {
    #[serde(default)]
    sms_msg_id: Option<String>,
    status: String,
}

/// What the service said: by its own code first, which it gives under any status.
pub(super) fn read(answer: &Answer) -> GatewayReply {
    let Some(reply) = answer.json::<Reply>() else {
        return if answer.status.is_success() { answer.not_understood() } else { answer.by_status("") };
    };
    let number = reply.result.as_ref().and_then(|numbers| numbers.first());
    let is_ok = answer.status == StatusCode::OK;
    match (reply.code.as_str(), number) {
        (ACCEPTED, Some(number)) if is_ok && number.status == ACCEPTED => {
            GatewayReply::Accepted { provider_id: number.sms_msg_id.clone() }
        }
        (ACCEPTED | PARTLY, Some(number)) if is_ok => refused(answer, &number.status, ""),
        (ACCEPTED, _) => answer.not_understood(),
        (SYSTEM_ERROR, _) if answer.status != StatusCode::BAD_REQUEST => {
            GatewayReply::Unknown { reason: format!("code {SYSTEM_ERROR}, a system error of the service") }
        }
        (code, _) if answer.status.is_server_error() => GatewayReply::Unknown {
            reason: format!("status {}, code {}", answer.status.as_u16(), known(code, |code| answer.said(code))),
        },
        (code, _) if answer.status == StatusCode::TOO_MANY_REQUESTS => {
            GatewayReply::Throttled { reason: format!("status 429, code {}", known(code, |code| answer.said(code))) }
        }
        (code, _) => refused(answer, code, &reply.description),
    }
}

fn refused(answer: &Answer, code: &str, description: &str) -> GatewayReply {
    let said = answer.said(description);
    let said = if said.is_empty() { said } else { format!(": {said}") };
    let reason = format!("code {}{said}", known(code, |code| answer.said(code)));
    if THROTTLED.contains(&code) { GatewayReply::Throttled { reason } } else { GatewayReply::Refused { reason } }
}

/// A code of the service, `E` and six digits, as it is; of anything else what tells nothing of anybody.
pub(super) fn known(code: &str, words: impl FnOnce(&str) -> String) -> String {
    let is_code = code.strip_prefix('E').is_some_and(|digits| digits.len() == 6 && digits.parse::<u32>().is_ok());
    if is_code { code.to_owned() } else { words(code) }
}
