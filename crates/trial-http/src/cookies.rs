//! What cookies of sessions have in common.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};

/// The cookie of a session. No script reads it, it belongs to this host alone, and to no other that is reached by its name.
pub(crate) struct SessionCookie {
    /// With the prefix `__Host-`, by which browsers hold us to that.
    pub(crate) name: &'static str,
    /// What it is called for whoever is on this machine, whose browser has no TLS to speak to.
    pub(crate) name_here: &'static str,
    /// Which other sites have it sent.
    pub(crate) same_site: SameSite,
}

impl SessionCookie {
    /// The cookie that a browser shows, whatever it is worth.
    pub(crate) fn shown(&self, request: &HttpRequest) -> Option<Cookie<'static>> {
        request.cookie(self.name_for(request))
    }

    /// The cookie that a browser is given.
    pub(crate) fn given(&self, request: &HttpRequest, secret: &str) -> Cookie<'static> {
        Cookie::build(self.name_for(request), secret.to_owned())
            .path("/")
            .http_only(true)
            .same_site(self.same_site)
            .secure(!is_here(request))
            .finish()
    }

    fn name_for(&self, request: &HttpRequest) -> &'static str {
        if is_here(request) { self.name_here } else { self.name }
    }
}

/// Whether the browser is on this machine and speaks to it by a name of its own: it has no TLS to speak to, so that its cookies
/// cannot be `Secure`.
fn is_here(request: &HttpRequest) -> bool {
    let host = request.connection_info().host().to_owned();
    let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}
