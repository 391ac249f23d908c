//! Replies of the provider: the message's resource, or the error of the request.

use reqwest::StatusCode;
use trial_core::sms::GatewayReply;

use super::codes::meaning;
use crate::json::{Json, whole_number};
use crate::refusal::Refusal;
use crate::web::Answer;

/// States of a message that the provider took. With one of these, a missing sid loses the receipts and nothing else.
const TAKEN: &[&str] = &["accepted", "scheduled", "queued", "sending", "sent", "delivered"];

/// The reply of the provider.
pub(super) fn read(answer: &Answer) -> GatewayReply {
    let json = answer.json();
    if answer.status.is_success() {
        return json.map_or_else(|| answer.not_understood(), |json| taken(answer, &json));
    }
    let code = json.as_ref().and_then(|json| number(json, "/code"));
    match (code, json) {
        (Some(code), Some(json)) if answer.status.is_client_error() => {
            let otherwise = match answer.status {
                StatusCode::TOO_MANY_REQUESTS => Refusal::Throttled,
                StatusCode::UNAUTHORIZED | StatusCode::PAYMENT_REQUIRED => Refusal::Account,
                _ => Refusal::Message,
            };
            refused(code, &answer.said(&json.at("/message").unwrap_or_default()), otherwise)
        }
        _ => answer.by_status(),
    }
}

/// A message was created; it can have failed all the same.
fn taken(answer: &Answer, json: &Json) -> GatewayReply {
    let status = json.at("/status").unwrap_or_default().to_ascii_lowercase();
    let provider_id = json.at("/sid").filter(|sid| !sid.is_empty());
    match (status.as_str(), number(json, "/error_code")) {
        ("failed" | "undelivered" | "canceled", code) => failed(&status, code),
        (other, _) if provider_id.is_none() && !TAKEN.contains(&other) => answer.not_understood(),
        (_, Some(code)) => failed(&status, Some(code)),
        (_, None) => GatewayReply::Accepted { provider_id },
    }
}

/// The reply for a message that failed at once, with this status.
fn failed(status: &str, code: Option<u32>) -> GatewayReply {
    match code {
        Some(code) => refused(code, "it failed at once", Refusal::Message),
        None => Refusal::Message.reply(format!("status {status}, with no code")),
    }
}

/// A code, as a number (`30003`, `30003.0`) or as text; 0 is none.
fn number(json: &Json, pointer: &str) -> Option<u32> {
    whole_number(&json.at(pointer)?).filter(|code| *code != 0)
}

/// The reply by the table of codes, or else by `otherwise`. With any code, a refused request is not on its way.
/// `message` is redacted.
fn refused(code: u32, message: &str, otherwise: Refusal) -> GatewayReply {
    let (refusal, words) = match meaning(code) {
        Some((Refusal::Open, words)) => (Refusal::Throttled, words.to_owned()),
        Some((refusal, words)) => (refusal, words.to_owned()),
        None => (otherwise, message.to_owned()),
    };
    refusal.reply(format!("code {code}: {words}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_in_any_spelling() {
        for (written, code) in [
            ("30003", Some(30_003)),
            ("30003.0", Some(30_003)),
            ("\"30003\"", Some(30_003)),
            ("0", None),
            ("\"\"", None),
            ("null", None),
        ] {
            let json = Json::of(&format!("{{\"error_code\":{written}}}")).unwrap();
            assert_eq!(number(&json, "/error_code"), code, "{written}");
        }
    }

    #[test]
    fn a_failure_without_a_code_names_the_status() {
        let reason = |reply: GatewayReply| reply.detail().map(str::to_owned);
        assert_eq!(reason(failed("canceled", None)).as_deref(), Some("status canceled, with no code"));
        assert_eq!(reason(failed("failed", Some(30_003))).as_deref(), Some("code 30003: the phone cannot be reached"));
        assert_eq!(reason(failed("failed", Some(99))).as_deref(), Some("code 99: it failed at once"));
    }
}
