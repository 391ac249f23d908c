//! Settings that are never shown.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};
use trial_core::privacy::{UrlError, check_url, shown_url};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Placeholder of a secret.
pub(super) const HIDDEN: &str = "***";

/// A secret: printed as `***`, and overwritten when dropped.
#[derive(Clone, PartialEq, Eq, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub(crate) struct Secret(String);

/// URL of a server or a database; secret parts are printed as `***`.
#[derive(Clone, PartialEq, Eq, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub(crate) struct ServiceUrl(String);

impl Secret {
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// A copy that is overwritten as well.
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

    /// Rejects an ambiguous URL.
    pub(crate) fn check(&self) -> Result<(), UrlError> {
        check_url(&self.0)
    }

    pub(crate) fn has_password(&self) -> bool {
        let authority =
            self.0.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
        let login = authority.and_then(|authority| authority.rsplit_once('@'));
        login.and_then(|(login, _)| login.split_once(':')).is_some_and(|(_, password)| !password.is_empty())
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown_url(&self.0))
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

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "writeOnly": true})
    }
}

impl JsonSchema for ServiceUrl {
    fn schema_name() -> Cow<'static, str> {
        "ServiceUrl".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Secret::json_schema(generator)
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
        for (url, shown, has_password) in [
            ("smtps://user:hunter2@mail.example.com:465", "smtps://***@mail.example.com:465", true),
            ("smtp+starttls://u%40x:hunter2@mail.example.com", "smtp+starttls://***@mail.example.com", true),
            ("smtp://user@mail.example.com", "smtp://***@mail.example.com", false),
            ("smtp://mail.example.com:25", "smtp://mail.example.com:25", false),
            ("postgres://db/trials?password=hunter2", "postgres://db/trials?password=***", false),
            ("http://collector:4318/hunter2", "http://collector:4318/***", false),
        ] {
            let url = ServiceUrl::new(url);
            assert_eq!(url.to_string(), shown);
            assert_eq!(serde_json::to_string(&url).unwrap(), format!("{shown:?}"));
            assert!(!format!("{url:?}").contains("hunter2"));
            assert_eq!(url.has_password(), has_password);
        }
    }
}
