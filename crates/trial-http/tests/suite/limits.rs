//! Limits per client address, on the runtime's paused clock.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use trial_core::policy::{AddressLimits, Overrides, SettingKey, SettingValue, SettingsInForce};
use trial_http::{ClientAddressHeader, Site};

use crate::support::{APPLICATION, APPLY_PATH, CODE_REQUEST, Fixture, SEND_CODE_PATH, call, call_from, get, post};

fn limited(codes_per_hour: u32, applications_per_hour: u32, trusted: &[&str]) -> Site {
    let mut fixture = Fixture::agreeable();
    fixture.policy.limits.address = AddressLimits { codes_per_hour, applications_per_hour, failures_per_hour: 0 };
    fixture.settings.trusted_proxies = trusted.iter().map(|network| network.parse().unwrap()).collect();
    fixture.site()
}

fn code() -> TestRequest {
    post(SEND_CODE_PATH, CODE_REQUEST)
}

/// A change of a setting applies from the next request on.
#[tokio::test(start_paused = true)]
async fn another_limit_is_in_force_at_once() {
    let mut fixture = Fixture::agreeable();
    fixture.policy.limits.address =
        AddressLimits { codes_per_hour: 1, applications_per_hour: 60, failures_per_hour: 0 };
    let (parts, settings) = fixture.parts();
    let rules = Arc::clone(&parts.ops.policy);
    let site = Site::new(parts, settings);
    assert_eq!(call(&site, code()).await.status, StatusCode::OK);
    assert_eq!(call(&site, code()).await.status, StatusCode::TOO_MANY_REQUESTS);
    let key = SettingKey::AddressCodesPerHour;
    let overrides = Overrides::default().with(key, Some(SettingValue::Count(2)));
    assert!(rules.take(&SettingsInForce { number: 1, overrides }));
    for _ in 0..2 {
        assert_eq!(call(&site, code()).await.status, StatusCode::OK);
    }
    assert_eq!(call(&site, code()).await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(start_paused = true)]
async fn an_address_has_its_limit_at_once_and_again_with_time() {
    let site = limited(30, 60, &[]);
    for _ in 0..30 {
        assert_eq!(call_from(&site, "192.0.2.1", code()).await.status, StatusCode::OK);
    }
    let refused = call_from(&site, "192.0.2.1", code()).await;
    assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "120"));
    assert_eq!(call_from(&site, "192.0.2.2", code()).await.status, StatusCode::OK, "another address is free");
    for _ in 0..60 {
        let applied = call_from(&site, "192.0.2.1", post(APPLY_PATH, APPLICATION)).await;
        assert_eq!(applied.status, StatusCode::OK, "applications are counted apart");
    }
    let refused = call_from(&site, "192.0.2.1", post(APPLY_PATH, APPLICATION)).await;
    assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "60"));
    tokio::time::advance(Duration::from_mins(2)).await;
    assert_eq!(call_from(&site, "192.0.2.1", code()).await.status, StatusCode::OK);
}

