//! `kill -9` at each step of a delivery: the mail arrives after the restart, and a second copy equals the first one.

use trialgate_tests::{Applicant, Home, MailServer, Point, Service, until};

use crate::databases::on_every_database;

on_every_database!(no_step_of_a_delivery_loses_a_mail);

async fn no_step_of_a_delivery_loses_a_mail(home: Home) {
    let server = MailServer::start().await;
    let mut applicants = Vec::new();
    for point in Point::ALL {
        let service = start(&home, &server).await;
        if point == Point::Reset {
            // A session begins with RSET if it has carried another mail.
            let first = Applicant::new(65_000_000);
            apply(&service, &first).await;
            until_sent(&home).await;
            applicants.push(first);
        }
        let applicant = Applicant::new(65_000_001 + u32::try_from(applicants.len()).unwrap());
        server.hold_at(Some(point));
        apply(&service, &applicant).await;
        server.until_held().await;
        service.kill().await;
        server.hold_at(None);

        arrives_after_restart(&home, &server, &applicant).await;
        if point == Point::Taken {
            assert_eq!(server.mails_to(&applicant.email).len(), 2, "taken before and after");
        }
        applicants.push(applicant);
    }
    between_the_reply_and_the_settlement(&home, &server, &mut applicants).await;
    home.database().assert_keeps_exactly(&applicants);
}

/// The server's reply arrives, but the database can no longer be written.
async fn between_the_reply_and_the_settlement(home: &Home, server: &MailServer, applicants: &mut Vec<Applicant>) {
    let service = start(home, server).await;
    let applicant = Applicant::new(65_000_100);
    server.hold_at(Some(Point::Whole));
    apply(&service, &applicant).await;
    server.until_held().await;
    let lock = home.database().lock();
    server.hold_at(None);
    until("the mail is taken", async || server.mails_to(&applicant.email).pop()).await;
    service.kill().await;
    drop(lock);
    arrives_after_restart(home, server, &applicant).await;
    applicants.push(applicant);
}

async fn start(home: &Home, server: &MailServer) -> Service {
    let environment = server.environment();
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    home.start_with(&environment).await
}

async fn apply(service: &Service, applicant: &Applicant) {
    let code = service.client().obtain_code(applicant).await;
    assert_eq!(service.client().apply(applicant, &code).await.code(), "000");
}

async fn until_sent(home: &Home) {
    let unsent = "SELECT count(*) AS number FROM mails WHERE state <> 'sent'";
    until("every mail is sent", async || (home.database().number(unsent) == 0).then_some(())).await;
}

/// Every copy is the same mail, with the account that was created before the kill.
async fn arrives_after_restart(home: &Home, server: &MailServer, applicant: &Applicant) {
    let service = start(home, server).await;
    // The lease of the killed process lasts some minutes: ends it now.
    home.database().execute("UPDATE mails SET next_attempt_at = created_at WHERE state = 'due'");
    until_sent(home).await;
    let tenants = home.database().tenants();
    let tenant = tenants.iter().find(|tenant| tenant.phone == applicant.e164()).expect("the tenant is kept");
    let mails = server.mails_to(&applicant.email);
    let first = mails.first().expect("the mail arrives");
    assert!(first.message_id.replace('-', "").starts_with(&format!("<{}@", tenant.mail)), "{}", first.message_id);
    let account = first.account();
    assert_eq!(account.tenant.replace('-', ""), tenant.id);
    assert_eq!((&account.voice, &account.multimedia), (&tenant.voice, &tenant.multimedia));
    for mail in &mails {
        assert_eq!((&mail.message_id, &mail.text, &mail.html), (&first.message_id, &first.text, &first.html));
    }
    service.stop().await;
}
