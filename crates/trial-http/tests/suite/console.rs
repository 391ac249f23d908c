//! The console, on a ledger in memory.

use actix_web::test::{TestRequest, call_service, init_service};
use trial_core::access_codes::AccessCodeState;
use trial_core::mails::MailState;
use trial_core::operators::{REVEALS_PER_HOUR, Role, SESSIONS_PER_OPERATOR, SIGN_INS_PER_HOUR};
use trial_core::tenants::TenantStatus;
use trial_http::Site;
use trial_testkit::data;

use crate::ops::House;
use crate::support::{Answer, call, get};

/// A signed-in operator of one role.
pub(crate) struct Guest<'a> {
    site: &'a Site,
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

fn form(path: &str, fields: &[(&str, &str)]) -> TestRequest {
    TestRequest::post().uri(path).set_form(fields)
}

impl<'a> Guest<'a> {
    pub(crate) async fn of(house: &'a House, role: Role) -> Self {
        let token = data::operator_token(role as u8 + 1);
        let entered = call(&house.site, form("/console/sign-in", &[("token", token.as_str())])).await;
        assert_eq!((entered.status.as_u16(), entered.header("location")), (303, "/console/"));
        let cookie = entered.header("set-cookie").split(';').next().unwrap().to_owned();
        let mut guest = Self { site: &house.site, cookie, csrf: String::new() };
        let page = guest.get("/console/phones").await;
        let csrf = page.body.split("name=\"csrf\" value=\"").nth(1).unwrap();
        csrf.split('"').next().unwrap().clone_into(&mut guest.csrf);
        guest
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        call(self.site, get(path).insert_header(("cookie", self.cookie.as_str()))).await
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut all = vec![("csrf", self.csrf.as_str())];
        all.extend(fields);
        call(self.site, form(path, &all).insert_header(("cookie", self.cookie.as_str()))).await
    }
}

pub(crate) fn pages(house: &House) -> Vec<String> {
    let application = *house.ledger.state().applications.keys().next().unwrap();
    let fixed =
        ["", "applications", "tenants", "access-codes", "mails", "phones", "prefixes", "callers", "settings", "audit"];
    let mut pages: Vec<String> = fixed.iter().map(|page| format!("/console/{page}")).collect();
    pages.push(format!("/console/applications/{application}"));
    pages.push(format!("/console/tenants/{}", house.tenant));
    pages
}

#[actix_web::test]
async fn nobody_sees_a_page_who_is_not_signed_in() {
    let house = House::new().await;
    for page in pages(&house) {
        let answer = call(&house.site, get(&page)).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/console/sign-in"), "{page}");
        let forged = get(&page).insert_header(("cookie", "trialgate_session=x"));
        assert_eq!(call(&house.site, forged).await.status.as_u16(), 303, "{page}");
    }
    let answer = call(&house.site, form("/console/phones/unlock", &[("phone", "16600000001")])).await;
    assert_eq!(answer.status.as_u16(), 303);
}

#[actix_web::test]
async fn a_wrong_token_lets_nobody_in() {
    let house = House::new().await;
    let wrong = call(&house.site, form("/console/sign-in", &[("token", "tgo_wrong")])).await;
    assert_eq!(wrong.status.as_u16(), 401);
    assert!(wrong.body.contains("role=\"alert\"") && wrong.header("set-cookie").is_empty(), "{}", wrong.body);
}

#[actix_web::test]
async fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    let house = House::with(|settings| settings.secure_cookies = true).await;
    let token = data::operator_token(1);
    let entered = call(&house.site, form("/console/sign-in", &[("token", token.as_str())])).await;
    let cookie = entered.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-trialgate_session="), "{cookie}");
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "; Secure"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let shown = cookie.split(';').next().unwrap();
    assert_eq!(call(&house.site, get("/console/").insert_header(("cookie", shown))).await.status, 200);
    let left_bare = shown.strip_prefix("__Host-").unwrap();
    assert_eq!(call(&house.site, get("/console/").insert_header(("cookie", left_bare))).await.status, 303);
}

