//! Status callbacks, as in "Track the Message Status of Outbound Messages": a form, one status in each.

use chrono::{DateTime, Utc};
use trial_core::sms::{DeliveryReceipt, DeliveryState, UnreadableReceipt};

use super::codes::meaning;
use crate::receipt::{fields, receipt};

/// Reads the body of a status callback. A message that the provider has not sent on yet gives no receipt.
///
/// # Errors
/// [`UnreadableReceipt`] if it is no status callback.
pub fn twilio_receipts(body: &[u8], at: DateTime<Utc>) -> Result<Vec<DeliveryReceipt>, UnreadableReceipt> {
    let [id, status, code] =
        fields(body, [&["MessageSid", "SmsSid", "SmsMessageSid"], &["MessageStatus", "SmsStatus"], &["ErrorCode"]]);
    let state = match status.ok_or(UnreadableReceipt("`MessageStatus` is missing"))?.to_ascii_lowercase().as_str() {
        "accepted" | "scheduled" | "queued" | "sending" => return Ok(Vec::new()),
        "sent" => DeliveryState::Sent,
        "delivered" | "read" => DeliveryState::Delivered,
        "undelivered" | "failed" | "canceled" => DeliveryState::Failed,
        _ => return Err(UnreadableReceipt("`MessageStatus` is none that there is")),
    };
    let code = code.and_then(|code| code.parse::<u32>().ok()).filter(|_| state == DeliveryState::Failed);
    Ok(vec![receipt("twilio", id, (state, code.map(reason)), at)?])
}

fn reason(code: u32) -> String {
    meaning(code).map_or_else(|| format!("code {code}"), |(_, words)| format!("code {code}: {words}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn told(rest: &str) -> Option<(DeliveryState, Option<String>)> {
        let body =
            format!("SmsSid=SM1&SmsStatus=x&MessageSid=SM1&To=%2B15558675310&AccountSid=AC1&MessageStatus={rest}");
        let receipts = twilio_receipts(body.as_bytes(), AT).unwrap();
        assert!(receipts.iter().all(|told| told.gateway == "twilio" && told.provider_id == "SM1" && told.at == AT));
        receipts.into_iter().next().map(|told| (told.state, told.reason))
    }

    #[test]
    fn each_status_has_its_state() {
        let failed = |reason: Option<&str>| Some((DeliveryState::Failed, reason.map(str::to_owned)));
        for early in ["accepted", "scheduled", "queued", "sending"] {
            assert_eq!(told(early), None);
        }
        assert_eq!(told("sent"), Some((DeliveryState::Sent, None)));
        assert_eq!(told("delivered"), Some((DeliveryState::Delivered, None)));
        assert_eq!(told("read"), Some((DeliveryState::Delivered, None)));
        assert_eq!(told("undelivered&ErrorCode=30003"), failed(Some("code 30003: the phone cannot be reached")));
        assert_eq!(told("failed&ErrorCode=39999"), failed(Some("code 39999")));
        assert_eq!(told("failed&ErrorCode=call+%2B15558675310"), failed(None), "other values may be anything");
        assert_eq!(told("canceled"), failed(None));
        assert_eq!(told("DELIVERED"), Some((DeliveryState::Delivered, None)));
    }

    #[test]
    fn older_names_and_encodings_are_read() {
        for body in [
            "SmsSid=SM1&SmsStatus=delivered",
            "SmsMessageSid=SM1&SmsStatus=delivered",
            "smssid=SM1&smsstatus=delivered",
            "\u{FEFF}MessageSid=SM1&MessageStatus=delivered\0",
            "MessageSid=%EF%BB%BFSM1&MessageStatus=+delivered%00",
            "MessageSid=SM1&MessageStatus=&SmsStatus=delivered&From=%B6%CC%D0%C5",
        ] {
            let told = twilio_receipts(body.as_bytes(), AT).unwrap();
            assert_eq!(told.len(), 1, "{body}");
            assert_eq!((told[0].provider_id.as_str(), told[0].state), ("SM1", DeliveryState::Delivered), "{body}");
        }
    }

    #[test]
    fn anything_but_a_callback_is_refused() {
        for (body, problem) in [
            ("", "`MessageStatus` is missing"),
            ("MessageSid=SM1", "`MessageStatus` is missing"),
            ("MessageStatus=delivered", "the message's id is missing"),
            ("MessageSid=SM1&MessageStatus=DELIVRD", "`MessageStatus` is none that there is"),
            ("MessageSid=SM1&MessageStatus=received", "`MessageStatus` is none that there is"),
            ("{\"MessageSid\":\"SM1\",\"MessageStatus\":\"sent\"}", "`MessageStatus` is missing"),
        ] {
            assert_eq!(twilio_receipts(body.as_bytes(), AT), Err(UnreadableReceipt(problem)), "{body}");
        }
        assert!(twilio_receipts(&[0xFF; 64], AT).is_err());
    }
}
