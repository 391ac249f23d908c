//! Captured messages.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

/// A message captured instead of sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "channel", rename_all = "snake_case")]
pub enum CapturedMessage {
    /// A short message.
    Sms {
        /// The phone, E.164.
        to: String,
        /// The text that the phone would show.
        text: String,
        /// The code in the text.
        code: String,
        /// The time of capture.
        at: DateTime<Utc>,
    },
    /// A mail.
    Mail {
        /// The address.
        to: String,
        /// The subject.
        subject: String,
        /// The body as plain text.
        text: String,
        /// The body as HTML.
        html: String,
        /// The time of capture.
        at: DateTime<Utc>,
        /// The `Message-ID`, with its angle brackets.
        message_id: String,
    },
}

/// The channel of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Short message.
    Sms,
    /// Mail.
    Mail,
}

/// The recipient of a message, in its canonical form: a phone or an address in any spelling.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recipient(String);

impl Recipient {
    /// The recipient of this spelling.
    pub fn new(text: &str) -> Self {
        Self(canonical_recipient(text))
    }
}

/// A selection of messages.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those of this channel.
    pub channel: Option<Channel>,
    /// Only those to this recipient: E.164 with or without its `+`, or an address in any case.
    pub to: Option<String>,
    /// Messages, at most; 100 if not given, never more than 1000.
    pub limit: Option<usize>,
}

impl CapturedMessage {
    /// Its channel.
    pub fn channel(&self) -> Channel {
        match self {
            Self::Sms { .. } => Channel::Sms,
            Self::Mail { .. } => Channel::Mail,
        }
    }

    /// Its recipient.
    pub fn to(&self) -> &str {
        match self {
            Self::Sms { to, .. } | Self::Mail { to, .. } => to,
        }
    }

    /// The time of capture.
    pub fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Sms { at, .. } | Self::Mail { at, .. } => *at,
        }
    }
}

impl Filter {
    pub(crate) fn bound(&self) -> usize {
        self.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT)
    }
}

/// The canonical form of a recipient. The trimmed blank may be the `+` of a query string.
pub(crate) fn canonical_recipient(to: &str) -> String {
    let to = to.trim();
    if to.contains('@') { to.to_lowercase() } else { to.trim_start_matches('+').to_owned() }
}

/// Hides recipient and content, so that neither reaches a log by way of `{:?}`.
impl fmt::Debug for CapturedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CapturedMessage({:?}, {})", self.channel(), self.at())
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recipient(***)")
    }
}

/// Hides the recipient, so that it does not reach a log by way of `{:?}`.
impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = self.to.as_ref().map(|_| "***");
        f.debug_struct("Filter").field("channel", &self.channel).field("to", &to).field("limit", &self.limit).finish()
    }
}
