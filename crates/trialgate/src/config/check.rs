//! Checks beyond the types: numbers out of range, settings that contradict each other, features that this build lacks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{NaiveDate, NaiveTime};
use trial_core::policy::{AbusePolicy, Policy, QuotaPolicy, SettingKey, TestNumber, TrialPolicy, UniqueBy};
use trial_core::privacy::{MIN_RETENTION, check_url};
use trial_core::values::{Email, Phone, PhonePolicy, VerificationCode};
use trial_mail::HelloName;

use super::database::Database;
use super::error::{ConfigError, Origin, Problem, none_of};
use super::layers::Merged;
use super::schema::KEYS;
use super::secret::{Secret, ServiceUrl};
use super::serving::read_secret;
use super::settings::{Dkim, PlatformKind, Settings, Storage, UniqueField};
use super::text::HumanDuration;
use super::{Config, GatewayKind, serving, site_setup};
use crate::logging;

/// The largest number of 16 bits: the end of a type, not a range.
const MAX_U16: f64 = 65_535.0;
/// A longer wait for a reply is pointless.
const MAX_FINAL_TIMEOUT: Duration = Duration::from_hours(1);
/// A stopping server waits longer than this for requests in progress, so that each is answered.
const MAX_WAIT: Duration = Duration::from_secs(15);

/// Form of an address that everybody sees.
pub(super) const PUBLIC_ADDRESS_EXPECTED: &str =
    "must begin with https:// or http://, name a host, and hold neither user nor password: everybody reads it";

/// Problems, each with the place of its setting.
struct Findings<'a> {
    origins: &'a BTreeMap<String, Origin>,
    problems: Vec<Problem>,
}

/// Checks the settings in force and builds the configuration from them.
pub(super) fn check(merged: Merged, file: Option<PathBuf>, base: PathBuf) -> Result<Config, ConfigError> {
    let Merged { settings, origins, problems } = merged;
    let mut findings = Findings { origins: &origins, problems };
    findings.ranges(&settings);
    findings.http(&settings);
    findings.engine(&settings);
    findings.trial(&settings);
    findings.mail(&settings);
    findings.gateways(&settings);
    findings.secrets(&settings);
    findings.rest(&settings);
    let database = findings.database(&settings.storage, &base);
    let policy = findings.policy(&settings);
    findings.rules(&policy);
    let (site, wrong) = site_setup::site(&settings, &base);
    for (key, text) in wrong {
        findings.wrong(key, text);
    }
    let warning_readers = findings.warning_readers(&settings);
    none_of(findings.problems)?;
    Ok(Config { settings, file, policy, warning_readers, site, database, base })
}

