//! The portal, on a ledger in memory.

use std::time::Duration;

use actix_web::test::TestRequest;
use chrono::{DateTime, Utc};
use trial_core::mails::MailKind;
use trial_core::planner::{Outcome, Request};
use trial_core::policy::ACCOUNT_PASSWORD_VALID_DAYS;
use trial_core::portal::{
    OWNER_ACTS_PER_HOUR, PORTAL_ATTEMPTS_PER_ACCOUNT, PORTAL_ATTEMPTS_PER_ADDRESS, PORTAL_LINK_LIVES,
    PORTAL_LINKS_PER_ACCOUNT, PORTAL_SESSION_IDLE, PortalAttempt, PortalLinkClaim,
};
use trial_core::tenants::{Tenant, TenantAction, TenantCommand};
use trial_core::values::TenantId;
use trial_testkit::{SeededEntropy, data};

use crate::ops::House;
use crate::support::{Answer, call, get};

const CHOSEN: &str = "tulpe wagen mond 7";

fn form(path: &str, fields: &[(&str, &str)]) -> TestRequest {
    TestRequest::post().uri(path).set_form(fields)
}

fn account(house: &House) -> String {
    Tenant::account_name(house.tenant)
}

fn initial(house: &House) -> String {
    let tenant = house.ledger.state().tenants[&house.tenant].clone();
    data::keyring().password(&tenant.key_id, tenant.id, tenant.password_issue).unwrap().reveal().to_owned()
}

async fn sign_in(house: &House, account: &str, password: &str) -> Answer {
    let asked = form("/portal/sign-in", &[("account", account), ("password", password)]);
    call(&house.site, asked.insert_header(("x-request-id", "asked"))).await
}

/// Runs an operator's command on the tenant.
fn order(house: &House, order: TenantAction) {
    use trial_core::ports::Clock as _;
    let order = TenantCommand { tenant: house.tenant, order, actor: "operator".to_owned() };
    let batch = data::batch(house.clock.now(), &SeededEntropy::new(5), [Request::Tenant(order)]);
    let outcome = house.ledger.decide(&batch, &data::planner()).remove(0);
    assert!(matches!(outcome, Outcome::Tenant(trial_core::tenants::TenantOutcome::Done(_))), "{outcome:?}");
}

/// A signed-in owner.
struct Guest<'a> {
    house: &'a House,
    cookie: String,
    csrf: String,
}

impl<'a> Guest<'a> {
    async fn of(house: &'a House, password: &str) -> Self {
        let entered = sign_in(house, &account(house), password).await;
        assert_eq!((entered.status.as_u16(), entered.header("location")), (303, "/portal/"), "{}", entered.body);
        Self::after(house, &entered).await
    }

    async fn after(house: &'a House, entered: &Answer) -> Self {
        let cookie = entered.header("set-cookie").split(';').next().unwrap().to_owned();
        let mut guest = Self { house, cookie, csrf: String::new() };
        let page = guest.get("/portal/password").await;
        let csrf = page.body.split("name=\"csrf\" value=\"").nth(1).unwrap();
        csrf.split('"').next().unwrap().clone_into(&mut guest.csrf);
        guest
    }

    /// An owner who has chosen a password.
    async fn whole(house: &'a House) -> Self {
        let guest = Self::of(house, &initial(house)).await;
        let chosen = guest.post("/portal/password", &[("new", CHOSEN), ("again", CHOSEN)]).await;
        assert_eq!((chosen.status.as_u16(), chosen.header("location")), (303, "/portal/?said=chosen"));
        Self::after(house, &chosen).await
    }

    async fn get(&self, path: &str) -> Answer {
        call(&self.house.site, get(path).insert_header(("cookie", self.cookie.as_str()))).await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut all = vec![("csrf", self.csrf.as_str())];
        all.extend(fields);
        call(&self.house.site, form(path, &all).insert_header(("cookie", self.cookie.as_str()))).await
    }

