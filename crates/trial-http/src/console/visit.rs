//! The signed-in operator of a page, and the common parts of every page.

use std::borrow::Borrow;

use actix_web::HttpRequest;
use actix_web::cookie::SameSite;
use actix_web::http::header::ACCEPT_LANGUAGE;
use trial_core::audit::ChangedBy;
use trial_core::operators::{Operator, Permission};
use trial_core::return_codes::ApplyCode;
use trial_engine::operations::{Disclosure, Operation, SignedInOperator};

use super::words::Language;
use super::{FOREIGN, Refused, failed};
use crate::cookies::SessionCookie;
use crate::fields::Fields;
use crate::ops::{Ops, revealed};
use crate::site::State;

/// The session cookie. Other sites cannot have it sent.
pub(super) const SESSION: SessionCookie =
    SessionCookie { name: "__Host-trialgate_session", plain_name: "trialgate_session", same_site: SameSite::Strict };

/// Common parts of every page.
#[derive(Clone)]
pub(super) struct Page {
    language: Language,
    /// The signed-in operator.
    pub(super) operator: Option<Operator>,
    /// Anti-forgery token of the page's forms.
    pub(super) csrf: String,
    /// Address of the page, to mark its menu entry.
    pub(super) path: String,
    /// Result of the last action.
    pub(super) said: Option<&'static str>,
}

/// A page request of a signed-in operator.
pub(super) struct Visit<'a> {
    pub(super) state: &'a State,
    pub(super) ops: &'a Ops,
    pub(super) page: Page,
    pub(super) query: Fields,
    pub(super) operator: Operator,
    visitor: SignedInOperator,
    pub(super) secret: String,
}

impl Page {
    pub(super) fn of_nobody(request: &HttpRequest) -> Self {
        let asked = Fields::of_query(request);
        let accepted = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let asked = asked.text("said");
        let said = SAID.iter().find(|(name, _)| *name == asked).map(|(_, words)| *words);
        Self {
            language: Language::of(accepted),
            operator: None,
            csrf: String::new(),
            path: request.path().to_owned(),
            said,
        }
    }

    /// The text in the reader's language.
    pub(super) fn t(&self, words: &'static str) -> &'static str {
        self.language.words(words)
    }

    /// Short name of a return code of `applyTenant`.
    pub(super) fn code(&self, code: impl Borrow<ApplyCode>) -> &'static str {
        let code: &ApplyCode = code.borrow();
        code.row().name.in_locale(self.language.locale())
    }

    pub(super) fn lang(&self) -> &'static str {
        self.language.tag()
    }

    /// Returns `true` if the role is sufficient for the operation of this id.
    pub(super) fn may(&self, id: &str) -> bool {
        let role = self.operator.as_ref().map(|operator| operator.role);
        role.zip(id.parse::<Operation>().ok()).is_some_and(|(role, operation)| operation.is_allowed(role))
    }

    /// Returns `true` if the role is sufficient to see phones and addresses in full.
    pub(super) fn may_reveal(&self) -> bool {
        self.operator.as_ref().is_some_and(|operator| operator.role.may(Permission::Reveal))
    }

    /// Returns `true` if the menu entry leads to this page.
    pub(super) fn is_at(&self, path: &str) -> bool {
        self.path == path || (path != "/console/" && self.path.starts_with(path))
    }
}

/// Results that a page can show, by the name in its address.
const SAID: [(&str, &str); 17] = [
    ("changed", "Tenant updated."),
    ("resent", "Account mail queued."),
    ("imported", "Access codes imported."),
    ("moved", "Access code updated."),
    ("retried", "The mail is sent again now."),
    ("all-retried", "The failed mails of that time are sent again now."),
    ("unlocked", "Phone unlocked."),
    ("released", "Number range unblocked."),
    ("safe", "Number range added to the safe list."),
    ("unsafe", "Number range removed from the safe list."),
    ("caller-suspended", "API client suspended."),
    ("caller-resumed", "API client resumed."),
    ("caller-limited", "Limits of the API client saved."),
    ("caller-removed", "API client removed."),
    ("threshold", "Daily e-mail limit saved."),
    ("setting", "Setting saved."),
    ("signed-out", "You are signed out."),
];

impl<'a> Visit<'a> {
    /// Authenticates the operator by the session.
    pub(super) async fn of(request: &'a HttpRequest, state: &'a State) -> Result<Self, Refused> {
        let ops = &state.ops;
        let secret = SESSION.shown(request, state).map(|cookie| cookie.value().to_owned()).ok_or(Refused::SignIn)?;
        let visitor = ops.access.by_session(&secret).await.map_err(failed)?.ok_or(Refused::SignIn)?;
        let operator = visitor.operator.clone();
        let page = Page {
            operator: Some(operator.clone()),
            csrf: visitor.csrf.as_str().to_owned(),
            ..Page::of_nobody(request)
        };
        Ok(Self { state, ops, page, query: Fields::of_query(request), operator, visitor, secret })
    }

    /// Checks the anti-forgery token of a form.
    pub(super) fn check(&self, csrf: &str) -> Result<(), Refused> {
        if self.visitor.csrf.is(csrf.trim()) { Ok(()) } else { Err(Refused::Forbidden(FOREIGN)) }
    }

    /// Checks that the role is sufficient.
    pub(super) fn may(&self, operation: Operation) -> Result<(), Refused> {
        self.requires(operation.permission())
    }

    fn requires(&self, permission: Permission) -> Result<(), Refused> {
        let is_allowed = self.operator.role.may(permission);
        if is_allowed { Ok(()) } else { Err(Refused::Forbidden("Your role does not allow this.")) }
    }

    /// This operator and the current time, for the audit.
    pub(super) fn changes(&self) -> ChangedBy {
        self.ops.access.changed_by(&self.operator)
    }

    /// Masks phones and addresses, or reveals them once that is recorded.
    pub(super) async fn disclosure(
        &self,
        reveal: bool,
        action: &'static str,
        subject: &str,
    ) -> Result<Disclosure, Refused> {
        if !reveal {
            return Ok(Disclosure::Masked);
        }
        self.requires(Permission::Reveal)?;
        Ok(revealed(self.ops, &self.operator, action, subject).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_operation_that_a_page_asks_for_exists() {
        let mut asked = 0;
        for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/console")).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            for rest in text.split("page.may(\"").skip(1) {
                let id = rest.split('"').next().unwrap();
                assert!(id.parse::<Operation>().is_ok(), "{id}");
                asked += 1;
            }
        }
        assert!(asked > 10, "{asked}");
    }
}
