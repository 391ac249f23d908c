//! Settings that `serve` requires: secrets, a gateway, a mail transport.

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono_tz::Tz;
use trial_core::values::{Email, Keyring, MailHosts, SecretKey};
use trial_files::read_text;
use trial_tls::{IdentityError, Part, Renewal};
use zeroize::Zeroizing;

use super::Config;
use super::error::{ConfigError, Problem, none_of};
use super::guard_setup::GuardSetup;
use super::platform_setup::WebhookSetup;
use super::secret::ServiceUrl;
use super::settings::{KeyEntry, MailTransport, Settings};
use super::sms_setup::{CallbackSecrets, GatewaySetup};

/// Form of `mail.smtp_url`.
pub(super) const SMTP_URL_EXPECTED: &str =
    "must be smtp://HOST, smtp+starttls://HOST or smtps://HOST, with an optional USER:PASSWORD@ and :PORT";
/// Form of `callback_secret`, which is part of a path.
pub(super) const CALLBACK_SECRET_EXPECTED: &str = "must be 32 to 128 letters, digits, `-` and `_`";
/// Sign-in address, contact and sender of the sandbox if none is configured.
const EXAMPLE_PORTAL: &str = "https://portal.example.com/";
const EXAMPLE_CONTACT: &str = "support@example.com";
const EXAMPLE_DOMAIN: &str = "trialgate.example.com";

/// Everything that `serve` requires, with its secrets.
#[derive(Debug)]
pub(crate) struct Serving {
    /// Keys that derive codes and passwords.
    pub(crate) keyring: Keyring,
    /// SMS gateways, in their order.
    pub(crate) gateways: Vec<GatewaySetup>,
    /// Secrets of the providers that send delivery receipts.
    pub(crate) callbacks: CallbackSecrets,
    /// Transport of mails.
    pub(crate) mail: MailSetup,
    /// Facts that mails mention.
    pub(crate) wording: Wording,
    /// The platform's webhook, if there is one.
    pub(crate) platform: Option<WebhookSetup>,
    /// The bot challenge of the application page, if there is one.
    pub(crate) guard: Option<GuardSetup>,
    /// The certificate and its renewal, if TLS is on.
    pub(crate) identity: Option<Renewal>,
}

/// Facts that mails mention, and the directory of their templates.
#[derive(Debug)]
pub(crate) struct Wording {
    /// Sign-in address.
    pub(crate) portal_url: String,
    /// Support contact.
    pub(crate) support_contact: String,
    /// Time zone of dates.
    pub(crate) timezone: Tz,
    /// Directory of the operator's templates; `None` for the built-in ones.
    pub(crate) templates: Option<PathBuf>,
}

/// Transport of mails.
#[derive(Debug)]
pub(crate) enum MailSetup {
    /// Mails are captured.
    Sandbox {
        /// Domain of message ids.
        message_id_domain: String,
    },
    /// Mails are sent to a mail server.
    Smtp(Box<SmtpSetup>),
}

/// A mail server. No `Debug`: it holds a password.
pub(crate) struct SmtpSetup {
    pub(crate) url: Zeroizing<String>,
    pub(crate) password: Option<Zeroizing<String>>,
    pub(crate) from: String,
    pub(crate) reply_to: Option<String>,
    pub(crate) envelope_from: Option<String>,
    /// Certificate authorities that are trusted besides the machine's, in PEM.
    pub(crate) ca: Option<Zeroizing<String>>,
    pub(crate) dkim: Option<DkimSetup>,
    pub(crate) hello_name: Option<String>,
    /// Time-out of the reply to the final dot.
    pub(crate) final_timeout: Duration,
}

/// DKIM settings. No `Debug`: it holds a private key.
pub(crate) struct DkimSetup {
    pub(crate) domain: String,
    pub(crate) selector: String,
    pub(crate) key_pem: Zeroizing<String>,
}

impl std::fmt::Debug for SmtpSetup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpSetup").field("url", &ServiceUrl::new(&self.url)).finish_non_exhaustive()
    }
}

