//! Judges a reply by the status and the value that mean acceptance.

use trial_core::sms::GatewayReply;

use crate::json::same_scalar;
use crate::template::TemplateError;
use crate::web::Answer;

/// The sign of acceptance: one of these statuses and, if given, a value at a place of the JSON in the reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// Statuses from 200 to 299.
    pub status: Vec<u16>,
    /// A JSON pointer (RFC 6901), with the value that means acceptance. Numbers are compared as numbers, as JSON or as text.
    pub pointer: Option<(String, String)>,
    /// A JSON pointer to the provider's id of the message.
    pub id: Option<String>,
}

impl Default for Accept {
    fn default() -> Self {
        Self { status: vec![200, 201, 202], pointer: None, id: None }
    }
}

impl Accept {
    pub(super) fn check(&self) -> Result<(), TemplateError> {
        if self.status.is_empty() || !self.status.iter().all(|status| (200..300).contains(status)) {
            return Err(TemplateError::Status);
        }
        let mut pointers = self.pointer.iter().map(|(pointer, _)| pointer).chain(&self.id);
        if pointers.all(|pointer| pointer.starts_with('/')) { Ok(()) } else { Err(TemplateError::Pointer) }
    }

    /// Another value at the place is a refusal; a missing value cannot be understood.
    pub(super) fn judge(&self, answer: &Answer) -> GatewayReply {
        if !self.status.contains(&answer.status.as_u16()) {
            return answer.by_status();
        }
        let json = answer.json();
        let at = |pointer: &str| json.as_ref().and_then(|json| json.at(pointer));
        let provider_id = self.id.as_deref().and_then(at).filter(|id| !id.is_empty());
        let Some((pointer, accepted)) = &self.pointer else {
            return if answer.body.is_some() {
                GatewayReply::Accepted { provider_id }
            } else {
                answer.not_understood()
            };
        };
        match at(pointer) {
            Some(found) if same_scalar(&found, accepted.trim()) => GatewayReply::Accepted { provider_id },
            Some(found) => {
                let found = answer.code(&found);
                GatewayReply::Refused {
                    reason: format!("status {}, and {found:?} at {pointer}", answer.status.as_u16()),
                }
            }
            None => answer.not_understood(),
        }
    }
}
