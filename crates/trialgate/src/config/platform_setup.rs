//! Settings of the platform's webhook, with its secrets.

use std::time::Duration;

use trial_core::platform::EndpointId;
use trial_core::privacy::check_url;
use trial_outbound::webhooks::{SigningSecret, UnusableWebhook, WebhookSettings};
use zeroize::Zeroizing;

use super::Config;
use super::error::Problem;
use super::secret::Secret;
use super::settings::PlatformKind;

/// Time-out of one webhook delivery.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(20);

/// A platform that is notified by webhooks.
#[derive(Debug, Clone)]
pub(crate) struct WebhookSetup {
    /// Address, secrets and time-out.
    pub(crate) settings: WebhookSettings,
    /// Identity of the endpoint, by which its state is stored.
    pub(crate) endpoint: EndpointId,
}

impl Config {
    /// The platform, if configured; missing keys are recorded.
    pub(crate) fn webhook_setup(&self, problems: &mut Vec<Problem>) -> Option<WebhookSetup> {
        let platform = &self.settings.platform;
        if platform.kind == PlatformKind::Local {
            return None;
        }
        let url = self.webhook_url(problems);
        if let Some(Err(error)) = url.as_deref().map(check_url) {
            problems.push(Problem::missing(format!("`platform.webhook.url_file`: the URL {error}")));
            return None;
        }
        let secrets = self.webhook_secrets(problems);
        let settings = WebhookSettings {
            url: url?,
            secrets: secrets?,
            allow_private_addresses: platform.webhook.allow_private_addresses,
            timeout: WEBHOOK_TIMEOUT,
        };
        if let Err(error) = settings.check() {
            let key = if matches!(error, UnusableWebhook::NoSecret) { "secrets" } else { "url" };
            problems.push(Problem::missing(format!("`platform.webhook.{key}`: {error}")));
            return None;
        }
        let endpoint = EndpointId::of_url(&settings.url);
        Some(WebhookSetup { settings, endpoint })
    }

    fn webhook_url(&self, problems: &mut Vec<Problem>) -> Option<String> {
        let webhook = &self.settings.platform.webhook;
        match (&webhook.url, &webhook.url_file) {
            (Some(url), _) => Some(url.reveal().to_owned()),
            (None, Some(file)) => {
                self.secret_of("platform.webhook.url_file", file, problems).map(|url| url.to_string())
            }
            (None, None) => {
                problems.push(Problem::missing("`platform.webhook.url` is missing; `platform.kind` is \"webhook\""));
                None
            }
        }
    }

    fn webhook_secrets(&self, problems: &mut Vec<Problem>) -> Option<Vec<SigningSecret>> {
        let webhook = &self.settings.platform.webhook;
        let (key, texts) = match &webhook.secrets_file {
            Some(file) => {
                let text = self.secret_of("platform.webhook.secrets_file", file, problems)?;
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                ("secrets_file", lines.map(|line| Zeroizing::new(line.to_owned())).collect())
            }
            None => ("secrets", webhook.secrets.iter().map(Secret::copied).collect::<Vec<_>>()),
        };
        if texts.is_empty() {
            let text =
                format!("`platform.webhook.{key}` is missing; `openssl rand -base64 32` makes what follows `whsec_`");
            problems.push(Problem::missing(text));
            return None;
        }
        let mut secrets = Vec::new();
        for (place, text) in texts.iter().enumerate() {
            match SigningSecret::parse(text) {
                Ok(secret) => secrets.push(secret),
                Err(error) => problems.push(Problem::missing(format!("`platform.webhook.{key}` [{place}]: {error}"))),
            }
        }
        (secrets.len() == texts.len()).then_some(secrets)
    }
}
