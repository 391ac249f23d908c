//! A mail server that quotes a password link in its refusal shows it to nobody.

use reqwest::Client;
use reqwest::redirect::Policy;
use trialgate_tests::{Applicant, Home, MailServer, until};

use crate::databases::on_every_database;

on_every_database!(a_link_that_the_mail_server_quotes_is_shown_nowhere);

async fn a_link_that_the_mail_server_quotes_is_shown_nowhere(home: Home) {
    let server = MailServer::start().await;
    server.quote_links();
    let environment = server.environment();
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let service = home.start_with(&environment).await;
    let client = service.client();
    let applicant = Applicant::new(66_000_001);
    let code = client.obtain_code(&applicant).await;
    assert_eq!(client.apply(&applicant, &code).await.code(), "000");
    let account = until("the account arrives", async || server.mails_to(&applicant.email).pop()).await.account();

    let url = |path: &str| format!("http://{}{path}", service.address());
    let browser = Client::builder().redirect(Policy::none()).build().unwrap();
    let form = |path: &str, field: &str, value: &str| {
        let fields = reqwest::Url::parse_with_params("http://form/", [(field, value)]).unwrap();
        let request = browser.post(url(path)).header("content-type", "application/x-www-form-urlencoded");
        request.body(fields.query().unwrap().to_owned())
    };
    assert_eq!(form("/portal/lost", "account", &account.name).send().await.unwrap().status().as_u16(), 200);
    let refused = "SELECT count(*) AS number FROM mails WHERE kind = 'password' AND attempts > 0";
    until("the mail is refused", async || (home.database().number(refused) > 0).then_some(())).await;
    let mail = server.mails_to(&applicant.email).into_iter().find(|mail| mail.text.contains("?link=")).unwrap();
    let token = mail.text.split("?link=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();

    // Everywhere that a reply is shown: the interface, the console, the command line, the log.
    let added = home.ask_json(&["operators", "add", "vera", "--role", "viewer"]).await;
    let bearer = added["token"].as_str().unwrap();
    let mails = browser.get(url("/ops/v1/mails")).bearer_auth(bearer).send().await.unwrap().text().await.unwrap();
    assert!(mails.contains("554 5.7.1 URL *** is listed"), "{mails}");
    let signed_in = form("/console/sign-in", "token", bearer).send().await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let page = browser.get(url("/console/mails")).header("cookie", cookie).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("554 5.7.1 URL *** is listed"), "{page}");
    let mut shown = vec![mails, page];
    for arguments in [
        &["mail", "list", "--json"][..],
        &["tenants", "show", &account.tenant, "--json"],
        &["applications", "find", "--email", &applicant.email, "--json"],
    ] {
        shown.push(home.ask(arguments).await);
    }
    shown.push(service.stop().await.stderr);
    for text in shown {
        let text = text.to_lowercase().replace(char::is_whitespace, "");
        for part in token.to_lowercase().as_bytes().windows(12) {
            let part = std::str::from_utf8(part).unwrap();
            let percent = part.bytes().fold(String::new(), |text, b| text + &format!("%{b:02x}"));
            assert!(!text.contains(part) && !text.contains(&percent), "{part} of {token} in {text}");
        }
    }
}
