//! Remediation: the steps for operations after each return code.

use crate::applications::ApplyOutcome;
use crate::mails::{MailState, MailView};
use crate::sms::DeliveryState;
use crate::verification::{CodeOutcome, SendState};

/// The remediation of a request for a code with this delivery state.
pub fn about_code(outcome: &CodeOutcome, told: Option<DeliveryState>) -> &'static str {
    match outcome {
        CodeOutcome::Send { state: SendState::Accepted, .. } => match told {
            Some(DeliveryState::Delivered) => {
                "nothing: the SMS was delivered. The applicant may find it among spam messages"
            }
            Some(DeliveryState::Failed) => {
                "see the receipt: the SMS did not arrive. The applicant can request another code after the resend \
                 interval"
            }
            Some(DeliveryState::Sent) | None => {
                "nothing; if no SMS arrived, ask the provider about the gateway's reply. The applicant can request \
                 another code after the resend interval"
            }
        },
        CodeOutcome::Send { state: SendState::Refused, .. } => {
            "see the gateway's reply; if it refuses every number, check the provider's account and sender"
        }
        CodeOutcome::Send { state: SendState::Unreached, .. } => {
            "check that the gateway can be reached (`trialgate doctor`); the applicant can request another code"
        }
        CodeOutcome::Send { state: SendState::Unknown | SendState::Sending, .. } => {
            "ask the provider whether it was sent; if it arrives, its code is valid. The applicant can request another \
             code after the resend interval"
        }
        CodeOutcome::Refused(refusal) => refusal.answer().1,
    }
}

/// The remediation of an application.
pub fn about_application(outcome: &ApplyOutcome, mails: &[MailView]) -> &'static str {
    match outcome {
        ApplyOutcome::Accepted { .. } if mails.iter().any(|mail| mail.state == MailState::Failed) => {
            "the mail failed: see its last reply, fix the cause, and retry it with `trialgate mail retry ID`"
        }
        ApplyOutcome::Accepted { .. } if mails.iter().any(|mail| mail.state == MailState::Due) => {
            "the mail is retried automatically; if it has a last reply, fix the cause"
        }
        ApplyOutcome::Accepted { .. } => {
            "nothing; if no mail arrived, check the mail server, and ask the customer to check the spam folder"
        }
        ApplyOutcome::Replayed { .. } => "nothing: a repeated request, answered as before",
        ApplyOutcome::Refused(refusal) => refusal.answer().1,
    }
}