/// A request with a malformed body is counted apart from code requests.
#[tokio::test(start_paused = true)]
async fn a_malformed_request_takes_from_a_budget_of_its_own() {
    let mut fixture = Fixture::agreeable();
    fixture.policy.limits.address = AddressLimits { codes_per_hour: 1, applications_per_hour: 1, failures_per_hour: 4 };
    let site = fixture.site();
    let text = || TestRequest::post().uri(SEND_CODE_PATH).insert_header(("content-type", "text/plain"));
    for (request, status) in [
        (post(SEND_CODE_PATH, "nonsense"), 400),
        (post(APPLY_PATH, CODE_REQUEST), 400),
        (code(), 200),
        (code(), 429),
        (post(APPLY_PATH, "x".repeat(20_000)), 413),
        (text(), 429),
        (post(APPLY_PATH, APPLICATION), 200),
    ] {
        assert_eq!(call_from(&site, "192.0.2.1", request).await.status.as_u16(), status);
    }
    assert_eq!(call_from(&site, "192.0.2.1", get(SEND_CODE_PATH)).await.status, StatusCode::METHOD_NOT_ALLOWED);
    tokio::time::advance(Duration::from_hours(1)).await;
    for _ in 0..4 {
        assert_eq!(call_from(&site, "192.0.2.1", text()).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let oversized = call_from(&site, "192.0.2.1", post(APPLY_PATH, "x".repeat(20_000))).await;
    assert_eq!(oversized.status, StatusCode::PAYLOAD_TOO_LARGE, "the size comes before the sender");
    for request in [text(), post(APPLY_PATH, "nonsense"), code(), post(APPLY_PATH, APPLICATION)] {
        let refused = call_from(&site, "192.0.2.1", request).await;
        assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "900"));
        assert!(refused.body.contains("without a valid body"), "refused unread: {}", refused.body);
    }
    assert_eq!(call_from(&site, "192.0.2.2", code()).await.status, StatusCode::OK, "another address is free");
}

/// Their sender is unknown, on every page.
#[tokio::test(start_paused = true)]
async fn malformed_forms_of_every_page_for_strangers_take_from_one_budget() {
    let mut fixture = Fixture::agreeable();
    let paths = ["/apply", "/portal/sign-in", "/portal/lost", "/portal/new-password", "/console/sign-in"];
    fixture.policy.limits.address.failures_per_hour = 2 * u32::try_from(paths.len()).unwrap();
    let site = fixture.site();
    let text = |path: &str| TestRequest::post().uri(path).insert_header(("content-type", "text/plain"));
    let form = "application/x-www-form-urlencoded";
    let many =
        |path: &str| TestRequest::post().uri(path).insert_header(("content-type", form)).set_payload("x=&".repeat(65));
    for path in paths {
        assert_eq!(call_from(&site, "192.0.2.1", text(path)).await.status.as_u16(), 415, "{path}");
        assert_eq!(call_from(&site, "192.0.2.1", many(path)).await.status.as_u16(), 400, "{path}");
    }
    for path in paths {
        let refused = call_from(&site, "192.0.2.1", text(path)).await;
        assert_eq!((refused.status.as_u16(), refused.header("retry-after").is_empty()), (429, false), "{path}");
        assert_eq!(call_from(&site, "192.0.2.2", many(path)).await.status.as_u16(), 400, "{path}");
    }
}

/// A back end stands for many visitors. An exempt address is counted as the address it is, whatever a header claims.
#[tokio::test(start_paused = true)]
async fn an_exempt_address_has_no_limit() {
    let mut fixture = Fixture::agreeable();
    fixture.policy.limits.address = AddressLimits { codes_per_hour: 1, applications_per_hour: 1, failures_per_hour: 1 };
    fixture.settings.exempt_addresses = vec!["203.0.113.0/28".parse().unwrap()];
    fixture.settings.trusted_proxies = vec!["10.0.0.1/32".parse().unwrap()];
    let site = fixture.site();
    for _ in 0..20 {
        assert_eq!(call_from(&site, "203.0.113.7", code()).await.status, StatusCode::OK);
        assert_eq!(call_from(&site, "::ffff:203.0.113.7", post(APPLY_PATH, APPLICATION)).await.status, StatusCode::OK);
        assert_eq!(call_from(&site, "203.0.113.7", post(SEND_CODE_PATH, "x")).await.status, StatusCode::BAD_REQUEST);
        let by_proxy = code().insert_header(("x-forwarded-for", "203.0.113.7"));
        assert_eq!(call_from(&site, "10.0.0.1", by_proxy).await.status, StatusCode::OK);
    }
    for status in [StatusCode::OK, StatusCode::TOO_MANY_REQUESTS] {
        let claimed = code().insert_header(("x-forwarded-for", "203.0.113.7"));
        assert_eq!(call_from(&site, "198.51.100.1", claimed).await.status, status);
        assert_eq!(call_from(&site, "203.0.113.16", code()).await.status, status);
    }
}

