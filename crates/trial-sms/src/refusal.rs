//! Refusals of all providers by their subject, which decides whether they count against the gateway.

use trial_core::sms::GatewayReply;

/// The subject of a provider's code. Where a provider is unclear, it is the message: anybody can ask for a code for a
/// refused phone, and nobody else may lose the gateway for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The phone: its number, its carrier, its country, or its earlier messages.
    Recipient,
    /// The message: its text, its template, its fields.
    Message,
    /// Our account, our sender or our settings: the next message is refused too.
    Account,
    /// Too many messages of all of us together, or the provider's own capacity: for now.
    Throttled,
    /// Unclear whether the message is on its way.
    Open,
}

impl Refusal {
    /// The reply for one message.
    pub(crate) fn reply(self, reason: String) -> GatewayReply {
        match self {
            Self::Recipient | Self::Message => GatewayReply::Refused { reason },
            Self::Account => GatewayReply::AccountRefused { reason },
            Self::Throttled => GatewayReply::Throttled { reason },
            Self::Open => GatewayReply::Unknown { reason },
        }
    }
}
