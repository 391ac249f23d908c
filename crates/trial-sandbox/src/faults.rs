use serde::{Deserialize, Serialize};

/// What the captured gateway and the captured mail server do wrong, on purpose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// What the SMS gateway does.
    pub sms: SmsFault,
    /// What the mail server does.
    pub mail: MailFault,
}

/// What the captured SMS gateway does with a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmsFault {
    /// It takes the message.
    #[default]
    None,
    /// It refuses the message; nothing is captured.
    Refuse,
    /// It cannot be reached; nothing is captured.
    Unreachable,
    /// It takes the message and its reply is lost: the message is captured all the same.
    Unknown,
}

/// What the captured mail server does with a mail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailFault {
    /// It takes the mail.
    #[default]
    None,
    /// It refuses the mail for now; nothing is captured.
    Transient,
    /// It refuses the mail for good; nothing is captured.
    Permanent,
}