#[actix_web::test]
async fn every_page_is_whole_and_loads_nothing_from_elsewhere() {
    let house = House::new().await;
    let guest = Guest::of(&house, Role::Admin).await;
    for page in pages(&house) {
        let answer = guest.get(&page).await;
        assert_eq!(answer.status.as_u16(), 200, "{page}: {}", answer.body);
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"), "{page}");
        assert!(answer.body.trim_end().ends_with("</html>"), "{page}");
        for foreign in ["<script", " style=", "http://", "https://", "//www"] {
            assert!(!answer.body.contains(foreign), "{page} has {foreign}");
        }
        assert!(!answer.body.contains("applicant1@example.com"), "{page} shows an address in full");
        let chinese =
            get(&page).insert_header(("cookie", guest.cookie.as_str())).insert_header(("accept-language", "zh-CN"));
        let chinese = call(&house.site, chinese).await;
        assert!(chinese.body.contains("lang=\"zh-CN\"") && chinese.body.contains("概览"), "{page}");
    }
    let style = guest.get("/console/style.css").await;
    assert_eq!((style.status.as_u16(), style.header("content-type")), (200, "text/css; charset=utf-8"));
    assert_eq!(guest.get("/console/nothing").await.status.as_u16(), 404);
}

#[actix_web::test]
async fn a_form_from_elsewhere_changes_nothing() {
    let house = House::new().await;
    let guest = Guest::of(&house, Role::Admin).await;
    let before = house.ledger.state();
    for csrf in ["", "x"] {
        let forged = form("/console/settings/quota", &[("csrf", csrf), ("threshold", "7")]);
        let answer = call(&house.site, forged.insert_header(("cookie", guest.cookie.as_str()))).await;
        assert_eq!(answer.status.as_u16(), 403);
    }
    assert_eq!(house.ledger.state().threshold(), before.threshold());
}

#[actix_web::test]
async fn a_viewer_looks_and_changes_nothing() {
    let house = House::new().await;
    let guest = Guest::of(&house, Role::Viewer).await;
    let tenant = house.tenant;
    let before = house.audited();
    for (path, field) in [
        ("/console/settings/quota".to_owned(), ("threshold", "7")),
        (format!("/console/tenants/{tenant}/convert"), ("x", "")),
        (format!("/console/tenants/{tenant}/resend-mail"), ("x", "")),
        (format!("/console/tenants/{tenant}/reveal"), ("x", "")),
        ("/console/access-codes/import".to_owned(), ("rows", "voice,4001")),
        ("/console/access-codes/40000003/retire".to_owned(), ("x", "")),
        (format!("/console/mails/{}/retry", house.failed_mail), ("x", "")),
        ("/console/mails/retry".to_owned(), ("within", "24h")),
        ("/console/phones/unlock".to_owned(), ("phone", "16600000001")),
        ("/console/prefixes/+861660000/release".to_owned(), ("x", "")),
        ("/console/prefixes/+8618/remove".to_owned(), ("x", "")),
        ("/console/prefixes/add".to_owned(), ("prefix", "+8617")),
        ("/console/callers/site/suspend".to_owned(), ("x", "")),
        ("/console/callers/site/resume".to_owned(), ("x", "")),
        ("/console/callers/site/limits".to_owned(), ("rate", "1")),
        ("/console/callers/site/remove".to_owned(), ("sure", "yes")),
    ] {
        let answer = guest.post(&path, &[field]).await;
        assert_eq!(answer.status.as_u16(), 403, "{path}");
        assert!(!guest.get("/console/settings").await.body.contains("settings/quota"));
    }
    assert_eq!(house.audited(), before);
}

#[actix_web::test]
async fn an_operator_does_what_the_pages_offer() {
    let house = House::new().await;
    let guest = Guest::of(&house, Role::Operator).await;
    let tenant = house.tenant;
    let done = async |path: &str, fields: &[(&str, &str)]| {
        let answer = guest.post(path, fields).await;
        assert_eq!(answer.status.as_u16(), 303, "{path}: {}", answer.body);
        let seen = guest.get(answer.header("location")).await;
        assert!(seen.body.contains("class=\"note\" role=\"status\""), "{path}");
    };
    done("/console/settings/quota", &[("threshold", "77")]).await;
    assert_eq!(house.ledger.state().threshold(), Some(77));
    done(&format!("/console/mails/{}/retry", house.failed_mail), &[]).await;
    assert_eq!(house.ledger.state().mails[&house.failed_mail].state, MailState::Due);
    house.ledger.change(|state| state.mails.get_mut(&house.failed_mail).unwrap().state = MailState::Failed);
    done("/console/mails/retry", &[("within", "7d")]).await;
    assert_eq!(house.ledger.state().mails[&house.failed_mail].state, MailState::Due);
    done("/console/phones/unlock", &[("phone", "16600000001")]).await;
    done("/console/access-codes/import", &[("rows", "voice,95001\nmultimedia,web-1")]).await;
    assert_eq!(house.ledger.state().access_codes.len(), 8);
    done("/console/access-codes/95001/retire", &[]).await;
    let code = trial_core::values::AccessCode::parse("95001").unwrap();
    assert_eq!(house.ledger.state().access_codes[&code].state, AccessCodeState::Retired);
    done(&format!("/console/tenants/{tenant}/extend"), &[("days", "10")]).await;
    done(&format!("/console/tenants/{tenant}/suspend"), &[]).await;
    done(&format!("/console/tenants/{tenant}/resume"), &[]).await;
    done(&format!("/console/tenants/{tenant}/resend-mail"), &[]).await;
    done(&format!("/console/tenants/{tenant}/convert"), &[]).await;
    assert_eq!(house.ledger.state().tenants[&tenant].status, TenantStatus::Commercial);
    let refused = guest.post(&format!("/console/tenants/{tenant}/extend"), &[("days", "10")]).await;
    assert_eq!(refused.status.as_u16(), 409);
    assert!(refused.body.contains("the tenant is commercial"), "{}", refused.body);
}