    async fn is_in(&self) -> bool {
        let page = self.get("/portal/password").await;
        assert!(page.status.as_u16() == 200 || page.header("location") == "/portal/sign-in");
        page.status.as_u16() == 200
    }
}

#[actix_web::test]
async fn the_initial_password_leads_to_the_choice_of_another_and_then_to_the_tenant() {
    let house = House::new().await;
    let first = Guest::of(&house, &initial(&house)).await;
    let sent_on = first.get("/portal/").await;
    assert_eq!((sent_on.status.as_u16(), sent_on.header("location")), (303, "/portal/password"));
    let guest = Guest::whole(&house).await;
    assert!(!first.is_in().await, "a new password ends other sessions");
    let page = guest.get("/portal/").await;
    assert_eq!(page.status.as_u16(), 200);
    let tenant = house.ledger.state().tenants[&house.tenant].clone();
    let codes = house.ledger.state().access_codes;
    let codes: Vec<String> =
        codes.iter().filter(|(_, kept)| kept.holder == Some(house.tenant)).map(|(code, _)| code.to_string()).collect();
    assert_eq!(codes.len(), 2);
    for part in codes.iter().map(String::as_str).chain([
        account(&house).as_str(),
        tenant.company.as_str(),
        &tenant.email.masked(),
        &tenant.phone.masked(),
        "<dd id=\"status\">On trial</dd>",
        "<dd id=\"days\">30</dd>",
    ]) {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert!(!page.body.contains(tenant.email.as_str()) && !page.body.contains(tenant.phone.as_str()));
    let chinese = guest.get("/portal/?lang=zh").await;
    assert!(chinese.body.contains("lang=\"zh-CN\"") && chinese.body.contains("试用中"));
    assert!(chinese.header("set-cookie").starts_with("trialgate_language=zh"));
    assert_eq!(sign_in(&house, &account(&house), &initial(&house)).await.status.as_u16(), 401, "it is used up");
    assert_eq!(sign_in(&house, &account(&house), CHOSEN).await.status.as_u16(), 303);
}

#[actix_web::test]
async fn whatever_is_wrong_is_answered_in_the_same_words() {
    let house = House::new().await;
    let (account, right) = (account(&house), initial(&house));
    let wrong = sign_in(&house, &account, "AAAA-AAAA-AAAA-AAAA").await;
    assert_eq!(wrong.status.as_u16(), 401);
    assert!(wrong.body.contains("role=\"alert\"") && wrong.header("set-cookie").is_empty());
    let stranger = Tenant::account_name(TenantId::from_bytes([7; 16]));
    for unknown in [stranger.as_str(), "nobody", "admin@", "", "a@b\0c"] {
        assert_eq!(sign_in(&house, unknown, &right).await.shown(), wrong.shown(), "{unknown}");
    }
    order(&house, TenantAction::Suspend);
    assert_eq!(sign_in(&house, &account, &right).await.shown(), wrong.shown(), "suspended");
    order(&house, TenantAction::Resume);
    assert_eq!(sign_in(&house, &account, &right).await.status.as_u16(), 303);
    house.clock.advance(Duration::from_hours(24 * u64::from(ACCOUNT_PASSWORD_VALID_DAYS)));
    assert_eq!(sign_in(&house, &account, &right).await.shown(), wrong.shown(), "expired");
    order(&house, TenantAction::Close);
    assert_eq!(sign_in(&house, &account, &right).await.shown(), wrong.shown(), "closed");
}

#[actix_web::test]
async fn a_new_issue_ends_the_password_and_every_session() {
    let house = House::new().await;
    let before = initial(&house);
    let guest = Guest::whole(&house).await;
    order(&house, TenantAction::ResendMail);
    let after = initial(&house);
    assert_ne!(before, after, "a used-up password is not sent again");
    assert!(!guest.is_in().await);
    for (password, status) in [(CHOSEN, 401), (before.as_str(), 401), (after.as_str(), 303)] {
        assert_eq!(sign_in(&house, &account(&house), password).await.status.as_u16(), status);
    }
}

#[actix_web::test]
async fn a_session_ends_with_time_suspension_and_sign_out() {
    let house = House::new().await;
    let guest = Guest::whole(&house).await;
    order(&house, TenantAction::Suspend);
    assert!(!guest.is_in().await);
    order(&house, TenantAction::Resume);
    assert!(!guest.is_in().await, "it is over, not only shut out");
    let one = Guest::of(&house, CHOSEN).await;
    let (two, three) = (Guest::of(&house, CHOSEN).await, Guest::of(&house, CHOSEN).await);
    let left = one.post("/portal/sign-out", &[]).await;
    assert_eq!((left.status.as_u16(), left.header("location")), (303, "/portal/sign-in?said=signed-out"));
    assert!(left.header("set-cookie").contains("Max-Age=0"));
    assert!(!one.is_in().await && two.is_in().await);
    two.post("/portal/sign-out", &[("everywhere", "yes")]).await;
    assert!(!two.is_in().await && !three.is_in().await);
    let idle = Guest::of(&house, CHOSEN).await;
    house.clock.advance(PORTAL_SESSION_IDLE);
    assert!(!idle.is_in().await);
    let closed = Guest::of(&house, CHOSEN).await;
    order(&house, TenantAction::Close);
    assert!(!closed.is_in().await && house.ledger.state().portal_sessions.is_empty());
    let actions: Vec<_> = house.done_since(0).into_iter().filter(|(actor, ..)| *actor == account(&house)).collect();
    let of = |action: &str| actions.iter().filter(|(_, done, _)| *done == action).count();
    assert_eq!((of("portal.sign_in"), of("portal.password"), of("portal.sign_out")), (6, 1, 2));
}

#[actix_web::test]
async fn a_password_that_may_not_be_chosen_changes_nothing() {
    let house = House::new().await;
    let guest = Guest::of(&house, &initial(&house)).await;
    let company = house.ledger.state().tenants[&house.tenant].company.as_str().repeat(3);
    let long = "a1".repeat(65);
    let initial = initial(&house);
    for (new, again, words) in [
        ("kurz ist nicht", "kurz ist nicht", "at least 15 characters"),
        (long.as_str(), long.as_str(), "at most 128 characters"),
        ("passwordpassword", "passwordpassword", "too common"),
        (company.as_str(), company.as_str(), "consist of your account"),
        (initial.as_str(), initial.as_str(), "initial password cannot be kept"),
        (CHOSEN, "tulpe wagen mond 8", "do not match"),
    ] {
        let refused = guest.post("/portal/password", &[("new", new), ("again", again)]).await;
        assert_eq!(refused.status.as_u16(), 400, "{words}");
        assert!(refused.body.contains(words) && !refused.body.contains(new), "{words}: {}", refused.body);
    }
    assert!(house.ledger.state().own_passwords.is_empty());
    let forged = form("/portal/password", &[("csrf", "x"), ("new", CHOSEN), ("again", CHOSEN)]);
    let forged = call(&house.site, forged.insert_header(("cookie", guest.cookie.as_str()))).await;
    assert_eq!(forged.status.as_u16(), 403);
    assert!(house.ledger.state().own_passwords.is_empty());
}

#[actix_web::test]
async fn a_password_is_changed_by_whoever_shows_the_present_one() {
    let house = House::new().await;
    let guest = Guest::whole(&house).await;
    let next = "noch ein langer satz";
    let fields = |current| [("current", current), ("new", next), ("again", next)];
    let refused = guest.post("/portal/password", &fields("not the present one")).await;
    assert_eq!(refused.status.as_u16(), 400);
    assert!(refused.body.contains("current password is wrong"));
    let changed = guest.post("/portal/password", &fields(CHOSEN)).await;
    assert_eq!(changed.status.as_u16(), 303);
    assert_eq!(sign_in(&house, &account(&house), CHOSEN).await.status.as_u16(), 401);
    assert_eq!(sign_in(&house, &account(&house), next).await.status.as_u16(), 303);
    let kept = house.ledger.state().own_passwords[&house.tenant].clone();
    assert!(kept.hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", kept.hash);
}

#[actix_web::test]
async fn tries_are_bounded_whether_there_is_an_account_or_not() {
    let house = House::new().await;
    let stranger = Tenant::account_name(TenantId::from_bytes([7; 16]));
    let mut refusals = Vec::new();
    for name in [account(&house), stranger] {
        for _ in 0..PORTAL_ATTEMPTS_PER_ACCOUNT {
            assert_eq!(sign_in(&house, &name, "wrong").await.status.as_u16(), 401);
        }
        let refused = sign_in(&house, &name, "wrong").await;
        assert_eq!(refused.status.as_u16(), 429);
        assert!(refused.header("retry-after").parse::<u32>().unwrap() <= 3_600);
        refusals.push(refused.shown());
    }
    assert_eq!(refusals[0], refusals[1]);
    assert_eq!(sign_in(&house, &account(&house), &initial(&house)).await.status.as_u16(), 429);
    house.clock.advance(Duration::from_hours(1));
    assert_eq!(sign_in(&house, &account(&house), &initial(&house)).await.status.as_u16(), 303);
}

/// Failed sign-ins by others block the owner's sign-in only.
#[actix_web::test]
async fn tries_of_strangers_keep_no_owner_from_changing_the_password() {
    let house = House::new().await;
    let guest = Guest::whole(&house).await;
    for _ in 0..=PORTAL_ATTEMPTS_PER_ACCOUNT {
        sign_in(&house, &account(&house), "wrong").await;
    }
    assert_eq!(sign_in(&house, &account(&house), CHOSEN).await.status.as_u16(), 429);
    let next = "noch ein langer satz";
    let changed = guest.post("/portal/password", &[("current", CHOSEN), ("new", next), ("again", next)]).await;
    assert_eq!(changed.status.as_u16(), 303);
    let guest = Guest::after(&house, &changed).await;
    for _ in 1..PORTAL_ATTEMPTS_PER_ACCOUNT {
        assert_eq!(guest.post("/portal/password", &[("current", "wrong")]).await.status.as_u16(), 400);
    }
    assert_eq!(guest.post("/portal/password", &[("current", next)]).await.status.as_u16(), 429, "they are bound too");
}

/// A flood is refused without a write per attempt.
#[actix_web::test]
async fn a_flood_of_tries_is_not_counted_to_its_end() {
    let house = House::new().await;
    let counted = || house.ledger.state().portal_tries.values().copied().max().unwrap();
    for _ in 0..2 * PORTAL_ATTEMPTS_PER_ADDRESS {
        sign_in(&house, "nobody", "wrong").await;
    }
    assert_eq!(counted(), 2 * PORTAL_ATTEMPTS_PER_ADDRESS);
    let refused = sign_in(&house, "nobody", "wrong").await;
    assert_eq!((refused.status.as_u16(), counted()), (429, 2 * PORTAL_ATTEMPTS_PER_ADDRESS));
    assert!(!refused.header("retry-after").is_empty());
}

#[actix_web::test]
async fn every_page_is_whole_and_loads_nothing_from_elsewhere() {
    let house = House::new().await;
    for page in ["/portal", "/portal/", "/portal/password"] {
        let answer = call(&house.site, get(page)).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/portal/sign-in"), "{page}");
        let forged = get(page).insert_header(("cookie", "trialgate_portal=x"));
        assert_eq!(call(&house.site, forged).await.status.as_u16(), 303, "{page}");
    }
    let guest = Guest::whole(&house).await;
    for (page, status) in [
        ("/portal/", 200),
        ("/portal/password", 200),
        ("/portal/sign-in", 200),
        ("/portal/lost", 200),
        ("/portal/new-password", 410),
        ("/portal/nothing", 404),
    ] {
        let answer = guest.get(page).await;
        assert_eq!(answer.status.as_u16(), status, "{page}");
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"), "{page}");
        assert_eq!((answer.header("cache-control"), answer.header("referrer-policy")), ("no-store", "strict-origin"));
        assert!(answer.body.trim_end().ends_with("</html>"), "{page}");
        for foreign in ["<script", " style=", "http://", "https://", "//www"] {
            assert!(!answer.body.contains(foreign), "{page} has {foreign}");
        }
    }
    let style = guest.get("/portal/style.css").await;
    assert_eq!((style.status.as_u16(), style.header("content-type")), (200, "text/css; charset=utf-8"));
}

#[actix_web::test]
async fn the_cookie_is_out_of_reach_of_scripts_and_other_hosts() {
    let house = House::with(|settings| settings.secure_cookies = true).await;
    let entered = sign_in(&house, &account(&house), &initial(&house)).await;
    let cookie = entered.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-trialgate_portal=tgp_"), "{cookie}");
    for part in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Domain"));
    let language = call(&house.site, get("/portal/sign-in?lang=zh")).await;
    assert!(language.header("set-cookie").contains("; Secure"), "{}", language.header("set-cookie"));
}

#[actix_web::test]
async fn an_owner_asks_for_conversion_once_and_no_more() {
    let house = House::new().await;
    let guest = Guest::whole(&house).await;
    let asked_at = || house.ledger.state().tenants[&house.tenant].conversion_asked_at;
    let before = house.done_since(0).len();
    for _ in 0..2 {
        let asked = guest.post("/portal/conversion", &[]).await;
        assert_eq!((asked.status.as_u16(), asked.header("location")), (303, "/portal/?said=asked"));
    }
    assert!(asked_at().is_some());
    let page = guest.get("/portal/").await;
    assert!(page.body.contains("id=\"asked\"") && page.body.contains("Withdraw the request"), "{}", page.body);
    let withdrawn = guest.post("/portal/conversion", &[("withdraw", "yes")]).await;
    assert_eq!(withdrawn.header("location"), "/portal/?said=withdrawn");
    assert_eq!(asked_at(), None);
    let done: Vec<_> = house.done_since(before).into_iter().map(|(actor, action, _)| (actor, action)).collect();
    let entry = |action| (account(&house), action);
    assert_eq!(done, [entry("tenant.ask_conversion"), entry("tenant.withdraw_conversion")]);
    let forged = form("/portal/conversion", &[("csrf", "x")]).insert_header(("cookie", guest.cookie.as_str()));
    assert_eq!(call(&house.site, forged).await.status.as_u16(), 403);
    order(&house, TenantAction::Convert);
    let late = guest.post("/portal/conversion", &[]).await;
    assert_eq!((late.header("location"), asked_at()), ("/portal/", None), "it is a customer's already");
    assert!(!guest.get("/portal/").await.body.contains("/portal/conversion"));
}

/// 300 toggles of a request in a row count as ten; the page gives the remaining minutes in the owner's language.
#[actix_web::test]
async fn an_act_that_is_done_too_often_says_when_again() {
    use trial_core::ports::Clock as _;
    let house = House::new().await;
    house.clock.set(PortalAttempt::end_of(PortalAttempt::hour_of(house.clock.now())));
    house.clock.advance(Duration::from_secs(36 * 60 + 30));
    let guest = Guest::whole(&house).await;
    let written = || house.ledger.state().audit.iter().filter(|entry| entry.action.contains("conversion")).count();
    for n in 0..300_u32 {
        let fields: &[(&str, &str)] = if n.is_multiple_of(2) { &[] } else { &[("withdraw", "1")] };
        let answer = guest.post("/portal/conversion", fields).await;
        let expected = if n < OWNER_ACTS_PER_HOUR || n % 2 == 1 { 303 } else { 429 };
        assert_eq!(answer.status.as_u16(), expected, "{n}");
    }
    assert_eq!(written(), 10, "what is withdrawn already is withdrawn once more, and not written");
    let refused = guest.post("/portal/conversion", &[]).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "1410"));
    assert!(refused.body.contains("Nothing was changed. Try again in 24 minutes."), "{}", refused.body);
    assert!(refused.body.contains("/portal/\""), "{}", refused.body);
    house.clock.advance(Duration::from_secs(23 * 60 + 29));
    let last = guest.post("/portal/conversion", &[]).await;
    assert!(last.body.contains("Try again in 1 minute."), "{}", last.body);
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(guest.post("/portal/conversion", &[]).await.header("location"), "/portal/?said=asked");
}

