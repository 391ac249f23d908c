//! Captured mails.

use serde::Deserialize;

use crate::record::{Secret, note};

/// A captured mail.
#[derive(Debug, Clone, Deserialize)]
pub struct Mail {
    /// The recipient.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its body as text.
    pub text: String,
    /// Its body as HTML.
    pub html: String,
    /// The time of capture.
    pub at: String,
    /// Its `Message-ID`.
    pub message_id: String,
}

/// The content of an account mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The tenant's id.
    pub tenant: String,
    /// The name to sign in with.
    pub name: String,
    /// The initial password.
    pub password: String,
    /// The voice access code.
    pub voice: String,
    /// The multimedia access code.
    pub multimedia: String,
}

impl Mail {
    /// Reads the account from a mail in English.
    pub fn account(&self) -> Account {
        note(Secret::Password, &self.value_of("Initial password"));
        Account {
            tenant: self.value_of("Tenant ID"),
            name: self.value_of("Account name"),
            password: self.value_of("Initial password"),
            voice: self.value_of("Voice access code"),
            multimedia: self.value_of("Multimedia access code"),
        }
    }

    fn value_of(&self, label: &str) -> String {
        let values = self.text.lines().filter_map(|line| line.split_once(": "));
        let mut values = values.filter(|(name, _)| *name == label).map(|(_, value)| value.trim().to_owned());
        let value = values.next().filter(|value| !value.is_empty());
        value.unwrap_or_else(|| panic!("the mail does not say `{label}`: {}", self.text))
    }
}
