//! The configuration as written: one field per key, with its default.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use trial_core::mails::MailRetry;
use trial_core::policy::{AbusePolicy, AddressLimits, Policy};
use trial_core::values::{MailHosts, NumberRange};
use trial_engine::EngineOptions;
use trial_http::{ClientAddressHeader, ConnectionLimits, Envelope};

use super::secret::{Secret, ServiceUrl};
use super::site_settings::Site;
use super::sms_settings::Sms;
use super::text::{Country, HumanDuration, Mode, Network, PublicUrl, TimeZone};

const DAY: Duration = Duration::from_hours(24);

/// All keys.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) http: Http,
    pub(crate) storage: Storage,
    pub(crate) secrets: Secrets,
    pub(crate) sms: Sms,
    pub(crate) mail: Mail,
    pub(crate) platform: Platform,
    pub(crate) portal: Portal,
    pub(crate) support: Support,
    pub(crate) site: Site,
    pub(crate) sandbox: Sandbox,
    pub(crate) verification: Verification,
    pub(crate) limits: Limits,
    pub(crate) abuse: Abuse,
    pub(crate) phone: Phone,
    pub(crate) traces: Traces,
    pub(crate) trial: Trial,
    pub(crate) quota: Quota,
    pub(crate) pool: Pool,
    pub(crate) operations: Operations,
    pub(crate) engine: Engine,
    pub(crate) retention: Retention,
    pub(crate) log: Log,
}

/// Address and limits of the HTTP server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Http {
    pub(crate) listen: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) admin_listen: Option<SocketAddr>,
    pub(crate) envelope: Envelope,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) client_address_header: ClientAddressHeader,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_url: Option<PublicUrl>,
    pub(crate) callers: Callers,
    pub(crate) tls: Tls,
    pub(crate) limits: HttpLimits,
}

/// The certificate of the service; without one it speaks plain HTTP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tls {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cert_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_file: Option<PathBuf>,
    pub(crate) hsts: HumanDuration,
}

/// Limits and time-outs of connections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HttpLimits {
    pub(crate) connections: usize,
    pub(crate) connections_per_address: usize,
    pub(crate) streams_per_connection: u32,
    pub(crate) head_bytes: usize,
    pub(crate) head_timeout: HumanDuration,
    pub(crate) body_timeout: HumanDuration,
    pub(crate) idle_timeout: HumanDuration,
}

/// API clients: open, or signed requests only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Callers {
    Open,
    Signed,
}

/// The database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Storage {
    pub(crate) url: ServiceUrl,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url_file: Option<PathBuf>,
}

/// Keys that codes and initial passwords are derived from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Secrets {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) keys: Vec<KeyEntry>,
}

/// One of the keys, given here or in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyEntry {
    pub(crate) id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_file: Option<PathBuf>,
}

/// Time-out of the reply to the final dot of a mail (RFC 5321, section 4.5.3.2.6).
const SMTP_FINAL_TIMEOUT: Duration = Duration::from_mins(10);

/// Sender and transport of mails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Mail {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transport: Option<MailTransport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) smtp_url: Option<ServiceUrl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) smtp_url_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) smtp_password: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) smtp_password_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reply_to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) envelope_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) smtp_ca_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hello_name: Option<String>,
    pub(crate) final_timeout: HumanDuration,
    pub(crate) allow_local_addresses: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) templates_dir: Option<PathBuf>,
    pub(crate) max_per_second: u32,
    #[serde(skip_serializing_if = "Dkim::is_empty")]
    pub(crate) dkim: Dkim,
    pub(crate) retry: Retry,
}

impl Mail {
    /// Hosts that mailboxes may have.
    pub(crate) fn hosts(&self) -> MailHosts {
        if self.allow_local_addresses { MailHosts::Any } else { MailHosts::Internet }
    }
}

/// DKIM settings: all or none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Dkim {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) selector: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_file: Option<PathBuf>,
}

impl Dkim {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Transports of mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MailTransport {
    Sandbox,
    Smtp,
}

/// Retries of a failed mail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Retry {
    pub(crate) first: HumanDuration,
    pub(crate) cap: HumanDuration,
    pub(crate) give_up_after: HumanDuration,
}

/// The contact-centre platform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Platform {
    pub(crate) kind: PlatformKind,
    #[serde(skip_serializing_if = "Webhook::is_empty")]
    pub(crate) webhook: Webhook,
}

