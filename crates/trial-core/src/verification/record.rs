//! Phones, verification codes and code requests as the ledger stores them.

use chrono::{DateTime, NaiveDate, Utc};

use crate::sms::{Delivery, GatewayReply};
use crate::values::{ChallengeId, CodeRequestId, Phone, RequestId, named};
use crate::verification::CodeOutcome;

/// What is remembered of a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneRecord {
    /// The phone.
    pub phone: Phone,
    /// Consecutive wrong tries, over all codes.
    pub failures: u32,
    /// Its current code, if one was ever made.
    pub challenge: Option<ChallengeId>,
    /// The code before it, as long as the gateway has not accepted the current one.
    pub previous: Option<ChallengeId>,
}

/// One verification code. The code itself is derived from the id and the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Its id, and the nonce of the derivation.
    pub id: ChallengeId,
    /// The phone it was made for.
    pub phone: Phone,
    /// The key that derives it.
    pub key_id: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// When it dies, if nothing happens to it before.
    pub expires_at: DateTime<Utc>,
    /// Wrong tries so far.
    pub tries: u32,
    /// What became of it.
    pub state: ChallengeState,
    /// When it was first submitted, whatever came of that; not noted while nothing is counted of prefixes.
    pub proven_at: Option<DateTime<Utc>>,
}

/// What became of a code. Expiry and too many tries are not states: they follow from the time and the tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChallengeState {
    /// It can be used.
    Open,
    /// It was used by an accepted application.
    Consumed,
    /// It never left: the gateway refused its only message.
    Unsent,
}

named!(ChallengeState, "state of a code", { Open => "open", Consumed => "consumed", Unsent => "unsent" });

/// One request for a code, whatever became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRequestRecord {
    /// Its id.
    pub id: CodeRequestId,
    /// The HTTP exchange it came by.
    pub request_id: RequestId,
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// The phone.
    pub phone: Phone,
    /// What was decided.
    pub outcome: CodeOutcome,
}

/// How far a message that was to be sent got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SendState {
    /// Decided, and no reply of the gateway known: it may be on its way.
    Sending,
    /// The gateway took it.
    Accepted,
    /// The gateway refused it: it is not on its way.
    Refused,
    /// The gateway was not reached: it is not on its way.
    Unreached,
    /// The gateway was reached and its reply is not known: it may be on its way.
    Unknown,
}

named!(SendState, "state of a send", {
    Sending => "sending", Accepted => "accepted", Refused => "refused", Unreached => "unreached", Unknown => "unknown",
});

impl SendState {
    /// Whether the message may reach the phone.
    pub fn may_arrive(self) -> bool {
        matches!(self, Self::Sending | Self::Accepted | Self::Unknown)
    }
}

/// How many messages a day's budget has paid for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmsDay {
    /// The day, in the policy's time zone.
    pub day: NaiveDate,
    /// The country calling code.
    pub country_code: u16,
    /// Messages.
    pub sent: u32,
}

/// A message got further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendUpdate {
    /// The request that it answers.
    pub code_request: CodeRequestId,
    /// The code in it.
    pub challenge: ChallengeId,
    /// The gateway's name.
    pub gateway: String,
    /// The reply of the gateway.
    pub reply: GatewayReply,
}

/// A message that was to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastSend {
    /// The request that it answered.
    pub code_request: CodeRequestId,
    /// The code in it.
    pub challenge: ChallengeId,
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// How far it got.
    pub state: SendState,
}

/// A request for a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRequestView {
    /// The exchange.
    pub request_id: RequestId,
    /// When.
    pub at: DateTime<Utc>,
    /// The phone.
    pub phone: Phone,
    /// What became of it.
    pub outcome: CodeOutcome,
    /// The gateway that answered.
    pub gateway: Option<String>,
    /// What it said.
    pub reply: Option<String>,
    /// What its provider has told of the message since.
    pub delivery: Option<Delivery>,
}