impl Config {
    /// Reads the secrets and checks that nothing is missing.
    ///
    /// # Errors
    /// All missing or wrong settings, each with the key to set.
    pub(crate) fn serving(&self) -> Result<Serving, ConfigError> {
        let mut problems = Vec::new();
        let settings = &self.settings;
        let keyring = self.keyring().map_err(|error| problems.extend(error.0)).ok();
        problems.extend(gateway_problems(settings));
        let gateways = self.gateway_setups(&mut problems);
        let callbacks = self.callback_secrets(&mut problems);
        let mail = self.mail_setup(&mut problems);
        let platform = self.webhook_setup(&mut problems);
        let guard = self.guard_setup(&mut problems);
        let identity = self.identity_setup(&mut problems);
        let is_real = settings.mail.transport == Some(MailTransport::Smtp);
        if is_real {
            problems.extend(said_in_mail(settings.portal.url.as_ref(), "portal.url"));
            problems.extend(said_in_mail(settings.support.contact.as_ref(), "support.contact"));
        }
        none_of(problems)?;
        keyring
            .zip(mail)
            .map(|(keyring, mail)| {
                let wording = self.wording();
                Serving { keyring, gateways, callbacks, mail, wording, platform, guard, identity }
            })
            .ok_or_else(|| ConfigError(Vec::new()))
    }

    /// Facts that mails mention; examples if nothing is configured.
    pub(crate) fn wording(&self) -> Wording {
        let settings = &self.settings;
        let or = |given: &Option<String>, example: &str| given.as_deref().unwrap_or(example).to_owned();
        Wording {
            portal_url: or(&settings.portal.url, EXAMPLE_PORTAL),
            support_contact: or(&settings.support.contact, EXAMPLE_CONTACT),
            timezone: self.policy.quota.timezone,
            templates: settings.mail.templates_dir.as_ref().map(|directory| self.resolve(directory)),
        }
    }

    /// Reads the keys that derive codes and passwords.
    ///
    /// # Errors
    /// There is no key, or one cannot be read or used.
    pub(crate) fn keyring(&self) -> Result<Keyring, ConfigError> {
        let entries = &self.settings.secrets.keys;
        if entries.is_empty() {
            let text = "`secrets.keys` is missing; `trialgate secrets generate` prints one";
            return Err(ConfigError(vec![Problem::missing(text)]));
        }
        let mut problems = Vec::new();
        let mut keys = Vec::new();
        for (place, entry) in entries.iter().enumerate() {
            match self.secret_key(entry) {
                Ok(key) => keys.push(key),
                Err(text) => problems.push(Problem::missing(format!("`secrets.keys[{place}]`: {text}"))),
            }
        }
        none_of(problems)?;
        Keyring::new(keys).map_err(|error| ConfigError(vec![Problem::missing(format!("`secrets.keys`: {error}"))]))
    }

    fn secret_key(&self, entry: &KeyEntry) -> Result<SecretKey, String> {
        let text = match (&entry.key, &entry.key_file) {
            (Some(key), _) => key.copied(),
            (None, Some(file)) => self.read_secret(file)?,
            (None, None) => return Err("neither `key` nor `key_file` is given".to_owned()),
        };
        let key = STANDARD.decode(text.trim()).map(Zeroizing::new).map_err(|_| "the key is not base64".to_owned())?;
        SecretKey::new(&entry.id, &key).map_err(|error| error.to_string())
    }

    pub(super) fn read_secret(&self, file: &Path) -> Result<Zeroizing<String>, String> {
        read_secret(&self.resolve(file))
    }

    /// Loads the certificate and its key.
    fn identity_setup(&self, problems: &mut Vec<Problem>) -> Option<Renewal> {
        let loaded = Renewal::start(self.identity_files()?);
        loaded.map_err(|error| problems.push(Problem::missing(identity_problem(&error)))).ok()
    }

    fn mail_setup(&self, problems: &mut Vec<Problem>) -> Option<MailSetup> {
        let mail = &self.settings.mail;
        match mail.transport {
            None => {
                problems.push(Problem::missing("`mail.transport` is missing; set it to \"smtp\""));
                None
            }
            Some(MailTransport::Sandbox) => {
                if !self.settings.sandbox.enabled {
                    problems.push(captures("`mail.transport` is"));
                }
                let domain = mail
                    .from
                    .as_deref()
                    .and_then(|from| address_of(from, MailHosts::Any))
                    .and_then(|from| from.rsplit_once('@'));
                let message_id_domain = domain.map_or(EXAMPLE_DOMAIN, |(_, domain)| domain).to_owned();
                Some(MailSetup::Sandbox { message_id_domain })
            }
            Some(MailTransport::Smtp) => self.smtp_setup(problems).map(Box::new).map(MailSetup::Smtp),
        }
    }

