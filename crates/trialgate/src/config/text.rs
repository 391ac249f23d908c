//! Types of configuration values that are written as text.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use trial_core::policy::BreakerMode;
use trial_core::values::{PhonePolicy, SettingDuration};
use url::Url;

/// The form of a duration as a regular expression.
pub(super) const DURATION_PATTERN: &str = "^[0-9]+(ms|s|m|h|d)$";

/// A duration as people write it: `500ms`, `60s`, `5m`, `24h`, `30d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HumanDuration(pub(crate) Duration);

/// A network, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network(pub(crate) IpNet);

/// Address by which browsers reach the service: scheme, host and port only, since it is served at the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicUrl(Url);

/// An IANA time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeZone(pub(crate) chrono_tz::Tz);

/// An ISO 3166 country code that has a phone numbering plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Country(pub(crate) String);

/// Mode of the fraud guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mode(pub(crate) BreakerMode);

impl From<Duration> for HumanDuration {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl FromStr for HumanDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<SettingDuration>().map(|time| Self(time.0)).map_err(|error| error.to_string())
    }
}

/// Uses the largest unit that divides the duration.
impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SettingDuration(self.0).fmt(f)
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map(Self).map_err(|_| format!("{text:?} is not a network or an address, such as 10.0.0.0/8 or 10.0.0.7"))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PublicUrl {
    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The value of browsers' `Origin` header.
    pub(crate) fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_origin = |url: &Url| {
            let bare = (url.username(), url.password(), url.path(), url.query(), url.fragment());
            matches!(url.scheme(), "https" | "http") && url.has_host() && bare == ("", None, "/", None, None)
        };
        // The rejected text is not repeated: it may hold a password.
        let wrong = "must be https:// or http:// with a host, and no path, such as \"https://trial.example.com\"";
        Url::parse(text).ok().filter(is_origin).map(Self).ok_or_else(|| wrong.to_owned())
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())
    }
}

impl FromStr for TimeZone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse()
            .map(Self)
            .map_err(|_| format!("{text:?} is not a time zone of the IANA database, such as UTC or Asia/Shanghai"))
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl FromStr for Country {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        PhonePolicy::from_codes(text, &[])
            .map(|_| Self(text.to_owned()))
            .map_err(|_| format!("{text:?} is not a country code of ISO 3166 with two capital letters, such as CN"))
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| format!("{text:?} is not \"off\", \"shadow\" or \"on\""))
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Implements serde by `FromStr` and `Display`, and the given JSON Schema.
macro_rules! as_text {
    ($($type:ident: $expected:literal, $schema:tt),+ $(,)?) => { $(
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    )+ };
}

as_text! {
    HumanDuration: "a duration such as \"60s\", \"5m\", \"24h\" or \"30d\"",
        {"type": "string", "pattern": DURATION_PATTERN, "x-type": "duration"},
    Network: "a network such as \"10.0.0.0/8\"", {"type": "string"},
    PublicUrl: "a URL such as \"https://trial.example.com\"",
        {"type": "string", "pattern": "^https?://", "x-type": "`https://…` or `http://…`, no path"},
    TimeZone: "a time zone such as \"Asia/Shanghai\"", {"type": "string", "x-type": "time zone"},
    Country: "a country code such as \"CN\"", {"type": "string", "pattern": "^[A-Z]{2}$", "x-type": "country"},
    Mode: "\"off\", \"shadow\" or \"on\"", {"enum": ["off", "shadow", "on"]},
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for (text, seconds, written) in [
            ("60s", 60, "1m"),
            ("5m", 300, "5m"),
            ("24h", 86_400, "1d"),
            ("30d", 2_592_000, "30d"),
            ("0s", 0, "0s"),
            ("90s", 90, "90s"),
            ("36h", 129_600, "36h"),
            ("36500d", 3_153_600_000, "36500d"),
        ] {
            let duration: HumanDuration = text.parse().unwrap();
            assert_eq!(duration.0, Duration::from_secs(seconds), "{text}");
            assert_eq!(duration.to_string(), written, "{text}");
        }
        assert_eq!("1500ms".parse::<HumanDuration>().unwrap().to_string(), "1500ms");
    }

    #[test]
    fn what_is_no_duration_is_named() {
        for text in ["", "s", "60", "1.5h", "-1s", "60 s", "1h30m", "1w", "５m", "99999999999999999999s"] {
            let error = text.parse::<HumanDuration>().unwrap_err();
            assert!(error.contains(&format!("{text:?} is not a duration")), "{error}");
        }
        assert!("36501d".parse::<HumanDuration>().unwrap_err().contains("longer than 36500d"));
        assert!("18446744073709551615d".parse::<HumanDuration>().unwrap_err().contains("longer than"));
    }

    #[test]
    fn networks_and_addresses_are_read() {
        for (text, written) in [("10.0.0.0/8", "10.0.0.0/8"), ("10.0.0.7", "10.0.0.7/32"), ("::1", "::1/128")] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), written);
        }
        assert!("10.0.0.0/33".parse::<Network>().is_err());
        assert!("proxy".parse::<Network>().is_err());
    }

    #[test]
    fn zones_and_countries_are_known_ones() {
        assert_eq!("Asia/Shanghai".parse::<TimeZone>().unwrap().to_string(), "Asia/Shanghai");
        assert!("Asia/Peking".parse::<TimeZone>().is_err());
        assert_eq!("HK".parse::<Country>().unwrap(), Country("HK".to_owned()));
        assert!("China".parse::<Country>().is_err());
        assert!("cn".parse::<Country>().is_err());
    }
}
