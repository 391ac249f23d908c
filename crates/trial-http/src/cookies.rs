//! What cookies of sessions have in common.

use actix_web::HttpRequest;

/// Whether the browser is on this machine and speaks to it by a name of its own: it has no TLS to speak to, so that its cookies
/// cannot be `Secure`.
pub(crate) fn is_here(request: &HttpRequest) -> bool {
    let host = request.connection_info().host().to_owned();
    let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}