impl Findings<'_> {
    /// Recipients of warnings about low stock or the daily e-mail limit.
    fn warning_readers(&mut self, settings: &Settings) -> Vec<Email> {
        let mut readers = Vec::new();
        for address in &settings.operations.mail_to {
            match Email::parse_at(settings.mail.hosts(), address) {
                Ok(reader) => readers.push(reader),
                Err(error) => self.wrong(
                    "operations.mail_to",
                    format!("has {address:?}, which {error}; `mail.allow_local_addresses` allows local ones"),
                ),
            }
        }
        readers
    }

    /// Records a problem of a key.
    fn wrong(&mut self, key: &str, text: impl std::fmt::Display) {
        self.problems.push(Problem::new(self.origins.get(key).cloned(), format!("`{key}` {text}")));
    }

    fn expect(&mut self, holds: bool, key: &str, text: impl std::fmt::Display) {
        if !holds {
            self.wrong(key, text);
        }
    }

    /// Checks numbers by the ranges of the schema. Those of runtime settings are the core's.
    fn ranges(&mut self, settings: &Settings) {
        let table = settings.to_table().map(toml::Value::Table);
        for (key, schema) in KEYS.iter().filter(|(key, _)| key.parse::<SettingKey>().is_err()) {
            let value =
                table.as_ref().ok().and_then(|table| key.split('.').try_fold(table, |below, name| below.get(name)));
            #[expect(clippy::cast_precision_loss, reason = "bounds are far below 2^53, and all above is out of range")]
            let number = value.and_then(|value| value.as_float().or(value.as_integer().map(|number| number as f64)));
            let (least, most) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
            match (number, least, most) {
                (Some(number), Some(least), _) if number < least && most.is_none_or(|most| most == MAX_U16) => {
                    self.wrong(key, format!("must be at least {least}"));
                }
                (Some(number), Some(least), Some(most)) if !(least..=most).contains(&number) => {
                    self.wrong(key, format!("must be from {least} to {most}"));
                }
                _ => {}
            }
        }
    }

    fn lasting(&mut self, key: &str, value: Duration) {
        self.expect(!value.is_zero(), key, "must be longer than 0s");
    }

    /// Checks limits and durations against each other, as for a change of a runtime setting.
    fn rules(&mut self, policy: &Policy) {
        for fault in policy.faults() {
            self.wrong(fault.key, fault.text);
        }
    }

    fn http(&mut self, settings: &Settings) {
        let (tls, limits) = (&settings.http.tls, &settings.http.limits);
        let (has_cert, has_key) = (tls.cert_file.is_some(), tls.key_file.is_some());
        self.expect(has_key || !has_cert, "http.tls.key_file", "is missing; a certificate needs its key");
        self.expect(has_cert || !has_key, "http.tls.cert_file", "is missing; a key needs its certificate");
        let (listen, admin) = (settings.http.listen, settings.http.admin_listen);
        let is_apart = listen.port() == 0 || admin != Some(listen);
        self.expect(is_apart, "http.admin_listen", "is `http.listen`; name another port");
        let is_plain = settings.http.public_url.as_ref().is_some_and(|url| !url.is_https());
        let text = "begins with http://, but `http.tls` turns TLS on; write https://";
        self.expect(!(is_plain && has_cert), "http.public_url", text);
        let most = limits.connections;
        let holds = limits.connections_per_address <= most;
        let text = format!("must be at most `http.limits.connections` ({most}); 0 is no limit");
        self.expect(holds, "http.limits.connections_per_address", text);
        self.lasting("http.limits.head_timeout", limits.head_timeout.0);
        self.lasting("http.limits.idle_timeout", limits.idle_timeout.0);
        let (key, body) = ("http.limits.body_timeout", limits.body_timeout);
        self.lasting(key, body.0);
        self.expect(body.0 <= MAX_WAIT, key, format!("must be at most {}", HumanDuration(MAX_WAIT)));
    }

    fn engine(&mut self, settings: &Settings) {
        let engine = &settings.engine;
        self.lasting("engine.wait", engine.wait.0);
        self.lasting("engine.max_clock_gap", engine.max_clock_gap.0);
        self.expect(engine.wait.0 <= MAX_WAIT, "engine.wait", format!("must be at most {}", HumanDuration(MAX_WAIT)));
    }

    fn trial(&mut self, settings: &Settings) {
        let trial = &settings.trial;
        self.expect(!settings.phone.countries.is_empty(), "phone.countries", "must name at least one country");
        self.expect(!has_twins(&trial.reminders), "trial.reminders", "names one duration twice");
        self.expect(!has_twins(&trial.unique_by), "trial.unique_by", "names one field twice");
    }

    fn mail(&mut self, settings: &Settings) {
        let mail = &settings.mail;
        self.lasting("mail.retry.first", mail.retry.first.0);
        self.expect(
            mail.retry.cap >= mail.retry.first,
            "mail.retry.cap",
            format!("({}) must be at least `mail.retry.first` ({})", mail.retry.cap, mail.retry.first),
        );
        for (key, value) in
            [("mail.from", &mail.from), ("mail.reply_to", &mail.reply_to), ("mail.envelope_from", &mail.envelope_from)]
        {
            let is_address = value.as_deref().is_none_or(|value| serving::address_of(value, mail.hosts()).is_some());
            self.expect(is_address, key, "is not an e-mail address of a public domain, such as \"Trials <trials@example.com>\"; `mail.allow_local_addresses` allows others");
        }
        self.lasting("mail.final_timeout", mail.final_timeout.0);
        self.expect(
            mail.final_timeout.0 <= MAX_FINAL_TIMEOUT,
            "mail.final_timeout",
            format!("must be at most {}", HumanDuration(MAX_FINAL_TIMEOUT)),
        );
        if let Some(Err(error)) = mail.hello_name.as_deref().map(HelloName::parse) {
            self.wrong("mail.hello_name", error);
        }
        self.dkim(&mail.dkim);
        self.one_of("mail.smtp_url", mail.smtp_url.is_some(), mail.smtp_url_file.is_some());
        self.secret("mail.smtp_password", mail.smtp_password.as_ref(), mail.smtp_password_file.as_deref());
        if let Some(url) = &mail.smtp_url {
            self.expect(serving::is_smtp_url(url), "mail.smtp_url", serving::SMTP_URL_EXPECTED);
            self.url("mail.smtp_url", url);
            let has_two = url.has_password() && (mail.smtp_password.is_some() || mail.smtp_password_file.is_some());
            self.expect(!has_two, "mail.smtp_url", "has a password, and `mail.smtp_password` gives another; give one");
        }
    }

    /// Checks that a DKIM signature has all three settings or none.
    fn dkim(&mut self, dkim: &Dkim) {
        let given = [
            ("mail.dkim.domain", dkim.domain.is_some()),
            ("mail.dkim.selector", dkim.selector.is_some()),
            ("mail.dkim.key_file", dkim.key_file.is_some()),
        ];
        if given.iter().any(|(_, is_given)| *is_given) {
            for (key, is_given) in given {
                self.expect(is_given, key, "is missing; a signature needs domain, selector and key_file");
            }
        }
    }

    fn url(&mut self, key: &str, url: &ServiceUrl) {
        if let Err(error) = url.check() {
            self.wrong(key, error);
        }
    }

    fn one_of(&mut self, key: &str, is_given: bool, is_file_given: bool) {
        self.expect(!(is_given && is_file_given), key, format!("and `{key}_file` are both given; give one"));
    }

    /// Checks that a secret is given at most once, here or in a file, and is not empty here.
    fn secret(&mut self, key: &str, secret: Option<&Secret>, file: Option<&Path>) {
        self.one_of(key, secret.is_some(), file.is_some());
        let is_filled = secret.is_none_or(|secret| !secret.reveal().trim().is_empty());
        self.expect(is_filled, key, "is empty; give the secret, or remove the setting");
    }

    fn gateways(&mut self, settings: &Settings) {
        let (key, sms) = ("sms.gateways", &settings.sms);
        for name in sms.gateways.iter().filter(|name| !GatewayKind::NAMES.contains(&name.as_str())) {
            let known = GatewayKind::NAMES.join(", ");
            self.wrong(key, format!("names {name:?}, which is not a gateway; the gateways are {known}"));
        }
        self.expect(!has_twins(&sms.gateways), key, "names one gateway twice");
        self.expect(!sms.brand.trim().is_empty(), "sms.brand", "is empty");
        let is_domain = |domain: &String| {
            domain.contains('.') && domain.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
        };
        let domain = sms.autofill_domain.as_ref();
        self.expect(domain.is_none_or(is_domain), "sms.autofill_domain", "is not a domain, such as \"example.com\"");
        let (huawei, twilio, smpp, http) = (&sms.huawei, &sms.twilio, &sms.smpp, &sms.http);
        self.secret("sms.huawei.app_secret", huawei.app_secret.as_ref(), huawei.app_secret_file.as_deref());
        self.secret("sms.twilio.auth_token", twilio.auth_token.as_ref(), twilio.auth_token_file.as_deref());
        for (key, secret, file) in [
            ("sms.huawei.callback_secret", &huawei.callback_secret, &huawei.callback_secret_file),
            ("sms.twilio.callback_secret", &twilio.callback_secret, &twilio.callback_secret_file),
        ] {
            self.one_of(key, secret.is_some(), file.is_some());
            let is_fit = secret.as_ref().is_none_or(|secret| serving::is_callback_secret(secret.reveal()));
            self.expect(is_fit, key, serving::CALLBACK_SECRET_EXPECTED);
        }
        self.secret("sms.smpp.password", smpp.password.as_ref(), smpp.password_file.as_deref());
        self.one_of("sms.http.url", http.url.is_some(), http.url_file.is_some());
        let has_two = twilio.from.is_some() && twilio.messaging_service_sid.is_some();
        self.expect(!has_two, "sms.twilio.from", "and `sms.twilio.messaging_service_sid` are both given; give one");
        let (has_pointer, has_value) = (http.accept.pointer.is_some(), http.accept.value.is_some());
        self.expect(
            has_value || !has_pointer,
            "sms.http.accept.value",
            "is missing; `sms.http.accept.pointer` needs it",
        );
        self.expect(
            has_pointer || !has_value,
            "sms.http.accept.pointer",
            "is missing; `sms.http.accept.value` needs it",
        );
    }

    fn secrets(&mut self, settings: &Settings) {
        for (place, entry) in settings.secrets.keys.iter().enumerate() {
            let text = match (&entry.key, &entry.key_file) {
                (Some(_), Some(_)) => format!("[{place}]: `key` and `key_file` are both given; give one"),
                (None, None) => format!("[{place}]: neither `key` nor `key_file` is given"),
                _ => continue,
            };
            self.wrong("secrets.keys", text);
        }
    }

    fn rest(&mut self, settings: &Settings) {
        for (key, kept) in [
            ("retention.applications", settings.retention.applications),
            ("retention.challenges", settings.retention.challenges),
        ] {
            let least = HumanDuration(MIN_RETENTION);
            self.expect(
                kept >= least,
                key,
                format!("must be at least {least}: send limits and repeated applications look back one day"),
            );
        }
        let webhook = &settings.platform.webhook;
        let siteverify = &settings.site.siteverify;
        self.secret("site.siteverify.secret", siteverify.secret.as_ref(), siteverify.secret_file.as_deref());
        let sms = &settings.sms;
        for (key, url) in [
            ("site.siteverify.verify_url", siteverify.verify_url.as_ref().map(ServiceUrl::reveal)),
            ("sms.huawei.status_callback", sms.huawei.status_callback.as_ref().map(Secret::reveal)),
            ("sms.twilio.status_callback", sms.twilio.status_callback.as_ref().map(Secret::reveal)),
        ] {
            self.expect(url.is_none_or(is_web_address), key, "must begin with https:// or http:// and name a host");
        }
        for (key, url) in [
            ("site.siteverify.script_url", siteverify.script_url.as_deref()),
            ("portal.url", settings.portal.url.as_deref()),
        ] {
            self.expect(url.is_none_or(is_public_address), key, PUBLIC_ADDRESS_EXPECTED);
        }
        self.one_of("platform.webhook.url", webhook.url.is_some(), webhook.url_file.is_some());
        self.one_of("platform.webhook.secrets", !webhook.secrets.is_empty(), webhook.secrets_file.is_some());
        let contact = settings.support.contact.as_deref();
        self.expect(contact.is_none_or(|contact| !contact.trim().is_empty()), "support.contact", "is empty");
        for (key, url) in [
            ("site.siteverify.verify_url", siteverify.verify_url.as_ref()),
            ("sms.huawei.endpoint", settings.sms.huawei.endpoint.as_ref()),
            ("sms.twilio.base_url", Some(&settings.sms.twilio.base_url)),
            ("traces.endpoint", settings.traces.endpoint.as_ref()),
        ] {
            if let Some(url) = url {
                self.url(key, url);
            }
        }
        for (key, url) in [
            ("platform.webhook.url", webhook.url.as_ref()),
            ("sms.huawei.status_callback", settings.sms.huawei.status_callback.as_ref()),
            ("sms.twilio.status_callback", settings.sms.twilio.status_callback.as_ref()),
            ("sms.http.url", settings.sms.http.url.as_ref()),
        ] {
            if let Some(Err(error)) = url.map(|url| check_url(url.reveal())) {
                self.wrong(key, error);
            }
        }
        if let Some(endpoint) = &settings.traces.endpoint {
            let key = "traces.endpoint";
            self.expect(is_web_address(endpoint.reveal()), key, "must begin with https:// or http:// and name a host");
            let is_built = cfg!(feature = "otlp");
            self.expect(is_built, key, "needs a build with traces: `cargo build --release --features otlp`");
        }
        if let Err(error) = logging::filter(&settings.log.level) {
            self.wrong("log.level", error);
        }
    }

    fn database(&mut self, storage: &Storage, base: &Path) -> Database {
        let (key, url) = match &storage.url_file {
            None => ("storage.url", Ok(storage.url.clone())),
            Some(_) if self.origins.contains_key("storage.url") => {
                ("storage.url_file", Err("is given beside `storage.url`; give one of them".to_owned()))
            }
            Some(file) => ("storage.url_file", read_secret(&base.join(file)).map(|url| ServiceUrl::new(&url))),
        };
        url.and_then(|url| Database::parse(&url, base)).unwrap_or_else(|text| {
            self.wrong(key, text);
            Database::Sqlite(PathBuf::new())
        })
    }

    /// Messages name the index of a test number, never the phone or its code.
    fn test_numbers(&mut self, settings: &Settings, phones: &PhonePolicy) -> Vec<TestNumber> {
        let mut numbers = Vec::new();
        for (place, (phone, number)) in settings.sms.test_numbers.iter().enumerate() {
            match test_number(phone, number, phones, settings.quota.timezone.0) {
                Ok(number) => {
                    let is_new = numbers.iter().all(|earlier: &TestNumber| earlier.phone != number.phone);
                    let text = format!("[{place}]: the phone is given before in another spelling; give it once");
                    self.expect(is_new, "sms.test_numbers", text);
                    numbers.push(number);
                }
                Err(text) => self.wrong("sms.test_numbers", format!("[{place}]: {text}")),
            }
        }
        numbers
    }

    fn policy(&mut self, settings: &Settings) -> Policy {
        let countries: Vec<String> = settings.phone.countries.iter().map(|country| country.0.clone()).collect();
        let phone = PhonePolicy::from_codes(&settings.phone.default_region.0, &countries).unwrap_or_else(|error| {
            self.wrong("phone.countries", error);
            Policy::default().phone
        });
        let (runtime, trial) = (settings.runtime.clone(), &settings.trial);
        Policy {
            abuse: AbusePolicy { safe_prefixes: settings.abuse.safe_prefixes.clone(), ..runtime.abuse },
            test_numbers: self.test_numbers(settings, &phone),
            platform_listens: settings.platform.kind == PlatformKind::Webhook,
            phone,
            trial: TrialPolicy {
                unique_by: UniqueBy {
                    phone: trial.unique_by.contains(&UniqueField::Phone),
                    email: trial.unique_by.contains(&UniqueField::Email),
                    company: trial.unique_by.contains(&UniqueField::Company),
                },
                reminders: trial.reminders.iter().map(|reminder| reminder.0).collect(),
                ..runtime.trial
            },
            quota: QuotaPolicy { timezone: settings.quota.timezone.0, ..runtime.quota },
            ..runtime
        }
    }
}

