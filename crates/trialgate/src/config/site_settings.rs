//! Settings of the application page as written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use trial_core::bot_challenge::ALTCHA_COST;
use trial_http::SiteSettings;

use super::secret::{Secret, ServiceUrl};

/// The application page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Site {
    /// Default: enabled unless API clients have to sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) apply: Option<bool>,
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) colour: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) logo: Option<PathBuf>,
    pub(crate) links: BTreeMap<String, String>,
    pub(crate) embed_origins: Vec<String>,
    pub(crate) guard: SiteGuard,
    pub(crate) altcha: SiteAltcha,
    pub(crate) siteverify: SiteSiteverify,
    pub(crate) terms: SiteTerms,
}

/// The bot challenge before a code is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SiteGuard {
    #[default]
    Off,
    Altcha,
    Siteverify,
}

/// Cost of the proof of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SiteAltcha {
    pub(crate) cost: u32,
}

/// A CAPTCHA and its verification interface.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SiteSiteverify {
    pub(crate) provider: SiteverifyProvider,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) site_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verify_url: Option<ServiceUrl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) script_url: Option<String>,
}

/// Provider of the CAPTCHA, or of a compatible one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SiteverifyProvider {
    Turnstile,
    HCaptcha,
    ReCaptcha,
}

/// Terms that applicants accept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SiteTerms {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
}

impl Default for SiteAltcha {
    fn default() -> Self {
        Self { cost: ALTCHA_COST.rounds() }
    }
}

impl Default for SiteSiteverify {
    fn default() -> Self {
        Self {
            provider: SiteverifyProvider::Turnstile,
            site_key: None,
            secret: None,
            secret_file: None,
            verify_url: None,
            script_url: None,
        }
    }
}

impl Default for Site {
    fn default() -> Self {
        let name = SiteSettings::default().name;
        Self {
            apply: None,
            name,
            colour: None,
            logo: None,
            links: BTreeMap::new(),
            embed_origins: Vec::new(),
            guard: SiteGuard::default(),
            altcha: SiteAltcha::default(),
            siteverify: SiteSiteverify::default(),
            terms: SiteTerms::default(),
        }
    }
}
