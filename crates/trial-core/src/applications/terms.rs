//! The terms that an applicant agrees to, and the audit entry of an agreement: planned with the application that carried it, once
//! its code has proved the phone. Erasing a person leaves a keyed hash in place of the phone; retention removes the entry.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::applications::Application;
use crate::audit::{AuditRecord, ChangedBy, TERMS_ACCEPTED};
use crate::values::AuditId;

/// The name of the first use of a text in the audit trail.
const PUBLISHED: &str = "terms.publish";

/// The terms that an application says were agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    version: String,
    digest: String,
}

impl Agreement {
    /// The audit entry of the agreement that came with an application.
    pub(crate) fn record(&self, id: AuditId, at: DateTime<Utc>, application: &Application) -> AuditRecord {
        let Self { version, digest } = self;
        let (locale, request) = (application.locale.as_str(), application.request_id.as_str());
        AuditRecord {
            id,
            at,
            actor: crate::audit::APPLICANT.to_owned(),
            action: TERMS_ACCEPTED,
            subject: application.phone.as_str().to_owned(),
            detail: format!("terms {version} (SHA-256 {digest}), in {locale}, by request {request}"),
        }
    }
}

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

    /// The name of the version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The SHA-256 of the text, in hexadecimal, as in the audit trail.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Returns `true` if `seen` is the digest of these terms, and not of others that were shown before.
    pub fn are(&self, seen: &str) -> bool {
        self.digest == seen
    }

    /// The agreement of somebody who ticked these terms.
    pub fn agreement(&self) -> Agreement {
        Agreement { version: self.version.clone(), digest: self.digest.clone() }
    }

    /// The audit entry for the first use of this text. The whole text is stored, so that it can be read later.
    pub fn published(&self, by: ChangedBy) -> AuditRecord {
        by.entry(PUBLISHED, self.digest.clone(), format!("version {}: {}", self.version, self.text))
    }
}
