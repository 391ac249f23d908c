//! Refusals of all providers by what they are about, which says whether they count against the gateway.

use trial_core::GatewayReply;

/// The subject of a provider's code. Where a provider does not say so clearly, it is the message: anybody can ask for a code
/// for a phone that is refused, and nobody else may lose the gateway for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The phone: its number, its carrier, its country, or the messages that it has had.
    Recipient,
    /// The message: its text, its template, its fields.
    Message,
    /// Our account, our sender or our settings: the next message is refused too.
    Account,
    /// Messages of all of us together, or the provider's own capacity: for now.
    Throttled,
    /// Nothing that says whether the message is on its way.
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
