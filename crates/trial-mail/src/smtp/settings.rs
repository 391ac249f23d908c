//! The settings of a mail server, and their errors.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lettre::Address;
use lettre::message::Mailbox;
use percent_encoding::percent_decode_str;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use url::{Host, Url};
use zeroize::Zeroizing;

use super::hello::Hello;
use super::{DkimSettings, HelloName, HelloNameError};

const SMTP_PORT: u16 = 25;
const SUBMISSION_PORT: u16 = 587;
const SUBMISSIONS_PORT: u16 = 465;

/// The configuration of the mail server.
#[derive(Clone)]
pub struct SmtpSettings {
    /// `smtp://` (not encrypted, port 25), `smtp+starttls://` (requires STARTTLS, port 587) or `smtps://` (TLS from the
    /// start, port 465), then `user:password@` if the server requires a sign-in, percent-encoded, then the host and
    /// optionally another port.
    pub url: Zeroizing<String>,
    /// The password, if it is not in the URL.
    pub password: Option<Zeroizing<String>>,
    /// The sender: `no-reply@example.com` or `Example <no-reply@example.com>`.
    pub from: String,
    /// The address of answers, if not the sender.
    pub reply_to: Option<String>,
    /// The sender of the envelope, which gets bounces: the sender's own address by default.
    pub envelope_from: Option<String>,
    /// Certificates in PEM of authorities that are trusted besides those of this machine.
    pub extra_roots_pem: Option<Vec<u8>>,
    /// The DKIM key, if mails are signed.
    pub dkim: Option<DkimSettings>,
    /// The name to give at EHLO: a full domain name or an address literal. By default the host's full name, or the
    /// address of the socket if the host has none.
    pub hello_name: Option<String>,
    /// The longest time from the connection to the final dot.
    pub timeout: Duration,
    /// The longest wait for the reply to the final dot.
    pub final_timeout: Duration,
}

/// The reason why the settings cannot be used. Holds neither the URL, which may have a password, nor an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SmtpSettingsError {
    /// The URL, with its fault.
    #[error(
        "the SMTP URL {0}; give one such as smtps://user:password@mail.example.com:465, with a port from 1 to 65535 if any"
    )]
    Url(&'static str),
    /// The password, with its fault.
    #[error("{0}")]
    Password(&'static str),
    /// The sender.
    #[error(
        "the sender is not a mailbox; give one such as no-reply@example.com or \"Example, Inc.\" <no-reply@example.com>, \
         with quotation marks around a name that has a comma"
    )]
    From,
    /// The address of answers.
    #[error(
        "the reply-to is not a mailbox; give one such as help@example.com or \"Example, Inc.\" <help@example.com>, with \
         quotation marks around a name that has a comma"
    )]
    ReplyTo,
    /// The address of bounces.
    #[error("the envelope's sender is not an address; give one such as bounces@example.com")]
    EnvelopeFrom,
    /// The additional authorities.
    #[error("the file of certificates has none in PEM")]
    Roots,
    /// The signature, with its fault.
    #[error("DKIM: {0}")]
    Dkim(&'static str),
    /// The name to give at EHLO.
    #[error("the name for EHLO {0}")]
    HelloName(#[from] HelloNameError),
    /// A time-out is zero.
    #[error("a time-out of a delivery is zero")]
    Timeout,
    /// TLS cannot be used on this machine, mostly for lack of certificates.
    #[error("TLS cannot be used: {0}")]
    Tls(String),
}

/// The server and its limits.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) login: Option<Login>,
    pub(super) hello: Hello,
}

/// The addresses of a mail's sender.
pub(super) struct Mailboxes {
    pub(super) from: Mailbox,
    pub(super) reply_to: Option<Mailbox>,
    pub(super) envelope_from: Address,
}

pub(super) enum Security {
    None,
    StartTls(Arc<ClientConfig>),
    Tls(Arc<ClientConfig>),
}

pub(super) struct Login {
    pub(super) user: Zeroizing<String>,
    pub(super) password: Zeroizing<String>,
}

impl SmtpSettings {
    pub(super) fn into_server(self) -> Result<Server, SmtpSettingsError> {
        let url = Url::parse(&self.url).map_err(|_| SmtpSettingsError::Url("is not a URL"))?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(SmtpSettingsError::Url("has something behind its host and port"));
        }
        let host = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            _ => return Err(SmtpSettingsError::Url("names no host")),
        };
        let roots = self.extra_roots_pem.as_deref().map(roots).transpose()?.unwrap_or_default();
        let tls = || {
            let config = trial_tls::client_config_with(roots);
            config.map(Arc::new).map_err(|error| SmtpSettingsError::Tls(error.to_string()))
        };
        let (security, default_port) = match url.scheme() {
            "smtp" => (Security::None, SMTP_PORT),
            "smtp+starttls" => (Security::StartTls(tls()?), SUBMISSION_PORT),
            "smtps" => (Security::Tls(tls()?), SUBMISSIONS_PORT),
            _ => return Err(SmtpSettingsError::Url("begins with none of smtp://, smtp+starttls:// and smtps://")),
        };
        let port = url.port().unwrap_or(default_port);
        let hello = match &self.hello_name {
            Some(name) => Some(HelloName::parse(name)?),
            None => HelloName::of_host(),
        };
        Ok(Server { login: login(&url, self.password)?, host, port, security, hello: Hello(hello) })
    }

    pub(super) fn mailboxes(&self) -> Result<Mailboxes, SmtpSettingsError> {
        let from: Mailbox = self.from.parse().map_err(|_| SmtpSettingsError::From)?;
        let reply_to = self.reply_to.as_deref().map(str::parse).transpose().map_err(|_| SmtpSettingsError::ReplyTo)?;
        let envelope_from = self.envelope_from.as_deref().map(str::parse).transpose();
        let envelope_from = envelope_from.map_err(|_| SmtpSettingsError::EnvelopeFrom)?;
        Ok(Mailboxes { envelope_from: envelope_from.unwrap_or_else(|| from.email.clone()), from, reply_to })
    }
}

/// The certificates, each of which can be an authority.
fn roots(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, SmtpSettingsError> {
    let found: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.ok().filter(|found| !found.is_empty()).ok_or(SmtpSettingsError::Roots)?;
    let mut store = RootCertStore::empty();
    found.iter().try_for_each(|root| store.add(root.clone())).map_err(|_| SmtpSettingsError::Roots)?;
    Ok(found)
}

fn login(url: &Url, beside: Option<Zeroizing<String>>) -> Result<Option<Login>, SmtpSettingsError> {
    let user = decoded(url.username())?;
    let in_url = url.password().map(decoded).transpose()?;
    let password = match (in_url, beside) {
        (Some(_), Some(_)) => {
            return Err(SmtpSettingsError::Password("the SMTP password is given twice, in the URL and beside it"));
        }
        (in_url, beside) => in_url.or(beside),
    };
    match (user.is_empty(), password) {
        (true, None) => Ok(None),
        (true, Some(_)) => Err(SmtpSettingsError::Password("an SMTP password is given, but the URL names no user")),
        (false, None) => Err(SmtpSettingsError::Password("the SMTP URL names a user, but no password is given")),
        (false, Some(password)) => Ok(Some(Login { user, password })),
    }
}

fn decoded(text: &str) -> Result<Zeroizing<String>, SmtpSettingsError> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded
        .map(|text| text.into_owned().into())
        .map_err(|_| SmtpSettingsError::Url("has a user or password that is not UTF-8"))
}

/// Hides the URL and the password.
impl fmt::Debug for SmtpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpSettings").field("from", &self.from).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
