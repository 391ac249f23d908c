//! The application page.

use std::sync::Arc;
use std::time::Duration;

use actix_web::test::TestRequest;
use trial_core::applications::Terms;
use trial_core::audit::AuditQuery;
use trial_core::bot_challenge::{BotChallengeUnusable, BotChallengeVerdict, ProofRefusal};
use trial_core::error::LedgerError;
use trial_core::policy::AddressLimits;
use trial_core::ports::{AuditTrail, MockBotChallenge, Unexpected};
use trial_core::return_codes::{ApplyCode, ApplyReply, CodeReply, SendCode};
use trial_core::values::Locale;
use trial_http::{CaptchaWidget, Logo, PageGuard, Site, SiteLink, SiteSettings};
use trial_testkit::MemoryLedger;

use crate::support::{self, Answer, CODE_REQUEST, Fixture, SEND_CODE_PATH, call, get};

const FILLED: [(&str, &str); 6] = [
    ("step", "apply"),
    ("company", "Example <Ltd.>"),
    ("email", "a@example.com"),
    ("country", "CN"),
    ("phone", "166 7328 0001"),
    ("code", "123456"),
];

fn post(fields: &[(&str, &str)]) -> TestRequest {
    TestRequest::post().uri("/apply").set_form(fields)
}

/// A filled-in form with these fields replaced.
fn filled<'a>(other: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = FILLED.into_iter().filter(|(name, _)| other.iter().all(|(changed, _)| changed != name));
    kept.chain(other.iter().copied()).collect()
}

fn answering(send: SendCode, apply: ApplyCode, retry_after: Option<Duration>) -> Site {
    let mut fixture = Fixture::default();
    fixture.service.expect_send_code().returning(move |_| Ok(CodeReply { code: send, retry_after }));
    fixture.service.expect_apply().returning(move |_| Ok(ApplyReply { code: apply, retry_after }));
    fixture.site()
}

async fn apply(site: &Site, other: &[(&str, &str)]) -> Answer {
    call(site, post(&filled(other))).await
}

#[actix_web::test]
async fn the_form_is_empty_at_first_and_loads_nothing_from_elsewhere() {
    let site = Fixture::default().site();
    let page = call(&site, get("/apply")).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.body.contains("<html lang=\"en\">") && page.body.contains("autocomplete=\"one-time-code\""));
    assert!(page.body.contains("<option value=\"CN\">CN +86</option>"), "{}", page.body);
    assert!(!page.body.contains("autofocus") && !page.body.contains("id=\"agreed\""), "{}", page.body);
    assert!(
        page.header("content-security-policy").starts_with("default-src 'none'; style-src 'self'; script-src 'self'")
    );
    assert_eq!((page.header("cache-control"), page.header("referrer-policy")), ("no-store", "strict-origin"));
    for (path, media) in [
        ("/apply/style.css", "text/css; charset=utf-8"),
        ("/apply/apply.js", "text/javascript; charset=utf-8"),
        ("/apply/icon", "image/svg+xml"),
    ] {
        let file = call(&site, get(path)).await;
        assert_eq!((file.status.as_u16(), file.header("content-type")), (200, media), "{path}");
        assert!(page.body.contains(path) && file.header("cache-control").contains("max-age"), "{path}");
    }
    for nothing in ["/apply/logo", "/apply/terms", "/apply/other"] {
        assert_eq!(call(&site, get(nothing)).await.status.as_u16(), 404, "{nothing}");
    }
    let other = call(&site, TestRequest::put().uri("/apply")).await;
    assert_eq!((other.status.as_u16(), other.header("allow")), (405, "GET, HEAD, POST, OPTIONS"));
}

#[actix_web::test]
async fn without_a_page_there_is_nothing() {
    let mut fixture = Fixture::default();
    fixture.settings.site = None;
    let site = fixture.site();
    assert_eq!(call(&site, get("/apply")).await.status.as_u16(), 404);
    assert_eq!(call(&site, post(&FILLED)).await.status.as_u16(), 404);
    assert!(!call(&site, get("/")).await.body.contains("/apply "));
}

