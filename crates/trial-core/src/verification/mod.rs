//! Verification of phones by SMS code.

mod outcome;
mod record;
mod request;

pub use outcome::{BudgetScope, CodeOutcome, CodeRefusal, CodeToSend};
pub use record::{
    Challenge, ChallengeState, CodeRequestRecord, CodeRequestView, PastSend, PhoneRecord, SendState, SendUpdate, SmsDay,
};
pub use request::{CodeRequest, SendReport};
