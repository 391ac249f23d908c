use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

/// A message that was captured instead of sent.
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
        /// When it was captured.
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
        /// When it was captured.
        at: DateTime<Utc>,
        /// The `Message-ID`, with its angle brackets.
        message_id: String,
    },
}

/// The way that a message took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Short message.
    Sms,
    /// Mail.
    Mail,
}

/// The recipient of a message, in the one form that is compared: a phone or an address in any spelling.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recipient(String);

impl Recipient {
    /// The recipient that this text means.
    pub fn new(text: &str) -> Self {
        Self(canonical_recipient(text))
    }
}

/// Which messages to list.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those of this channel.
    pub channel: Option<Channel>,
    /// Only those to this recipient: E.164 with or without its `+`, or an address, whatever its case.
    pub to: Option<String>,
    /// Messages, at most; 100 if not given, never more than 1000.
    pub limit: Option<usize>,
}

impl CapturedMessage {
    /// The way it took.
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

    /// When it was captured.
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

/// The one form of a recipient that is compared. The blank that is trimmed may be the `+` of a query string.
pub(crate) fn canonical_recipient(to: &str) -> String {
    let to = to.trim();
    if to.contains('@') { to.to_lowercase() } else { to.trim_start_matches('+').to_owned() }
}

/// Says nothing about recipient and content, so that neither can reach a log by way of `{:?}`.
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

/// Says nothing about the recipient, so that it cannot reach a log by way of `{:?}`.
impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = self.to.as_ref().map(|_| "***");
        f.debug_struct("Filter").field("channel", &self.channel).field("to", &to).field("limit", &self.limit).finish()
    }
}
