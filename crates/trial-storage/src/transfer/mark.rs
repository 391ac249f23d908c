//! The mark in a database during a transfer: the source of its rows.

use std::fmt;
use std::path::Path;

/// The place and identity of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// As a URL without a password.
    pub(crate) place: String,
    /// The creation time of the database, and its first permanent audit entry, if it has one: neither ever changes,
    /// wherever the file is moved and whatever is added to it.
    pub(crate) identity: String,
}

/// Occurs in no identity.
const SEPARATOR: char = '#';

impl Mark {
    pub(crate) fn new(file: &Path, identity: String) -> Self {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        Self { place: format!("sqlite:{}", file.display()), identity }
    }

    pub(crate) fn parse(text: &str) -> Self {
        let (place, identity) = text.rsplit_once(SEPARATOR).unwrap_or((text, ""));
        Self { place: place.to_owned(), identity: identity.to_owned() }
    }

    /// Returns `true` if `source` is the database that this marks. It may have got its first audit entry since.
    pub(crate) fn is_of(&self, source: &Self) -> bool {
        !self.identity.is_empty() && source.identity.starts_with(&self.identity)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{SEPARATOR}{}", self.place, self.identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(identity: &str) -> Mark {
        Mark::new(Path::new("/a #1/b.db"), identity.to_owned())
    }

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let mark = mark("20261124101500-ab");
        assert_eq!(mark.place, "sqlite:/a #1/b.db");
        assert_eq!(Mark::parse(&mark.to_string()), mark);
    }

    #[test]
    fn a_source_is_known_again_after_its_first_audit_entry() {
        assert!(mark("20261124101500-").is_of(&mark("20261124101500-ab")));
        assert!(mark("20261124101500-ab").is_of(&mark("20261124101500-ab")));
        assert!(!mark("20261124101500-ab").is_of(&mark("20261124101500-cd")));
        assert!(!mark("20261124101500-ab").is_of(&mark("20261124101500-")));
        assert!(!Mark::parse("elsewhere").is_of(&mark("20261124101500-")));
    }
}
