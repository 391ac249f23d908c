//! Mails: content, outbox and delivery.

mod content;
mod delivery;
mod overtaken;
mod record;
mod view;

pub use content::{
    AccountMail, ComposeError, LifecycleMail, MailContent, OutgoingMail, PasswordChangedMail, PasswordMail,
};
pub use delivery::{DeliveryError, DueMail, Lease, MailRetry, SettledAs, Settlement};
pub use record::{MailKind, MailRecord, MailState};
pub use view::{MailAttempt, MailPage, MailQueue, MailRetried, MailView, OutboxMail, RefusedMail, retried_words};