#[actix_web::test]
async fn an_administrator_changes_settings() {
    let house = House::new().await;
    let guest = Guest::of(&house, Role::Admin).await;
    let set = async |key: &str, value: &str, seen: &str| {
        guest.post("/console/settings/set", &[("key", key), ("value", value), ("seen", seen)]).await
    };
    let done = set("verification.max_tries", "3", "0").await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, "/console/settings?said=setting"));
    let page = guest.get("/console/settings?said=setting").await.body;
    assert!(page.contains("Setting saved.") && page.contains("<strong>3</strong>"), "{page}");
    for (key, value, seen, words) in [
        ("verification.max_tries", "many", "1", "verification.max_tries: "),
        ("verification.code_cap", "1m", "1", "must be at least `verification.code_ttl`"),
        ("verification.max_tries", "4", "0", "Settings were changed by somebody else meanwhile."),
    ] {
        let refused = set(key, value, seen).await;
        assert_eq!(refused.status.as_u16(), 400, "{key}");
        let words = words.replace('`', "&#96;");
        assert!(
            refused.body.contains(&words) || refused.body.contains(&words.replace("&#96;", "`")),
            "{}",
            refused.body
        );
    }
    assert_eq!(set("quota.timezone", "UTC", "1").await.status.as_u16(), 404);
    let reset = guest.post("/console/settings/reset", &[("key", "verification.max_tries"), ("seen", "1")]).await;
    assert_eq!(reset.status.as_u16(), 303);
    let page = guest.get("/console/settings").await.body;
    assert!(!page.contains("<strong>3</strong>") && page.contains("As configured"), "{page}");
    let operator = Guest::of(&house, Role::Operator).await;
    assert!(!operator.get("/console/settings").await.body.contains("/console/settings/set"));
    let refused = operator.post("/console/settings/set", &[("key", "verification.max_tries"), ("value", "3")]).await;
    assert_eq!(refused.status.as_u16(), 403);
}

#[actix_web::test]
async fn bad_rows_are_named_and_nothing_is_imported() {
    let house = House::new().await;
    let guest = Guest::of(&house, Role::Operator).await;
    let before = house.ledger.state().access_codes.len();
    let bad = guest.post("/console/access-codes/import", &[("rows", "voice,95001\nfax,95002")]).await;
    assert_eq!(bad.status.as_u16(), 422);
    assert!(bad.body.contains("voice,95001\nfax,95002"), "what was typed is not lost");
    let third = "voice\t95001\r\nvoice\t95002\r\nvoice\t9.5E+10";
    let third = guest.post("/console/access-codes/import", &[("rows", third)]).await;
    assert!(third.body.contains("<li>Line 3: `9.5E+10` is a number that a spreadsheet has rounded"), "{}", third.body);
    let columns = guest.post("/console/access-codes/import", &[("rows", "kind,code,note\nvoice,95001,x")]).await;
    assert_eq!(columns.status.as_u16(), 422);
    assert!(columns.body.contains("keep these two columns") && columns.body.contains("voice,95001,x"));
    let tried = [("rows", "voice,95001\nvoice,95001"), ("dry_run", "on")];
    let tried = guest.post("/console/access-codes/import", &tried).await;
    assert_eq!(tried.status.as_u16(), 200);
    assert!(tried.body.contains("<li>Line 2: 95001 (Line 1)</li>"), "{}", tried.body);
    assert_eq!(house.ledger.state().access_codes.len(), before);
}

