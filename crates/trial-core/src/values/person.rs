//! The person whose data are exported or erased.

use crate::values::{EmailKey, Phone};

/// A person, identified by a phone or a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Person {
    /// The owner of this phone.
    Phone(Phone),
    /// The owner of this mailbox.
    Email(EmailKey),
}

impl Person {
    /// The phone or the address, as it is stored.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Phone(phone) => phone.as_str(),
            Self::Email(email) => email.as_str(),
        }
    }
}