#[tokio::test(start_paused = true)]
async fn zero_turns_a_limit_off() {
    let site = limited(0, 1, &[]);
    for _ in 0..100 {
        assert_eq!(call_from(&site, "192.0.2.1", code()).await.status, StatusCode::OK);
    }
}

#[tokio::test(start_paused = true)]
async fn behind_a_trusted_proxy_its_clients_are_counted() {
    let site = limited(1, 0, &["10.0.0.0/8"]);
    let by_way_of = async |peer: &'static str, forwarded: &'static str| {
        call_from(&site, peer, code().insert_header(("x-forwarded-for", forwarded))).await.status.as_u16()
    };
    assert_eq!(by_way_of("10.0.0.1", "198.51.100.1").await, 200);
    assert_eq!(by_way_of("10.0.0.2", "192.0.2.66, 198.51.100.1").await, 429, "what a client claims counts for nothing");
    assert_eq!(by_way_of("10.0.0.1", "198.51.100.2, 10.9.9.9").await, 200);
    assert_eq!(by_way_of("203.0.113.1", "198.51.100.3").await, 200);
    assert_eq!(by_way_of("203.0.113.1", "198.51.100.4").await, 429, "a stranger is counted itself");
    assert_eq!(by_way_of("::ffff:203.0.113.1", "198.51.100.5").await, 429, "by IPv6 too");
}

/// nginx writes one of the headers and passes the other on as the client forged it.
#[tokio::test(start_paused = true)]
async fn one_header_alone_names_the_client_of_a_trusted_proxy() {
    for (header, read, ignored) in [
        (ClientAddressHeader::XForwardedFor, ("x-forwarded-for", "198.51.100.1"), "forwarded"),
        (ClientAddressHeader::Forwarded, ("forwarded", "for=198.51.100.1"), "x-forwarded-for"),
    ] {
        let mut fixture = Fixture::agreeable();
        fixture.policy.limits.address =
            AddressLimits { codes_per_hour: 1, applications_per_hour: 0, failures_per_hour: 0 };
        fixture.settings.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        fixture.settings.client_address_header = header;
        let site = fixture.site();
        let mut given = Vec::new();
        for other in ["192.0.2.1", "for=192.0.2.2"] {
            let request = code().insert_header(read).insert_header((ignored, other));
            given.push(call_from(&site, "10.0.0.1", request).await.status.as_u16());
            let request = code().insert_header((ignored, other));
            given.push(call_from(&site, "10.0.0.1", request).await.status.as_u16());
        }
        assert_eq!(given, [200, 200, 429, 429], "{header:?}: the proxy itself, and its one client");
    }
}

/// A /64 has the limit, a /56 four times that, a /48 sixteen times; an IPv4 address counts as itself in every notation.
#[tokio::test(start_paused = true)]
async fn the_addresses_of_one_network_are_counted_together() {
    let site = limited(1, 0, &[]);
    let ask = async |peer: &str| call_from(&site, peer, code()).await.status.as_u16();
    assert_eq!(ask("2001:db8::1").await, 200);
    assert_eq!(ask("2001:db8::ffff:2").await, 429);
    for (subnet, status) in [(1, 200), (2, 200), (3, 200), (4, 429), (0x100, 200)] {
        assert_eq!(ask(&format!("2001:db8:0:{subnet:x}::1")).await, status, "{subnet}");
    }
    for subnet in 2..13 {
        assert_eq!(ask(&format!("2001:db8:0:{subnet:x}00::1")).await, 200, "{subnet}");
    }
    assert_eq!(ask("2001:db8:0:ff00::1").await, 429, "16 of this /48");
    assert_eq!(ask("2001:db8:1::1").await, 200, "another /48");
    for (form, status) in [("64:ff9b::192.0.2.33", 200), ("192.0.2.33", 429), ("2002:c000:221::1", 429)] {
        assert_eq!(ask(form).await, status, "{form}");
    }
}
