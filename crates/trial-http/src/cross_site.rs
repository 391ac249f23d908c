//! Refuses forms of other websites unread, sign-in included, by what the browser reports about their origin.
//!
//! `Sec-Fetch-Site` decides if it is sent, whatever `Origin` and `Host` are: it is right even if a page hides its
//! origin (`Origin: null`) or a proxy renames the host. Browsers without it send `Origin` with a form, which must be
//! that of `http.public_url` or of `Host`. Programs and browsers older than 2020 send neither: they pass, since no
//! website can make a program send a form, and forms of a session also carry a token.

use actix_web::http::header::{HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use actix_web::web::Data;
use actix_web::{Route, guard, web};

use crate::apply::EmbedOrigin;
use crate::site::State;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Referrer policy of pages with forms: other sites learn only the origin, and our own forms send it. Without a
/// referrer, `Origin` would be `null`, which older browsers and plain HTTP could not distinguish from a foreign one.
pub(crate) const REFERRERS: HeaderValue = HeaderValue::from_static("strict-origin");

/// A route for forms of our own pages, of these origins, and of programs. Forms of other websites fall through to the
/// resource's next route.
pub(crate) fn own_form(origins: fn(&State) -> &[EmbedOrigin]) -> Route {
    web::post().guard(guard::fn_guard(move |context| {
        let state = context.app_data::<Data<State>>();
        state.is_some_and(|state| {
            let own = state.settings.public_origin.as_deref();
            is_from_here(&context.head().headers, own, origins(state))
        })
    }))
}

/// Returns `true` if a form comes from a page of ours or of these origins, or from a program.
fn is_from_here(headers: &HeaderMap, own: Option<&str>, others: &[EmbedOrigin]) -> bool {
    // A repeated or non-text header is not evidence.
    let (Ok(site), Ok(origin)) = (only(headers, &SEC_FETCH_SITE), only(headers, &ORIGIN)) else { return false };
    if origin.is_some_and(|origin| others.iter().any(|other| other.as_str() == origin)) {
        return true;
    }
    match (site, origin) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, None) => true,
        (None, Some(origin)) => own == Some(origin) || is_of_host(origin, headers.get(HOST)),
    }
}

fn is_of_host(origin: &str, host: Option<&HeaderValue>) -> bool {
    let named = origin.split_once("://").map(|(_, named)| named.as_bytes());
    named.zip(host).is_some_and(|(named, host)| named.eq_ignore_ascii_case(host.as_bytes()))
}

/// The value of a header that may occur once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(drop),
        (Some(_), Some(_)) => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(lines: &[(&str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name.parse().unwrap(), HeaderValue::from_str(value).unwrap());
        }
        is_from_here(&headers, Some("https://trial.example.com"), &["https://www.example.com".parse().unwrap()])
    }

    #[test]
    fn where_a_form_comes_from_is_told_by_the_browser() {
        let (site, origin, host) = ("sec-fetch-site", "origin", ("host", "internal:8080"));
        for (lines, expected) in [
            // Programs, and browsers that say nothing.
            (vec![], true),
            (vec![host], true),
            // Our own page: one that keeps its origin to itself, one behind a proxy that renames the host, one that a person opened.
            (vec![(site, "same-origin"), host], true),
            (vec![(site, "same-origin"), (origin, "null"), host], true),
            (vec![(site, "same-origin"), (origin, "https://other.example"), host], true),
            (vec![(site, "none"), host], true),
            // Another website, be it one of the same domain, and whatever origin it has.
            (vec![(site, "cross-site"), host], false),
            (vec![(site, "cross-site"), (origin, "null"), host], false),
            (vec![(site, "cross-site"), (origin, "https://trial.example.com"), host], false),
            (vec![(site, "same-site"), (origin, "https://evil.example.com"), host], false),
            (vec![(site, "anything"), host], false),
            (vec![(site, ""), host], false),
            // The configured website.
            (vec![(site, "cross-site"), (origin, "https://www.example.com"), host], true),
            (vec![(origin, "https://www.example.com"), host], true),
            (vec![(origin, "https://www.example.com.evil.example"), host], false),
            // Browsers that send the origin alone.
            (vec![(origin, "https://trial.example.com"), host], true),
            (vec![(origin, "http://internal:8080"), host], true),
            (vec![(origin, "http://INTERNAL:8080"), host], true),
            (vec![(origin, "http://internal"), host], false),
            (vec![(origin, "https://evil.example"), host], false),
            (vec![(origin, "null"), host], false),
            (vec![(origin, "internal:8080"), host], false),
            (vec![(origin, "https://evil.example")], false),
            // What is given twice.
            (vec![(site, "same-origin"), (site, "cross-site"), host], false),
            (vec![(site, "same-origin"), (origin, "null"), (origin, "http://internal:8080"), host], false),
            (vec![(site, "same-origin\u{e9}"), host], false),
        ] {
            assert_eq!(passes(&lines), expected, "{lines:?}");
        }
    }
}
