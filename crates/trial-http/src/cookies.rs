//! Session cookies and their `Secure` attribute.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};

use crate::site::State;

/// A session cookie: hidden from scripts and bound to this host. Whether it is `Secure` depends on the settings, never
/// on a header of the request, which a client or proxy can forge.
pub(crate) struct SessionCookie {
    /// Name with the prefix `__Host-`, which makes browsers enforce these attributes.
    pub(crate) name: &'static str,
    /// Name without TLS, where a cookie cannot be `Secure`.
    pub(crate) plain_name: &'static str,
    /// Which other sites' requests may carry it.
    pub(crate) same_site: SameSite,
}

impl SessionCookie {
    /// The cookie in a request, not verified.
    pub(crate) fn shown(&self, request: &HttpRequest, state: &State) -> Option<Cookie<'static>> {
        request.cookie(self.name(state))
    }

    /// The cookie to set.
    pub(crate) fn given(&self, state: &State, secret: &str) -> Cookie<'static> {
        Cookie::build(self.name(state), secret.to_owned())
            .path("/")
            .http_only(true)
            .same_site(self.same_site)
            .secure(state.settings.secure_cookies)
            .finish()
    }

    fn name(&self, state: &State) -> &'static str {
        if state.settings.secure_cookies { self.name } else { self.plain_name }
    }
}
