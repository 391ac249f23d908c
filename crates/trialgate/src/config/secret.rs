//! Settings that are never shown.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What stands where a secret would.
const HIDDEN: &str = "***";

/// A secret: `***` wherever it is printed, and overwritten when it is no longer held.
#[derive(Clone, PartialEq, Eq, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub(crate) struct Secret(String);

/// The URL of a mail server or a database; its password is `***` wherever it is printed.
#[derive(Clone, PartialEq, Eq, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub(crate) struct ServiceUrl(String);

impl Secret {
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// A copy for whoever needs it, which is overwritten as well.
    pub(crate) fn copied(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.clone())
    }
}

impl ServiceUrl {
    pub(crate) fn new(url: &str) -> Self {
        Self(url.to_owned())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Where the password stands in the text, if there is one.
    fn password_range(&self) -> Option<std::ops::Range<usize>> {
        let start = self.0.find("://")? + 3;
        let end = self.0[start..].find(['/', '?', '#']).map_or(self.0.len(), |at| start + at);
        // A password that holds a bare `/` ends the authority early: then everything after the user's name is hidden.
        let at = self.0[start..end].rfind('@').map(|at| start + at).or_else(|| self.0.rfind('@'))?;
        let colon = start + self.0.get(start..at)?.find(':')?;
        Some(colon + 1..at)
    }

    pub(crate) fn has_password(&self) -> bool {
        self.password_range().is_some_and(|range| !range.is_empty())
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.password_range() {
            Some(password) => write!(f, "{}{HIDDEN}{}", &self.0[..password.start], &self.0[password.end..]),
            None => f.write_str(&self.0),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl fmt::Debug for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HIDDEN)
    }
}

impl Serialize for ServiceUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let secret = Secret("hunter2".to_owned());
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"***\"");
    }

    #[test]
    fn the_password_of_a_url_is_never_printed() {
        for (url, shown) in [
            ("smtps://user:hunter2@mail.example.com:465", "smtps://user:***@mail.example.com:465"),
            ("smtp+starttls://u%40x:hunter2@mail.example.com/?a=b", "smtp+starttls://u%40x:***@mail.example.com/?a=b"),
            ("smtp://user:hun/ter2@mail.example.com", "smtp://user:***@mail.example.com"),
            ("smtp://user:hun@ter2@mail.example.com", "smtp://user:***@mail.example.com"),
            ("smtp://user@mail.example.com", "smtp://user@mail.example.com"),
            ("smtp://mail.example.com:25", "smtp://mail.example.com:25"),
        ] {
            let url = ServiceUrl::new(url);
            assert_eq!(url.to_string(), shown);
            assert_eq!(serde_json::to_string(&url).unwrap(), format!("{shown:?}"));
            assert!(!format!("{url:?}").contains("hunter2"));
            assert_eq!(url.has_password(), shown.contains("***"));
        }
    }
}
