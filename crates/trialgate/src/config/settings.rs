//! The configuration as written: one field per key, with its default.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trial_core::mails::MailRetry;
use trial_core::policy::Policy;
use trial_core::values::{MailHosts, NumberRange};
use trial_engine::EngineOptions;
use trial_http::{ClientAddressHeader, ConnectionLimits, Envelope};

use super::secret::{Secret, ServiceUrl};
use super::site_settings::Site;
use super::sms_settings::Sms;
use super::text::{Country, HumanDuration, Network, PublicUrl, TimeZone};

const DAY: Duration = Duration::from_hours(24);
/// Bytes that browsers send and the parser of heads can hold.
const MIN_HEAD: usize = 4 * 1_024;
const MAX_HEAD: usize = 64 * 1_024;

/// All keys.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    pub(crate) limits: Limits,
    pub(crate) abuse: Abuse,
    pub(crate) phone: Phone,
    pub(crate) traces: Traces,
    pub(crate) trial: Trial,
    pub(crate) quota: Quota,
    pub(crate) operations: Operations,
    pub(crate) engine: Engine,
    pub(crate) retention: Retention,
    pub(crate) log: Log,
    /// Runtime settings as configured, by the core's table; all else in it is a default.
    #[serde(skip)]
    pub(crate) runtime: Policy,
}

/// Address and limits of the HTTP server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Http {
    /// Address to listen on; port 0 takes a free one, and `listening on …` says which.
    #[schemars(extend("x-type" = "address and port"))]
    pub(crate) listen: SocketAddr,
    /// A second address, for administrators ([below](#administrators-address-and-cookies)).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "address and port", "x-default" = "none: all on `http.listen`"))]
    pub(crate) admin_listen: Option<SocketAddr>,
    /// The place of the fields: the body itself (`flat`), `requestBody` and `schema` (`schema`), or either (`auto`);
    /// the reply has the form of the request.
    #[schemars(schema_with = "super::schema::envelope")]
    pub(crate) envelope: Envelope,
    /// Peers whose `http.client_address_header` is trusted for the client's address.
    #[schemars(extend("x-type" = "list of networks or addresses"))]
    pub(crate) trusted_proxies: Vec<Network>,
    /// The one header that trusted proxies write: `X-Forwarded-For`, or `Forwarded` (RFC 7239); the other is ignored.
    #[schemars(schema_with = "super::schema::client_address_header")]
    pub(crate) client_address_header: ClientAddressHeader,
    /// The address in browsers; decides whether cookies are `Secure` ([below](#administrators-address-and-cookies)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_url: Option<PublicUrl>,
    /// Anybody may call, limited by address; or [API clients](cli.md#callers) that sign each request, limited by their
    /// rate.
    pub(crate) callers: Callers,
    pub(crate) tls: Tls,
    pub(crate) limits: HttpLimits,
}

/// The certificate of the service; without one it speaks plain HTTP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tls {
    /// The certificate in PEM, with its intermediate ones ([deploy.md](deploy.md#tls)).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "none: plain HTTP"))]
    pub(crate) cert_file: Option<PathBuf>,
    /// Its private key, in PEM: PKCS#8, PKCS#1 or SEC1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "none; needed with `http.tls.cert_file`"))]
    pub(crate) key_file: Option<PathBuf>,
    /// Duration for which browsers use TLS alone, if there is a certificate; `0s` withdraws that.
    pub(crate) hsts: HumanDuration,
}

/// Limits and time-outs of connections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HttpLimits {
    /// Connections in all; further ones wait; each is an [open file](deploy.md#open-files).
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) connections: usize,
    /// Connections of one client address (IPv6: one /64); further ones are closed; 0 is no limit.
    #[schemars(extend("x-type" = "number, at most `http.limits.connections`"))]
    pub(crate) connections_per_address: usize,
    /// Requests under way on one connection of HTTP/2; further ones wait at the client.
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) streams_per_connection: u32,
    /// Target and headers of a request together; more is answered 431.
    #[schemars(range(min = MIN_HEAD, max = MAX_HEAD))]
    pub(crate) head_bytes: usize,
    /// Time for a request's head from its first byte, for a TLS handshake, and for a new connection until its first
    /// request.
    pub(crate) head_timeout: HumanDuration,
    /// Time for a whole body; more is answered 408.
    #[schemars(extend("x-type" = "duration, at most `15s`"))]
    pub(crate) body_timeout: HumanDuration,
    /// Idle time between requests; set it longer than that of a proxy in front.
    pub(crate) idle_timeout: HumanDuration,
}

/// API clients: open, or signed requests only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Callers {
    Open,
    Signed,
}

/// The database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Storage {
    /// The database: a file on a local disk, for one server; or [PostgreSQL](#postgresql), for any number of them.
    #[schemars(extend("x-type" = "`sqlite:PATH`, `postgres://…`"))]
    pub(crate) url: ServiceUrl,
    /// A file with the URL, instead of `storage.url`: for a URL with a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url_file: Option<PathBuf>,
}

