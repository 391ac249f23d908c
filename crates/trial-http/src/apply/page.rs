//! Templates of the application page.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use trial_core::applications::Terms;
use trial_core::values::{Locale, RequestId, ServedCountry};

use super::SiteSettings;
use super::entered::{Entered, FieldProblem};
use super::policy::protect;
use super::words::Notice;
use crate::fields::Fields;
use crate::messages::{in_locale, page_locale};
use crate::settings::CaptchaWidget;
use crate::site::State;

/// Common parts of every page.
#[derive(Clone, Copy)]
pub(super) struct Page<'a> {
    pub(super) site: &'a SiteSettings,
    pub(super) locale: Locale,
    /// `true` if the page is embedded in another site.
    pub(super) is_embedded: bool,
    /// The CAPTCHA's script, if the form needs one.
    pub(super) widget: Option<&'a CaptchaWidget>,
}

impl<'a> Page<'a> {
    /// In the chosen language, else the one that the browser prefers.
    pub(super) fn of(request: &HttpRequest, site: &'a SiteSettings, sent: Option<&Fields>) -> Self {
        let asked = Fields::of_query(request);
        let chosen = sent.and_then(|fields| fields.given("lang")).or_else(|| asked.given("lang"));
        let locale = page_locale(chosen.as_deref(), request.headers());
        let is_embedded = sent.is_some_and(|fields| fields.given("embed").is_some()) || asked.given("embed").is_some();
        Self { site, locale, is_embedded: is_embedded && !site.embed_origins.is_empty(), widget: None }
    }

    fn lang(&self) -> &'static str {
        self.locale.as_str()
    }

    fn is_chinese(&self) -> bool {
        self.locale == Locale::ZhCn
    }

    /// One of two wordings.
    fn t(&self, en: &'static str, zh: &'static str) -> &'static str {
        in_locale(self.locale, en, zh)
    }
}

/// The form.
#[derive(Template)]
#[template(path = "site/apply.html")]
pub(super) struct ApplyForm<'a> {
    pub(super) page: Page<'a>,
    pub(super) countries: Vec<ServedCountry>,
    pub(super) entered: Entered,
    pub(super) problems: Vec<FieldProblem>,
    pub(super) notice: Option<Notice>,
    /// Request id for the visitor to quote.
    pub(super) request: Option<RequestId>,
    /// Seconds until another code can be requested.
    pub(super) wait: Option<u64>,
    /// `true` if there is a bot challenge, for which the browser has to send a proof.
    pub(super) is_guarded: bool,
}

impl<'a> ApplyForm<'a> {
    pub(super) fn new(page: Page<'a>, state: &'a State, entered: Entered) -> Self {
        let widget = state.guard.as_ref().and_then(|guard| guard.widget.as_ref());
        Self {
            page: Page { widget, ..page },
            countries: state.settings.phone.served(),
            entered,
            problems: Vec::new(),
            notice: None,
            request: None,
            wait: None,
            is_guarded: state.guard.is_some(),
        }
    }

    /// Returns `true` if a code was sent and has to be entered next.
    fn is_sent(&self) -> bool {
        self.notice.as_ref().is_some_and(|notice| notice.is_good)
    }

    /// The problem of a field, in words.
    fn problem(&self, field: &str) -> Option<&'static str> {
        self.problems.iter().find(|problem| problem.field == field).map(|problem| problem.words)
    }
}

/// The success page.
#[derive(Template)]
#[template(path = "site/applied.html")]
pub(super) struct Applied<'a> {
    pub(super) page: Page<'a>,
    pub(super) email: String,
}

/// The page of the terms.
#[derive(Template)]
#[template(path = "site/terms.html")]
pub(super) struct TermsPage<'a> {
    pub(super) page: Page<'a>,
    pub(super) terms: &'a Terms,
}

/// A page, and the origins that may embed it.
pub(super) trait Shown: Template {
    fn page(&self) -> &Page<'_>;
}

impl Shown for ApplyForm<'_> {
    fn page(&self) -> &Page<'_> {
        &self.page
    }
}

impl Shown for Applied<'_> {
    fn page(&self) -> &Page<'_> {
        &self.page
    }
}

impl Shown for TermsPage<'_> {
    fn page(&self) -> &Page<'_> {
        &self.page
    }
}

pub(super) fn rendered(status: StatusCode, template: &impl Shown) -> HttpResponse {
    let mut response = match template.render() {
        Ok(html) => HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html),
        Err(error) => {
            tracing::error!(%error, "the application page cannot be rendered");
            HttpResponse::InternalServerError().finish()
        }
    };
    protect(&mut response, template.page());
    response
}
