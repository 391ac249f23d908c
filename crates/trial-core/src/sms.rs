use crate::{CodeRequestId, Locale, Phone, SendState, VerificationCode};

/// A short message with a verification code. The gateway's adapter writes the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmsMessage {
    /// The request that it answers; a reference for gateways that take one.
    pub code_request: CodeRequestId,
    /// Where it goes.
    pub to: Phone,
    /// The code.
    pub code: VerificationCode,
    /// How long the code lives from now, in whole minutes, at least 1.
    pub valid_minutes: u32,
    /// The language of the text.
    pub locale: Locale,
}

/// What became of a message. The distinction that matters is whether it may be on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayReply {
    /// The gateway took it.
    Accepted {
        /// The provider's id of the message, if it gave one.
        provider_id: Option<String>,
    },
    /// The gateway definitely refused it.
    Refused {
        /// The provider's words, with no personal data.
        reason: String,
    },
    /// No connection was made: it is definitely not on its way.
    Unreached {
        /// What failed, with no personal data.
        reason: String,
    },
    /// It was handed over and no reply came, or none that can be understood: it may be on its way.
    Unknown {
        /// What failed, with no personal data.
        reason: String,
    },
}

impl GatewayReply {
    /// How far the message got.
    pub fn state(&self) -> SendState {
        match self {
            Self::Accepted { .. } => SendState::Accepted,
            Self::Refused { .. } => SendState::Refused,
            Self::Unreached { .. } => SendState::Unreached,
            Self::Unknown { .. } => SendState::Unknown,
        }
    }

    /// What the gateway said: the provider's id, or the reason.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Accepted { provider_id } => provider_id.as_deref(),
            Self::Refused { reason } | Self::Unreached { reason } | Self::Unknown { reason } => Some(reason),
        }
    }
}