/// Keys that codes and initial passwords are derived from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Secrets {
    /// Keys from which codes and initial passwords are derived; the first derives, all verify.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-type" = "list of tables, each with `id` and either `key` or `key_file`, all of them strings", "x-default" = "none; needed to serve"))]
    pub(crate) keys: Vec<KeyEntry>,
}

/// One of the keys, given here or in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyEntry {
    /// Its name, never used again for another key; 1 to 32 characters.
    pub(crate) id: String,
    /// 32 bytes in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<Secret>,
    /// A file with the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_file: Option<PathBuf>,
}

/// Time-out of the reply to the final dot of a mail (RFC 5321, section 4.5.3.2.6).
const SMTP_FINAL_TIMEOUT: Duration = Duration::from_mins(10);

/// Sender and transport of mails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Mail {
    /// The transport of all mails.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "none; needed to serve"))]
    pub(crate) transport: Option<MailTransport>,
    /// `smtp://HOST` (plain), `smtp+starttls://HOST` or `smtps://HOST` (TLS), with an optional `USER:PASSWORD@` and
    /// `:PORT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "URL", "x-default" = "none; needed for `\"smtp\"`"))]
    pub(crate) smtp_url: Option<ServiceUrl>,
    /// A file with the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) smtp_url_file: Option<PathBuf>,
    /// The password of the user in the URL, if it is not in the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) smtp_password: Option<Secret>,
    /// A file that holds the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) smtp_password_file: Option<PathBuf>,
    /// The sender: `trials@example.com` or `Trials <trials@example.com>`. Its domain ends every `Message-ID`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "mailbox", "x-default" = "none; needed for `\"smtp\"`"))]
    pub(crate) from: Option<String>,
    /// The address for answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "mailbox"))]
    pub(crate) reply_to: Option<String>,
    /// The sender of the envelope, where bounces go.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "address", "x-default" = "the address of `mail.from`"))]
    pub(crate) envelope_from: Option<String>,
    /// PEM certificates of further trusted authorities for the mail server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) smtp_ca_file: Option<PathBuf>,
    /// The name at EHLO: a full domain name (`trials.example.com`) or an address literal (`[192.0.2.1]`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "name", "x-default" = "the host's full name, or an address literal"))]
    pub(crate) hello_name: Option<String>,
    /// Wait for the reply to the final dot (RFC 5321, section 4.5.3.2.6), while the server filters the mail.
    #[schemars(extend("x-type" = "duration, up to 1 hour"))]
    pub(crate) final_timeout: HumanDuration,
    /// Accepts mailboxes that are not on the internet: `root@localhost`, `x@[127.0.0.1]`, `x@mx.internal`, `a%b@…`.
    pub(crate) allow_local_addresses: bool,
    /// A directory with templates that replace built-in ones ([mail.md](mail.md#templates)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) templates_dir: Option<PathBuf>,
    /// Most mails per second and instance, evenly spread; a fifth as many at the same time, 10 to 64.
    #[schemars(range(min = 1, max = 10_000))]
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
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Dkim {
    /// The signing domain of DKIM, best that of `mail.from` or one above it; all three keys or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "domain"))]
    pub(crate) domain: Option<String>,
    /// The selector: the public key is in the TXT record of `SELECTOR._domainkey.DOMAIN`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) selector: Option<String>,
    /// The private key in PEM: RSA of 2048 to 8192 bits, or Ed25519 ([mail.md](mail.md#signatures)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_file: Option<PathBuf>,
}

impl Dkim {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Transports of mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MailTransport {
    Sandbox,
    Smtp,
}

/// Retries of a failed mail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Retry {
    /// The first wait after a failure; it doubles.
    pub(crate) first: HumanDuration,
    /// The longest wait.
    pub(crate) cap: HumanDuration,
    /// Age at which a mail fails for good.
    pub(crate) give_up_after: HumanDuration,
}

/// The contact-centre platform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Platform {
    /// Tenant spaces are here, or in a platform that gets [webhooks](webhooks.md).
    pub(crate) kind: PlatformKind,
    #[serde(skip_serializing_if = "Webhook::is_empty")]
    pub(crate) webhook: Webhook,
}

/// The platform's endpoint and the signing secrets. The address may hold a secret.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Webhook {
    /// The address for events: `https://…`; never printed, as it may hold a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "URL", "x-default" = "none; needed for `\"webhook\"`"))]
    pub(crate) url: Option<Secret>,
    /// A file with the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url_file: Option<PathBuf>,
    /// Signing secrets: `whsec_` and the base64 of 24 to 64 bytes; the first two sign, for a change of the secret.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-type" = "list of strings, each `whsec_` and base64", "x-default" = "none; needed for `\"webhook\"`"))]
    pub(crate) secrets: Vec<Secret>,
    /// A file with one secret in each line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secrets_file: Option<PathBuf>,
    /// Allows a platform on this machine or in a private network, and `http://`.
    pub(crate) allow_private_addresses: bool,
}