#[actix_web::test]
async fn what_is_shown_in_full_is_written_down_before() {
    let house = House::new().await;
    let guest = Guest::of(&house, Role::Operator).await;
    let before = house.audited();
    let application = house.application;
    let shown = guest.post(&format!("/console/applications/{application}/reveal"), &[]).await;
    assert!(shown.body.contains("applicant1@example.com"), "{}", shown.body);
    let expected = ("operator-one".to_owned(), "application.reveal", application.to_string());
    assert_eq!(house.done_since(before), [expected]);
}

#[actix_web::test]
async fn an_application_is_found_by_what_people_know_and_tells_its_story() {
    let house = House::new().await;
    let guest = Guest::of(&house, Role::Viewer).await;
    for find in ["16600000001", "%2B86+166+0000+0001", "applicant1@example.com", "company+1"] {
        let found = guest.get(&format!("/console/applications?find={find}")).await;
        assert_eq!(found.body.matches("/console/applications/").count(), 1, "{find}: {}", found.body);
    }
    let none = guest.get("/console/applications?find=nobody&code=006").await;
    assert!(none.body.contains("No results."));
    let application = *house.ledger.state().applications.keys().next().unwrap();
    let story = guest.get(&format!("/console/applications/{application}")).await.body;
    for words in [
        "requested a code: the gateway accepted the message",
        "was created",
        "was queued",
        "tenant.create by applicant",
    ] {
        assert!(story.contains(words), "{words}: {story}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_operator_signs_in_so_often_within_an_hour() {
    let house = House::new().await;
    let sign_in = async |role: Role| {
        let token = data::operator_token(role as u8 + 1);
        call(&house.site, form("/console/sign-in", &[("token", token.as_str())])).await
    };
    for _ in 0..SIGN_INS_PER_HOUR {
        assert_eq!(sign_in(Role::Viewer).await.status.as_u16(), 303);
    }
    let before = house.audited();
    let refused = sign_in(Role::Viewer).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "120"));
    assert!(refused.body.contains("Too many sign-ins within an hour"), "{}", refused.body);
    assert_eq!(house.audited(), before);
    assert_eq!(house.ledger.state().sessions.len(), SESSIONS_PER_OPERATOR as usize);
    assert_eq!(sign_in(Role::Admin).await.status.as_u16(), 303);
    tokio::time::advance(std::time::Duration::from_mins(2)).await;
    assert_eq!(sign_in(Role::Viewer).await.status.as_u16(), 303);
}

#[tokio::test(start_paused = true)]
async fn an_operator_has_pages_shown_in_full_so_often_within_an_hour() {
    let house = House::new().await;
    let guest = Guest::of(&house, Role::Operator).await;
    let app = init_service(house.site.app()).await;
    let token = format!("Bearer {}", data::operator_token(Role::Operator as u8 + 1).as_str());
    let one = format!("/ops/v1/tenants/{}?reveal=true", house.tenant);
    for n in 0..=REVEALS_PER_HOUR {
        let asked = get(&one).insert_header(("authorization", token.as_str())).to_request();
        let expected = if n == REVEALS_PER_HOUR { 429 } else { 200 };
        assert_eq!(call_service(&app, asked).await.status().as_u16(), expected, "{n}");
    }
    let before = house.audited();
    let page = guest.post(&format!("/console/tenants/{}/reveal", house.tenant), &[]).await;
    assert_eq!((page.status.as_u16(), page.header("retry-after")), (429, "6"));
    assert!(page.body.contains("Too many pages shown in full") && !page.body.contains("applicant1@"), "{}", page.body);
    assert_eq!(house.audited(), before);
    tokio::time::advance(std::time::Duration::from_secs(6)).await;
    let page = guest.post(&format!("/console/tenants/{}/reveal", house.tenant), &[]).await;
    assert!(page.status.as_u16() == 200 && page.body.contains("applicant1@"), "{}", page.body);
}

#[actix_web::test]
async fn who_signs_out_is_out() {
    let house = House::new().await;
    let guest = Guest::of(&house, Role::Admin).await;
    assert_eq!(guest.post("/console/sign-out", &[]).await.status.as_u16(), 303);
    assert_eq!(guest.get("/console/").await.header("location"), "/console/sign-in");
}

