//! The terms that an applicant agrees to, and what is kept of that: in the audit, where erasing a person leaves a keyed hash in
//! place of the phone, so that the agreement stays provable to whoever knows the phone.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::{AuditRecord, ChangedBy, Locale, Phone, RequestId};

/// What the audit calls the agreement.
pub(crate) const ACCEPTED: &str = "terms.accept";
/// What the audit calls the first use of a text.
const PUBLISHED: &str = "terms.publish";

/// The terms that applicants agree to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    version: String,
    text: String,
    digest: String,
}

impl Terms {
    /// Terms of this version, word for word.
    pub fn new(version: String, text: String) -> Self {
        let mut digest = String::new();
        for byte in Sha256::digest(text.as_bytes()) {
            // Writing to a string does not fail.
            let _ = write!(digest, "{byte:02x}");
        }
        Self { version, text, digest }
    }

    /// What the version is called.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the audit knows this text by: its SHA-256, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether somebody who saw the text of this digest agreed to these terms, and not to others that were shown before them.
    pub fn are(&self, seen: &str) -> bool {
        self.digest == seen
    }

    /// That the owner of a phone agreed to this text, in that language, with that request.
    pub fn accepted(&self, by: ChangedBy, phone: &Phone, locale: Locale, request: &RequestId) -> AuditRecord {
        let detail = format!(
            "terms {} (SHA-256 {}), in {}, by request {}",
            self.version,
            self.digest,
            locale.as_str(),
            request.as_str()
        );
        by.entry(ACCEPTED, phone.as_str().to_owned(), detail)
    }

    /// That applicants are shown this text from now on. The whole text is kept, so that what was agreed to can be read later.
    pub fn published(&self, by: ChangedBy) -> AuditRecord {
        by.entry(PUBLISHED, self.digest.clone(), format!("version {}: {}", self.version, self.text))
    }
}
