//! Short messages, and the replies of gateways.

use crate::privacy::Redaction;
use crate::values::{CodeRequestId, Locale, Phone, VerificationCode};
use crate::verification::SendState;

/// A short message with a verification code. The gateway's adapter writes the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmsMessage {
    /// The request that it answers; a reference for gateways that take one.
    pub code_request: CodeRequestId,
    /// The recipient.
    pub to: Phone,
    /// The code.
    pub code: VerificationCode,
    /// The lifetime of the code from now, in whole minutes, at least 1.
    pub valid_minutes: u32,
    /// The language of the text.
    pub locale: Locale,
}

impl SmsMessage {
    /// The parts of the message that must be removed from a gateway's reply before it is stored: the code, and the
    /// phone with or without its country calling code.
    pub fn redaction(&self) -> Redaction {
        let digits = self.to.as_str().trim_start_matches('+');
        let national = digits.strip_prefix(&self.to.country_code().to_string()).unwrap_or(digits);
        Redaction::default().secret(self.code.reveal()).personal(national)
    }
}

/// The outcome of a message. The distinction that matters is whether it may be on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayReply {
    /// The gateway accepted it.
    Accepted {
        /// The provider's id of the message, if it gave one.
        provider_id: Option<String>,
    },
    /// The gateway definitely refused it.
    Refused {
        /// The provider's reply, without personal data.
        reason: String,
    },
    /// The gateway definitely refused it for our account, sender or settings there, and will refuse the next one too.
    AccountRefused {
        /// The provider's reply, without personal data.
        reason: String,
    },
    /// The gateway definitely refused it for now, by its rate limit.
    Throttled {
        /// The provider's reply, without personal data.
        reason: String,
    },
    /// No connection was established: it is definitely not on its way.
    Unreached {
        /// The fault, without personal data.
        reason: String,
    },
    /// It was handed over and no reply came, or none that can be understood: it may be on its way.
    Unknown {
        /// The fault, without personal data.
        reason: String,
    },
}

impl GatewayReply {
    /// The send state that the reply amounts to.
    pub fn state(&self) -> SendState {
        match self {
            Self::Accepted { .. } => SendState::Accepted,
            Self::Refused { .. } | Self::AccountRefused { .. } | Self::Throttled { .. } => SendState::Refused,
            Self::Unreached { .. } => SendState::Unreached,
            Self::Unknown { .. } => SendState::Unknown,
        }
    }

    /// The provider's id, or the reason.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Accepted { provider_id } => provider_id.as_deref(),
            Self::Refused { reason }
            | Self::AccountRefused { reason }
            | Self::Throttled { reason }
            | Self::Unreached { reason }
            | Self::Unknown { reason } => Some(reason),
        }
    }

    /// The reply, redacted. A provider's id that contains the code or the phone is left out: then no receipt finds the
    /// message.
    #[must_use]
    pub fn redacted(self, redaction: &Redaction) -> Self {
        let words = |reason: String| redaction.redact(&reason);
        match self {
            Self::Accepted { provider_id } => {
                Self::Accepted { provider_id: provider_id.filter(|id| !redaction.knows(id)) }
            }
            Self::Refused { reason } => Self::Refused { reason: words(reason) },
            Self::AccountRefused { reason } => Self::AccountRefused { reason: words(reason) },
            Self::Throttled { reason } => Self::Throttled { reason: words(reason) },
            Self::Unreached { reason } => Self::Unreached { reason: words(reason) },
            Self::Unknown { reason } => Self::Unknown { reason: words(reason) },
        }
    }

    /// Returns `true` if another gateway may be given the message: only if it is definitely not on its way. After an
    /// unknown outcome it may still arrive, and would arrive twice.
    pub fn allows_another(&self) -> bool {
        !self.state().may_arrive()
    }

    /// Returns `true` if the reply counts as a failure of the gateway. A message refused for its content or its phone
    /// says nothing about the next: anybody can request a code for such a phone.
    pub fn is_gateway_fault(&self) -> bool {
        matches!(
            self,
            Self::AccountRefused { .. } | Self::Throttled { .. } | Self::Unreached { .. } | Self::Unknown { .. }
        )
    }
}

/// The country calling codes that a gateway serves; all if empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServedCountries(pub Vec<u16>);

impl ServedCountries {
    /// Returns `true` if the gateway serves this phone.
    pub fn include(&self, phone: &Phone) -> bool {
        self.0.is_empty() || self.0.contains(&phone.country_code())
    }
}

/// The reason why a gateway cannot be used right now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GatewayUnusable(
    /// The reason, without personal data.
    pub String,
);
