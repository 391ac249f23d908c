//! URLs and mailboxes: those in another server's words, which are hidden, and those of the configuration, which are
//! shown without their secrets.

use std::ops::Range;

use super::MASK;
use super::view::View;

/// Parameters of a database's URL that say nothing secret.
const SHOWN_PARAMETERS: [&str; 14] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "load_balance_hosts",
    "port",
    "sslmode",
    "sslnegotiation",
    "target_session_attrs",
    "tcp_user_timeout",
];

/// The reason why a URL is refused. Contains nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The end of the password could be in several places.
    #[error(
        "can be read in several ways; percent-encode the user and the password in it: `@` is %40, `/` is %2F, `?` is %3F, \
         `#` is %23, `:` is %3A"
    )]
    Ambiguous,
    /// A `%` in the user or the password begins no encoded byte.
    #[error("has a % in its user or password that is not followed by two hexadecimal digits; write % as %25")]
    Percent,
    /// No server listens on port 0.
    #[error("names the port 0; name the port of the server, or none")]
    PortZero,
}

/// The parts of a URL with `://`.
struct Parts<'u> {
    scheme: &'u str,
    authority: &'u str,
    path: &'u str,
    query: Option<&'u str>,
    has_fragment: bool,
}

impl<'u> Parts<'u> {
    /// `None` if the text has no `://`, or something else than a scheme before it, or is the path of a file.
    fn of(url: &'u str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let is_scheme = scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let (rest, fragment) = rest.split_once('#').map_or((rest, None), |(rest, fragment)| (rest, Some(fragment)));
        let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
        let has_fragment = fragment.is_some();
        (is_scheme && !scheme.is_empty() && scheme != "sqlite").then_some(Self {
            scheme,
            authority,
            path,
            query,
            has_fragment,
        })
    }

    fn is_web(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("https") || self.scheme.eq_ignore_ascii_case("http")
    }

    /// Returns `true` if a raw `@`, `/`, `?` or `#` may belong to the password. A path on the web may have an `@`,
    /// unless the text before it could be a user and the beginning of a password.
    fn is_ambiguous(&self, url: &str) -> bool {
        let ats = self.authority.matches('@').count();
        let has_later = url.matches('@').count() > ats;
        ats > 1 || (has_later && (ats > 0 || !self.is_web() || self.authority.contains(':')))
    }
}

/// Refuses a URL whose user and password cannot be separated from the rest of it or decoded, and a port that is none.
///
/// # Errors
/// [`UrlError`] if the password could end in several places or is badly encoded, or the port is 0.
pub fn check_url(url: &str) -> Result<(), UrlError> {
    let Some(parts) = Parts::of(url) else { return Ok(()) };
    if parts.is_ambiguous(url) {
        return Err(UrlError::Ambiguous);
    }
    let (login, hosts) = parts.authority.rsplit_once('@').unwrap_or(("", parts.authority));
    let is_encoded = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if !login.split('%').skip(1).all(is_encoded) {
        return Err(UrlError::Percent);
    }
    let has_port_zero = |host: &str| {
        let port = host.rsplit_once(':').map(|(_, port)| port).filter(|_| !host.ends_with(']'));
        port.is_some_and(|port| port.bytes().all(|b| b == b'0') && !port.is_empty())
    };
    if hosts.split(',').any(has_port_zero) { Err(UrlError::PortZero) } else { Ok(()) }
}

/// A URL of the configuration as it may be printed: `***` for the user and the password, for the path of a web address,
/// and for each parameter that is not known to be harmless, in a path or a host too. Of one that can be read in several ways, the scheme alone.
pub fn shown_url(url: &str) -> String {
    let Some(parts) = Parts::of(url) else {
        let is_file = url.strip_prefix("sqlite:").is_some_and(|path| !path.contains('?'));
        return if is_file || url.is_empty() { url.to_owned() } else { MASK.to_owned() };
    };
    if parts.is_ambiguous(url) {
        return format!("{}://{MASK}", parts.scheme);
    }
    let mut shown = format!("{}://", parts.scheme);
    match parts.authority.rsplit_once('@') {
        Some((_, host)) => shown.extend([MASK, "@", shown_host(host)]),
        None => shown.push_str(shown_host(parts.authority)),
    }
    match parts.path {
        path if path.len() <= 1 || !(parts.is_web() || has_parameters(path)) => shown.push_str(path),
        _ => shown.extend(["/", MASK]),
    }
    if let Some(query) = parts.query {
        let pairs: Vec<String> = query.split('&').map(shown_parameter).collect();
        shown.extend(["?", &pairs.join("&")]);
    }
    if parts.has_fragment {
        shown.extend(["#", MASK]);
    }
    shown
}