/// Parses a test number, valid until the end of its last day.
fn test_number(
    phone: &str,
    number: &super::sms_settings::TestNumber,
    phones: &PhonePolicy,
    timezone: chrono_tz::Tz,
) -> Result<TestNumber, String> {
    let phone = Phone::parse(phone, phones).map_err(|error| format!("the phone {error}"))?;
    let code = VerificationCode::fixed(number.code.reveal()).ok_or("`code` is not 6 digits")?;
    let day_after = number.expires.parse::<NaiveDate>().ok().and_then(|day| day.succ_opt());
    let midnight = day_after.map(|day| day.and_time(NaiveTime::MIN).and_local_timezone(timezone));
    // If the clocks skip midnight, the day begins later.
    let until = midnight.and_then(|midnight| midnight.earliest().map(|until| until.to_utc()));
    let until = until.or_else(|| day_after.map(|day| day.and_time(NaiveTime::MIN).and_utc()));
    let until = until.ok_or_else(|| "`expires` is not a date such as \"2026-12-31\"".to_owned())?;
    Ok(TestNumber { phone, code, until })
}

fn has_twins<T: PartialEq>(list: &[T]) -> bool {
    list.iter().enumerate().any(|(place, item)| list[..place].contains(item))
}

fn web_address(text: &str) -> Option<url::Url> {
    url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host())
}

fn is_web_address(text: &str) -> bool {
    web_address(text).is_some()
}

/// Returns `true` if everybody may read the address.
pub(super) fn is_public_address(text: &str) -> bool {
    web_address(text).is_some_and(|url| url.username().is_empty() && url.password().is_none())
}
