//! Phones, verification codes and code requests as the ledger stores them.

use chrono::{DateTime, NaiveDate, Utc};

use crate::sms::{Delivery, GatewayReply};
use crate::values::{ChallengeId, CodeRequestId, Phone, RequestId, named};
use crate::verification::CodeOutcome;

/// The stored state of a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneRecord {
    /// The phone.
    pub phone: Phone,
    /// Consecutive wrong attempts, over all codes.
    pub failures: u32,
    /// Its current code, if one was ever created.
    pub challenge: Option<ChallengeId>,
    /// The code before it, as long as the gateway has not accepted the current one.
    pub previous: Option<ChallengeId>,
}

/// One verification code. The code itself is derived from the id and the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Its id, and the nonce of the derivation.
    pub id: ChallengeId,
    /// The phone it was created for.
    pub phone: Phone,
    /// The key that derives it.
    pub key_id: String,
    /// The creation time.
    pub made_at: DateTime<Utc>,
    /// The expiry.
    pub expires_at: DateTime<Utc>,
    /// Wrong attempts so far.
    pub tries: u32,
    /// The state.
    pub state: ChallengeState,
    /// The time of its first submission, with any outcome; not recorded while no rule uses the counts of number ranges.
    pub proven_at: Option<DateTime<Utc>>,
}

/// The state of a code. Expiry and too many attempts are not states: they follow from the time and the attempts.
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

/// One request for a code, accepted or refused.
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
    /// The outcome.
    pub outcome: CodeOutcome,
}

/// The state of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SendState {
    /// Decided, and no reply of the gateway known: it may be on its way.
    Sending,
    /// The gateway accepted it.
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
    /// Returns `true` if the message may reach the phone.
    pub fn may_arrive(self) -> bool {
        matches!(self, Self::Sending | Self::Accepted | Self::Unknown)
    }
}

/// The number of messages under a day's budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmsDay {
    /// The day, in the policy's time zone.
    pub day: NaiveDate,
    /// The country calling code.
    pub country_code: u16,
    /// Messages.
    pub sent: u32,
}

/// A change of a message's state.
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

/// A message that was sent or was to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastSend {
    /// The request that it answered.
    pub code_request: CodeRequestId,
    /// The code in it.
    pub challenge: ChallengeId,
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// The state.
    pub state: SendState,
}

/// A request for a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRequestView {
    /// Its id.
    pub id: CodeRequestId,
    /// The exchange.
    pub request_id: RequestId,
    /// When.
    pub at: DateTime<Utc>,
    /// The phone.
    pub phone: Phone,
    /// The outcome.
    pub outcome: CodeOutcome,
    /// The gateway that answered.
    pub gateway: Option<String>,
    /// Its reply.
    pub reply: Option<String>,
    /// The delivery state, by the provider's receipts.
    pub delivery: Option<Delivery>,
}
