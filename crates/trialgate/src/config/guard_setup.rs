//! The bot challenge before a code is sent, with its secret.

use std::time::Duration;

use trial_core::bot_challenge::AltchaCost;
use trial_http::CaptchaWidget;
use trial_outbound::captcha::{CaptchaProvider, SiteverifySettings};
use url::Url;

use super::Config;
use super::error::Problem;
use super::secret::ServiceUrl;
use super::site_settings::{SiteGuard, SiteverifyProvider};

/// Time-out of the verification; a visitor waits for it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The bot challenge before a code is sent.
#[derive(Debug)]
pub(crate) enum GuardSetup {
    /// Proof of work by the browser.
    Altcha(AltchaCost),
    /// A CAPTCHA.
    Siteverify {
        /// The provider's verification interface.
        settings: SiteverifySettings,
        /// The widget on the page.
        widget: Box<CaptchaWidget>,
    },
}

impl Config {
    /// The bot challenge, if configured; missing keys are recorded.
    pub(super) fn guard_setup(&self, problems: &mut Vec<Problem>) -> Option<GuardSetup> {
        match self.settings.site.guard {
            SiteGuard::Off => None,
            SiteGuard::Altcha => AltchaCost::new(self.settings.site.altcha.cost).map(GuardSetup::Altcha),
            SiteGuard::Siteverify => self.siteverify(problems),
        }
    }

    fn siteverify(&self, problems: &mut Vec<Problem>) -> Option<GuardSetup> {
        let given = &self.settings.site.siteverify;
        let provider = match given.provider {
            SiteverifyProvider::Turnstile => CaptchaProvider::Turnstile,
            SiteverifyProvider::HCaptcha => CaptchaProvider::HCaptcha,
            SiteverifyProvider::ReCaptcha => CaptchaProvider::ReCaptcha,
        };
        let missing =
            |key: &str| Problem::missing(format!("`site.siteverify.{key}` is missing; `site.guard` is \"siteverify\""));
        let site_key = given.site_key.clone().filter(|key| !key.trim().is_empty());
        if site_key.is_none() {
            problems.push(missing("site_key"));
        }
        let secret = match (&given.secret, &given.secret_file) {
            (Some(secret), _) => Some(secret.copied()),
            (None, Some(file)) => self.secret_of("site.siteverify.secret_file", file, problems),
            (None, None) => {
                problems.push(missing("secret"));
                None
            }
        };
        let url = given.verify_url.as_ref().map_or(provider.verify_url(), ServiceUrl::reveal).to_owned();
        let (site_key, secret) = (site_key?, secret?);
        let settings = SiteverifySettings { url, secret, timeout: TIMEOUT };
        let widget = Box::new(widget(provider, given.script_url.as_deref(), site_key));
        Some(GuardSetup::Siteverify { settings, widget })
    }
}

/// A script from another origin needs that origin besides the provider's.
fn widget(provider: CaptchaProvider, script: Option<&str>, site_key: String) -> CaptchaWidget {
    let elsewhere = script.and_then(|script| Url::parse(script).ok()).map(|url| url.origin().ascii_serialization());
    CaptchaWidget {
        script: script.unwrap_or(provider.script_url()).to_owned(),
        sources: provider.sources().iter().map(|&source| source.to_owned()).chain(elsewhere).collect(),
        class: provider.class().to_owned(),
        field: provider.field().to_owned(),
        object: provider.object().to_owned(),
        site_key,
    }
}
