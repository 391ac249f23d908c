//! The service's codes: "Message & SMS API Reference", "API Error Codes" (2024-11) for answers of the API, "SMS Status
//! Error Codes" (2024-11) for those of the service, the supplier and the carrier about one number.

use crate::refusal::Refusal::{self, Account, Message, Open, Recipient, Throttled};

/// Codes with the subject of each, and a text where the service gives none. A template differs by the language of the
/// message, and a route by its number: neither is the account.
const CODES: &[(&str, Refusal, &str)] = &[
    // Authentication, account and sender.
    ("E000001", Account, "the header Authorization is missing"),
    ("E000002", Account, "Authorization has no realm"),
    ("E000003", Account, "Authorization has no profile"),
    ("E000004", Account, "the realm is not SDP"),
    ("E000005", Account, "the profile is not UsernameToken"),
    ("E000006", Account, "the type is not Appkey"),
    ("E000007", Account, "Authorization has no type"),
    ("E000008", Account, "Authorization has no WSSE"),
    ("E000020", Account, "the header X-WSSE is missing"),
    ("E000021", Account, "X-WSSE has no Username"),
    ("E000022", Account, "X-WSSE has no Nonce"),
    ("E000023", Account, "X-WSSE has no Created"),
    ("E000024", Account, "X-WSSE has no PasswordDigest"),
    ("E000025", Account, "Created cannot be read"),
    ("E000026", Account, "X-WSSE has no UsernameToken"),
    ("E000040", Account, "the content type is wrong"),
    ("E000045", Account, "the signature is wrong"),
    ("E000101", Account, "authentication failed"),
    ("E000102", Account, "app_key is invalid"),
    ("E000103", Account, "app_key cannot be used"),
    ("E000104", Account, "app_secret is invalid"),
    ("E000105", Account, "the digest is invalid"),
    ("E000106", Account, "app_key may not use this API"),
    ("E000109", Account, "the account is not active"),
    ("E000110", Account, "the clock is too far off"),
    ("E000111", Account, "user name or password is wrong"),
    ("E000112", Account, "the account is frozen: out of funds, or for a violation"),
    ("E000620", Account, "our address is not in the application's list"),
    ("E000623", Account, "the account has sent as many messages as it may"),
    ("E000629", Account, "the package of messages is used up"),
    ("E200018", Account, "the sender is not the application's"),
    ("E200020", Account, "the signature is not the sender's"),
    // The service has no capacity for now.
    ("E200015", Throttled, "too many messages wait"),
    ("E200034", Throttled, "the carrier's gateway does not answer"),
    ("E200036", Throttled, "the channel has no rate left"),
    // With status 400 for a template that cannot be filled, otherwise for anything else.
    (SYSTEM_ERROR, Open, "a system error of the service"),
    // Template, text and fields of the message.
    ("E000027", Message, "the request is not allowed"),
    ("E000503", Message, "a field cannot be read"),
    ("E200028", Message, "the template's variables do not fit"),
    ("E200029", Message, "the template's type does not fit"),
    ("E200030", Message, "the template is not active"),
    ("E200031", Message, "the protocol was not kept"),
    ("E200032", Message, "a template is needed"),
    ("E200033", Message, "the template is of another type"),
    ("E200035", Message, "a field could not be filled in"),
    ("E200038", Message, "a part of the message is missing"),
    ("E200041", Message, "the number is named twice"),
    ("E200051", Message, "the text is none of a verification code"),
    ("KEYWORD", Message, "a word in the text is not allowed"),
    ("SC:0001", Message, "the text was rejected by a reviewer"),
    // The number.
    ("E200024", Recipient, "the application may not send abroad"),
    ("E200025", Recipient, "the channel does not serve this number"),
    ("E200026", Recipient, "no channel serves this number"),
    ("E200027", Recipient, "no gateway serves this number"),
    ("E000628", Recipient, "the number's country is not in the list of those served"),
    ("E000632", Recipient, "the number is in the list of those not served"),
    ("MILIMIT", Recipient, "the number has had its messages for this minute"),
    ("LIMIT", Recipient, "the number has had its messages for this day"),
    ("BEYONDN", Recipient, "the number has had its messages for this day"),
    ("CTLIMIT", Recipient, "the number has had its messages"),
    ("BLACK", Recipient, "the number is on a list of complaints"),
    ("BLKLIST", Recipient, "the number is on a list of complaints"),
    ("MBBLACK", Recipient, "the number is on a list of complaints"),
    ("TDBLACK", Recipient, "the number is on a list of complaints"),
    ("TSBLACK", Recipient, "the number is on a list of complaints"),
    ("REJECTD", Recipient, "the number was rejected"),
    ("UNDELIV", Recipient, "the number cannot be reached"),
    ("EXPIRED", Recipient, "the number was not reached in time"),
];

/// "System error".
pub(super) const SYSTEM_ERROR: &str = "E000000";

/// Subject and text of a code; `None` if it is not listed, such as those of carriers (`MK:0011`).
pub(super) fn meaning(code: &str) -> Option<(Refusal, &'static str)> {
    CODES.iter().find(|(known, ..)| *known == code).map(|(_, refusal, words)| (*refusal, *words))
}
