//! Remediation: the steps for operations after each return code.

use crate::applications::{ApplyOutcome, ApplyRefusal, NoCodeReason};
use crate::mails::{MailState, MailView};
use crate::sms::DeliveryState;
use crate::verification::{BudgetScope, CodeOutcome, CodeRefusal, SendState};

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
        CodeOutcome::Refused(refusal) => match refusal {
            CodeRefusal::QuotaReached { .. } => {
                "raise the daily e-mail limit with `trialgate quota set N`, or wait for the next day"
            }
            CodeRefusal::PhoneLocked { .. } => {
                "ask the applicant; if the attempts were theirs, unlock the phone with `trialgate phones unlock PHONE`"
            }
            CodeRefusal::TooSoon { .. } => "nothing; the applicant waits and requests another code",
            CodeRefusal::HourlyLimit { .. } => {
                "the applicant waits; if this affects genuine visitors, raise `limits.phone.sends_per_hour`"
            }
            CodeRefusal::DailyLimit { .. } => {
                "the applicant waits; if this affects genuine visitors, raise `limits.phone.sends_per_day`"
            }
            CodeRefusal::SendsFailed { .. } => {
                "see the gateway's replies to the earlier requests; once it accepts messages, the applicant can \
                 request another code"
            }
            CodeRefusal::BudgetSpent { scope: BudgetScope::All, .. } => {
                "check whether the traffic is genuine; if so, raise the limit with `trialgate settings set \
                 limits.sms_per_day N`"
            }
            CodeRefusal::BudgetSpent { scope: BudgetScope::Country(_), .. } => {
                "check whether the traffic is genuine; if so, raise the limit with `trialgate settings set \
                 limits.sms_per_country_day N`"
            }
            CodeRefusal::BudgetSpent { scope: BudgetScope::Prefix(_), .. } => {
                "check whether the traffic is genuine; if so, raise the limit with `trialgate settings set \
                 limits.sms_per_prefix_day N`"
            }
            CodeRefusal::PrefixBlocked(_) => {
                "check whether the traffic is genuine. If it is, unblock the number range with `trialgate prefixes \
                 release PREFIX` and add it to the safe list with `trialgate prefixes safe add`; if not, leave it \
                 blocked"
            }
        },
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
        ApplyOutcome::Refused(refusal) => match refusal {
            ApplyRefusal::PhoneLocked { .. } => {
                "ask the applicant; if the attempts were theirs, unlock the phone with `trialgate phones unlock PHONE`"
            }
            ApplyRefusal::KeyMissing { .. } => {
                "add the key to `secrets.keys` again, after the current one, and restart; or the applicant requests a \
                 new code once this one has expired"
            }
            ApplyRefusal::NoCode { reason: NoCodeReason::Used } => {
                "nothing if the tenant exists (`trialgate applications find --phone`); another application needs a new \
                 code"
            }
            ApplyRefusal::NoCode { .. } => "the applicant requests a new code",
            ApplyRefusal::WrongCode { .. } => "the applicant enters the code again, or requests a new one",
            ApplyRefusal::TenantExists { .. } => {
                "an existing customer: see `trialgate tenants show ID`; the code stays valid until it expires"
            }
            ApplyRefusal::PoolEmpty { .. } => {
                "import access codes with `trialgate access-codes import FILE.csv`; the code stays valid until it \
                 expires"
            }
            ApplyRefusal::QuotaReached { .. } => {
                "raise the daily e-mail limit with `trialgate quota set N`; the code stays valid until it expires"
            }
        },
    }
}