    fn smtp_setup(&self, problems: &mut Vec<Problem>) -> Option<SmtpSetup> {
        let mail = &self.settings.mail;
        let url = match (&mail.smtp_url, &mail.smtp_url_file) {
            (Some(url), _) => Some(url.clone()),
            (None, Some(file)) => self.secret_of("mail.smtp_url_file", file, problems).map(|url| ServiceUrl::new(&url)),
            (None, None) => {
                problems.push(Problem::missing("`mail.smtp_url` is missing"));
                None
            }
        };
        if let Some(url) = &url {
            // The URL in the configuration itself was checked before.
            let wrong = (!is_smtp_url(url)).then(|| SMTP_URL_EXPECTED.to_owned());
            let wrong = wrong.or_else(|| url.check().err().map(|error| error.to_string()));
            problems.extend(wrong.map(|text| Problem::missing(format!("`mail.smtp_url_file`: the URL {text}"))));
        }
        let password = match (&mail.smtp_password, &mail.smtp_password_file) {
            (Some(password), _) => Some(password.copied()),
            (None, Some(file)) => self.secret_of("mail.smtp_password_file", file, problems),
            (None, None) => None,
        };
        if mail.from.is_none() {
            problems.push(Problem::missing("`mail.from` is missing"));
        }
        let ca = mail.smtp_ca_file.as_ref().and_then(|file| self.secret_of("mail.smtp_ca_file", file, problems));
        let dkim = self.dkim_setup(problems);
        let (from, url) = (mail.from.clone()?, Zeroizing::new(url?.reveal().to_owned()));
        let (reply_to, envelope_from) = (mail.reply_to.clone(), mail.envelope_from.clone());
        let (hello_name, final_timeout) = (mail.hello_name.clone(), mail.final_timeout.0);
        Some(SmtpSetup { url, password, from, reply_to, envelope_from, ca, dkim, hello_name, final_timeout })
    }

    fn dkim_setup(&self, problems: &mut Vec<Problem>) -> Option<DkimSetup> {
        let dkim = &self.settings.mail.dkim;
        let key_pem = self.secret_of("mail.dkim.key_file", dkim.key_file.as_ref()?, problems)?;
        Some(DkimSetup { domain: dkim.domain.clone()?, selector: dkim.selector.clone()?, key_pem })
    }

    pub(super) fn secret_of(&self, key: &str, file: &Path, problems: &mut Vec<Problem>) -> Option<Zeroizing<String>> {
        self.read_secret(file).map_err(|error| problems.push(Problem::missing(format!("`{key}`: {error}")))).ok()
    }
}

/// The problem of the certificate or its key, with the configuration key.
pub(crate) fn identity_problem(error: &IdentityError) -> String {
    let key = match error.part() {
        Part::Cert => "http.tls.cert_file",
        Part::Key => "http.tls.key_file",
    };
    let behind = error.source().map(|error| format!(": {error}")).unwrap_or_default();
    format!("`{key}`: {error}{behind}")
}

/// Text of a secret file without byte order mark and trailing line end; an empty one is refused.
pub(super) fn read_secret(path: &Path) -> Result<Zeroizing<String>, String> {
    let text =
        read_text(path).map(Zeroizing::new).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    if text.trim().is_empty() {
        return Err(format!("{} is empty; write the value into it, or remove the setting", path.display()));
    }
    Ok(text.trim_end_matches(['\r', '\n']).to_owned().into())
}

fn gateway_problems(settings: &Settings) -> Option<Problem> {
    let gateways = &settings.sms.gateways;
    if gateways.is_empty() {
        return Some(Problem::missing("`sms.gateways` is missing; name the gateways in their order"));
    }
    let has_sandbox = gateways.iter().any(|name| name == "sandbox");
    (has_sandbox && !settings.sandbox.enabled).then(|| captures("`sms.gateways` has"))
}

fn captures(what: &str) -> Problem {
    Problem::missing(format!(
        "{what} \"sandbox\", which captures messages instead of sending them; set `sandbox.enabled` to true if that is meant"
    ))
}

/// A text in every account mail; a tenant must not read an example.
fn said_in_mail(given: Option<&String>, key: &str) -> Option<Problem> {
    given.is_none().then(|| Problem::missing(format!("`{key}` is missing; the account mail mentions it")))
}

/// The address in `a@example.com` or `Name <a@example.com>`.
pub(super) fn address_of(mailbox: &str, hosts: MailHosts) -> Option<&str> {
    let address = match mailbox.trim().strip_suffix('>') {
        Some(rest) => rest.rsplit_once('<')?.1.trim(),
        None => mailbox.trim(),
    };
    // Unfolded, as the mail client reads it.
    let email = Email::parse_at(hosts, address).ok()?;
    (email.as_str() == address).then_some(address)
}

pub(super) fn is_callback_secret(text: &str) -> bool {
    (32..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

pub(super) fn is_smtp_url(url: &ServiceUrl) -> bool {
    ["smtp://", "smtp+starttls://", "smtps://"]
        .iter()
        .any(|scheme| url.reveal().strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
}
