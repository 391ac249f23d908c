//! The lock of a phone after wrong codes, and its end.

use trial_core::applications::Application;
use trial_core::return_codes::CodeReply;
use trial_core::sms::GatewayReply;
use trial_testkit::data::{application, company, phone};

use crate::desks::{DAY, HOUR, MINUTE, SECOND, harness, set_failures};

/// With the defaults, 100 wrong attempts are 20 codes, each an SMS to the phone's owner.
#[tokio::test]
async fn locking_somebodys_phone_takes_a_day_and_an_hour_and_twenty_messages_to_it() {
    let harness = harness(0).await;
    let began = harness.now();
    let mut messages = 0;
    loop {
        match harness.ask(&phone(1)).await {
            Ok(sent) => {
                messages += 1;
                harness.report(&sent, GatewayReply::Accepted { provider_id: None }).await;
                while harness.apply_for_code(application(1, "wrong")).await == "002" {}
            }
            Err(refusal) => {
                let reply = CodeReply::from(&refusal);
                let Some(wait) = reply.retry_after else { break };
                harness.wait(wait);
            }
        }
    }
    assert_eq!(harness.ledger.state().phones[&phone(1)].failures, 100);
    assert_eq!((messages, (harness.now() - began).to_std().unwrap()), (20, 25 * HOUR + 4 * MINUTE));
    assert_eq!(harness.apply_for_code(application(1, "wrong")).await, "003");
}

/// A used code is compared for a day, to answer 000 once more: so guesses of it count against the phone, whatever the
/// state of its current code. The answer stays 001, and the used code itself is no guess.
#[tokio::test]
async fn guesses_of_a_used_code_lock_the_phone() {
    let harness = harness(2).await;
    let first = harness.prepared(1).await;
    assert_eq!(harness.apply_for_code(first.clone()).await, "000");
    let failures = || harness.ledger.state().phones[&phone(1)].failures;
    let guess = application(1, "wrong");
    assert_eq!(harness.apply_for_code(guess.clone()).await, "001");
    assert_eq!(failures(), 1);
    let with_other_company = Application { company: company(2), ..first.clone() };
    assert_eq!(harness.apply_for_code(with_other_company.clone()).await, "001");
    assert_eq!(harness.apply_for_code(first.clone()).await, "000", "a double click");
    assert_eq!(failures(), 1, "the used code is no guess");
    harness.wait(MINUTE);
    harness.send(&phone(1)).await;
    harness.wait(6 * MINUTE);
    assert_eq!(harness.apply_for_code(with_other_company).await, "001");
    assert_eq!(failures(), 1);
    assert_eq!(harness.apply_for_code(guess.clone()).await, "001", "the present code has expired");
    assert_eq!(failures(), 2, "and the used one was guessed at");
    for expected in 3..=100 {
        assert_eq!(harness.apply_for_code(guess.clone()).await, "001");
        assert_eq!(failures(), expected);
    }
    assert_eq!(harness.apply_for_code(guess).await, "003");
    assert_eq!(harness.apply_for_code(first).await, "000", "a replay comes before the lock");
}

/// After a day a used code is not compared any more, even if it is the phone's last one: no guess locks the phone.
#[tokio::test]
async fn guesses_of_a_used_code_count_for_a_day() {
    let harness = harness(1).await;
    harness.join(1).await;
    let failures = || harness.ledger.state().phones[&phone(1)].failures;
    let guess = application(1, "wrong");
    harness.wait(DAY.saturating_sub(SECOND));
    assert_eq!(harness.apply_for_code(guess.clone()).await, "001");
    assert_eq!(failures(), 1);
    for later in [SECOND, SECOND, 5 * DAY] {
        harness.wait(later);
        assert_eq!(harness.apply_for_code(guess.clone()).await, "001");
        assert_eq!(failures(), 1);
    }
}

/// Codes that always answer 001 disclose nothing: no guess of them is counted.
#[tokio::test]
async fn guesses_of_codes_that_were_never_used_are_not_counted() {
    let harness = harness(1).await;
    harness.send(&phone(1)).await;
    harness.wait(6 * MINUTE);
    assert_eq!(harness.apply_for_code(application(1, "wrong")).await, "001");
    assert_eq!(harness.ledger.state().phones[&phone(1)].failures, 0);
}

/// Only a success resets the count: no new code, no time, no right code of a refused application.
#[tokio::test]
async fn only_a_success_resets_the_count() {
    let harness = harness(0).await;
    let failures = || harness.ledger.state().phones[&phone(1)].failures;
    harness.send(&phone(1)).await;
    for expected in 1..=5 {
        assert_eq!(harness.apply_for_code(application(1, "wrong")).await, "002");
        assert_eq!(failures(), expected);
    }
    harness.wait(48 * HOUR);
    let right = harness.prepared(1).await;
    assert_eq!(harness.apply_for_code(application(1, "wrong")).await, "002");
    assert_eq!(failures(), 6, "another code goes on where the first one ended");
    assert_eq!(harness.apply_for_code(right).await, "006");
    assert_eq!(failures(), 6, "a right code is no success");
    set_failures(&harness, 1, 99);
    harness.wait(MINUTE);
    harness.send(&phone(1)).await;
    assert_eq!(harness.apply_for_code(application(1, "wrong")).await, "002");
    harness.wait(400 * 24 * HOUR);
    assert_eq!(harness.apply_for_code(application(1, "wrong")).await, "003", "however long ago");
}