/// Returns `true` for parameters as other drivers write them: `db;password=…`.
fn has_parameters(text: &str) -> bool {
    text.contains([';', '='])
}

fn shown_host(host: &str) -> &str {
    if has_parameters(host) { MASK } else { host }
}

fn shown_parameter(pair: &str) -> String {
    let Some((name, _)) = pair.split_once('=') else { return MASK.to_owned() };
    let is_name = name.len() <= 32 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    match (SHOWN_PARAMETERS.contains(&name), is_name) {
        (true, _) => pair.to_owned(),
        (false, true) => format!("{name}={MASK}"),
        (false, false) => MASK.to_owned(),
    }
}

/// The places in the source of each URL and each mailbox in a text.
pub(super) fn addresses(view: &View) -> Vec<Range<usize>> {
    let text = &view.text;
    let mut found = Vec::new();
    for (at, _) in text.match_indices('@') {
        let (start, end) = (local_part_start(&text[..at]), at + 1 + domain_length(&text[at + 1..]));
        found.push(view.source(start..end));
    }
    for (slash, _) in text.match_indices(['/', '?']) {
        if let Some(start) = url_start(&text[..slash], text[slash..].starts_with('?')) {
            let word = &text[slash..];
            let word = &word[..word.find(ends_url).unwrap_or(word.len())];
            let word = word.trim_end_matches(['.', ',', ';', ')', ']', '}', '!']);
            found.push(view.source(start..slash + word.len().max(1)));
        }
    }
    found
}

/// The start of the URL whose first `/` or `?` is next: at a scheme, or at a host with several labels and one of
/// letters at its end.
fn url_start(before: &str, is_query: bool) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric() || "+-._".contains(c);
    let start_of = |text: &str, is_part: &dyn Fn(char) -> bool| {
        text.rfind(|c| !is_part(c)).map_or(0, |place| place + text[place..].chars().next().map_or(1, char::len_utf8))
    };
    let scheme = before.trim_end_matches(['\\', '/']).strip_suffix(':');
    if let Some(scheme) = scheme.filter(|scheme| !is_query && scheme.ends_with(char::is_alphanumeric)) {
        return (before.len() > scheme.len() + 1).then(|| start_of(scheme, &is_part));
    }
    let host = before.trim_end_matches(|c: char| c.is_ascii_digit());
    let host = host.strip_suffix(':').unwrap_or(before);
    let start = start_of(host, &is_part);
    let (_, last) = host[start..].trim_matches('.').rsplit_once('.')?;
    (last.len() > 1 && last.chars().all(char::is_alphabetic)).then_some(start)
}

fn ends_url(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "<>\"'`".contains(c)
}

/// The start of the local part that ends here: at the opening quote, or behind the last character that none can have.
fn local_part_start(before: &str) -> usize {
    if let Some(quoted) = before.strip_suffix('"') {
        return opening_quote(quoted).unwrap_or(0);
    }
    before.rfind(ends_address).map_or(0, |place| place + before[place..].chars().next().map_or(1, char::len_utf8))
}

/// The last quote that is not itself quoted by a backslash.
fn opening_quote(text: &str) -> Option<usize> {
    text.rmatch_indices('"').map(|(place, _)| place).find(|&place| {
        let backslashes = text[..place].bytes().rev().take_while(|&b| b == b'\\').count();
        backslashes % 2 == 0
    })
}

fn domain_length(after: &str) -> usize {
    if after.starts_with('[') {
        return after.find(']').map_or(after.len(), |end| end + 1);
    }
    after.find(ends_address).unwrap_or(after.len())
}

fn ends_address(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "<>()[],;:\"".contains(c)
}