#[actix_web::test]
async fn the_language_is_chosen_or_the_browsers() {
    let site = answering(SendCode::Sent, ApplyCode::WrongCode, None);
    for (path, accepted, lang) in [
        ("/apply", "", "en"),
        ("/apply", "zh-CN,en;q=0.5", "zh-CN"),
        ("/apply?lang=en", "zh-CN", "en"),
        ("/apply?lang=zh", "en", "zh-CN"),
        ("/apply?lang=fr", "en", "en"),
    ] {
        let page = call(&site, get(path).insert_header(("accept-language", accepted))).await;
        assert!(page.body.contains(&format!("<html lang=\"{lang}\">")), "{path} {accepted}");
    }
    let kept = apply(&site, &[("lang", "zh-CN")]).await;
    assert!(kept.body.contains("<html lang=\"zh-CN\">") && kept.body.contains("验证码错误。"), "{}", kept.body);
}

#[actix_web::test]
async fn what_was_asked_for_is_what_was_filled_in() {
    let mut fixture = Fixture::default();
    fixture.service.expect_send_code().once().returning(|asked| {
        assert_eq!((asked.phone.as_str(), asked.locale), ("+8616673280001", Locale::ZhCn));
        Ok(CodeReply { code: SendCode::Sent, retry_after: Some(Duration::from_mins(55)) })
    });
    fixture.service.expect_apply().once().returning(|application| {
        assert_eq!(application.request_id.as_str(), "from-the-page");
        assert_eq!((application.company.as_str(), application.phone.as_str()), ("Example <Ltd.>", "+8616673280001"));
        assert_eq!(application.email.as_str(), "a@example.com");
        Ok(ApplyReply { code: ApplyCode::Success, retry_after: None })
    });
    let site = fixture.site();
    // A code request needs the phone only.
    let sent = call(&site, post(&[("step", "code"), ("phone", "16673280001"), ("lang", "zh-CN")])).await;
    assert_eq!((sent.status.as_u16(), sent.header("retry-after")), (200, "3300"));
    assert!(
        sent.body.contains("55 分钟后可重新获取"),
        "when it can be sent, not when the interval ends: {}",
        sent.body
    );
    assert!(sent.body.contains("data-wait=\"3300\"") && sent.body.contains("role=\"status\""), "{}", sent.body);
    assert!(!sent.body.contains("<code>"), "there is nothing to quote: {}", sent.body);
    let applied = call(&site, post(&FILLED).insert_header(("x-request-id", "from-the-page"))).await;
    assert_eq!(applied.status.as_u16(), 200);
    assert!(applied.body.contains("Your trial is ready") && applied.body.contains("<strong>a@example.com</strong>"));
    assert!(applied.body.contains("href=\"https://portal.example.com/\""));
}

#[actix_web::test]
async fn each_refusal_is_explained_and_what_was_typed_stays() {
    let wait = Some(Duration::from_millis(59_001));
    for code in ApplyCode::ALL.into_iter().filter(|code| *code != ApplyCode::Success) {
        let site = answering(SendCode::Sent, code, wait);
        let request = post(&FILLED).insert_header(("x-request-id", "to-quote"));
        let page = call(&site, request).await;
        assert_eq!((page.status.as_u16(), page.header("retry-after")), (200, "60"), "{code:?}");
        assert!(page.body.contains("role=\"alert\"") && page.body.contains("<code>to-quote</code>"), "{}", page.body);
        assert!(page.body.contains("value=\"Example &#60;Ltd.&#62;\""), "{}", page.body);
        // A code that is no longer useful is not offered again.
        let is_kept = page.body.contains("value=\"123456\"");
        assert_eq!(is_kept, !matches!(code, ApplyCode::NoCode | ApplyCode::WrongCode), "{code:?}");
    }
    for code in SendCode::ALL.into_iter().filter(|code| *code != SendCode::Sent) {
        let page = apply(&answering(code, ApplyCode::Success, None), &[("step", "code")]).await;
        assert!(page.body.contains("role=\"alert\"") && !page.body.contains("data-wait"), "{}", page.body);
    }
}

