//! Templates of the portal.

use actix_web::HttpRequest;
use askama::Template;
use trial_core::values::Locale;

use super::LANGUAGE;
use crate::SiteSettings;
use crate::fields::Fields;
use crate::messages::{in_locale, page_locale};

/// Common parts of every page.
pub(super) struct Page<'a> {
    pub(super) site: &'a SiteSettings,
    pub(super) locale: Locale,
    /// The signed-in account, and the anti-forgery token of forms.
    pub(super) signed_in: Option<NewSession>,
    /// Confirmation of the last action.
    pub(super) said: Option<&'static str>,
}

/// The owner who is signed in.
pub(super) struct NewSession {
    pub(super) account: String,
    pub(super) csrf: String,
}

impl<'a> Page<'a> {
    /// In the chosen language, else the one that the browser prefers.
    pub(super) fn of(request: &HttpRequest, site: &'a SiteSettings) -> Self {
        let asked = Fields::of_query(request);
        let kept = request.cookie(LANGUAGE);
        let chosen = asked.given("lang").or_else(|| kept.as_ref().map(|kept| kept.value().to_owned()));
        let locale = page_locale(chosen.as_deref(), request.headers());
        let page = Self { site, locale, signed_in: None, said: None };
        let said = match asked.text("said").as_str() {
            "chosen" => Some(page.t("Password changed.", "密码已更改。")),
            "asked" => {
                Some(page.t("We have received your request and will contact you.", "您的申请已收到，我们将与您联系。"))
            }
            "withdrawn" => Some(page.t("Request withdrawn.", "您的申请已撤回。")),
            "signed-out" => Some(page.t("You are signed out.", "您已退出登录。")),
            _ => None,
        };
        Self { said, ..page }
    }

    pub(super) fn lang(&self) -> &'static str {
        self.locale.as_str()
    }

    pub(super) fn is_chinese(&self) -> bool {
        self.locale == Locale::ZhCn
    }

    /// One of two wordings.
    pub(super) fn t(&self, en: &'static str, zh: &'static str) -> &'static str {
        in_locale(self.locale, en, zh)
    }

    fn csrf(&self) -> &str {
        self.signed_in.as_ref().map_or("", |who| who.csrf.as_str())
    }
}

#[derive(Template)]
#[template(path = "portal/sign_in.html")]
pub(super) struct SignInPage<'a> {
    pub(super) page: &'a Page<'a>,
    pub(super) is_wrong: bool,
}

#[derive(Template)]
#[template(path = "portal/password.html")]
pub(super) struct PasswordPage<'a> {
    pub(super) page: &'a Page<'a>,
    /// `true` if the present password is the initial one, which has to be replaced.
    pub(super) is_first: bool,
    pub(super) wrong: Option<&'static str>,
    /// Minimum length of a password.
    pub(super) least: usize,
    pub(super) most: usize,
}

#[derive(Template)]
#[template(path = "portal/tenant.html")]
pub(super) struct TenantPage<'a> {
    pub(super) page: &'a Page<'a>,
    pub(super) status: &'static str,
    pub(super) company: &'a str,
    pub(super) phone: String,
    pub(super) email: String,
    pub(super) since: String,
    pub(super) access_codes: Vec<(&'static str, String)>,
    /// Dates of a trial and the days left.
    pub(super) trial: Option<Course>,
    /// Time of the owner's request for a conversion, if any.
    pub(super) asked: Option<String>,
}

#[derive(Template)]
#[template(path = "portal/lost.html")]
pub(super) struct LostPage<'a> {
    pub(super) page: &'a Page<'a>,
    pub(super) is_asked: bool,
}

#[derive(Template)]
#[template(path = "portal/new_password.html")]
pub(super) struct NewPasswordPage<'a> {
    pub(super) page: &'a Page<'a>,
    /// The account of the new password.
    pub(super) account: &'a str,
    /// The link that authenticates its owner.
    pub(super) link: &'a str,
    pub(super) wrong: Option<&'static str>,
    /// Minimum length of a password.
    pub(super) least: usize,
    pub(super) most: usize,
}

#[derive(Template)]
#[template(path = "portal/link_over.html")]
pub(super) struct LinkOverPage<'a> {
    pub(super) page: &'a Page<'a>,
}

/// Dates of a trial: its end, and those before and after.
pub(super) struct Course {
    pub(super) days_left: i64,
    pub(super) reminders: Vec<String>,
    pub(super) ends: String,
    pub(super) closes: String,
}

#[derive(Template)]
#[template(path = "portal/refused.html")]
pub(super) struct RefusedPage<'a> {
    pub(super) page: &'a Page<'a>,
    pub(super) words: &'a str,
}
