//! The URL of a PostgreSQL database, read as libpq reads it, except TLS: a server with TLS is always verified.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// The longest time that a broken connection goes unnoticed while nothing is sent.
const KEEPALIVE: Duration = Duration::from_secs(15);
const DEFAULT_PORT: u16 = 5432;
/// The name shown in `pg_stat_activity`, if the URL has none.
const APPLICATION: &str = "trialgate";

/// The place of a database: one server or several, of which one is writable.
#[derive(Clone)]
pub(super) struct Place {
    /// One for each server, in the URL's order.
    pub(super) servers: Vec<Config>,
    pub(super) tls: Tls,
    pub(super) database: String,
}

/// The security of connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tls {
    /// No TLS.
    Off,
    /// By certificates that this file, or else the machine, trusts.
    Verified(Option<PathBuf>),
}

/// The reason why a URL names no database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostgresUrlError {
    /// Not a URL of this kind.
    #[error(
        "is not of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE, with more HOST:PORT behind commas if there are several: {0}"
    )]
    Malformed(String),
    /// Neither a host nor a database.
    #[error("names no {0}")]
    Missing(&'static str),
    /// Parameters as other drivers write them.
    #[error(
        "has `;` or `=` in a host or in the name of the database; parameters begin with `?`, with `&` between them"
    )]
    Separator,
    /// A parameter with an unknown value.
    #[error("has a parameter {0} that must be {1}")]
    Parameter(&'static str, &'static str),
}

impl Place {
    /// Reads a URL.
    ///
    /// # Errors
    /// The fault of the URL, without the password.
    pub(super) fn parse(url: &str) -> Result<Self, PostgresUrlError> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (_, place) = base.split_once("://").unwrap_or(("", base));
        let (_, place) = place.rsplit_once('@').unwrap_or(("", place));
        // They would be shown as a part of the name, and the password among them.
        if place.contains([';', '=']) {
            return Err(PostgresUrlError::Separator);
        }
        let mut ours = Ours::default();
        let theirs = query.split('&').filter(|pair| !pair.is_empty() && !ours.takes(pair));
        let rest = theirs.collect::<Vec<_>>().join("&");
        let config: Config = format!("{base}?{rest}").parse().map_err(|error| malformed(&error))?;
        let database = config.get_dbname().filter(|name| !name.is_empty());
        let database = database.ok_or(PostgresUrlError::Missing("database"))?.to_owned();
        if config.get_hosts().is_empty() {
            return Err(PostgresUrlError::Missing("host"));
        }
        let writable = [TargetSessionAttrs::Any, TargetSessionAttrs::ReadWrite];
        if !writable.contains(&config.get_target_session_attrs()) {
            return Err(PostgresUrlError::Parameter("target_session_attrs", "read-write"));
        }
        let tls = ours.tls(config.get_hosts().iter().all(is_here))?;
        let servers = (0..config.get_hosts().len()).map(|place| server(&config, place, &tls)).collect();
        Ok(Self { servers, tls, database })
    }

    /// One of the servers, for messages.
    pub(super) fn server(&self, place: usize) -> String {
        let port = self.servers[place].get_ports().first().copied().unwrap_or(DEFAULT_PORT);
        match self.servers[place].get_hosts().first() {
            Some(Host::Tcp(name)) => format!("{name}:{port}"),
            Some(Host::Unix(directory)) => directory.display().to_string(),
            None => String::new(),
        }
    }
}

/// Parameters that `tokio-postgres` reads differently from libpq.
#[derive(Default)]
struct Ours {
    mode: Option<String>,
    roots: Option<PathBuf>,
}

impl Ours {
    fn takes(&mut self, pair: &str) -> bool {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned();
        match name {
            "sslmode" => self.mode = Some(value),
            "sslrootcert" => self.roots = Some(value.into()),
            _ => return false,
        }
        true
    }

    /// Verified, unless the URL says otherwise or the servers are on this machine.
    fn tls(self, is_here: bool) -> Result<Tls, PostgresUrlError> {
        match self.mode.as_deref() {
            Some("disable") => Ok(Tls::Off),
            None if is_here && self.roots.is_none() => Ok(Tls::Off),
            None | Some("require" | "verify-full") => Ok(Tls::Verified(self.roots)),
            Some(_) => Err(PostgresUrlError::Parameter("sslmode", "disable or verify-full (require is the same)")),
        }
    }
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()),
        Host::Unix(_) => true,
    }
}

