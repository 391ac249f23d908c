//! Names of the configuration keys.

/// Every key, by its full dotted path.
pub(super) const KEYS: &[&str] = &[
    "abuse.breaker.block_for",
    "abuse.breaker.min_conversion",
    "abuse.breaker.min_sends",
    "abuse.breaker.mode",
    "abuse.safe_prefixes",
    "engine.batch_limit",
    "engine.max_clock_gap",
    "engine.queue_length",
    "engine.wait",
    "http.admin_listen",
    "http.callers",
    "http.client_address_header",
    "http.envelope",
    "http.limits.body_timeout",
    "http.limits.connections",
    "http.limits.connections_per_address",
    "http.limits.head_bytes",
    "http.limits.head_timeout",
    "http.limits.idle_timeout",
    "http.limits.streams_per_connection",
    "http.listen",
    "http.public_url",
    "http.tls.cert_file",
    "http.tls.hsts",
    "http.tls.key_file",
    "http.trusted_proxies",
    "limits.address.applications_per_hour",
    "limits.address.codes_per_hour",
    "limits.address.exempt",
    "limits.address.failures_per_hour",
    "limits.phone.sends_per_day",
    "limits.phone.sends_per_hour",
    "limits.sms_per_country_day",
    "limits.sms_per_day",
    "limits.sms_per_prefix_day",
    "log.format",
    "log.level",
    "mail.allow_local_addresses",
    "mail.dkim.domain",
    "mail.dkim.key_file",
    "mail.dkim.selector",
    "mail.envelope_from",
    "mail.final_timeout",
    "mail.from",
    "mail.hello_name",
    "mail.max_per_second",
    "mail.reply_to",
    "mail.retry.cap",
    "mail.retry.first",
    "mail.retry.give_up_after",
    "mail.smtp_ca_file",
    "mail.smtp_password",
    "mail.smtp_password_file",
    "mail.smtp_url",
    "mail.smtp_url_file",
    "mail.templates_dir",
    "mail.transport",
    "operations.mail_to",
    "phone.countries",
    "phone.default_region",
    "platform.kind",
    "platform.webhook.allow_private_addresses",
    "platform.webhook.secrets",
    "platform.webhook.secrets_file",
    "platform.webhook.url",
    "platform.webhook.url_file",
    "pool.low_water",
    "pool.quarantine",
    "portal.enabled",
    "portal.url",
    "quota.kept_for_resends",
    "quota.owner_mails",
    "quota.threshold",
    "quota.timezone",
    "retention.applications",
    "retention.challenges",
    "sandbox.enabled",
    SECRET_KEYS,
    "site.altcha.cost",
    "site.apply",
    "site.colour",
    "site.embed_origins",
    "site.guard",
    "site.links",
    "site.logo",
    "site.name",
    "site.siteverify.provider",
    "site.siteverify.script_url",
    "site.siteverify.secret",
    "site.siteverify.secret_file",
    "site.siteverify.site_key",
    "site.siteverify.verify_url",
    "site.terms.file",
    "site.terms.version",
    "sms.autofill_domain",
    "sms.brand",
    "sms.gateways",
    "sms.http.accept.id",
    "sms.http.accept.pointer",
    "sms.http.accept.status",
    "sms.http.accept.value",
    "sms.http.body",
    "sms.http.country_codes",
    "sms.http.headers",
    "sms.http.method",
    "sms.http.url",
    "sms.http.url_file",
    "sms.huawei.app_key",
    "sms.huawei.app_secret",
    "sms.huawei.app_secret_file",
    "sms.huawei.auth",
    "sms.huawei.callback_secret",
    "sms.huawei.callback_secret_file",
    "sms.huawei.country_codes",
    "sms.huawei.endpoint",
    "sms.huawei.sender",
    "sms.huawei.signature",
    "sms.huawei.status_callback",
    "sms.huawei.template_id",
    "sms.huawei.template_id_en",
    "sms.huawei.template_params",
    "sms.smpp.alphabet",
    "sms.smpp.country_codes",
    "sms.smpp.host",
    "sms.smpp.password",
    "sms.smpp.password_file",
    "sms.smpp.port",
    "sms.smpp.source_addr",
    "sms.smpp.system_id",
    "sms.smpp.system_type",
    "sms.smpp.tls",
    "sms.smpp.window",
    "sms.test_numbers",
    "sms.twilio.account_sid",
    "sms.twilio.auth_token",
    "sms.twilio.auth_token_file",
    "sms.twilio.base_url",
    "sms.twilio.callback_secret",
    "sms.twilio.callback_secret_file",
    "sms.twilio.country_codes",
    "sms.twilio.from",
    "sms.twilio.messaging_service_sid",
    "sms.twilio.status_callback",
    "storage.url",
    "storage.url_file",
    "support.contact",
    "traces.endpoint",
    "traces.sampled",
    "trial.duration",
    "trial.grace",
    "trial.reminders",
    "trial.unique_by",
    "verification.code_cap",
    "verification.code_ttl",
    "verification.max_failures",
    "verification.max_tries",
    "verification.resend_after",
];