#[actix_web::test]
async fn every_field_that_cannot_be_taken_is_named_with_a_link_to_it() {
    let mut fixture = Fixture::default();
    fixture.settings.site = Some(SiteSettings { terms: Some(terms()), ..SiteSettings::default() });
    let site = fixture.site();
    let page = call(&site, post(&[("step", "apply"), ("country", "CN")])).await;
    assert_eq!(page.status.as_u16(), 400);
    for field in ["company", "email", "phone", "code", "agreed"] {
        assert!(page.body.contains(&format!("<a href=\"#{field}\">")), "{field}: {}", page.body);
        assert!(page.body.contains(&format!("id=\"{field}-problem\"")), "{field}");
    }
    assert_eq!(page.body.matches("aria-invalid=\"true\"").count(), 5);
    for (field, value) in [
        ("phone", "12"),
        ("phone", "02164310001"),
        ("country", "US"),
        ("email", "a"),
        ("company", "\u{7}x"),
        ("code", "12345678901234567"),
    ] {
        let page = apply(&site, &[(field, value), ("agreed", terms().digest())]).await;
        let named = if field == "country" { "phone" } else { field };
        assert_eq!(page.status.as_u16(), 400, "{field} {value}");
        assert_eq!(page.body.matches("aria-invalid=\"true\"").count(), 1, "{field} {value}: {}", page.body);
        assert!(page.body.contains(&format!("id=\"{named}-problem\"")), "{field} {value}");
    }
}

fn terms() -> Terms {
    Terms::new("2026-01".to_owned(), "Be kind & <fair>.".to_owned())
}

async fn agreements(ledger: &MemoryLedger) -> Vec<(String, String, String)> {
    let found = ledger.audit(AuditQuery { limit: 10, ..AuditQuery::default() }).await.unwrap();
    let mut found: Vec<_> = found.into_iter().map(|entry| (entry.action, entry.subject, entry.detail)).collect();
    // Their ids are of the same millisecond.
    found.sort();
    found
}

#[actix_web::test]
async fn an_agreement_comes_with_the_application_and_its_text_is_stored_before() {
    let mut fixture = Fixture::default();
    let ledger = fixture.ledger.clone();
    fixture.settings.site = Some(SiteSettings { terms: Some(terms()), ..SiteSettings::default() });
    let seen = ledger.clone();
    fixture.service.expect_apply().times(2).returning(move |application| {
        assert_eq!(application.agreed, Some(terms().agreement()));
        assert!(!seen.state().audit.is_empty(), "the text is there already");
        Ok(ApplyReply { code: ApplyCode::WrongCode, retry_after: None })
    });
    let site = fixture.site();
    let former = Terms::new("2025-07".to_owned(), "Be kind.".to_owned());
    for agreed in ["", "2026-01", former.digest()] {
        let page = apply(&site, &[("agreed", agreed)]).await;
        assert_eq!(page.status.as_u16(), 400, "{agreed}");
        assert!(page.body.contains("id=\"agreed-problem\"") && !page.body.contains(" checked"), "{}", page.body);
    }
    assert_eq!(agreements(&ledger).await, [], "who does not agree is not said to");
    for _ in 0..2 {
        let terms = terms();
        let request = post(&filled(&[("agreed", terms.digest())])).insert_header(("x-request-id", "r1"));
        assert_eq!(call(&site, request).await.status.as_u16(), 200);
    }
    let digest = terms().digest().to_owned();
    let published = ("terms.publish".to_owned(), digest, "version 2026-01: Be kind & <fair>.".to_owned());
    assert_eq!(agreements(&ledger).await, [published], "nothing is said of the phone, whose code is wrong");
    let page = call(&site, get("/apply/terms")).await;
    assert!(page.body.contains("Be kind &#38; &#60;fair&#62;."), "{}", page.body);
}

