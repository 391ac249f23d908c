//! Response headers of the application page.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY};

use super::EmbedOrigin;
use super::page::Page;
use crate::cross_site::REFERRERS;

/// Allows our own style sheet, script and logo, and the sources of the CAPTCHA widget.
pub(super) fn protect(response: &mut HttpResponse, page: &Page<'_>) {
    let headers = response.headers_mut();
    // Origins hold only characters that are valid in a header.
    if let Ok(policy) = HeaderValue::from_str(&policy(page)) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(REFERRER_POLICY, REFERRERS);
}

fn policy(page: &Page<'_>) -> String {
    let widget = page.widget.map(|widget| format!(" {}", widget.sources.join(" "))).unwrap_or_default();
    let frames = if widget.is_empty() { String::new() } else { format!("frame-src{widget}; ") };
    let ancestors = if page.is_embedded {
        page.site.embed_origins.iter().map(EmbedOrigin::as_str).collect::<Vec<_>>().join(" ")
    } else {
        "'none'".to_owned()
    };
    format!(
        "default-src 'none'; style-src 'self'{widget}; script-src 'self'{widget}; img-src 'self'; \
         connect-src 'self'{widget}; {frames}form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
    )
}
