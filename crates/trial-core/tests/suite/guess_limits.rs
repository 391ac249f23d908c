//! What it takes to lock a phone, and what does not open it again.

use trial_core::{CodeReply, GatewayReply};
use trial_testkit::data::{application, phone};

use crate::desks::{HOUR, MINUTE, desk, set_failures};

/// With the defaults: 100 wrong tries are 20 codes, each an SMS to whoever has the phone.
#[tokio::test]
async fn locking_somebodys_phone_takes_a_day_and_an_hour_and_twenty_messages_to_it() {
    let desk = desk(0).await;
    let began = desk.now();
    let mut messages = 0;
    loop {
        match desk.ask(&phone(1)).await {
            Ok(sent) => {
                messages += 1;
                desk.report(&sent, GatewayReply::Accepted { provider_id: None }).await;
                while desk.apply_for_code(application(1, "wrong")).await == "002" {}
            }
            Err(refusal) => {
                let reply = CodeReply::from(&refusal);
                let Some(wait) = reply.retry_after else { break };
                desk.wait(wait);
            }
        }
    }
    assert_eq!(desk.ledger.state().phones[&phone(1)].failures, 100);
    assert_eq!((messages, (desk.now() - began).to_std().unwrap()), (20, 25 * HOUR + 4 * MINUTE));
    assert_eq!(desk.apply_for_code(application(1, "wrong")).await, "003");
}

/// Neither another code, nor time, nor a right code of which nothing comes: only a success.
#[tokio::test]
async fn only_a_success_resets_the_count() {
    let desk = desk(0).await;
    let failures = || desk.ledger.state().phones[&phone(1)].failures;
    desk.send(&phone(1)).await;
    for expected in 1..=5 {
        assert_eq!(desk.apply_for_code(application(1, "wrong")).await, "002");
        assert_eq!(failures(), expected);
    }
    desk.wait(48 * HOUR);
    let right = desk.prepared(1).await;
    assert_eq!(desk.apply_for_code(application(1, "wrong")).await, "002");
    assert_eq!(failures(), 6, "another code goes on where the first one ended");
    assert_eq!(desk.apply_for_code(right).await, "006");
    assert_eq!(failures(), 6, "a right code is no success");
    set_failures(&desk, 1, 99);
    desk.wait(MINUTE);
    desk.send(&phone(1)).await;
    assert_eq!(desk.apply_for_code(application(1, "wrong")).await, "002");
    desk.wait(400 * 24 * HOUR);
    assert_eq!(desk.apply_for_code(application(1, "wrong")).await, "003", "however long ago");
}
