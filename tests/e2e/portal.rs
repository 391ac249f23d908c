//! The portal: from the mail to the tenant's page.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::Value;
use trialgate_tests::{Applicant, Home, Mail, Service, until};

const CHOSEN: &str = "tulpe wagen mond 7";

/// A browser that follows no redirection, and keeps one cookie.
struct Browser {
    client: Client,
    address: SocketAddr,
    cookie: String,
}

impl Browser {
    fn new(address: SocketAddr) -> Self {
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { client, address, cookie: String::new() }
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let asked = self.client.get(format!("http://{}{path}", self.address)).header("cookie", &self.cookie);
        let answer = asked.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Sends a form; returns the status, and the target of the redirection.
    async fn send(&mut self, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let form = reqwest::Url::parse_with_params("http://form/", fields).unwrap();
        let answer: Response = self
            .client
            .post(format!("http://{}{path}", self.address))
            .header("cookie", &self.cookie)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.query().unwrap_or_default().to_owned())
            .send()
            .await
            .unwrap();
        let header = |name| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        if let Some(cookie) = header("set-cookie") {
            cookie.split(';').next().unwrap().clone_into(&mut self.cookie);
        }
        (answer.status().as_u16(), header("location").unwrap_or_default())
    }

    /// The CSRF token in the forms of a page.
    async fn csrf(&self) -> String {
        let (_, page) = self.get("/portal/password").await;
        let rest = page.split("name=\"csrf\" value=\"").nth(1).unwrap_or_else(|| panic!("no form: {page}"));
        rest.split('"').next().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_new_customer_arrives_at_the_portal_that_the_mail_names() {
    let home = Home::new();
    let service = home.sandbox().await;
    let client = service.client();
    let applicant = Applicant::new(71);
    let code = client.obtain_code(&applicant).await;
    assert_eq!(client.apply(&applicant, &code).await.code(), "000");
    let mail = client.mail_of(&applicant).await;
    let portal = format!("http://{}/portal/", service.address());
    assert!(mail.text.contains(&portal), "{}", mail.text);
    let account = mail.account();

    let mut browser = Browser::new(service.address());
    assert_eq!(browser.get("/portal/").await.0, 303);
    let wrong = [("account", account.name.as_str()), ("password", "AAAA-AAAA-AAAA-AAAA")];
    assert_eq!(browser.send("/portal/sign-in", &wrong).await.0, 401);
    let right = [("account", account.name.as_str()), ("password", account.password.as_str())];
    assert_eq!(browser.send("/portal/sign-in", &right).await, (303, "/portal/".to_owned()));
    assert_eq!(browser.get("/portal/").await.0, 303, "a password has to be chosen first");
    let csrf = browser.csrf().await;
    let chosen = [("csrf", csrf.as_str()), ("new", CHOSEN), ("again", CHOSEN)];
    assert_eq!(browser.send("/portal/password", &chosen).await, (303, "/portal/?said=chosen".to_owned()));
    let (status, page) = browser.get("/portal/").await;
    assert_eq!(status, 200);
    for part in [&account.name, &account.voice, &account.multimedia, &applicant.company] {
        assert!(page.contains(part.as_str()), "{part}: {page}");
    }
    assert!(!page.contains(&applicant.email) && !page.contains(&applicant.phone), "{page}");

    // The chosen password outlives the process; the initial password does not come back.
    service.stop().await;
    let service = home.sandbox().await;
    let mut browser = Browser { address: service.address(), ..browser };
    assert_eq!(browser.get("/portal/").await.0, 200, "the session goes on");
    let csrf = browser.csrf().await;
    assert_eq!(browser.send("/portal/sign-out", &[("csrf", csrf.as_str())]).await.0, 303);
    assert_eq!(browser.get("/portal/").await.0, 303);
    assert_eq!(browser.send("/portal/sign-in", &right).await.0, 401, "the initial password is used up");
    let own = [("account", account.name.as_str()), ("password", CHOSEN)];
    assert_eq!(browser.send("/portal/sign-in", &own).await.0, 303);
}

/// The newest mail to an applicant, once there are `count`.
async fn newest(service: &Service, applicant: &Applicant, count: usize) -> Mail {
    let client = service.client();
    until("the mail is captured", async || {
        let mails = client.mails_of(applicant).await;
        assert!(mails.len() <= count, "{mails:?}");
        (mails.len() == count).then(|| mails.into_iter().next()).flatten()
    })
    .await
}

/// The kinds of all mails of the outbox so far, the oldest first.
async fn kinds(home: &Home) -> Vec<String> {
    let mut mails = BTreeMap::new();
    // In this order, no mail is missed that is sent meanwhile.
    for state in ["due", "sent", "failed"] {
        let listed = home.ask_json(&["mail", "list", "--state", state]).await;
        let text = |mail: &Value, name: &str| mail[name].as_str().unwrap().to_owned();
        mails.extend(listed["items"].as_array().unwrap().iter().map(|mail| (text(mail, "id"), text(mail, "kind"))));
    }
    mails.into_values().collect()
}

#[tokio::test]
async fn an_owner_is_told_by_mail_of_every_change_of_the_password() {
    let home = Home::new();
    let service = home.sandbox().await;
    let client = service.client();
    let applicant = Applicant::new(72);
    let code = client.obtain_code(&applicant).await;
    assert_eq!(client.apply(&applicant, &code).await.code(), "000");
    let account = client.mail_of(&applicant).await.account();
    let name = account.name.as_str();
    let told = async |count, password: &str| {
        let mail = newest(&service, &applicant, count).await;
        assert_eq!(mail.subject, "The password of your contact centre was changed");
        let lost = format!("http://{}/portal/lost", service.address());
        for part in [name, "(UTC)", lost.as_str(), "If it was not you"] {
            assert!(mail.text.contains(part) && mail.html.contains(part), "{part}: {mail:?}");
        }
        for secret in [password, account.password.as_str(), "link="] {
            assert!(!mail.text.contains(secret) && !mail.html.contains(secret), "{mail:?}");
        }
    };

    // The first choice, after one that is not permitted.
    let mut browser = Browser::new(service.address());
    let initial = [("account", name), ("password", account.password.as_str())];
    assert_eq!(browser.send("/portal/sign-in", &initial).await.0, 303);
    let csrf = browser.csrf().await;
    let common = [("csrf", csrf.as_str()), ("new", "passwordpassword"), ("again", "passwordpassword")];
    assert_eq!(browser.send("/portal/password", &common).await.0, 400);
    assert_eq!(kinds(&home).await, ["account"]);
    let chosen = [("csrf", csrf.as_str()), ("new", CHOSEN), ("again", CHOSEN)];
    assert_eq!(browser.send("/portal/password", &chosen).await.0, 303);
    told(2, CHOSEN).await;

    // A change with the present password, after one without.
    let csrf = browser.csrf().await;
    let next = "noch ein langer satz";
    let fields = |current| [("csrf", csrf.as_str()), ("current", current), ("new", next), ("again", next)];
    assert_eq!(browser.send("/portal/password", &fields("not the present one")).await.0, 400);
    assert_eq!(kinds(&home).await, ["account", "password_changed"]);
    assert_eq!(browser.send("/portal/password", &fields(CHOSEN)).await.0, 303);
    told(3, next).await;

    // A choice by a link, which works once.
    let mut stranger = Browser::new(service.address());
    assert_eq!(stranger.send("/portal/lost", &[("account", name)]).await.0, 200);
    let mail = newest(&service, &applicant, 4).await;
    let link = mail.text.lines().find_map(|line| line.split_once("/portal/new-password?link=")).unwrap().1.trim();
    let last = "ein anderer langer satz";
    let by_link = [("link", link), ("new", last), ("again", last)];
    assert_eq!(stranger.send("/portal/new-password", &by_link).await.0, 303);
    told(5, last).await;
    assert_eq!(stranger.send("/portal/new-password", &by_link).await.0, 410);

    // An operator's new initial password is in the account mail.
    home.ask(&["tenants", "resend-mail", &account.tenant]).await;
    let mail = newest(&service, &applicant, 6).await;
    assert_ne!(mail.account().password, account.password);
    let expected = ["account", "password_changed", "password_changed", "password", "password_changed", "account"];
    assert_eq!(kinds(&home).await, expected);
    home.ask(&["doctor"]).await;
}
