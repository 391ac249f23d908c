//! What is asked of the audit, and what of it people see.

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
    /// The actor of what applicants do.
    APPLICANT = "applicant";
    /// The actor of what the service does by itself.
    SERVICE = "trialgate";
    /// The actor of requests for a link to another password: it is not known who makes them.
    VISITOR = "visitor";
}

/// The action of an agreement to the terms.
pub(crate) const TERMS_ACCEPTED: &str = "terms.accept";
/// All that applicants do. Of these entries there are more than of all others together.
const DONE_BY_APPLICANTS: [&str; 2] = ["tenant.create", TERMS_ACCEPTED];

/// Which entries of the audit are wanted, newest first. What is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Who did it.
    pub actor: Option<String>,
    /// What was done.
    pub action: Option<String>,
    /// What it was done to.
    pub subject: Option<String>,
    /// Not before this.
    pub since: Option<DateTime<Utc>>,
    /// Before this.
    pub until: Option<DateTime<Utc>>,
    /// Only entries older than this one.
    pub before: Option<AuditId>,
    /// At most so many.
    pub limit: u32,
}

impl AuditQuery {
    /// Whether no entry of an applicant can be meant, so that it is enough to look among the few others.
    pub fn leaves_applicants_out(&self) -> bool {
        let of_another = self.actor.as_ref().is_some_and(|actor| actor != APPLICANT);
        let of_another_kind = self.action.as_ref().is_some_and(|action| !DONE_BY_APPLICANTS.contains(&action.as_str()));
        of_another || of_another_kind
    }

    /// The ids between which the entries of this time are: not before the first, and before the second. Ids begin with the
    /// milliseconds of their time, so that some entries at the edges are not of this time.
    pub fn ids(&self) -> (Option<AuditId>, Option<AuditId>) {
        let first_of = |at: DateTime<Utc>| AuditId::new(at, [0; ID_ENTROPY]);
        let until = self.until.map(|until| first_of(until + TimeDelta::milliseconds(1)));
        (self.since.map(first_of), [until, self.before].into_iter().flatten().min())
    }
}

/// An entry of the audit as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its id.
    pub id: AuditId,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// What it was done to.
    pub subject: String,
    /// Before and after, in words.
    pub detail: String,
}

impl AuditEntry {
    /// What it was done to, for people who need not see phones and addresses.
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