/// Toggling the request does not keep the owner from actions that remove an intruder.
#[actix_web::test]
async fn sessions_are_ended_and_passwords_changed_whatever_else_was_done() {
    let house = House::new().await;
    let guest = Guest::whole(&house).await;
    for n in 0..OWNER_ACTS_PER_HOUR {
        let fields: &[(&str, &str)] = if n.is_multiple_of(2) { &[] } else { &[("withdraw", "1")] };
        assert_eq!(guest.post("/portal/conversion", fields).await.status.as_u16(), 303);
    }
    assert_eq!(guest.post("/portal/conversion", &[]).await.status.as_u16(), 429);
    let left = guest.post("/portal/sign-out", &[("everywhere", "1")]).await;
    assert_eq!(left.header("location"), "/portal/sign-in?said=signed-out");
    assert!(house.ledger.state().portal_sessions.is_empty());
}

async fn lose(house: &House, name: &str) -> Answer {
    let asked = form("/portal/lost", &[("account", name)]).insert_header(("x-request-id", "asked"));
    let answer = call(&house.site, asked).await;
    // Work behind the answer runs on this thread.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    answer
}

/// Times at which owners were notified of a changed password.
fn notices(house: &House) -> Vec<DateTime<Utc>> {
    let mails = house.ledger.state().mails;
    let told = mails.into_values().map(|kept| kept.record).filter(|mail| mail.kind == MailKind::PasswordChanged);
    told.inspect(|mail| assert_eq!((mail.tenant, &mail.detail), (Some(house.tenant), &None)))
        .map(|mail| mail.created_at)
        .collect()
}

