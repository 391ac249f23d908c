//! The name that the mail client gives at EHLO (RFC 5321, section 4.1.1.1).

use std::net::IpAddr;

/// A name that mail servers' policies accept: a full domain name, or an address literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelloName(String);

/// The name is neither a full domain name nor an address literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is neither a full domain name, such as trials.example.com, nor an address literal, such as [192.0.2.1]")]
pub struct HelloNameError;

impl HelloName {
    /// A configured name.
    ///
    /// # Errors
    /// [`HelloNameError`] if the name has no dot, is no domain name in ASCII, or is no address in brackets.
    pub fn parse(name: &str) -> Result<Self, HelloNameError> {
        let is_taken = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(literal) => match literal.strip_prefix("IPv6:") {
                Some(address) => address.parse().is_ok_and(|address: IpAddr| address.is_ipv6()),
                None => literal.parse().is_ok_and(|address: IpAddr| address.is_ipv4()),
            },
            None => is_full_name(name),
        };
        is_taken.then(|| Self(name.to_owned())).ok_or(HelloNameError)
    }

    /// The name of this host, if it is a full one.
    pub(super) fn of_host() -> Option<Self> {
        whoami::hostname().ok().and_then(|name| Self::of(&name))
    }

    fn of(host: &str) -> Option<Self> {
        Self::parse(host.trim_end_matches('.')).ok()
    }
}

/// The name to give, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hello(pub(super) Option<HelloName>);

impl Hello {
    /// The name to give over a socket with this address on our side.
    pub(super) fn on(&self, local: IpAddr) -> String {
        match (&self.0, local.to_canonical()) {
            (Some(HelloName(name)), _) => name.clone(),
            (None, IpAddr::V4(address)) => format!("[{address}]"),
            (None, IpAddr::V6(address)) => format!("[IPv6:{address}]"),
        }
    }
}

/// Labels of letters, digits and inner hyphens, two of them at least, the last one not a number.
fn is_full_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    name.len() <= 253
        && name.contains('.')
        && name.split('.').all(is_label)
        && !name.rsplit('.').next().is_some_and(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_full_names_and_literals_alone() {
        for name in ["trials.example.com", "a.b", "x1-y.example", "[192.0.2.1]", "[IPv6:2001:db8::1]"] {
            assert_eq!(HelloName::parse(name), Ok(HelloName(name.to_owned())));
        }
        let long = format!("{}.example", "a".repeat(64));
        for name in [
            "",
            "localhost",
            "4f1d2c3b4a59",
            "my_host.example",
            "a..b",
            ".a.b",
            "a.b.",
            "-a.b",
            "a-.b",
            "a b.c",
            "192.0.2.1",
            "[192.0.2.1",
            "[2001:db8::1]",
            "[IPv6:192.0.2.1]",
            "[IPv6:x]",
            "试用.example",
            "a.b\r\nRSET",
            &long,
        ] {
            assert_eq!(HelloName::parse(name), Err(HelloNameError), "{name:?}");
        }
    }

    #[test]
    fn a_host_without_a_full_name_gives_the_address_of_its_socket() {
        for (host, local, expected) in [
            ("mail.example.com", "192.0.2.1", "mail.example.com"),
            ("mail.example.com.", "192.0.2.1", "mail.example.com"),
            ("4f1d2c3b4a59", "172.17.0.2", "[172.17.0.2]"),
            ("my_host.example", "10.0.0.1", "[10.0.0.1]"),
            ("4f1d2c3b4a59", "2001:db8::1", "[IPv6:2001:db8::1]"),
            ("4f1d2c3b4a59", "::ffff:192.0.2.1", "[192.0.2.1]"),
        ] {
            assert_eq!(Hello(HelloName::of(host)).on(local.parse().unwrap()), expected);
        }
    }
}
