//! Deliberate faults of the sandbox.

use serde::{Deserialize, Serialize};

/// Deliberate faults of the captured gateway and of the captured mail server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// The fault of the SMS gateway.
    pub sms: SmsFault,
    /// The fault of the mail server.
    pub mail: MailFault,
}

/// The behaviour of the captured SMS gateway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmsFault {
    /// It accepts the message.
    #[default]
    None,
    /// It refuses the message; nothing is captured.
    Refuse,
    /// It cannot be reached; nothing is captured.
    Unreachable,
    /// It accepts the message and its reply is lost: the message is captured all the same.
    Unknown,
}

/// The behaviour of the captured mail server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailFault {
    /// It accepts the mail.
    #[default]
    None,
    /// It refuses the mail for now; nothing is captured.
    Transient,
    /// It refuses the mail for good; nothing is captured.
    Permanent,
}