#[actix_web::test]
async fn an_owner_is_told_of_every_change_of_the_password_and_of_nothing_else() {
    use trial_core::ports::Clock as _;
    let house = House::new().await;
    let mut expected = Vec::new();
    let first = Guest::of(&house, &initial(&house)).await;
    first.post("/portal/password", &[("new", "passwordpassword"), ("again", "passwordpassword")]).await;
    assert_eq!(notices(&house), expected, "it was refused");
    let guest = Guest::whole(&house).await;
    expected.push(house.clock.now());
    assert_eq!(notices(&house), expected, "the first choice");

    house.clock.advance(Duration::from_mins(1));
    let next = "noch ein langer satz";
    for current in ["not the present one", ""] {
        guest.post("/portal/password", &[("current", current), ("new", next), ("again", next)]).await;
    }
    assert_eq!(notices(&house), expected, "the present one was not shown");
    let changed = guest.post("/portal/password", &[("current", CHOSEN), ("new", next), ("again", next)]).await;
    assert_eq!(changed.status.as_u16(), 303);
    expected.push(house.clock.now());
    assert_eq!(notices(&house), expected, "a change by whoever shows the present one");

    house.clock.advance(Duration::from_mins(1));
    lose(&house, &account(&house)).await;
    let link = links(&house).remove(0);
    let choose = async |new: &str| {
        let fields = [("link", link.as_str()), ("new", new), ("again", new)];
        call(&house.site, form("/portal/new-password", &fields)).await.status.as_u16()
    };
    assert_eq!(choose("passwordpassword").await, 400);
    assert_eq!(notices(&house), expected, "a link alone changes nothing");
    assert_eq!(choose("ein anderer langer satz").await, 303);
    expected.push(house.clock.now());
    assert_eq!(notices(&house), expected, "a choice by a link");
    assert_eq!(choose("ein dritter langer satz").await, 410);

    house.clock.advance(Duration::from_mins(1));
    order(&house, TenantAction::ResendMail);
    assert_eq!(notices(&house), expected, "a new initial password comes by the account mail");
}

