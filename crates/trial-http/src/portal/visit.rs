//! The signed-in owner of a portal page.

use actix_web::HttpRequest;
use actix_web::cookie::SameSite;
use trial_core::operators::PortalSecret;
use trial_core::portal::PortalAccount;
use trial_core::tenants::Tenant;

use super::pages::{NewSession, Page};
use super::{Reception, Refused, failed};
use crate::cookies::SessionCookie;
use crate::fields::Fields;
use crate::site::State;

/// The session cookie. A link in a mail may carry it along: viewing changes nothing, and every form is checked.
pub(super) const SESSION: SessionCookie =
    SessionCookie { name: "__Host-trialgate_portal", plain_name: "trialgate_portal", same_site: SameSite::Lax };

/// A page request of a signed-in owner.
pub(super) struct Visit<'a> {
    pub(super) request: &'a HttpRequest,
    pub(super) state: &'a State,
    pub(super) reception: &'a Reception,
    pub(super) page: Page<'a>,
    pub(super) account: PortalAccount,
    pub(super) secret: PortalSecret,
}

impl<'a> Visit<'a> {
    /// Authenticates the owner by the session.
    pub(super) async fn of(
        request: &'a HttpRequest,
        state: &'a State,
        reception: &'a Reception,
    ) -> Result<Self, Refused> {
        let cookie = SESSION.shown(request, state).ok_or(Refused::SignIn)?;
        let secret = PortalSecret::parse(cookie.value()).ok_or(Refused::SignIn)?;
        let accounts = &reception.parts.accounts;
        let found = accounts.portal_session(secret.hash()).await.map_err(failed)?;
        let (session, account) = found.ok_or(Refused::SignIn)?;
        let now = state.clock.now();
        if !session.secret.matches(&secret.hash()) || !session.lets_in(&account, now) {
            return Err(Refused::SignIn);
        }
        if session.is_to_be_noted(now) {
            accounts.note_portal_session(session.secret, now).await.map_err(failed)?;
        }
        let signed_in =
            NewSession { account: Tenant::account_name(account.tenant.id), csrf: secret.csrf().as_str().to_owned() };
        let page = Page { signed_in: Some(signed_in), ..Page::of(request, &reception.parts.site) };
        Ok(Self { request, state, reception, page, account, secret })
    }

    /// Requires that the owner has chosen a password.
    pub(super) fn whole(self) -> Result<Self, Refused> {
        if self.account.must_choose() { Err(Refused::ChooseFirst) } else { Ok(self) }
    }

    /// Checks the anti-forgery token of a form.
    pub(super) fn check(&self, form: &Fields) -> Result<(), Refused> {
        if self.secret.csrf().is(&form.text("csrf")) { Ok(()) } else { Err(Refused::Forbidden) }
    }
}
