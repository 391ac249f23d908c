//! The configuration: a TOML file, then the environment, then flags.

mod browser_access;
mod check;
mod database;
mod error;
mod guard_setup;
mod keys;
mod layers;
mod platform_setup;
mod private_files;
mod runtime;
mod schema;
mod secret;
mod serving;
mod settings;
mod site_settings;
mod site_setup;
mod sms_settings;
mod sms_setup;
#[cfg(test)]
mod tests;
mod text;

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use trial_core::mails::MailRetry;
use trial_core::policy::Policy;
use trial_core::privacy::Retention;
use trial_core::values::{Email, PhonePolicy};
use trial_engine::{BreakerOptions, EngineOptions, MailDeliveryOptions};
use trial_files::read_text;
use trial_http::{ConnectionLimits, HttpSettings, SiteSettings};
use trial_tls::IdentityFiles;

pub(crate) use browser_access::BrowserAccess;
pub(crate) use database::Database;
pub(crate) use error::{ConfigError, Problem};
pub(crate) use guard_setup::GuardSetup;
pub(crate) use layers::Entry;
pub(crate) use platform_setup::WebhookSetup;
pub(crate) use schema::published as json_schema;
#[cfg(test)]
pub(crate) use schema::{keys, noted_schema};
pub(crate) use secret::ServiceUrl;
pub(crate) use serving::{MailSetup, Serving, SmtpSetup, Wording};
#[cfg(feature = "otlp")]
pub(crate) use settings::Traces;
pub(crate) use settings::{Callers, Log, LogFormat, MailTransport, Settings};
pub(crate) use sms_setup::{CallbackSecrets, GatewayKind, GatewaySetup};
pub(crate) use text::HumanDuration;
use text::PublicUrl;

/// Most mails delivered at the same time, whatever the rate: each may hold a connection to the mail server.
const MAX_DELIVERIES: usize = 64;

/// Time-out of a mail from the connection to the final dot.
pub(crate) const SMTP_TIMEOUT: Duration = Duration::from_secs(20);

/// The file of captured messages.
const INBOX: &str = "messages.jsonl";

/// The file that is read if none is named.
pub(crate) const DEFAULT_FILE: &str = "trialgate.toml";

/// Sources of settings.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// File named on the command line.
    pub(crate) file: Option<PathBuf>,
    /// The environment.
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// Flags of the command line that set keys.
    pub(crate) flags: Vec<Entry>,
}

/// The configuration in force, checked.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Settings as written.
    pub(crate) settings: Settings,
    /// Their file, if any.
    pub(crate) file: Option<PathBuf>,
    /// Limits and durations of the rules.
    pub(crate) policy: Policy,
    /// Recipients of warnings about low stock or the daily e-mail limit.
    pub(crate) warning_readers: Vec<Email>,
    /// Brand of the pages for visitors and tenants.
    site: SiteSettings,
    /// The database.
    pub(crate) database: Database,
    /// Base of relative paths: the directory of the file, or the working directory.
    base: PathBuf,
}

impl Sources {
    /// The process's environment, and this file.
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        Self { file, variables: std::env::vars_os().collect(), flags: Vec::new() }
    }

    /// Reads and checks the configuration.
    ///
    /// # Errors
    /// The file cannot be read, or settings are wrong; all problems are in one line.
    pub(crate) fn load(self) -> anyhow::Result<Config> {
        let file = read(self.file)?;
        let base = match &file {
            Some((path, _)) => path.parent().map(Path::to_owned).unwrap_or_default(),
            None => std::path::absolute(".").context("cannot read the working directory")?,
        };
        let merged = layers::merge(vec![
            file.as_ref().map(|(path, text)| layers::of_file(path, text)).unwrap_or_default(),
            layers::of_environment(self.variables),
            layers::Layer { entries: self.flags, problems: Vec::new() },
        ]);
        Ok(check::check(merged, file.map(|(path, _)| path), base)?)
    }
}