/// A change is not refused for lack of mail units, and the owner is still notified.
#[actix_web::test]
async fn an_owner_is_told_of_a_change_when_the_threshold_is_reached() {
    let house = House::new().await;
    house.ledger.change(|state| state.set_threshold(0));
    Guest::whole(&house).await;
    let mails = house.ledger.state().mails;
    let units = mails.into_values().filter(|kept| kept.record.kind == MailKind::PasswordChanged);
    assert_eq!(units.map(|kept| kept.record.quota).collect::<Vec<_>>(), [None]);
    assert!(house.ledger.state().violations(data::planner().policy().trial.unique_by).is_empty());
}

fn links(house: &House) -> Vec<String> {
    let state = house.ledger.state();
    let mut mails: Vec<_> = state.mails.values().map(|kept| kept.record.clone()).collect();
    mails.retain(|mail| mail.kind == MailKind::Password);
    let link = |mail: trial_core::mails::MailRecord| {
        let issue = mail.detail.unwrap().parse().unwrap();
        let claim = PortalLinkClaim { tenant: mail.tenant.unwrap(), issue, made_at: mail.created_at };
        claim.sign(&data::keyring()).reveal().to_owned()
    };
    mails.into_iter().map(link).collect()
}

#[actix_web::test]
async fn whoever_has_lost_a_password_chooses_another_by_a_link_once() {
    let house = House::new().await;
    let guest = Guest::whole(&house).await;
    house.clock.advance(Duration::from_mins(1));
    let email = house.ledger.state().tenants[&house.tenant].email.as_str().to_owned();
    assert_eq!(lose(&house, &account(&house)).await.status.as_u16(), 200);
    house.clock.advance(Duration::from_mins(1));
    lose(&house, &email.to_uppercase()).await;
    let links = links(&house);
    assert_eq!(links.len(), 2);
    let at = format!("/portal/new-password?link={}", links[0]);
    let page = call(&house.site, get(&at)).await;
    assert_eq!((page.status.as_u16(), page.header("referrer-policy")), (200, "strict-origin"));
    assert!(page.body.contains(&account(&house)) && page.body.contains(&format!("?link={}&amp;lang=zh", links[0])));
    let next = "noch ein langer satz";
    let choose = async |link: &str, new: &str, again: &str| {
        call(&house.site, form("/portal/new-password", &[("link", link), ("new", new), ("again", again)])).await
    };
    assert_eq!(choose(&links[0], next, "other").await.status.as_u16(), 400);
    assert_eq!(choose(&links[0], "passwordpassword", "passwordpassword").await.status.as_u16(), 400);
    let initial = data::keyring().password("current", house.tenant, 1).unwrap().reveal().to_owned();
    assert_eq!(choose(&links[0], &initial, &initial).await.status.as_u16(), 400, "it stands in a mail");
    assert!(guest.is_in().await, "nothing was changed yet");
    let chosen = choose(&links[0], next, next).await;
    assert_eq!((chosen.status.as_u16(), chosen.header("location")), (303, "/portal/?said=chosen"));
    assert!(Guest::after(&house, &chosen).await.is_in().await && !guest.is_in().await);
    for link in &links {
        assert_eq!(choose(link, "ein anderer langer satz", "ein anderer langer satz").await.status.as_u16(), 410);
    }
    assert_eq!(sign_in(&house, &account(&house), CHOSEN).await.status.as_u16(), 401);
    assert_eq!(sign_in(&house, &account(&house), next).await.status.as_u16(), 303);
}