#[actix_web::test]
async fn a_prefix_is_released_by_one_click() {
    let house = House::new().await;
    let viewer = Guest::of(&house, Role::Viewer).await;
    let page = viewer.get("/console/prefixes").await.body;
    for words in ["+861660000", "would be blocked", "+8618", "the numbers of a customer", "<td>40</td>"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("/console/prefixes/"), "a viewer is offered nothing: {page}");
    let guest = Guest::of(&house, Role::Operator).await;
    let released = guest.post("/console/prefixes/+861660000/release", &[]).await;
    assert_eq!((released.status.as_u16(), released.header("location")), (303, "/console/prefixes?said=released"));
    let page = guest.get("/console/prefixes?said=released").await.body;
    assert!(page.contains("Number range unblocked.") && !page.contains("+861660000"), "{page}");
    assert_eq!(guest.post("/console/prefixes/+861660000/release", &[]).await.status.as_u16(), 404);
    let added = guest.post("/console/prefixes/add", &[("prefix", "+8617"), ("reason", "tests <b>")]).await;
    assert_eq!(added.status.as_u16(), 303);
    assert!(!guest.get("/console/prefixes").await.body.contains("<b>"));
    for (prefix, reason) in [("086", "x"), ("+8617", ""), ("+8617", "again")] {
        let refused = guest.post("/console/prefixes/add", &[("prefix", prefix), ("reason", reason)]).await;
        assert_eq!(refused.status.as_u16(), 400, "{prefix} {reason}");
        assert!(refused.body.contains("role=\"alert\""), "{}", refused.body);
    }
    assert_eq!(guest.post("/console/prefixes/+8617/remove", &[]).await.status.as_u16(), 303);
    assert_eq!(guest.post("/console/prefixes/+8617/remove", &[]).await.status.as_u16(), 404);
}

#[actix_web::test]
async fn a_caller_is_stopped_by_one_click_and_removed_by_two() {
    let house = House::new().await;
    let viewer = Guest::of(&house, Role::Viewer).await;
    let page = viewer.get("/console/callers").await.body;
    for words in ["site", "shop", "current key", "key missing: rotate", "current, gone", "verify-codes apply query"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("/console/callers/"), "a viewer is offered nothing: {page}");
    let secret = data::caller_credentials(1).secret;
    assert!(!page.contains(secret.reveal()), "{page}");

    let operator = Guest::of(&house, Role::Operator).await;
    let page = operator.get("/console/callers").await.body;
    assert!(page.contains("/console/callers/site/suspend") && !page.contains("/site/remove"), "{page}");
    assert_eq!(operator.post("/console/callers/site/remove", &[("sure", "yes")]).await.status.as_u16(), 403);
    assert_eq!(operator.post("/console/callers/site/limits", &[("rate", "7")]).await.status.as_u16(), 403);
    let done = async |guest: &Guest<'_>, what: &str, fields: &[(&str, &str)], words: &str| {
        let answer = guest.post(&format!("/console/callers/site/{what}"), fields).await;
        assert_eq!(answer.status.as_u16(), 303, "{what}: {}", answer.body);
        let page = guest.get(answer.header("location")).await.body;
        assert!(page.contains(words), "{words}: {page}");
        page
    };
    let page = done(&operator, "suspend", &[], "API client suspended.").await;
    assert!(page.contains("<td>suspended</td>") && page.contains("/console/callers/site/resume"), "{page}");
    let again = operator.post("/console/callers/site/suspend", &[]).await;
    assert_eq!(again.status.as_u16(), 400);
    assert!(again.body.contains("role=\"alert\"") && again.body.contains("suspended already"), "{}", again.body);
    done(&operator, "resume", &[], "API client resumed.").await;

    let admin = Guest::of(&house, Role::Admin).await;
    let fields = [("apply", "yes"), ("query", "yes"), ("rate", "60")];
    let page = done(&admin, "limits", &fields, "Limits of the API client saved.").await;
    assert!(page.contains("<td>apply query</td><td>60</td>"), "{page}");
    for fields in
        [&[("apply", "yes"), ("rate", "many")][..], &[("apply", "yes"), ("rate", "1000001")], &[("rate", "7")]]
    {
        let refused = admin.post("/console/callers/site/limits", fields).await;
        assert_eq!(refused.status.as_u16(), 400, "{fields:?}");
        assert!(refused.body.contains("role=\"alert\""), "{}", refused.body);
    }
    let unsure = admin.post("/console/callers/site/remove", &[]).await;
    assert_eq!(unsure.status.as_u16(), 400);
    assert!(unsure.body.contains("Confirm the permanent removal of the API client."), "{}", unsure.body);
    let page = done(&admin, "remove", &[("sure", "yes")], "API client removed.").await;
    assert!(page.contains("<td>removed</td>") && !page.contains("/console/callers/site/"), "{page}");
    for (what, name) in [("suspend", "site"), ("remove", "site"), ("resume", "cli:x"), ("fly", "shop")] {
        let lost = admin.post(&format!("/console/callers/{name}/{what}"), &[("sure", "yes")]).await;
        assert_eq!(lost.status.as_u16(), 404, "{what}");
    }
}
