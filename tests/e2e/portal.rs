//! The portal: from the mail to the tenant's page.

use std::net::SocketAddr;

use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use trialgate_tests::{Applicant, Home};

const CHOSEN: &str = "tulpe wagen mond 7";

/// A browser that follows nothing, and keeps one cookie.
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

    /// Sends a form; the status, and where it leads.
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

    /// What the forms of a page carry.
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

    // What was chosen outlives the process; the initial password does not come back.
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