/// Shortest last word of a key, in bytes, that identifies the key.
const TELLING_WORD: usize = 5;

/// The only key that holds a list of tables, and their fields.
pub(super) const SECRET_KEYS: &str = "secrets.keys";
pub(super) const SECRET_KEY_FIELDS: [&str; 3] = ["id", "key", "key_file"];

/// Type of a key whose value must not be repeated in a message.
pub(super) fn secret_expectation(key: &str) -> Option<&'static str> {
    match key {
        SECRET_KEYS => {
            Some("must be a list of tables, each with `id` and either `key` or `key_file`, all of them strings")
        }
        "mail.smtp_password"
        | "mail.smtp_url"
        | "storage.url"
        | "traces.endpoint"
        | "sms.huawei.endpoint"
        | "sms.twilio.base_url"
        | "site.siteverify.verify_url"
        | "sms.huawei.app_secret"
        | "sms.huawei.callback_secret"
        | "sms.huawei.status_callback"
        | "sms.twilio.callback_secret"
        | "sms.twilio.status_callback"
        | "sms.twilio.auth_token"
        | "sms.smpp.password"
        | "site.siteverify.secret"
        | "platform.webhook.url"
        | "sms.http.url"
        | "sms.http.body" => Some("must be a string"),
        "platform.webhook.secrets" => Some("must be a list of strings, each `whsec_` and base64"),
        "sms.test_numbers" => Some("must be a table of phones, each with `code` and `expires`, both of them strings"),
        "sms.http.headers" => Some("must be a table of names and their values, all of them strings"),
        _ => None,
    }
}

pub(super) fn is_key(path: &[String]) -> bool {
    KEYS.iter().any(|key| key.split('.').eq(path.iter().map(String::as_str)))
}

/// Returns `true` if there are keys below this path.
pub(super) fn is_section(path: &[String]) -> bool {
    KEYS.iter().any(|key| {
        let mut segments = key.split('.');
        path.iter().all(|segment| segments.next() == Some(segment)) && segments.next().is_some()
    })
}

/// The shortest key below a section, as an example.
pub(super) fn first_below(section: &str) -> &'static str {
    let below = KEYS.iter().filter(|key| key.strip_prefix(section).is_some_and(|rest| rest.starts_with('.')));
    below.min_by_key(|key| key.len()).copied().unwrap_or_default()
}

/// The known key most similar to an unknown one: by the whole, by the first word or, if it has several, by the last
/// word.
fn most_like(unknown: &str) -> &'static str {
    let first = |key: &str| key.split('.').next().unwrap_or_default().to_owned();
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let has_several = unknown.contains('.');
    let likeness = |known: &&&str| {
        strsim::normalized_damerau_levenshtein(unknown, known)
            + strsim::normalized_damerau_levenshtein(&first(unknown), &first(known))
            + if has_several { strsim::normalized_damerau_levenshtein(&last(unknown), &last(known)) } else { 0.0 }
    };
    KEYS.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).copied().unwrap_or_default()
}

/// The known key closest to an unknown one, if close enough: by the whole, by a long last word, or by the only word.
pub(super) fn nearest(unknown: &str) -> Option<&'static str> {
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let known = most_like(unknown);
    let is_telling = last(unknown) == last(known) && last(known).len() >= TELLING_WORD;
    let first = known.split('.').next().unwrap_or_default();
    let is_only_word = !unknown.contains('.') && is_near(unknown, first);
    (is_near(unknown, known) || is_telling || is_only_word).then_some(known)
}

/// The field of a secret key closest to an unknown one, if close enough.
pub(super) fn nearest_secret_key_field(unknown: &str) -> Option<&'static str> {
    SECRET_KEY_FIELDS
        .into_iter()
        .filter(|known| is_near(unknown, known))
        .min_by_key(|known| strsim::damerau_levenshtein(unknown, known))
}

/// Returns `true` if at most a third of the letters differ.
fn is_near(unknown: &str, known: &str) -> bool {
    let length = unknown.chars().count().max(known.chars().count());
    strsim::damerau_levenshtein(unknown, known) <= length.div_ceil(3)
}

/// The environment variable that sets a key.
pub(super) fn variable(key: &str) -> String {
    format!("{}{}", super::layers::PREFIX, key.to_uppercase().replace('.', "__"))
}
