//! E-mail addresses, and the key by which two spellings of one mailbox are compared.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use email_address::{EmailAddress, Options};

use super::folding::fold_mailbox;

/// The longest mailbox, in bytes: a path of RFC 5321 section 4.5.3.1.3 less its angle brackets.
const MAX_LENGTH: usize = 254;
/// The longest text that is folded, in bytes: more white space and invisible characters than anybody pastes.
const MAX_INPUT: usize = 16 * MAX_LENGTH;

/// A mailbox of RFC 5321, as the applicant meant it: `ａ＠ｅｘａｍｐｌｅ．ｃｏｍ` is `a@example.com`. Compared by its [`EmailKey`].
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    address: Arc<str>,
    key: EmailKey,
}

/// The form under which mailboxes are compared: the domain in lower case, the local part in one case and without quotes
/// that it does not need.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailKey(Arc<str>);

/// The hosts that a mailbox may be at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MailHosts {
    /// Hosts that can be on the internet, and local parts that no mail server takes for a route, a program or a file.
    #[default]
    Internet,
    /// All hosts that RFC 5321 allows: for `mail.allow_local_addresses = true`, and for addresses accepted before.
    Any,
}

/// Top-level domains that no host on the internet has, and `home.arpa` among them: RFC 2606, 6761, 6762
/// (appendix G), 7686, 8375 and 9476, and those that ICANN has set aside for good.
const NOT_ON_THE_INTERNET: [&str; 16] = [
    "alt",
    "arpa",
    "corp",
    "example",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "mail",
    "onion",
    "private",
    "test",
];

/// The reason for which a text is not a mailbox. The message contains the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// Empty.
    #[error("is empty; give an e-mail address such as name@example.com")]
    Empty,
    /// Longer than SMTP carries.
    #[error("is longer than {MAX_LENGTH} bytes, the most that RFC 5321 carries")]
    TooLong,
    /// Outside ASCII, which needs SMTPUTF8 (RFC 6531) on every hop.
    #[error("has characters outside ASCII; write an internationalised domain in its xn-- form")]
    NotAscii,
    /// Not a mailbox of RFC 5321.
    #[error("is not an e-mail address; give one such as name@example.com")]
    Malformed,
    /// At a host of asterisks, as in the example that the interface was published with.
    #[error("has * in place of its domain, as the published example; give a whole address such as name@example.com")]
    Placeholder,
    /// At a host that cannot be on the internet.
    #[error(
        "is at a host that cannot be on the internet; give an address of a public domain, such as name@example.com"
    )]
    LocalHost,
    /// With a route, a program or a file before the `@`.
    #[error("has %, !, |, a second @ or a path before the @; give a plain address such as name@example.com")]
    Route,
}

