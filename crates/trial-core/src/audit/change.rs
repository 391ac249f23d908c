//! Audit entries, and the author of a change.

use chrono::{DateTime, Utc};

use crate::values::{AuditId, Clock, Entropy, ID_ENTROPY};

/// Who changes something, when, and the id of the audit entry that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedBy {
    /// The operator's name.
    pub actor: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The audit entry.
    pub audit: AuditId,
}

impl ChangedBy {
    /// Whoever this is, now.
    pub fn now(actor: String, clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
        let at = clock.now();
        let mut random = [0; ID_ENTROPY];
        entropy.fill(&mut random);
        Self { actor, at, audit: AuditId::new(at, random) }
    }

    /// The entry of a look at phones and addresses in full.
    pub fn revealed(self, action: &'static str, subject: &str) -> AuditRecord {
        self.entry(action, subject.to_owned(), "phones and addresses were shown in full".to_owned())
    }

    /// The entry that says so.
    pub fn entry(self, action: &'static str, subject: String, detail: String) -> AuditRecord {
        let Self { actor, at, audit } = self;
        AuditRecord { id: audit, at, actor, action, subject, detail }
    }
}

/// Something was changed: who, when, what, to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its id.
    pub id: AuditId,
    /// When.
    pub at: DateTime<Utc>,
    /// Who: `applicant`, or the operator's name.
    pub actor: String,
    /// What was done, such as `tenant.create`.
    pub action: &'static str,
    /// What it was done to.
    pub subject: String,
    /// Before and after, in words.
    pub detail: String,
}