impl Webhook {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The kinds of platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PlatformKind {
    Local,
    Webhook,
}

/// The sign-in page of owners.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Portal {
    /// Serves the portal for owners, `/portal/`; with a portal of your own, turn it off and set `portal.url`.
    pub(crate) enabled: bool,
    /// The sign-in address in the account mail; links to another password lead to `/portal/` of the same host.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "URL", "x-default" = "none; needed for `\"smtp\"`"))]
    pub(crate) url: Option<String>,
}

/// The support contact for applicants.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Support {
    /// The support contact in mails.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "none; needed for `\"smtp\"`"))]
    pub(crate) contact: Option<String>,
}

/// `sandbox.enabled`: messages may be captured instead of sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sandbox {
    /// Allows the gateway and transport `"sandbox"`, and serves every captured message at `/sandbox`; a warning at each
    /// start.
    pub(crate) enabled: bool,
}

/// Limits that protect phones and money.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    pub(crate) address: AddressLimit,
}

/// Requests of one client address.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AddressLimit {
    /// Client addresses without these limits: a website's back end.
    #[schemars(extend("x-type" = "list of networks or addresses"))]
    pub(crate) exempt: Vec<Network>,
}

/// Fraud guard: rules against abuse of paid messages.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Abuse {
    /// Ranges that are never blocked, with all that begin with them: `["+861667328", "+852"]`; `trialgate prefixes safe
    /// add` adds more.
    #[schemars(with = "Vec<String>", extend("x-type" = "list of strings"))]
    pub(crate) safe_prefixes: Vec<NumberRange>,
}

/// Countries whose phones are served.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Phone {
    /// The region of a national number.
    pub(crate) default_region: Country,
    /// The countries served, as codes of ISO 3166; `config check`, `serve` and `doctor` warn if `phone.default_region`
    /// is not among them.
    #[schemars(extend("x-type" = "list of countries"))]
    pub(crate) countries: Vec<Country>,
}

/// Duration and uniqueness of trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Trial {
    /// Times before the end at which the owner is reminded.
    #[schemars(extend("x-type" = "list of durations, shorter than `trial.duration`"))]
    pub(crate) reminders: Vec<HumanDuration>,
    /// Values that at most one tenant in use may have; `[]` is no limit.
    #[schemars(extend("x-type" = "list of `\"phone\"`, `\"email\"`, `\"company\"`", "x-default" = "all three"))]
    pub(crate) unique_by: Vec<UniqueField>,
}

/// Fields by which an existing tenant is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UniqueField {
    Phone,
    Email,
    Company,
}

/// The daily e-mail limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Quota {
    /// Zone of the day of the threshold and the SMS budget (from 00:00), and of dates in mails.
    pub(crate) timezone: TimeZone,
}

/// Operations personnel.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Operations {
    /// Recipients of warnings, in English, each once a day; they take no unit of the threshold.
    #[schemars(extend("x-type" = "list of addresses"))]
    pub(crate) mail_to: Vec<String>,
}

/// The queue in front of the database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Engine {
    /// Requests that may wait for their decision; further ones are answered 005 (202 for a code).
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) queue_length: usize,
    /// Most requests in one commit.
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) batch_limit: usize,
    /// The longest wait for a decision; then 005 (202 for a code).
    #[schemars(extend("x-type" = "duration, at most `15s`"))]
    pub(crate) wait: HumanDuration,
    /// The longest plausible time since the last sweep; after a longer one, scheduled tasks wait for [`trialgate clock
    /// confirm`](cli.md#clock).
    pub(crate) max_clock_gap: HumanDuration,
}

/// Retention periods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Retention {
    /// Retention of applications, requests for codes, settled events and agreements; at least `2d`; longer for a tenant
    /// in use.
    pub(crate) applications: HumanDuration,
    /// Retention of codes that no application consumed; at least `2d`.
    pub(crate) challenges: HumanDuration,
}

/// Level and format of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    /// The form of log lines, which go to standard error.
    pub(crate) format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, `off`, or directives such as `"warn,trial_engine=debug"`; below
    /// `info` only Trialgate's own lines, as those of libraries can hold personal data.
    pub(crate) level: String,
}

/// The collector of traces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Traces {
    /// Collector for OTLP (HTTP and protobuf), such as `"http://127.0.0.1:4318/v1/traces"`; requires a build with
    /// [traces](operations.md#traces).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "URL", "x-default" = "none: no traces"))]
    pub(crate) endpoint: Option<ServiceUrl>,
    /// The share of requests whose spans are sent, unless the client's `traceparent` decides.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) sampled: f64,
}

/// Formats of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

impl Default for Phone {
    fn default() -> Self {
        let china = Country("CN".to_owned());
        Self { default_region: china.clone(), countries: vec![china] }
    }
}

impl Default for Trial {
    fn default() -> Self {
        Self {
            reminders: vec![(7 * DAY).into(), DAY.into()],
            unique_by: vec![UniqueField::Phone, UniqueField::Email, UniqueField::Company],
        }
    }
}

impl Default for Quota {
    fn default() -> Self {
        Self { timezone: TimeZone(Policy::default().quota.timezone) }
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
