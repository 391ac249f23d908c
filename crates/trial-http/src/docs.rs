//! The interface documentation in the browser. Every asset is compiled in; the page loads nothing from elsewhere.

use std::sync::{Arc, LazyLock};

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue};
use actix_web::web::{Bytes, Path};
use actix_web::{HttpRequest, HttpResponse};
use utoipa_swagger_ui::{Config, SwaggerFile, Url};

use crate::problem::{Kind, Problem};
use crate::site::Face;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// No validator: the default one is an external service, which must not see the document.
fn config() -> Config<'static> {
    Config::new([Url::new("Public", "/openapi.json"), Url::new("Operations", "/ops/openapi.json")])
        .validator_url("none")
}

/// The page for interfaces on the same listener.
static TO_TRY: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| Arc::new(config().try_it_out_enabled(true)));
/// The page for interfaces on another listener, to which it cannot send requests.
static TO_READ: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(config().supported_submit_methods(Vec::<String>::new())));

/// `GET /docs/…`.
pub(crate) async fn file(request: HttpRequest, name: Path<String>) -> HttpResponse {
    let config = if request.app_data() == Some(&Face::Whole) { &TO_TRY } else { &TO_READ };
    match utoipa_swagger_ui::serve(&name, Arc::clone(config)) {
        Ok(Some(file)) => response(file),
        Ok(None) => Problem::new(Kind::NotFound).detail("the documentation has no such file").response(&request),
        Err(_) => Problem::new(Kind::Unexpected).response(&request),
    }
}

fn response(file: SwaggerFile<'static>) -> HttpResponse {
    let bytes = match file.bytes {
        std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        std::borrow::Cow::Owned(bytes) => bytes.into(),
    };
    HttpResponse::Ok()
        .content_type(file.content_type)
        .insert_header((CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)))
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("max-age=3600")))
        .body(bytes)
}