/// The platform's endpoint and the signing secrets. The address may hold a secret.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Webhook {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) secrets: Vec<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secrets_file: Option<PathBuf>,
    pub(crate) allow_private_addresses: bool,
}

impl Webhook {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The kinds of platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PlatformKind {
    Local,
    Webhook,
}

/// The sign-in page of owners.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Portal {
    pub(crate) enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
}

/// The support contact for applicants.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Support {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) contact: Option<String>,
}

/// `sandbox.enabled`: messages may be captured instead of sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sandbox {
    pub(crate) enabled: bool,
}

/// Verification codes: lifetime, resend interval, attempts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Verification {
    pub(crate) code_ttl: HumanDuration,
    pub(crate) code_cap: HumanDuration,
    pub(crate) resend_after: HumanDuration,
    pub(crate) max_tries: u32,
    pub(crate) max_failures: u32,
}

/// Limits that protect phones and money.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    pub(crate) sms_per_day: u32,
    pub(crate) sms_per_country_day: u32,
    pub(crate) sms_per_prefix_day: u32,
    pub(crate) phone: PhoneLimits,
    pub(crate) address: AddressLimit,
}

/// Messages to one phone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PhoneLimits {
    pub(crate) sends_per_hour: u32,
    pub(crate) sends_per_day: u32,
}

/// Requests of one client address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AddressLimit {
    pub(crate) codes_per_hour: u32,
    pub(crate) applications_per_hour: u32,
    /// Requests without a valid signature or body.
    pub(crate) failures_per_hour: u32,
    /// Addresses of back ends, which stand for many visitors.
    pub(crate) exempt: Vec<Network>,
}

/// Fraud guard: rules against abuse of paid messages.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Abuse {
    /// Number ranges that are never blocked.
    pub(crate) safe_prefixes: Vec<NumberRange>,
    pub(crate) breaker: Breaker,
}

/// Condition under which a number range is blocked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Breaker {
    pub(crate) mode: Mode,
    pub(crate) min_sends: u32,
    /// Percentage of codes that must be used.
    pub(crate) min_conversion: u32,
    pub(crate) block_for: HumanDuration,
}

/// Countries whose phones are served.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Phone {
    pub(crate) default_region: Country,
    pub(crate) countries: Vec<Country>,
}

/// Duration and uniqueness of trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Trial {
    pub(crate) duration: HumanDuration,
    pub(crate) reminders: Vec<HumanDuration>,
    pub(crate) grace: HumanDuration,
    pub(crate) unique_by: Vec<UniqueField>,
}

/// Fields by which an existing tenant is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UniqueField {
    Phone,
    Email,
    Company,
}

/// The daily e-mail limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Quota {
    pub(crate) threshold: u32,
    /// Units of each day that no application gets.
    pub(crate) kept_for_resends: u32,
    /// Mails per day that owners may cause; a twentieth of the daily limit if not set.
    pub(crate) owner_mails: Option<u32>,
    pub(crate) timezone: TimeZone,
}

/// Access codes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Pool {
    pub(crate) quarantine: HumanDuration,
    /// Free codes of a kind at or below which operations are warned.
    pub(crate) low_water: u64,
}

/// Operations personnel.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Operations {
    /// Recipients of warnings about low stock or the daily e-mail limit.
    pub(crate) mail_to: Vec<String>,
}

/// The queue in front of the database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Engine {
    pub(crate) queue_length: usize,
    pub(crate) batch_limit: usize,
    pub(crate) wait: HumanDuration,
    pub(crate) max_clock_gap: HumanDuration,
}

/// Retention periods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Retention {
    pub(crate) applications: HumanDuration,
    pub(crate) challenges: HumanDuration,
}

/// Level and format of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) level: String,
}

/// The collector of traces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Traces {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint: Option<ServiceUrl>,
    pub(crate) sampled: f64,
}

/// Formats of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    Human,
    Json,
}

impl Default for Traces {
    fn default() -> Self {
        Self { endpoint: None, sampled: 1.0 }
    }
}

impl Default for Portal {
    fn default() -> Self {
        Self { enabled: true, url: None }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            admin_listen: None,
            envelope: Envelope::default(),
            trusted_proxies: Vec::new(),
            client_address_header: ClientAddressHeader::default(),
            public_url: None,
            callers: Callers::Open,
            tls: Tls::default(),
            limits: HttpLimits::default(),
        }
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self { cert_file: None, key_file: None, hsts: (365 * DAY).into() }
    }
}

