//! Claims of a request about itself, and the trust in them.

use actix_web::http::header::HeaderValue;
use actix_web::test::TestRequest;
use trial_core::operators::Role;
use trial_core::tenants::Tenant;
use trial_http::SiteSettings;
use trial_testkit::data;

use crate::ops::House;
use crate::support::{Answer, Fixture, call, get};

fn form(path: &str, fields: &[(&str, &str)]) -> TestRequest {
    TestRequest::post().uri(path).set_form(fields)
}

/// The sign-ins of an operator and of an owner, each with its credentials.
fn sign_ins(house: &House) -> [TestRequest; 2] {
    let tenant = house.ledger.state().tenants[&house.tenant].clone();
    let password = data::keyring().password(&tenant.key_id, tenant.id, tenant.password_issue).unwrap();
    let (account, token) = (Tenant::account_name(house.tenant), data::operator_token(1));
    [
        form("/console/sign-in", &[("token", token.as_str())]),
        form("/portal/sign-in", &[("account", account.as_str()), ("password", password.reveal())]),
    ]
}

fn is_forbidden(answer: &Answer) -> bool {
    answer.status == 403 && answer.header("set-cookie").is_empty()
}

/// Headers by which a client, or nginx's default upstream, would claim the browser's address.
const CLAIMS: [(&str, &str); 9] = [
    ("host", "127.0.0.1"),
    ("host", "localhost:8080"),
    ("host", "[::1]"),
    ("forwarded", "host=localhost;proto=http"),
    ("forwarded", "proto=https;host=trial.example.com"),
    ("x-forwarded-host", "127.0.0.1"),
    ("x-forwarded-host", "trial.example.com"),
    ("x-forwarded-proto", "http"),
    ("x-forwarded-proto", "https"),
];

#[actix_web::test]
async fn no_header_decides_whether_a_cookie_is_secure() {
    for secure in [true, false] {
        // A proxy that is trusted for the client's address is not trusted for this.
        let house = House::with(|settings| {
            settings.secure_cookies = secure;
            settings.trusted_proxies = vec!["192.0.2.0/24".parse().unwrap()];
        })
        .await;
        for claim in CLAIMS {
            for request in sign_ins(&house) {
                let entered = call(&house.site, request.insert_header(claim)).await;
                assert_eq!(entered.status, 303, "{claim:?}: {}", entered.body);
                let cookie = entered.header("set-cookie");
                let is = (cookie.starts_with("__Host-"), cookie.contains("; Secure"));
                assert_eq!(is, (secure, secure), "{claim:?}: {cookie}");
            }
        }
    }
}

#[actix_web::test]
async fn nobody_is_signed_in_by_another_website() {
    let house = House::new().await;
    for claim in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example")]
    {
        for request in sign_ins(&house) {
            let refused = call(&house.site, request.insert_header(claim)).await;
            assert!(is_forbidden(&refused), "{claim:?}: {} {}", refused.status, refused.body);
            assert!(refused.body.contains("reload the page"), "{}", refused.body);
        }
    }
    // A page that hides its origin behind a proxy that renames the host; a person who opens the address; a program.
    for claims in [
        vec![("sec-fetch-site", "same-origin"), ("origin", "null"), ("host", "127.0.0.1:8080")],
        vec![("sec-fetch-site", "none")],
        vec![("origin", "http://ops.example.com"), ("host", "ops.example.com")],
        vec![],
    ] {
        for request in sign_ins(&house) {
            let request = claims.iter().fold(request, |request, claim| request.insert_header(*claim));
            assert_eq!(call(&house.site, request).await.status, 303, "{claims:?}");
        }
    }
}

/// No page reads a form of another website.
#[actix_web::test]
async fn every_form_of_another_website_is_refused_unread() {
    let house = House::new().await;
    let operator = house.get(Role::Admin, "/ops/v1/me").await;
    assert_eq!(operator.status, 200);
    for path in [
        "/console/sign-in",
        "/console/sign-out",
        "/console/settings/quota",
        "/console/access-codes/import",
        "/console/nowhere",
        "/portal/sign-in",
        "/portal/lost",
        "/portal/new-password",
        "/portal/password",
        "/portal/conversion",
        "/portal/sign-out",
        "/apply",
    ] {
        let endless = TestRequest::post().uri(path).insert_header(("content-length", "10000000000"));
        let refused = call(&house.site, endless.insert_header(("sec-fetch-site", "cross-site"))).await;
        assert!(is_forbidden(&refused), "{path}: {} {}", refused.status, refused.body);
    }
    // Pages whose forms send their origin, also without `Sec-Fetch-Site`.
    for path in ["/console/sign-in", "/portal/sign-in", "/apply"] {
        assert_eq!(call(&house.site, get(path)).await.header("referrer-policy"), "strict-origin", "{path}");
    }
}

#[actix_web::test]
async fn the_form_is_taken_from_the_websites_that_may_show_it_and_from_no_other() {
    let mut fixture = Fixture::agreeable();
    let origins = vec!["https://www.example.com".parse().unwrap()];
    fixture.settings.site = Some(SiteSettings { embed_origins: origins, ..SiteSettings::default() });
    fixture.settings.public_origin = Some("https://trial.example.com".to_owned());
    let site = fixture.site();
    let code = || form("/apply", &[("step", "code"), ("phone", "16673280001")]);
    for (site_header, origin, status) in [
        (Some("same-origin"), "https://trial.example.com", 200),
        (Some("cross-site"), "https://www.example.com", 200),
        (Some("cross-site"), "https://evil.example", 403),
        (Some("cross-site"), "null", 403),
        (None, "https://trial.example.com", 200),
        (None, "https://www.example.com", 200),
        (None, "https://evil.example", 403),
    ] {
        let request = code().insert_header(("origin", origin)).insert_header(("host", "internal:8080"));
        let request = match site_header {
            Some(value) => request.insert_header(("sec-fetch-site", value)),
            None => request,
        };
        assert_eq!(call(&site, request).await.status.as_u16(), status, "{site_header:?} {origin}");
    }
}

/// A program that trusts the first is answered differently from one that trusts the second.
#[actix_web::test]
async fn a_host_is_named_once() {
    let site = Fixture::agreeable().site();
    let asked = |target: &str, hosts: &[&str]| {
        let request = hosts.iter().fold(get(target), |request, host| {
            request.append_header(("host", HeaderValue::from_bytes(host.as_bytes()).unwrap()))
        });
        call(&site, request)
    };
    for (target, hosts, status) in [
        ("/docs/", vec!["a.example"], 200),
        ("/docs/", vec!["a.example", "a.example"], 400),
        ("/docs/", vec!["a.example", "b.example"], 400),
        ("/docs/", vec!["a.example", "\u{e9}"], 400),
        ("http://a.example/docs/", vec!["a.example"], 200),
        ("http://a.example/docs/", vec!["A.EXAMPLE"], 200),
        ("http://a.example/docs/", vec![], 200),
        ("http://a.example/docs/", vec!["b.example"], 400),
        ("http://a.example:81/docs/", vec!["a.example"], 400),
        ("http://u@a.example/docs/", vec!["a.example"], 400),
    ] {
        let answer = asked(target, &hosts).await;
        assert_eq!(answer.status.as_u16(), status, "{target} {hosts:?}");
        if status == 400 {
            assert_eq!(answer.json()["type"], "urn:trialgate:problem:malformed-request");
        }
    }
}
