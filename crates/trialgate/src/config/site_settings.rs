//! Settings of the application page as written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trial_core::bot_challenge::ALTCHA_COST;
use trial_http::SiteSettings;

use super::secret::{Secret, ServiceUrl};

/// The application page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Site {
    /// Serves the page; it needs no signature, and its visitors are limited by their addresses alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "`true`, or `false` if `http.callers` is `\"signed\"`"))]
    pub(crate) apply: Option<bool>,
    /// The offerer's name.
    pub(crate) name: String,
    /// The colour of buttons and links; its contrast with white must be at least 4.5:1 (WCAG 2.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "`\"#RRGGBB\"`", "x-default" = "`\"#0b57a4\"`"))]
    pub(crate) colour: Option<String>,
    /// A picture beside the name: `.svg`, `.png`, `.jpg` or `.webp`, at most 64 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "path"))]
    pub(crate) logo: Option<PathBuf>,
    /// Links in the footer: `{ "Privacy" = "https://www.example.com/privacy" }`.
    #[schemars(extend("x-type" = "table of addresses by their labels"))]
    pub(crate) links: BTreeMap<String, String>,
    /// Websites that may embed the form by `/embed.js`, such as `"https://www.example.com"`; browsers refuse it
    /// elsewhere.
    #[schemars(extend("x-type" = "list of origins"))]
    pub(crate) embed_origins: Vec<String>,
    /// The [bot challenge](#bot-challenge) before a code is sent: none, proof of work, or a CAPTCHA.
    pub(crate) guard: SiteGuard,
    pub(crate) altcha: SiteAltcha,
    pub(crate) siteverify: SiteSiteverify,
    pub(crate) terms: SiteTerms,
}

/// The bot challenge before a code is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SiteGuard {
    #[default]
    Off,
    Altcha,
    Siteverify,
}

/// Cost of the proof of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SiteAltcha {
    /// Rounds of PBKDF2 for each attempt; a browser needs 256 attempts on average, Trialgate one to verify.
    #[schemars(range(min = 1, max = 20_000))]
    pub(crate) cost: u32,
}

/// A CAPTCHA and its verification interface.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SiteSiteverify {
    /// The provider: Cloudflare Turnstile, hCaptcha, or Google reCAPTCHA version 2.
    pub(crate) provider: SiteverifyProvider,
    /// The public key of your site.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "none; needed for `\"siteverify\"`"))]
    pub(crate) site_key: Option<String>,
    /// The secret that belongs to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "none; needed for `\"siteverify\"`"))]
    pub(crate) secret: Option<Secret>,
    /// A file with the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret_file: Option<PathBuf>,
    /// The address that verifies proofs, such as `"https://www.recaptcha.net/recaptcha/api/siteverify"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "URL", "x-default" = "the provider's"))]
    pub(crate) verify_url: Option<ServiceUrl>,
    /// The widget's script, such as `"https://www.recaptcha.net/recaptcha/api.js"`; the page permits its origin.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "URL", "x-default" = "the provider's"))]
    pub(crate) script_url: Option<String>,
}

/// Provider of the CAPTCHA, or of a compatible one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SiteverifyProvider {
    Turnstile,
    HCaptcha,
    ReCaptcha,
}

/// Terms that applicants accept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SiteTerms {
    /// The version of the terms, such as `"2026-01"`; both keys or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "text, at most 64 characters"))]
    pub(crate) version: Option<String>,
    /// The terms, as plain text of at most 256 KiB; applicants on the page have to agree to them.
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