impl Email {
    /// Parses a bare mailbox of RFC 5321 at a host that can be on the internet.
    ///
    /// # Errors
    /// [`EmailError`], one variant for each fault.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        Self::parse_at(MailHosts::Internet, text)
    }

    /// Parses a bare mailbox of RFC 5321, folded: a dot-string or quoted local part, and a domain name or address
    /// literal. No display name, angle brackets or `mailto:`, which could come with more pasted text.
    ///
    /// # Errors
    /// [`EmailError`], one variant for each fault.
    pub fn parse_at(hosts: MailHosts, text: &str) -> Result<Self, EmailError> {
        if text.len() > MAX_INPUT {
            return Err(EmailError::TooLong);
        }
        let text = &*fold_mailbox(text);
        if text.is_empty() {
            return Err(EmailError::Empty);
        }
        if text.len() > MAX_LENGTH {
            return Err(EmailError::TooLong);
        }
        if !text.is_ascii() {
            return Err(EmailError::NotAscii);
        }
        if text.rsplit_once('@').is_some_and(|(_, domain)| domain.contains("**")) {
            return Err(EmailError::Placeholder);
        }
        let options = Options::default().without_display_text().with_domain_literal();
        let parsed = EmailAddress::parse_with_options(text, options).map_err(|_| EmailError::Malformed)?;
        // The library follows RFC 5322, which is laxer than SMTP on what an address literal may hold and on host names.
        if text.bytes().any(|b| b.is_ascii_control()) || !is_smtp_domain(parsed.domain()) {
            return Err(EmailError::Malformed);
        }
        let local = unquoted(parsed.local_part()).to_ascii_lowercase();
        if hosts == MailHosts::Internet {
            if is_route(&local) {
                return Err(EmailError::Route);
            }
            if !can_be_on_the_internet(parsed.domain()) {
                return Err(EmailError::LocalHost);
            }
        }
        let local = if is_dot_string(&local) { local } else { quoted(&local) };
        let key = format!("{local}@{}", parsed.domain().to_ascii_lowercase());
        Ok(Self { address: text.into(), key: EmailKey(key.into()) })
    }

    /// Takes a mailbox back from storage.
    pub fn from_stored(address: &str, key: &str) -> Self {
        Self { address: address.into(), key: EmailKey(key.into()) }
    }

    /// The mailbox as it was written, folded.
    pub fn as_str(&self) -> &str {
        &self.address
    }

    /// The form under which it is compared.
    pub fn key(&self) -> &EmailKey {
        &self.key
    }

    /// The mailbox, masked: `a***@example.com`.
    pub fn masked(&self) -> String {
        mask_email(&self.address)
    }
}

/// Masks a stored mailbox: of its local part, the first character stays.
pub(crate) fn mask_email(address: &str) -> String {
    let at = address.rfind('@').unwrap_or(address.len());
    let head = address.chars().next().filter(|head| *head != '@').unwrap_or('*');
    format!("{head}***{}", &address[at..])
}

/// A domain name of letters, digits and hyphens, or an address literal (RFC 5321 sections 2.3.5 and 4.1.3).
fn is_smtp_domain(domain: &str) -> bool {
    if let Some(literal) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let v6 = literal.get(..5).filter(|tag| tag.eq_ignore_ascii_case("IPv6:")).map(|_| &literal[5..]);
        return v6.map_or_else(|| literal.parse::<Ipv4Addr>().is_ok(), |ip| ip.parse::<Ipv6Addr>().is_ok());
    }
    domain.len() <= 253
        && domain.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// Returns `true` if a mail server may read more than a name in it: the relay hack `user%host`, the bang path
/// `host!user`, the route `@host:user`, the program `|command`, the file `/path`, the list `:include:`.
fn is_route(local: &str) -> bool {
    local.starts_with('/') || local.contains(['%', '!', '|', '@', ':'])
}

/// Returns `true` if a domain has several labels, and a last one that is, or may become, a top-level domain: of letters
/// alone or an A-label, which no resolver reads as a number (`127.0.0.0x1`), and not set aside for other uses.
fn can_be_on_the_internet(domain: &str) -> bool {
    let Some((_, last)) = domain.rsplit_once('.') else { return false };
    !domain.starts_with('[')
        && (last.bytes().all(|b| b.is_ascii_alphabetic()) || is_a_label(last))
        && !NOT_ON_THE_INTERNET.iter().any(|reserved| last.eq_ignore_ascii_case(reserved))
}

fn is_a_label(label: &str) -> bool {
    label.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("xn--"))
}

fn is_dot_string(local: &str) -> bool {
    let atext = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(atext))
}

fn unquoted(local: &str) -> String {
    let Some(inner) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return local.to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    plain
}

fn quoted(local: &str) -> String {
    let mut text = String::with_capacity(local.len() + 2);
    text.push('"');
    for c in local.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    text
}

impl EmailKey {
    /// Takes a key back from storage.
    pub fn from_stored(key: &str) -> Self {
        Self(key.into())
    }

    /// The text that is stored and looked up.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Masked, so that an address cannot reach a log by way of `{:?}`.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Email({})", self.masked())
    }
}

/// Hidden, so that an address cannot reach a log by way of `{:?}`.
impl fmt::Debug for EmailKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailKey(***)")
    }
}
