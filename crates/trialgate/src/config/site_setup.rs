//! Builds the application page from its settings.

use std::fs;
use std::path::Path;

use trial_core::applications::Terms;
use trial_files::read_text;
use trial_http::{BrandColour, EmbedOrigin, Logo, SiteLink, SiteSettings};

use super::check::is_public_address;
use super::settings::{Callers, Settings};

/// Longest text of terms, in bytes: it is stored in one audit entry.
const MAX_TERMS: usize = 256 * 1024;
/// Longest name of a version, in characters.
const MAX_VERSION: usize = 64;

/// A problem of a key.
type Wrong = (&'static str, String);

/// Brand of the pages, and problems.
pub(super) fn site(settings: &Settings, base: &Path) -> (SiteSettings, Vec<Wrong>) {
    let mut wrong = Vec::new();
    let site = &settings.site;
    let usual = SiteSettings::default();
    let or = |text: &Option<String>, usual: String| text.clone().unwrap_or(usual);
    if site.name.trim().is_empty() {
        wrong.push(("site.name", "is empty".to_owned()));
    }
    let colour = site.colour.as_ref().map_or(Ok(usual.colour), |colour| colour.parse::<BrandColour>());
    let logo = site.logo.as_ref().map(|file| logo(&base.join(file))).transpose();
    let terms = terms(settings, base);
    for (label, url) in &site.links {
        let leads = url.starts_with("mailto:") || url.starts_with('/') || is_public_address(url);
        if label.trim().is_empty() || !leads {
            wrong.push((
                "site.links",
                format!("has {label:?}, which needs a label and an address that begins with https://, without user and password"),
            ));
        }
    }
    let mut embed_origins = Vec::new();
    for origin in &site.embed_origins {
        match origin.parse::<EmbedOrigin>() {
            Ok(origin) => embed_origins.push(origin),
            Err(error) => wrong.push(("site.embed_origins", format!("has {origin:?}, which {error}"))),
        }
    }
    let described = SiteSettings {
        name: site.name.clone(),
        colour: colour.unwrap_or_else(|error| {
            wrong.push(("site.colour", error.to_string()));
            usual.colour
        }),
        logo: logo.unwrap_or_else(|error| {
            wrong.push(("site.logo", error));
            None
        }),
        links: site.links.iter().map(|(label, url)| SiteLink { label: label.clone(), url: url.clone() }).collect(),
        terms: terms.unwrap_or_else(|problem| {
            wrong.push(problem);
            None
        }),
        embed_origins,
        portal_url: or(&settings.portal.url, usual.portal_url),
        support_contact: or(&settings.support.contact, usual.support_contact),
    };
    (described, wrong)
}

/// Returns `true` if there is an application page: with signed API clients it would let unsigned requests bypass them.
pub(super) fn has_apply(settings: &Settings) -> bool {
    settings.site.apply.unwrap_or(settings.http.callers == Callers::Open)
}

fn logo(file: &Path) -> Result<Logo, String> {
    let bytes = fs::read(file).map_err(|error| format!("cannot be read from {}: {error}", file.display()))?;
    Logo::new(file, bytes).map_err(|error| error.to_string())
}

fn terms(settings: &Settings, base: &Path) -> Result<Option<Terms>, Wrong> {
    let (version, file) = match (&settings.site.terms.version, &settings.site.terms.file) {
        (None, None) => return Ok(None),
        (Some(version), Some(file)) => (version.trim(), base.join(file)),
        (None, Some(_)) => return Err(("site.terms.version", "is missing beside `site.terms.file`".to_owned())),
        (Some(_), None) => return Err(("site.terms.file", "is missing beside `site.terms.version`".to_owned())),
    };
    if version.is_empty() || version.chars().count() > MAX_VERSION {
        return Err(("site.terms.version", format!("must have 1 to {MAX_VERSION} characters, such as \"2026-01\"")));
    }
    let read = read_text(&file);
    let text = read.map_err(|error| ("site.terms.file", format!("cannot be read from {}: {error}", file.display())))?;
    if text.trim().is_empty() || text.len() > MAX_TERMS {
        return Err(("site.terms.file", format!("must hold 1 to {MAX_TERMS} bytes of text: {}", file.display())));
    }
    Ok(Some(Terms::new(version.to_owned(), text)))
}