impl Default for HttpLimits {
    fn default() -> Self {
        let limits = ConnectionLimits::default();
        Self {
            connections: limits.connections,
            connections_per_address: limits.connections_per_address,
            streams_per_connection: limits.streams_per_connection,
            head_bytes: limits.head_bytes,
            head_timeout: limits.head_timeout.into(),
            body_timeout: Duration::from_secs(10).into(),
            idle_timeout: limits.idle_timeout.into(),
        }
    }
}

impl Default for Storage {
    fn default() -> Self {
        Self { url: ServiceUrl::new("sqlite:trialgate.db"), url_file: None }
    }
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            transport: None,
            smtp_url: None,
            smtp_url_file: None,
            smtp_password: None,
            smtp_password_file: None,
            from: None,
            reply_to: None,
            envelope_from: None,
            smtp_ca_file: None,
            hello_name: None,
            final_timeout: SMTP_FINAL_TIMEOUT.into(),
            allow_local_addresses: false,
            templates_dir: None,
            dkim: Dkim::default(),
            max_per_second: EngineOptions::default().mail.max_per_second,
            retry: Retry::default(),
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        let retry = MailRetry::default();
        Self { first: retry.first.into(), cap: retry.cap.into(), give_up_after: retry.give_up_after.into() }
    }
}

impl Default for Platform {
    fn default() -> Self {
        Self { kind: PlatformKind::Local, webhook: Webhook::default() }
    }
}

impl Default for Verification {
    fn default() -> Self {
        let policy = Policy::default().verification;
        Self {
            code_ttl: policy.code_ttl.into(),
            code_cap: policy.code_cap.into(),
            resend_after: policy.resend_after.into(),
            max_tries: policy.max_tries,
            max_failures: policy.max_failures,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let policy = Policy::default().limits;
        Self {
            sms_per_day: policy.sms_per_day,
            sms_per_country_day: policy.sms_per_country_day,
            sms_per_prefix_day: policy.sms_per_prefix_day,
            phone: PhoneLimits::default(),
            address: AddressLimit::default(),
        }
    }
}

impl Default for PhoneLimits {
    fn default() -> Self {
        let policy = Policy::default().limits;
        Self { sends_per_hour: policy.phone_sends_per_hour, sends_per_day: policy.phone_sends_per_day }
    }
}

impl Default for AddressLimit {
    fn default() -> Self {
        let limits = AddressLimits::default();
        Self {
            codes_per_hour: limits.codes_per_hour,
            applications_per_hour: limits.applications_per_hour,
            failures_per_hour: limits.failures_per_hour,
            exempt: Vec::new(),
        }
    }
}

impl Default for Breaker {
    fn default() -> Self {
        let policy = AbusePolicy::default().breaker;
        Self {
            mode: Mode(policy.mode),
            min_sends: policy.min_sends,
            min_conversion: policy.min_conversion,
            block_for: policy.block_for.into(),
        }
    }
}

impl Default for Phone {
    fn default() -> Self {
        let china = Country("CN".to_owned());
        Self { default_region: china.clone(), countries: vec![china] }
    }
}

impl Default for Trial {
    fn default() -> Self {
        Self {
            duration: Policy::default().trial.duration.into(),
            reminders: vec![(7 * DAY).into(), DAY.into()],
            grace: (7 * DAY).into(),
            unique_by: vec![UniqueField::Phone, UniqueField::Email, UniqueField::Company],
        }
    }
}

impl Default for Quota {
    fn default() -> Self {
        let policy = Policy::default().quota;
        Self {
            threshold: policy.threshold,
            kept_for_resends: policy.kept_for_resends,
            owner_mails: policy.owner_mails,
            timezone: TimeZone(policy.timezone),
        }
    }
}

impl Default for Pool {
    fn default() -> Self {
        Self { quarantine: (30 * DAY).into(), low_water: 20 }
    }
}

impl Default for Engine {
    fn default() -> Self {
        let options = EngineOptions::default();
        Self {
            queue_length: options.queue_length,
            batch_limit: options.batch_limit,
            wait: options.wait.into(),
            max_clock_gap: options.max_clock_gap.into(),
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        let retention = trial_core::privacy::Retention::default();
        Self { applications: retention.applications.into(), challenges: retention.challenges.into() }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Human, level: "info".to_owned() }
    }
}