#[actix_web::test]
async fn an_address_is_limited_as_on_the_interface() {
    let mut fixture = Fixture::agreeable();
    fixture.policy.limits.address.codes_per_hour = 1;
    fixture.policy.limits.address.applications_per_hour = 1;
    let site = fixture.site();
    for step in ["code", "apply"] {
        assert_eq!(apply(&site, &[("step", step)]).await.status.as_u16(), 200);
        let page = apply(&site, &[("step", step)]).await;
        assert_eq!((page.status.as_u16(), page.header("retry-after")), (429, "3600"));
        assert!(page.body.contains("Try again in 60 minutes."), "{}", page.body);
    }
}

/// Invalid fields and malformed forms are counted apart from requests.
#[actix_web::test]
async fn forms_that_cannot_be_taken_are_counted_apart() {
    let mut fixture = Fixture::agreeable();
    fixture.policy.limits.address = AddressLimits { codes_per_hour: 1, applications_per_hour: 1, failures_per_hour: 4 };
    let site = fixture.site();
    for step in ["code", "apply"] {
        assert_eq!(apply(&site, &[("step", step), ("phone", "1")]).await.status.as_u16(), 400);
        assert_eq!(apply(&site, &[("step", step)]).await.status.as_u16(), 200);
    }
    for expected in [415, 415, 429] {
        let none = support::post("/apply", "{}");
        assert_eq!(call(&site, none).await.status.as_u16(), expected);
    }
    let page = apply(&site, &[("step", "code")]).await;
    assert_eq!((page.status.as_u16(), page.header("retry-after")), (429, "900"));
    assert!(page.body.contains("Try again in 15 minutes."), "{}", page.body);
}

#[actix_web::test]
async fn a_fault_of_the_program_is_said_and_nothing_more() {
    let mut fixture = Fixture::default();
    fixture.service.expect_send_code().returning(|_| Err(Unexpected));
    fixture.service.expect_apply().returning(|_| Err(Unexpected));
    let site = fixture.site();
    for step in ["code", "apply"] {
        let page = apply(&site, &[("step", step)]).await;
        assert_eq!(page.status.as_u16(), 500);
        assert!(page.body.contains("Something went wrong.") && page.body.contains("Request id <code>"));
    }
}

#[actix_web::test]
async fn the_brand_is_the_operators() {
    let mut fixture = Fixture::default();
    fixture.settings.site = Some(SiteSettings {
        name: "Acme & Co".to_owned(),
        colour: "#123456".parse().unwrap(),
        logo: Some(Logo::new("logo.svg".as_ref(), b"<svg/>".to_vec()).unwrap()),
        links: vec![SiteLink { label: "Privacy".to_owned(), url: "https://example.com/privacy".to_owned() }],
        ..SiteSettings::default()
    });
    let site = fixture.site();
    let page = call(&site, get("/apply")).await;
    assert!(page.body.contains("Acme &#38; Co") && page.body.contains("href=\"https://example.com/privacy\""));
    assert!(page.body.contains("src=\"/apply/logo\""));
    assert!(call(&site, get("/apply/style.css")).await.body.starts_with(":root { --brand: #123456; }"));
    let logo = call(&site, get("/apply/logo")).await;
    assert_eq!((logo.header("content-type"), logo.body.as_str()), ("image/svg+xml", "<svg/>"));
    assert!(logo.header("content-security-policy").starts_with("default-src 'none'"));
}

