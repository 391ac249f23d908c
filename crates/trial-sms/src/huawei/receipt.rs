//! "Status Report Receiving API": a form, one report in each.

use chrono::{DateTime, Utc};
use trial_core::sms::{DeliveryReceipt, DeliveryState, UnreadableReceipt};

use super::reply::known;
use crate::receipt::{UNKNOWN, fields, receipt, state_of, words};

/// The longest status, in characters.
const STATUS_LENGTH: usize = 7;

/// Reads the body of a status report. One that says that nothing is known gives no receipt.
///
/// # Errors
/// [`UnreadableReceipt`] if it is no status report.
pub fn huawei_receipts(body: &[u8], at: DateTime<Utc>) -> Result<Vec<DeliveryReceipt>, UnreadableReceipt> {
    let [id, status, description] = fields(body, [&["smsMsgId"], &["status"], &["statusDesc"]]);
    let status = status.ok_or(UnreadableReceipt("`status` is missing"))?.to_ascii_uppercase();
    if status.chars().count() > STATUS_LENGTH {
        return Err(UnreadableReceipt("`status` is too long"));
    }
    if status == UNKNOWN {
        return Ok(Vec::new());
    }
    // Besides the words there are the codes of the service and of the carriers, all of them for failures.
    let state = state_of(&status).unwrap_or(DeliveryState::Failed);
    let reason = (state == DeliveryState::Failed).then(|| reason(&status, description.as_deref()));
    Ok(vec![receipt("huawei", id, (state, reason), at)?])
}

fn reason(status: &str, description: Option<&str>) -> String {
    let code = format!("status {}", known(status, words));
    description.map_or_else(|| code.clone(), |said| format!("{code}: {}", words(said)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: DateTime<Utc> = DateTime::UNIX_EPOCH;
    /// As in the service's examples.
    const EXAMPLE: &str = "sequence=1&total=1&updateTime=2018-10-31T08%3A43%3A41Z&source=2\
                           &smsMsgId=2ea20735-f856-4376-afbf-570bd70a46ee_11840135&status=";

    fn told(rest: &str) -> Option<(DeliveryState, Option<String>)> {
        let receipts = huawei_receipts(format!("{EXAMPLE}{rest}").as_bytes(), AT).unwrap();
        assert!(receipts.iter().all(|told| told.gateway == "huawei" && told.at == AT));
        assert!(receipts.iter().all(|told| told.provider_id == "2ea20735-f856-4376-afbf-570bd70a46ee_11840135"));
        receipts.into_iter().next().map(|told| (told.state, told.reason))
    }

    #[test]
    fn each_status_has_its_state() {
        let failed = |reason: &str| Some((DeliveryState::Failed, Some(reason.to_owned())));
        assert_eq!(told("DELIVRD"), Some((DeliveryState::Delivered, None)));
        assert_eq!(told("delivrd"), Some((DeliveryState::Delivered, None)));
        assert_eq!(told("ACCEPTD"), Some((DeliveryState::Sent, None)));
        assert_eq!(told("UNKNOWN"), None);
        assert_eq!(told("EXPIRED"), failed("status EXPIRED"));
        assert_eq!(told("E200027"), failed("status E200027"));
        assert_eq!(told("MK%3A0011"), failed("status MK:0011"));
        for code in ["MN:0059", "SC:0001", "ID:1241", "MA:0005"] {
            assert_eq!(told(code), failed(&format!("status {code}")));
        }
        assert_eq!(
            told("UNDELIV&statusDesc=The+phone+%2B8616673280001+is+off&to=%2B8616673280001"),
            failed("status UNDELIV: The phone +*** is off")
        );
        // 空号 in GBK.
        assert_eq!(told("MK%3A0001&statusDesc=%BF%D5%BA%C5"), failed("status MK:0001: 空号"));
        assert_eq!(told("DELIVRD%00"), Some((DeliveryState::Delivered, None)));
        assert_eq!(told("MILIMIT"), failed("status MILIMIT"));
    }

    #[test]
    fn anything_but_a_report_is_refused() {
        let long = format!("smsMsgId={}&status=DELIVRD", "x".repeat(201));
        for (body, problem) in [
            ("", "`status` is missing"),
            ("smsMsgId=1", "`status` is missing"),
            ("smsMsgId=1&status=", "`status` is missing"),
            ("smsMsgId=1&status=12345678", "`status` is too long"),
            ("status=DELIVRD", "the message's id is missing"),
            ("smsMsgId=+&status=DELIVRD", "the message's id is missing"),
            (long.as_str(), "the message's id is too long"),
            ("{\"smsMsgId\":\"1\",\"status\":\"DELIVRD\"}", "`status` is missing"),
            ("%FF%FE=%00&&&===", "`status` is missing"),
        ] {
            assert_eq!(huawei_receipts(body.as_bytes(), AT), Err(UnreadableReceipt(problem)), "{body}");
        }
        assert!(huawei_receipts(&[0xFF; 64], AT).is_err());
    }
}