#[actix_web::test]
async fn a_link_is_over_with_time_change_and_suspension() {
    let house = House::new().await;
    let status =
        async |link: &str| call(&house.site, get(&format!("/portal/new-password?link={link}"))).await.status.as_u16();
    lose(&house, &account(&house)).await;
    let first = links(&house).remove(0);
    assert_eq!(status(&first).await, 200);
    order(&house, TenantAction::Suspend);
    assert_eq!(status(&first).await, 410);
    order(&house, TenantAction::Resume);
    assert_eq!(status(&first).await, 200);
    let mut forged = first.clone();
    forged.replace_range(10..11, if &first[10..11] == "A" { "B" } else { "A" });
    for other in [forged.as_str(), "", "example", &first[1..]] {
        assert_eq!(status(other).await, 410, "{other}");
    }
    house.clock.advance(PORTAL_LINK_LIVES);
    assert_eq!(status(&first).await, 410, "its time is over");
    lose(&house, &account(&house)).await;
    let second = links(&house).into_iter().find(|link| *link != first).unwrap();
    assert_eq!(status(&second).await, 200);
    Guest::whole(&house).await;
    assert_eq!(status(&second).await, 410, "another password is in force");
}

#[actix_web::test]
async fn a_lost_password_is_answered_alike_for_everybody() {
    let house = House::new().await;
    let account = account(&house);
    let known = lose(&house, &account).await;
    assert!(known.body.contains("id=\"asked\""), "{}", known.body);
    let stranger = Tenant::account_name(TenantId::from_bytes([7; 16]));
    for unknown in [stranger.as_str(), "nobody", "nobody@example.org", "a@b\0c"] {
        assert_eq!(lose(&house, unknown).await.shown(), known.shown(), "{unknown}");
    }
    for (ends, goes_on) in [(TenantAction::Suspend, Some(TenantAction::Resume)), (TenantAction::Close, None)] {
        order(&house, ends.clone());
        assert_eq!(lose(&house, &account).await.shown(), known.shown(), "{ends:?}");
        if let Some(goes_on) = goes_on {
            order(&house, goes_on);
        }
    }
    assert_eq!(links(&house).len(), 1, "no mail but the first");
    for name in [account.as_str(), "somebody@example.org"] {
        for _ in 0..PORTAL_LINKS_PER_ACCOUNT {
            lose(&house, name).await;
        }
        let refused = lose(&house, name).await;
        assert_eq!(refused.status.as_u16(), 429, "{name}");
    }
    assert_eq!(sign_in(&house, &account, "wrong").await.status.as_u16(), 401, "these are other tries");
}

