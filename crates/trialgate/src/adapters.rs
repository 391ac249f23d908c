//! Builds mail transports, the platform's webhook and the bot challenge from the configuration.

use std::sync::Arc;

use anyhow::Context;
use trial_core::ports::Clock;
use trial_mail::{DkimSettings, MailSetting, SmtpMailer, SmtpSettings, SmtpSettingsError, Templates};
use trial_outbound::captcha::{Siteverify, SiteverifySettings};
use trial_outbound::webhooks::{SystemLookup, WebhookPlatform};
use trial_sandbox::Inbox;

use crate::config::{Config, SMTP_TIMEOUT, SmtpSetup, WebhookSetup, Wording};

/// The inbox of captured messages, beside the database.
///
/// # Errors
/// The inbox cannot be used, or another process uses it.
pub(crate) fn inbox(config: &Config) -> anyhow::Result<Arc<Inbox>> {
    Ok(Arc::new(Inbox::open(&config.inbox()).context("cannot capture messages")?))
}

/// The mailer to an SMTP server.
///
/// # Errors
/// The settings are invalid, or a template is broken.
pub(crate) fn smtp_mailer(smtp: &SmtpSetup, wording: Wording) -> anyhow::Result<SmtpMailer> {
    let dkim = smtp.dkim.as_ref().map(|dkim| DkimSettings {
        domain: dkim.domain.clone(),
        selector: dkim.selector.clone(),
        key_pem: dkim.key_pem.clone(),
    });
    let settings = SmtpSettings {
        url: smtp.url.clone(),
        password: smtp.password.clone(),
        from: smtp.from.clone(),
        reply_to: smtp.reply_to.clone(),
        envelope_from: smtp.envelope_from.clone(),
        extra_roots_pem: smtp.ca.as_ref().map(|pem| pem.as_bytes().to_vec()),
        dkim,
        hello_name: smtp.hello_name.clone(),
        timeout: SMTP_TIMEOUT,
        final_timeout: smtp.final_timeout,
    };
    SmtpMailer::new(settings, templates(wording)?).map_err(|error| {
        let key = smtp_key(&error);
        anyhow::Error::new(error).context(format!("`{key}` cannot be used"))
    })
}

/// The key that a fault of the SMTP settings is about.
const fn smtp_key(error: &SmtpSettingsError) -> &'static str {
    match error {
        SmtpSettingsError::Url(_) | SmtpSettingsError::Tls(_) => "mail.smtp_url",
        SmtpSettingsError::Password(_) => "mail.smtp_password",
        SmtpSettingsError::From => "mail.from",
        SmtpSettingsError::ReplyTo => "mail.reply_to",
        SmtpSettingsError::EnvelopeFrom => "mail.envelope_from",
        SmtpSettingsError::Roots => "mail.smtp_ca_file",
        SmtpSettingsError::Dkim(_) => "mail.dkim",
        SmtpSettingsError::HelloName(_) => "mail.hello_name",
        SmtpSettingsError::Timeout => "mail.final_timeout",
    }
}

/// The mail templates, each rendered once as a check.
///
/// # Errors
/// A template is broken; the message names it and the place.
pub(crate) fn templates(wording: Wording) -> anyhow::Result<Templates> {
    let Wording { portal_url, support_contact, timezone, templates } = wording;
    let setting = MailSetting { portal_url, support_contact, timezone };
    match templates {
        None => Templates::built_in(setting).context("`portal.url` or `support.contact` cannot be used in a mail"),
        Some(directory) => Templates::load(setting, &directory).context("`mail.templates_dir` cannot be used"),
    }
}

/// The platform's webhook.
///
/// # Errors
/// Its settings are invalid, or TLS cannot be used.
pub(crate) fn webhook_platform(setup: &WebhookSetup, clock: Arc<dyn Clock>) -> anyhow::Result<WebhookPlatform> {
    let platform = WebhookPlatform::new(setup.settings.clone(), clock, Arc::new(SystemLookup));
    platform.context("`platform.webhook` cannot be used")
}

/// The client of the CAPTCHA provider's verification interface.
pub(crate) fn siteverify(settings: SiteverifySettings) -> anyhow::Result<Siteverify> {
    Siteverify::new(settings).context("`site.siteverify` cannot be used")
}
