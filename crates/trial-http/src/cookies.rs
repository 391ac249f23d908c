//! Cookies: what those of sessions have in common, and whether they are `Secure`.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};

use crate::site::State;

/// The cookie of a session. No script reads it, and it belongs to this host alone. Whether it is `Secure` is said by the settings,
/// never by a header of the request, which a client or a proxy between may write as it likes.
pub(crate) struct SessionCookie {
    /// With the prefix `__Host-`, by which browsers hold us to that.
    pub(crate) name: &'static str,
    /// The name where browsers come without TLS, to which no cookie can be `Secure`.
    pub(crate) plain_name: &'static str,
    /// Which other sites have it sent.
    pub(crate) same_site: SameSite,
}

impl SessionCookie {
    /// The cookie that a browser shows, whatever it is worth.
    pub(crate) fn shown(&self, request: &HttpRequest, state: &State) -> Option<Cookie<'static>> {
        request.cookie(self.name(state))
    }

    /// The cookie that a browser is given.
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
