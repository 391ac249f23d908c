//! The audit trail: queries and entries.

mod change;

use chrono::{DateTime, TimeDelta, Utc};

use crate::values::{AuditId, ID_ENTROPY, mask_email, mask_phone};

pub use change::{AuditRecord, ChangedBy};

/// Defines the actors that are neither operators nor owners, and the list of them.
macro_rules! actors {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $text;)*
        /// Every actor that is neither an operator nor an owner.
        pub const ACTORS: &[&str] = &[$($name),*];
    };
}

actors! {
    /// The actor of applicants' actions.
    APPLICANT = "applicant";
    /// The actor of scheduled tasks.
    SERVICE = "trialgate";
    /// The actor of forgotten-password requests, whose sender is not authenticated.
    VISITOR = "visitor";
}

/// The action of an agreement to the terms.
pub(crate) const TERMS_ACCEPTED: &str = "terms.accept";
/// The actions of applicants. Their entries outnumber all others.
const DONE_BY_APPLICANTS: [&str; 2] = ["tenant.create", TERMS_ACCEPTED];

/// A query of the audit trail, newest first. `None` is no restriction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// The actor.
    pub actor: Option<String>,
    /// The action.
    pub action: Option<String>,
    /// The subject of the action.
    pub subject: Option<String>,
    /// Not before this.
    pub since: Option<DateTime<Utc>>,
    /// Before this.
    pub until: Option<DateTime<Utc>>,
    /// Only entries older than this one.
    pub before: Option<AuditId>,
    /// The page size.
    pub limit: u32,
}

impl AuditQuery {
    /// Returns `true` if no entry of an applicant can match, so that the few others are enough to search.
    pub fn leaves_applicants_out(&self) -> bool {
        let of_another = self.actor.as_ref().is_some_and(|actor| actor != APPLICANT);
        let of_another_kind = self.action.as_ref().is_some_and(|action| !DONE_BY_APPLICANTS.contains(&action.as_str()));
        of_another || of_another_kind
    }

    /// The ids between which the entries of this time are: not before the first, and before the second. Ids begin with
    /// the milliseconds of their time, so that some entries at the edges are not of this time.
    pub fn ids(&self) -> (Option<AuditId>, Option<AuditId>) {
        let first_of = |at: DateTime<Utc>| AuditId::new(at, [0; ID_ENTROPY]);
        let until = self.until.map(|until| first_of(until + TimeDelta::milliseconds(1)));
        (self.since.map(first_of), [until, self.before].into_iter().flatten().min())
    }
}

/// An entry of the audit trail as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its id.
    pub id: AuditId,
    /// When.
    pub at: DateTime<Utc>,
    /// The actor.
    pub actor: String,
    /// The action.
    pub action: String,
    /// The subject of the action.
    pub subject: String,
    /// Before and after, in words.
    pub detail: String,
}

impl AuditEntry {
    /// The subject with phones and addresses masked.
    pub fn masked_subject(&self) -> String {
        masked(&self.subject)
    }
}

/// A phone or an address masked; anything else as it is.
pub(crate) fn masked(text: &str) -> String {
    let is_phone = |text: &str| {
        text.strip_prefix('+').is_some_and(|rest| rest.len() >= 4 && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    if is_phone(text) {
        mask_phone(text)
    } else if text.contains('@') {
        mask_email(text)
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn phones_and_addresses_are_masked_and_nothing_else() {
        for (subject, shown) in [
            ("+8616673280001", "+861667328****"),
            ("ada@example.com", "a***@example.com"),
            ("019aa6f2-7c3e-7f00-8000-000000000000", "019aa6f2-7c3e-7f00-8000-000000000000"),
            ("pool", "pool"),
            ("+", "+"),
            ("", ""),
        ] {
            assert_eq!(masked(subject), shown);
        }
    }
}