#[actix_web::test]
async fn only_pages_of_configured_origins_may_show_the_form() {
    let closed = Fixture::agreeable().site();
    let page = call(&closed, get("/apply?embed=1")).await;
    assert!(page.header("content-security-policy").ends_with("frame-ancestors 'none'"));
    assert_eq!(call(&closed, get("/embed.js")).await.status.as_u16(), 404);

    let mut fixture = Fixture::agreeable();
    let origins = ["https://www.example.com", "https://example.org"].map(|origin| origin.parse().unwrap());
    fixture.settings.site = Some(SiteSettings { embed_origins: origins.into(), ..SiteSettings::default() });
    let site = fixture.site();
    let whole = call(&site, get("/apply")).await;
    assert!(whole.header("content-security-policy").ends_with("frame-ancestors 'none'"));
    assert!(whole.body.contains("<header>") && !whole.body.contains("name=\"embed\""));
    let applied = post(&filled(&[("embed", "1")]));
    for request in [get("/apply?embed=1"), post(&[("step", "apply"), ("embed", "1")]), applied] {
        let page = call(&site, request).await;
        let policy = page.header("content-security-policy");
        assert!(policy.ends_with("frame-ancestors https://www.example.com https://example.org"), "{policy}");
        assert!(page.body.contains("data-embedded") && !page.body.contains("<header>"), "{}", page.body);
    }
    for (origin, allowed) in [("https://example.org", "https://example.org"), ("https://evil.example", ""), ("", "")] {
        let script = call(&site, get("/embed.js").insert_header(("origin", origin))).await;
        assert_eq!((script.status.as_u16(), script.header("vary")), (200, "Origin"));
        assert_eq!(
            script.headers.get("access-control-allow-origin").map_or("", |value| value.to_str().unwrap()),
            allowed
        );
    }
}

#[actix_web::test]
async fn the_first_page_is_small() {
    let site = Fixture::default().site();
    let mut bytes = 0;
    for path in ["/apply", "/apply/style.css", "/apply/apply.js", "/apply/icon"] {
        bytes += call(&site, get(path)).await.body.len();
    }
    assert!(bytes < 30_000 - 4 * 600, "{bytes} bytes and the heads of four answers");
}

fn guarded(verdict: Result<BotChallengeVerdict, BotChallengeUnusable>) -> Fixture {
    let mut guard = MockBotChallenge::new();
    guard.expect_challenge().return_const(Some("{\"parameters\":{}}".to_owned()));
    guard.expect_judge().withf(|proof| proof == "the proof").times(..=1).return_once(move |_| verdict);
    Fixture { guard: Some(PageGuard { guard: Arc::new(guard), widget: None }), ..Fixture::default() }
}

#[actix_web::test]
async fn a_guard_gives_challenges_and_says_so() {
    let site = guarded(Ok(BotChallengeVerdict::Passed)).site();
    let page = call(&site, get("/apply")).await;
    assert!(page.body.contains("id=\"checking\"") && page.body.contains("<noscript>"), "{}", page.body);
    let challenge = call(&site, get("/apply/challenge")).await;
    assert_eq!((challenge.header("content-type"), challenge.header("cache-control")), ("application/json", "no-store"));
    assert_eq!(challenge.body, "{\"parameters\":{}}");
    let solver = call(&site, get("/apply/altcha.js")).await;
    assert_eq!(solver.header("content-type"), "text/javascript; charset=utf-8");
    assert!(solver.body.contains("MIT License") && solver.body.contains("PBKDF2"));

    let site = Fixture::default().site();
    assert!(!call(&site, get("/apply")).await.body.contains("noscript"));
    for nothing in ["/apply/challenge", "/apply/altcha.js"] {
        assert_eq!(call(&site, get(nothing)).await.status.as_u16(), 404, "{nothing}");
    }
}

#[actix_web::test]
async fn a_code_is_sent_for_a_proof_alone() {
    let mut fixture = guarded(Ok(BotChallengeVerdict::Passed));
    fixture.service.expect_send_code().once().returning(|_| Ok(CodeReply { code: SendCode::Sent, retry_after: None }));
    let page = apply(&fixture.site(), &[("step", "code"), ("altcha", "the proof")]).await;
    assert!(page.body.contains("We have sent a code"), "{}", page.body);
    for (refusal, words) in [
        (ProofRefusal::Missing, "Turn on JavaScript, open this page by https"),
        (ProofRefusal::Wrong, "The bot check failed"),
        (ProofRefusal::Expired, "The bot check failed"),
        (ProofRefusal::Used, "The bot check failed"),
    ] {
        let site = guarded(Ok(BotChallengeVerdict::Refused(refusal))).site();
        let page = apply(&site, &[("step", "code"), ("altcha", "the proof")]).await;
        assert_eq!(page.status.as_u16(), 403);
        assert!(page.body.contains(words) && page.body.contains("Request id <code>"), "{}", page.body);
        assert!(page.body.contains("value=\"166 7328 0001\"") && !page.body.contains("the proof"), "{}", page.body);
    }
    let site = guarded(Err(LedgerError::Unavailable("gone".into()).into())).site();
    let page = apply(&site, &[("step", "code"), ("altcha", "the proof")]).await;
    assert!(page.body.contains("The code could not be sent."), "{}", page.body);
}

