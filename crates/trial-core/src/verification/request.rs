//! A request for a verification code, and the report of its message.

use crate::sms::GatewayReply;
use crate::values::{ChallengeId, CodeRequestId, Locale, Phone, RequestId};

/// A visitor requests a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRequest {
    /// The HTTP exchange.
    pub request_id: RequestId,
    /// The phone that the code is sent to.
    pub phone: Phone,
    /// The language of the message.
    pub locale: Locale,
}

/// A gateway reports the result of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendReport {
    /// The request that the message answers.
    pub code_request: CodeRequestId,
    /// The phone that it was sent to.
    pub phone: Phone,
    /// The code in it.
    pub challenge: ChallengeId,
    /// The gateway's name.
    pub gateway: String,
    /// The reply of the gateway.
    pub reply: GatewayReply,
}
