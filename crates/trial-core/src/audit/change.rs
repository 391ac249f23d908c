//! Audit entries, and the author of a change.

use chrono::{DateTime, Utc};

use crate::values::{AuditId, Clock, Entropy, ID_ENTROPY};

/// The author and the time of a change, and the id of its audit entry.
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
    /// A change by this actor, now.
    pub fn now(actor: String, clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
        let at = clock.now();
        let mut random = [0; ID_ENTROPY];
        entropy.fill(&mut random);
        Self { actor, at, audit: AuditId::new(at, random) }
    }

    /// The entry for phones and addresses revealed to the actor.
    pub fn revealed(self, action: &'static str, subject: &str) -> AuditRecord {
        self.entry(action, subject.to_owned(), "phones and addresses were shown in full".to_owned())
    }

    /// The audit entry of the change.
    pub fn entry(self, action: &'static str, subject: String, detail: String) -> AuditRecord {
        let Self { actor, at, audit } = self;
        AuditRecord { id: audit, at, actor, action, subject, detail }
    }
}

/// An audit entry to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its id.
    pub id: AuditId,
    /// When.
    pub at: DateTime<Utc>,
    /// The actor: `applicant`, or the operator's name.
    pub actor: String,
    /// The action, such as `tenant.create`.
    pub action: &'static str,
    /// The subject of the action.
    pub subject: String,
    /// Before and after, in words.
    pub detail: String,
}
