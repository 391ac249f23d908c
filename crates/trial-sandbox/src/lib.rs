//! The inbox of the sandbox: it captures short messages and mails instead of sending them.
//!
//! An [`Inbox`] is a file of JSON lines, one [`CapturedMessage`] each, that one process owns at a time. In memory there
//! is only an index. Captured messages survive the end of the process, but not that of the machine: nothing is synced.

mod faults;
mod inbox;
mod index;
mod message;

pub use faults::{Faults, MailFault, SmsFault};
pub use inbox::{CAPACITY, Inbox, InboxError};
pub use message::{CapturedMessage, Channel, Filter, Recipient};
