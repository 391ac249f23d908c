//! What operations personnel do about each return code, in words.

use crate::{
    ApplyOutcome, ApplyRefusal, BudgetScope, CodeOutcome, CodeRefusal, DeliveryState, MailState, MailView,
    NoCodeReason, SendState,
};

/// What to do about a request for a code, of which the provider has told so much since.
pub fn about_code(outcome: &CodeOutcome, told: Option<DeliveryState>) -> &'static str {
    match outcome {
        CodeOutcome::Send { state: SendState::Accepted, .. } => match told {
            Some(DeliveryState::Delivered) => {
                "nothing; the phone has the SMS. If the applicant does not see it, their phone may have filed it as spam"
            }
            Some(DeliveryState::Failed) => {
                "see the receipt: the SMS did not arrive. After the resend interval the applicant may ask again"
            }
            Some(DeliveryState::Sent) | None => {
                "nothing; if no SMS came, ask the provider about the gateway's reply. After the resend interval the \
                 applicant may ask again"
            }
        },
        CodeOutcome::Send { state: SendState::Refused, .. } => {
            "see what the gateway said; if it refuses every number, the provider's account or sender is the cause"
        }
        CodeOutcome::Send { state: SendState::Unreached, .. } => {
            "see that the gateway can be reached (`trialgate doctor`); the applicant may ask again"
        }
        CodeOutcome::Send { state: SendState::Unknown | SendState::Sending, .. } => {
            "ask the provider whether it was sent; if it arrives, the code in it is good. The applicant may ask again \
             after the resend interval"
        }
        CodeOutcome::Refused(refusal) => match refusal {
            CodeRefusal::QuotaReached { .. } => {
                "raise the threshold with `trialgate quota set N`, or wait for the next day"
            }
            CodeRefusal::PhoneLocked { .. } => {
                "ask the applicant; if the tries were theirs, unlock with `trialgate phones unlock PHONE`"
            }
            CodeRefusal::TooSoon { .. } => "nothing; the applicant waits and asks again",
            CodeRefusal::HourlyLimit { .. } => {
                "the applicant waits; if honest visitors meet this, raise `limits.phone.sends_per_hour`"
            }
            CodeRefusal::DailyLimit { .. } => {
                "the applicant waits; if honest visitors meet this, raise `limits.phone.sends_per_day`"
            }
            CodeRefusal::SendsFailed { .. } => {
                "see what the gateway said to the requests before this one; once it takes messages, the applicant may ask again"
            }
            CodeRefusal::BudgetSpent { scope: BudgetScope::All, .. } => {
                "see whether the traffic is honest; if so, raise it with `trialgate settings set limits.sms_per_day N`"
            }
            CodeRefusal::BudgetSpent { scope: BudgetScope::Country(_), .. } => {
                "see whether the traffic is honest; if so, raise it with `trialgate settings set limits.sms_per_country_day N`"
            }
            CodeRefusal::BudgetSpent { scope: BudgetScope::Prefix(_), .. } => {
                "see whether the traffic is honest; if so, raise it with `trialgate settings set limits.sms_per_prefix_day N`"
            }
            CodeRefusal::PrefixBlocked(_) => {
                "see whether the traffic is honest: who asks for codes and does not use them? If it is, release the prefix with \
                 `trialgate prefixes release PREFIX`, and keep it from being blocked with `trialgate prefixes safe add`; if not, \
                 leave it blocked"
            }
        },
    }
}

/// What to do about an application.
pub fn about_application(outcome: &ApplyOutcome, mails: &[MailView]) -> &'static str {
    match outcome {
        ApplyOutcome::Accepted { .. } if mails.iter().any(|mail| mail.state == MailState::Failed) => {
            "the mail was given up: see its last reply, mend the cause, and have it tried again with `trialgate mail retry ID`"
        }
        ApplyOutcome::Accepted { .. } if mails.iter().any(|mail| mail.state == MailState::Due) => {
            "the mail is tried again by itself; if it has a last reply, mend what that says"
        }
        ApplyOutcome::Accepted { .. } => {
            "nothing; if no mail came, ask the mail server about it and the customer about the junk folder"
        }
        ApplyOutcome::Replayed { .. } => "nothing; a retry or a double click, answered as before",
        ApplyOutcome::Refused(refusal) => match refusal {
            ApplyRefusal::PhoneLocked { .. } => {
                "ask the applicant; if the tries were theirs, unlock with `trialgate phones unlock PHONE`"
            }
            ApplyRefusal::KeyMissing { .. } => {
                "give the key again in `secrets.keys`, after the current one, and restart; or the applicant asks for a new code \
                 once this one is dead"
            }
            ApplyRefusal::NoCode { reason: NoCodeReason::Used } => {
                "nothing, if the tenant exists (`trialgate applications find --phone`); for another, a new code is needed"
            }
            ApplyRefusal::NoCode { .. } => "the applicant asks for a new code",
            ApplyRefusal::WrongCode { .. } => "the applicant types the code again, or asks for a new one",
            ApplyRefusal::TenantExists { .. } => {
                "a customer already: see `trialgate tenants show ID`; the code is still good until it expires"
            }
            ApplyRefusal::PoolEmpty { .. } => {
                "load access codes with `trialgate access-codes import FILE.csv`; the code is still good until it expires"
            }
            ApplyRefusal::QuotaReached { .. } => {
                "raise the threshold with `trialgate quota set N`; the code is still good until it expires"
            }
        },
    }
}