/// Text and absolute path of the named file, or of the default file if it exists.
fn read(named: Option<PathBuf>) -> anyhow::Result<Option<(PathBuf, String)>> {
    let is_named = named.is_some();
    let path = named.unwrap_or_else(|| DEFAULT_FILE.into());
    let path = std::path::absolute(&path).with_context(|| format!("cannot resolve the path {}", path.display()))?;
    match read_text(&path) {
        Ok(text) => Ok(Some((path, text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_named => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read the configuration {}", path.display())),
    }
}

impl Config {
    /// Settings of the HTTP server.
    pub(crate) fn http(&self) -> HttpSettings {
        let http = &self.settings.http;
        let limits = &http.limits;
        HttpSettings {
            envelope: http.envelope,
            trusted_proxies: http.trusted_proxies.iter().map(|proxy| proxy.0).collect(),
            exempt_addresses: self.settings.limits.address.exempt.iter().map(|network| network.0).collect(),
            client_address_header: http.client_address_header,
            secure_cookies: self.browser_access().is_secure(),
            public_origin: http.public_url.as_ref().map(PublicUrl::origin),
            body_timeout: limits.body_timeout.0,
            limits: ConnectionLimits {
                connections: limits.connections,
                connections_per_address: limits.connections_per_address,
                streams_per_connection: limits.streams_per_connection,
                head_bytes: limits.head_bytes,
                head_timeout: limits.head_timeout.0,
                idle_timeout: limits.idle_timeout.0,
            },
            hsts: self.identity_files().map(|_| http.tls.hsts.0),
            phone: self.policy.phone.clone(),
            mail_hosts: self.settings.mail.hosts(),
            portal_url: self.settings.portal.url.clone(),
            site: site_setup::has_apply(&self.settings).then(|| self.site.clone()),
        }
    }

    /// Concern that one client address stands for many visitors: API clients are open and limited by address, and
    /// neither a back end nor a proxy is named.
    pub(crate) fn shared_address_concern(&self) -> Option<String> {
        let (http, limits) = (&self.settings.http, &self.policy.limits.address);
        let is_limited = limits.codes_per_hour > 0 || limits.applications_per_hour > 0;
        let is_named = !self.settings.limits.address.exempt.is_empty() || !http.trusted_proxies.is_empty();
        (http.callers == Callers::Open && is_limited && !is_named).then(|| {
            format!(
                "a website's back end or a proxy counts as one client address, with {} code requests and {} applications an \
                 hour; name the back end in `limits.address.exempt` or the proxy in `http.trusted_proxies`, sign requests \
                 (`http.callers`), or turn the limits off (`limits.address.codes_per_hour`, \
                 `limits.address.applications_per_hour`)",
                limits.codes_per_hour, limits.applications_per_hour
            )
        })
    }

    /// Concern that a national number is of a country that is not served, so that none is taken.
    pub(crate) fn default_region_concern(&self) -> Option<String> {
        let phone = &self.settings.phone;
        let region = &phone.default_region;
        (!phone.countries.contains(region)).then(|| {
            format!(
                "`phone.default_region` is {region}, which is not among `phone.countries`: a number without its country is \
                 refused; add {region} to `phone.countries`, or name one of these as `phone.default_region`"
            )
        })
    }

    /// Files of the certificate and its key, if configured.
    pub(crate) fn identity_files(&self) -> Option<IdentityFiles> {
        let tls = &self.settings.http.tls;
        let (cert, key) = tls.cert_file.as_ref().zip(tls.key_file.as_ref())?;
        Some(IdentityFiles { cert: self.resolve(cert), key: self.resolve(key) })
    }

    /// URL scheme of the service.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.identity_files().is_some() { "https" } else { "http" }
    }

    /// How browsers reach the service by the configuration.
    pub(crate) fn browser_access(&self) -> BrowserAccess {
        let http = &self.settings.http;
        match &http.public_url {
            _ if self.identity_files().is_some() => BrowserAccess::Tls,
            Some(url) if url.is_https() => BrowserAccess::TlsOfProxy,
            Some(_) => BrowserAccess::Plain,
            None => BrowserAccess::Unknown { is_sandbox: self.settings.sandbox.enabled },
        }
    }

    /// Brand of the portal, if it is enabled.
    pub(crate) fn portal(&self) -> Option<SiteSettings> {
        self.settings.portal.enabled.then(|| self.site.clone())
    }

    /// Sets the address of the portal for mails and pages that have none configured.
    pub(crate) fn lead_to_portal_at(&mut self, address: SocketAddr) {
        if self.settings.portal.enabled && self.settings.portal.url.is_none() {
            let own = self.settings.http.public_url.as_ref().map(PublicUrl::origin);
            let url = own.unwrap_or_else(|| format!("{}://{address}", self.scheme())) + "/portal/";
            self.site.portal_url.clone_from(&url);
            self.settings.portal.url = Some(url);
        }
    }

    /// Options of the engine.
    pub(crate) fn engine(&self) -> EngineOptions {
        let engine = &self.settings.engine;
        let usual = EngineOptions::default();
        let gateways = &self.settings.sms.gateways;
        let sandbox_alone = !gateways.is_empty() && gateways.iter().all(|name| name == "sandbox");
        let max_per_second = self.settings.mail.max_per_second;
        EngineOptions {
            queue_length: engine.queue_length,
            batch_limit: engine.batch_limit,
            wait: engine.wait.0,
            max_clock_gap: engine.max_clock_gap.0,
            mail: MailDeliveryOptions {
                retry: self.mail_retry(),
                max_per_second,
                // A delivery takes a fraction of a second: concurrent deliveries for the whole rate.
                concurrency: (max_per_second as usize / 5).clamp(usual.mail.concurrency, MAX_DELIVERIES),
                timeout: SMTP_TIMEOUT * 2 + self.settings.mail.final_timeout.0,
                ..usual.mail
            },
            // The sandbox's gateway answers at once, and a fault that was switched off is gone.
            breaker: BreakerOptions {
                open_after: if sandbox_alone { u32::MAX } else { usual.breaker.open_after },
                ..usual.breaker
            },
            ..usual
        }
    }

    /// Retention periods.
    pub(crate) fn retention(&self) -> Retention {
        let retention = &self.settings.retention;
        Retention { applications: retention.applications.0, challenges: retention.challenges.0 }
    }

    fn mail_retry(&self) -> MailRetry {
        let retry = &self.settings.mail.retry;
        MailRetry { first: retry.first.0, cap: retry.cap.0, give_up_after: retry.give_up_after.0 }
    }

    /// Countries whose phones are served.
    pub(crate) fn phones(&self) -> &PhonePolicy {
        &self.policy.phone
    }

    /// The file of captured messages: beside an SQLite database, else beside the configuration.
    pub(crate) fn inbox(&self) -> PathBuf {
        match &self.database {
            Database::Sqlite(file) => file.with_file_name(INBOX),
            Database::Postgres { .. } => self.base.join(INBOX),
        }
    }

    fn resolve(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }
}
