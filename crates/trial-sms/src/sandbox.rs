//! The gateway of the sandbox.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use trial_core::ports::{Clock, SmsGateway};
use trial_core::sms::{GatewayReply, GatewayUnusable, SmsMessage};
use trial_sandbox::{CapturedMessage, Inbox, SmsFault};

use crate::text::{DEFAULT_BRAND, code_text};

/// Captures messages in an [`Inbox`] instead of sending them, with the inbox's current faults.
#[derive(Clone)]
pub struct SandboxGateway {
    inbox: Arc<Inbox>,
    clock: Arc<dyn Clock>,
    brand: Arc<str>,
}

impl SandboxGateway {
    /// A gateway into this inbox, with texts signed by [`DEFAULT_BRAND`].
    pub fn new(inbox: Arc<Inbox>, clock: Arc<dyn Clock>) -> Self {
        Self { inbox, clock, brand: DEFAULT_BRAND.into() }
    }

    /// Sets another brand.
    #[must_use]
    pub fn with_brand(self, brand: &str) -> Self {
        Self { brand: brand.into(), ..self }
    }

    /// A message that cannot be captured is definitely not in the inbox, and nobody refused it: it was not reached.
    fn capture(&self, message: &SmsMessage) -> Result<(), GatewayReply> {
        let captured = CapturedMessage::Sms {
            to: message.to.as_str().to_owned(),
            text: code_text(&self.brand, message),
            code: message.code.reveal().to_owned(),
            at: self.clock.now(),
        };
        self.inbox.capture(captured).map_err(|error| GatewayReply::Unreached { reason: error.to_string() })
    }
}

#[async_trait]
impl SmsGateway for SandboxGateway {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    /// Writes a few hundred bytes to a file, which is not worth another thread.
    async fn send(&self, message: &SmsMessage) -> GatewayReply {
        let reply = match self.inbox.faults().sms {
            SmsFault::None => GatewayReply::Accepted { provider_id: None },
            SmsFault::Unknown => GatewayReply::Unknown { reason: "sandbox fault: the reply is lost".to_owned() },
            SmsFault::Refuse => {
                return GatewayReply::Refused { reason: "sandbox fault: refused".to_owned() };
            }
            SmsFault::Unreachable => {
                return GatewayReply::Unreached { reason: "sandbox fault: unreachable".to_owned() };
            }
        };
        self.capture(message).map_or_else(|unreached| unreached, |()| reply)
    }

    /// The inbox is open, or there would be no gateway.
    async fn check(&self) -> Result<(), GatewayUnusable> {
        Ok(())
    }
}

impl fmt::Debug for SandboxGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxGateway").field("inbox", &self.inbox).field("brand", &self.brand).finish_non_exhaustive()
    }
}