#[actix_web::test]
async fn no_proof_is_spent_on_a_phone_that_cannot_be_taken_or_on_an_application() {
    let mut guard = MockBotChallenge::new();
    guard.expect_judge().never();
    let guard = Some(PageGuard { guard: Arc::new(guard), widget: None });
    let mut fixture = Fixture { guard, ..Fixture::agreeable() };
    fixture.policy.limits.address.codes_per_hour = 1;
    let site = fixture.site();
    assert_eq!(apply(&site, &[("step", "code"), ("phone", "1"), ("altcha", "the proof")]).await.status.as_u16(), 400);
    let elsewhere = call(&site, support::post(SEND_CODE_PATH, CODE_REQUEST)).await;
    assert_eq!(elsewhere.status.as_u16(), 200, "a form that cannot be taken takes no code");
    assert_eq!(apply(&site, &[("step", "code"), ("altcha", "the proof")]).await.status.as_u16(), 429);
    assert!(apply(&site, &[]).await.body.contains("Your trial is ready"));
}

/// The widget's names are the provider's; its origin is allowed on this page only.
#[actix_web::test]
async fn somebody_elses_widget_stands_in_the_form() {
    let mut guard = MockBotChallenge::new();
    guard.expect_challenge().return_const(None);
    guard.expect_judge().withf(|proof| proof == "the proof").once().return_once(|_| Ok(BotChallengeVerdict::Passed));
    let widget = CaptchaWidget {
        script: "https://captcha.example/api.js?a=1&b=2".to_owned(),
        sources: vec!["https://captcha.example".to_owned(), "https://*.captcha.example".to_owned()],
        class: "a-captcha".to_owned(),
        field: "a-response".to_owned(),
        object: "acaptcha".to_owned(),
        site_key: "\"key".to_owned(),
    };
    let guard = Some(PageGuard { guard: Arc::new(guard), widget: Some(widget) });
    let mut fixture = Fixture { guard, ..Fixture::default() };
    fixture.service.expect_send_code().once().returning(|_| Ok(CodeReply { code: SendCode::Sent, retry_after: None }));
    fixture.settings.site.as_mut().unwrap().terms = Some(Terms::new("1".to_owned(), "Be kind.".to_owned()));
    let site = fixture.site();
    let page = call(&site, get("/apply")).await;
    assert!(
        page.body.contains("<script src=\"https://captcha.example/api.js?a=1&#38;b=2\" async defer>"),
        "{}",
        page.body
    );
    assert!(page.body.contains("class=\"captcha a-captcha\" data-sitekey=\"&#34;key\" data-object=\"acaptcha\""));
    assert!(page.body.contains("<noscript>") && !page.body.contains("id=\"checking\""), "our own script does nothing");
    let policy = page.header("content-security-policy");
    for part in [
        "script-src 'self' https://captcha.example https://*.captcha.example;",
        "frame-src https://captcha.example https://*.captcha.example;",
        "connect-src 'self' https://captcha.example https://*.captcha.example;",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!call(&site, get("/apply/terms")).await.header("content-security-policy").contains("captcha"));
    for nothing in ["/apply/challenge", "/apply/altcha.js"] {
        assert_eq!(call(&site, get(nothing)).await.status.as_u16(), 404, "{nothing}");
    }
    let sent = apply(&site, &[("step", "code"), ("a-response", "the proof"), ("altcha", "another")]).await;
    assert!(sent.body.contains("We have sent a code"), "{}", sent.body);
}