/// One of the URL's servers as if it were the only one.
fn server(config: &Config, place: usize, tls: &Tls) -> Config {
    let mut server = Config::new();
    match &config.get_hosts()[place] {
        Host::Tcp(name) => server.host(name),
        Host::Unix(directory) => server.host_path(directory),
    };
    let ports = config.get_ports();
    server.port(ports.get(place).or(ports.first()).copied().unwrap_or(DEFAULT_PORT));
    if let Some(user) = config.get_user() {
        server.user(user);
    }
    if let Some(password) = config.get_password() {
        server.password(password);
    }
    if let Some(database) = config.get_dbname() {
        server.dbname(database);
    }
    if let Some(options) = config.get_options() {
        server.options(options);
    }
    server
        .application_name(config.get_application_name().unwrap_or(APPLICATION))
        .ssl_mode(if *tls == Tls::Off { SslMode::Disable } else { SslMode::Require })
        .keepalives_idle(KEEPALIVE)
        .target_session_attrs(TargetSessionAttrs::ReadWrite);
    server
}

fn malformed(error: &tokio_postgres::Error) -> PostgresUrlError {
    let cause = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    PostgresUrlError::Malformed(cause)
}

/// Hides user and password.
impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("database", &self.to_string()).field("tls", &self.tls).finish_non_exhaustive()
    }
}

/// The servers and the database, for messages.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<String> = (0..self.servers.len()).map(|place| self.server(place)).collect();
        write!(f, "{} on {}", self.database, servers.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        Place::parse(url).unwrap_err().to_string()
    }

    #[test]
    fn several_servers_each_have_their_port() {
        let place = Place::parse("postgres://u:hunter2@a:1,b:2/trial?target_session_attrs=read-write").unwrap();
        assert_eq!(place.to_string(), "trial on a:1, b:2");
        assert_eq!(place.servers.len(), 2);
        assert!(!format!("{place:?}").contains("hunter2"));
        assert!(place.servers.iter().all(|server| server.get_password() == Some(b"hunter2")));
        let usual = Place::parse("postgresql://a,b/trial").unwrap();
        assert_eq!(usual.to_string(), "trial on a:5432, b:5432");
    }

    #[test]
    fn other_machines_are_verified_unless_the_url_says_otherwise() {
        let tls = |url: &str| Place::parse(url).unwrap().tls;
        assert_eq!(tls("postgres://db.example.com/t"), Tls::Verified(None));
        assert_eq!(tls("postgres://127.0.0.1,db.example.com/t"), Tls::Verified(None));
        assert_eq!(tls("postgres://127.0.0.1,localhost,[::1]/t"), Tls::Off);
        assert_eq!(tls("postgres:///t?host=/run/postgresql"), Tls::Off);
        assert_eq!(tls("postgres://db.example.com/t?sslmode=disable"), Tls::Off);
        let roots = Some(PathBuf::from("/etc/a b.pem"));
        assert_eq!(tls("postgres://localhost/t?sslmode=verify-full&sslrootcert=/etc/a%20b.pem"), Tls::Verified(roots));
    }

    #[test]
    fn a_url_without_a_database_is_refused_without_its_password() {
        assert!(refused("postgres://u:hunter2@h").contains("no database"));
        assert!(refused("postgres:///t").contains("no host"));
        assert!(refused("postgres://h/t?sslmode=prefer").contains("verify-full"));
        assert!(refused("postgres://h/t?target_session_attrs=read-only").contains("read-write"));
        for url in ["postgres://u@h/t;password=hunter2", "postgres://u@h;password=hunter2/t", "postgres://h/t=hunter2"]
        {
            let error = refused(url);
            assert!(error.contains("parameters begin with `?`") && !error.contains("hunter2"), "{error}");
        }
        assert!(Place::parse("postgres://u;a:p=b@h/t").is_ok(), "in a user or a password, they are characters");
        for url in ["postgres://u:hunter2@h:x/t", "postgres://u:hunter2@h/t?nonsense=1"] {
            let error = refused(url);
            assert!(error.contains("is not of the form") && !error.contains("hunter2"), "{error}");
        }
    }
}
