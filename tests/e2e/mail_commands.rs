//! Mails that were given up are listed, reported by `doctor`, and retried.

use serde_json::json;
use trialgate_tests::{Applicant, Home, until};

use crate::databases::on_every_database;

on_every_database!(a_mail_that_was_given_up_is_seen_and_tried_again);

async fn a_mail_that_was_given_up_is_seen_and_tried_again(home: Home) {
    let service = home.start().await;
    let client = service.client();
    assert_eq!(home.ask(&["mail", "list"]).await, "no failed mail\n");
    client.set_faults(json!({"mail": "permanent"})).await;
    let applicant = Applicant::new(66_000_000);
    let code = client.obtain_code(&applicant).await;
    assert_eq!(client.apply(&applicant, &code).await.code(), "000");
    let mails = until("the mail is given up", async || {
        let mails = home.ask_json(&["mail", "list", "--state", "failed"]).await["items"].clone();
        (mails != json!([])).then_some(mails)
    })
    .await;
    let mail = &mails[0];
    assert_eq!(
        (&mail["to"], &mail["kind"], &mail["attempts"]),
        (&json!(applicant.email), &json!("account"), &json!(1))
    );
    assert_eq!(mail["lastReply"], "sandbox fault: refused for good");
    let doctor = home.run(&["doctor"]).await;
    assert!(doctor.stdout.contains("failed mails: 1; see `trialgate mail list`"), "{doctor:?}");

    client.set_faults(json!({})).await;
    let id = mail["id"].as_str().unwrap();
    assert_eq!(home.ask(&["mail", "retry", id]).await, format!("mail {id} is due now\n"));
    let account = client.mail_of(&applicant).await.account();
    assert_eq!(account.tenant, mail["tenant"].as_str().unwrap());
    until("the mail is sent", async || {
        let sent = home.ask(&["mail", "list", "--state", "sent"]).await;
        sent.contains(&format!("mail {id}: sent after 2 attempts")).then_some(())
    })
    .await;
    let audited = "SELECT count(*) AS number FROM audit WHERE action = 'mail.retry'";
    assert_eq!(home.database().number(audited), 1);
    for (id, reason) in
        [(id, "is sent; only a failed mail"), ("019aa6f2-7c3e-7f00-8000-000000000000", "there is no mail")]
    {
        let mut command = home.command(&["mail", "retry", id, "--config"]);
        command.arg(home.config());
        let refused = home.refused(command).await;
        assert!(refused.contains(reason), "{refused}");
    }
}
