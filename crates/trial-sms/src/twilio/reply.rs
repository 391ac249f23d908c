use reqwest::StatusCode;
use serde::Deserialize;
use trial_core::GatewayReply;

use crate::web::Answer;

/// The message's resource, or what is wrong with the request.
#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    sid: Option<String>,
    /// Of a message: `queued`, `failed`…; of an error: the HTTP status, a number.
    #[serde(default)]
    status: Option<serde_json::Value>,
    /// Of a message that failed at once.
    #[serde(default)]
    error_code: Option<u32>,
    /// Of a request that was refused.
    #[serde(default)]
    code: Option<u32>,
    #[serde(default)]
    message: Option<String>,
}

/// What the provider said.
pub(super) fn read(answer: &Answer) -> GatewayReply {
    let reply = answer.json::<Reply>();
    if answer.status.is_success() {
        return reply.map_or_else(|| answer.not_understood(), |reply| taken(answer, reply));
    }
    match reply {
        Some(Reply { code: Some(code), message, .. }) if answer.status.is_client_error() => {
            let is_too_many = answer.status == StatusCode::TOO_MANY_REQUESTS;
            refused(code, &answer.said(message.as_deref().unwrap_or_default()), is_too_many)
        }
        _ => answer.by_status(""),
    }
}

/// A message was made; it can have failed all the same.
fn taken(answer: &Answer, reply: Reply) -> GatewayReply {
    let status = reply.status.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
    match (reply.sid, status, reply.error_code) {
        (_, "failed" | "undelivered" | "canceled", code) => refused(code.unwrap_or(0), "it failed at once", false),
        (Some(sid), _, None) => GatewayReply::Accepted { provider_id: Some(sid) },
        (Some(_), _, Some(code)) => refused(code, "it failed at once", false),
        (None, ..) => answer.not_understood(),
    }
}

/// The provider's text often repeats the number: for the codes that matter there are words of ours.
pub(super) fn meaning(code: u32) -> &'static str {
    match code {
        20003 => "the account's credentials are wrong",
        20429 => "too many requests",
        21211 | 21614 => "the number is not one that can get messages",
        21408 => "the account may not send to this country",
        21606 | 21659 => "the sender is not the account's",
        21610 => "the number has opted out",
        21611 | 30001 => "the sender's queue is full",
        30002 => "the account is suspended",
        30003 => "the phone cannot be reached",
        30004 => "the message is blocked",
        30005 => "the number is unknown",
        30006 => "the number is a landline",
        30007 => "the carrier filters the message",
        _ => "",
    }
}

/// The message is redacted.
fn refused(code: u32, message: &str, is_too_many: bool) -> GatewayReply {
    let own = meaning(code);
    let words = if own.is_empty() { message.to_owned() } else { own.to_owned() };
    let reason = format!("code {code}: {words}");
    if is_too_many || matches!(code, 20429 | 21611 | 30001) {
        GatewayReply::Throttled { reason }
    } else {
        GatewayReply::Refused { reason }
    }
}