#[actix_web::test]
async fn an_owner_who_is_signed_in_asks_how_the_trial_stands() {
    const PATH: &str = "/apiaccess/rest/ipccprovision/v1/applyTry/queryTenant";
    let house = House::new().await;
    let fresh = Guest::of(&house, &initial(&house)).await;
    assert_eq!(fresh.get(PATH).await.status.as_u16(), 401, "a password has to be chosen first");
    let guest = Guest::whole(&house).await;
    let answer = guest.get(PATH).await;
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.body);
    let tenant = house.ledger.state().tenants[&house.tenant].clone();
    let told: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(told["company"], tenant.company.as_str());
    assert_eq!(told["email"], tenant.email.as_str());
    assert_eq!(told["createDate"], tenant.created_at.timestamp_millis());
    assert_eq!(
        (told["tenantSpaceStatus"].as_str(), told["mobilePhone"].as_str()),
        (Some("trial"), Some(&*tenant.phone.masked()))
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(
        guest.get(&format!("{PATH}?phone=16673280001")).await.status.as_u16(),
        400,
        "nobody else is asked about"
    );
    guest.post("/portal/sign-out", &[]).await;
    assert_eq!(guest.get(PATH).await.status.as_u16(), 401);
    assert_eq!(call(&house.site, get(PATH)).await.status.as_u16(), 403);
}
