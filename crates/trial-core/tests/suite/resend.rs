//! The effect of a resend on a code, minute by minute.

use trial_core::verification::{ChallengeState, CodeToSend, SendState};
use trial_testkit::data::{application, phone};

use crate::desks::{MINUTE, MemoryDesk, answer, desk_by, harness, reply, secs};

const NOT_SENT: [SendState; 2] = [SendState::Refused, SendState::Unreached];

/// A code created at minute 0 and sent again at these minutes: `true` if the last of them repeats it, and the minute at
/// which the sent code expires.
async fn resent(minutes: &[u32]) -> (bool, i64) {
    let harness = harness(0).await;
    let first = harness.send(&phone(1)).await;
    let start = harness.now();
    let mut last = first.clone();
    for minute in minutes {
        harness.clock.set(start + *minute * MINUTE);
        last = harness.send(&phone(1)).await;
    }
    assert_eq!(last.challenge == first.challenge, last.code == first.code);
    (last.challenge == first.challenge, (last.expires_at - start).num_minutes())
}

#[tokio::test]
async fn a_resend_within_5_minutes_repeats_the_code_and_gives_it_5_more() {
    for minute in 1..5 {
        assert_eq!(resent(&[minute]).await, (true, i64::from(minute) + 5), "minute {minute}");
    }
}

#[tokio::test]
async fn a_resend_never_prolongs_past_10_minutes_after_the_code_was_made() {
    assert_eq!(resent(&[4, 5]).await, (true, 10));
    for minute in 6..9 {
        assert_eq!(resent(&[4, minute]).await, (true, 10), "minute {minute}");
    }
}

#[tokio::test]
async fn a_new_code_is_made_where_less_than_2_minutes_would_be_left() {
    assert_eq!(resent(&[4, 8]).await, (true, 10), "exactly 2 minutes are enough");
    assert_eq!(resent(&[4, 9]).await, (false, 14));
    let harness = harness(0).await;
    let first = harness.send(&phone(1)).await;
    harness.wait(4 * MINUTE);
    harness.send(&phone(1)).await;
    harness.wait(4 * MINUTE + secs(1));
    assert_ne!(harness.send(&phone(1)).await.challenge, first.challenge);
}

#[tokio::test]
async fn a_new_code_is_made_once_the_old_one_expired() {
    for minute in [5, 6, 30] {
        assert_eq!(resent(&[minute]).await, (false, i64::from(minute) + 5), "minute {minute}");
    }
}

#[tokio::test]
async fn where_codes_are_to_live_less_than_2_minutes_they_are_still_repeated() {
    let harness = desk_by(0, |policy| {
        policy.verification.code_ttl = secs(90);
        policy.verification.code_cap = secs(300);
    })
    .await;
    let first = harness.send(&phone(1)).await;
    harness.wait(MINUTE);
    assert_eq!(harness.send(&phone(1)).await.challenge, first.challenge);
}

#[tokio::test]
async fn a_cap_below_the_lifetime_holds_from_the_start() {
    let harness = desk_by(0, |policy| policy.verification.code_cap = 3 * MINUTE).await;
    let first = harness.send(&phone(1)).await;
    assert_eq!(first.expires_at, harness.now() + 3 * MINUTE);
}

fn tries(harness: &MemoryDesk) -> Vec<u32> {
    harness.ledger.state().challenges.values().map(|challenge| challenge.tries).collect()
}

#[tokio::test]
async fn tries_are_not_reset_by_a_resend() {
    let harness = harness(1).await;
    harness.prepared(1).await;
    harness.try_wrong(1, 4).await;
    harness.wait(MINUTE);
    let right = harness.prepared(1).await;
    assert_eq!(tries(&harness), [4]);
    harness.try_wrong(1, 1).await;
    assert_eq!(harness.apply_for_code(right).await, "001");
}

#[tokio::test]
async fn a_code_that_is_spent_or_used_is_not_repeated() {
    let harness = harness(1).await;
    let first = harness.send(&phone(1)).await;
    harness.try_wrong(1, 5).await;
    harness.wait(MINUTE);
    let second = harness.send(&phone(1)).await;
    assert_ne!(second.challenge, first.challenge);
    assert_eq!(tries(&harness), [5, 0]);
    assert_eq!(harness.apply_for_code(application(1, second.code.reveal())).await, "000");
    harness.wait(MINUTE);
    let third = harness.send(&phone(1)).await;
    assert_ne!(third.challenge, second.challenge);
}

#[tokio::test]
async fn an_older_code_is_wrong_once_a_new_one_was_made() {
    let harness = harness(1).await;
    let old = harness.send(&phone(1)).await;
    harness.wait(5 * MINUTE);
    let new = harness.send(&phone(1)).await;
    assert_ne!(old.code, new.code);
    assert_eq!(harness.apply_for_code(application(1, old.code.reveal())).await, "002");
    assert_eq!(harness.apply_for_code(application(1, new.code.reveal())).await, "000");
}

/// A fixture in which a code has arrived, with a minute of its lifetime left, and another is on its way.
async fn two_codes(pairs: u32) -> (MemoryDesk, CodeToSend, CodeToSend) {
    let harness = harness(pairs).await;
    let first = harness.send(&phone(1)).await;
    harness.wait(secs(250));
    assert_eq!(harness.send(&phone(1)).await.challenge, first.challenge);
    harness.wait(secs(240));
    let second = harness.ask(&phone(1)).await.unwrap();
    assert_ne!(second.challenge, first.challenge);
    (harness, first, second)
}

#[tokio::test]
async fn a_code_that_has_arrived_is_good_until_the_gateway_has_accepted_the_next() {
    for state in [SendState::Sending, SendState::Refused, SendState::Unreached, SendState::Unknown, SendState::Accepted]
    {
        let (harness, first, second) = two_codes(1).await;
        if state != SendState::Sending {
            harness.report(&second, reply(state)).await;
        }
        let expected = if state == SendState::Accepted { "002" } else { "000" };
        assert_eq!(harness.apply_for_code(application(1, first.code.reveal())).await, expected, "{state}");
        let (harness, _, second) = two_codes(1).await;
        if state != SendState::Sending {
            harness.report(&second, reply(state)).await;
        }
        let expected = if NOT_SENT.contains(&state) { "002" } else { "000" };
        assert_eq!(harness.apply_for_code(application(1, second.code.reveal())).await, expected, "{state}");
    }
}

#[tokio::test]
async fn a_code_beside_the_next_keeps_its_own_end() {
    let (harness, first, second) = two_codes(1).await;
    harness.report(&second, reply(SendState::Unknown)).await;
    harness.wait(secs(60));
    assert_eq!(
        harness.apply_for_code(application(1, first.code.reveal())).await,
        "002",
        "five minutes after its last message"
    );
    let (harness, first, second) = two_codes(1).await;
    harness.report(&second, reply(SendState::Refused)).await;
    harness.wait(secs(60));
    assert_eq!(harness.apply_for_code(application(1, first.code.reveal())).await, "001");
    let next = harness.send(&phone(1)).await;
    assert!(next.challenge != first.challenge && next.challenge != second.challenge);
    assert_eq!(harness.apply_for_code(application(1, next.code.reveal())).await, "000");
}

#[tokio::test]
async fn a_wrong_try_counts_against_both_codes_and_once_against_the_phone() {
    let (harness, first, second) = two_codes(1).await;
    harness.try_wrong(1, 5).await;
    assert_eq!(tries(&harness), [5, 5]);
    assert_eq!(harness.ledger.state().phones[&phone(1)].failures, 5);
    for code in [first, second] {
        assert_eq!(harness.apply_for_code(application(1, code.code.reveal())).await, "001");
    }
    let (harness, first, second) = two_codes(1).await;
    harness.try_wrong(1, 4).await;
    harness.report(&second, reply(SendState::Refused)).await;
    assert_eq!(tries(&harness), [4, 4], "as many as before");
    assert_eq!(harness.apply_for_code(application(1, first.code.reveal())).await, "000");
}

#[tokio::test]
async fn an_acceptance_ends_both_codes() {
    for is_first in [true, false] {
        let (harness, first, second) = two_codes(2).await;
        let (used, other) = if is_first { (first, second.clone()) } else { (second.clone(), first) };
        let accepted = application(1, used.code.reveal());
        assert_eq!(harness.apply_for_code(accepted.clone()).await, "000");
        harness.report(&second, reply(SendState::Accepted)).await;
        assert_eq!(harness.apply_for_code(accepted).await, "000", "a double click");
        assert_eq!(harness.apply_for_code(application(1, other.code.reveal())).await, "001");
        let state = harness.ledger.state();
        assert_eq!(state.challenges[&used.challenge].state, ChallengeState::Consumed);
        assert_eq!(state.challenges[&other.challenge].state, ChallengeState::Open);
        assert_eq!((state.phones[&phone(1)].challenge, state.phones[&phone(1)].previous), (Some(used.challenge), None));
    }
}

#[tokio::test]
async fn a_code_lives_on_over_several_resends_that_were_not_sent() {
    let (harness, first, second) = two_codes(1).await;
    harness.report(&second, reply(SendState::Unreached)).await;
    for _ in 0..3 {
        harness.wait(secs(10));
        assert_eq!(answer(&harness, 1, reply(SendState::Refused)).await.0, "204");
    }
    assert_eq!(harness.apply_for_code(application(1, first.code.reveal())).await, "000");
}

#[tokio::test]
async fn a_code_whose_only_message_was_not_sent_does_not_exist() {
    for state in NOT_SENT {
        let harness = harness(1).await;
        let sent = harness.ask(&phone(1)).await.unwrap();
        harness.report(&sent, reply(state)).await;
        assert_eq!(harness.apply_for_code(application(1, sent.code.reveal())).await, "001", "{state}");
        let kept = &harness.ledger.state().challenges[&sent.challenge];
        assert_eq!(kept.state, ChallengeState::Unsent);
        assert_eq!(answer(&harness, 1, reply(SendState::Accepted)).await.0, "200", "no interval: nothing was sent");
        let right = application(1, &harness.code_on(&phone(1)));
        assert_eq!(harness.apply_for_code(right).await, "000");
    }
}

#[tokio::test]
async fn a_code_lives_on_if_a_resend_of_it_was_not_sent() {
    let harness = harness(1).await;
    let first = harness.send(&phone(1)).await;
    harness.wait(MINUTE);
    assert_eq!(answer(&harness, 1, reply(SendState::Refused)).await.0, "204");
    assert_eq!(harness.apply_for_code(application(1, first.code.reveal())).await, "000");
}

#[tokio::test]
async fn a_code_whose_message_may_have_arrived_can_be_used() {
    for state in [SendState::Sending, SendState::Accepted, SendState::Unknown] {
        let harness = harness(1).await;
        let sent = harness.ask(&phone(1)).await.unwrap();
        if state != SendState::Sending {
            harness.report(&sent, reply(state)).await;
        }
        assert_eq!(harness.apply_for_code(application(1, sent.code.reveal())).await, "000", "{state}");
    }
}

#[tokio::test]
async fn a_late_refusal_does_not_unmake_a_code_that_was_used_or_replaced() {
    let harness = harness(1).await;
    let sent = harness.ask(&phone(1)).await.unwrap();
    assert_eq!(harness.apply_for_code(application(1, sent.code.reveal())).await, "000");
    harness.report(&sent, reply(SendState::Refused)).await;
    assert_eq!(harness.ledger.state().challenges[&sent.challenge].state, ChallengeState::Consumed);

    let first = harness.ask(&phone(2)).await.unwrap();
    harness.wait(6 * MINUTE);
    let second = harness.send(&phone(2)).await;
    harness.report(&first, reply(SendState::Refused)).await;
    assert_eq!(harness.apply_for_code(application(2, second.code.reveal())).await, "006", "it is right");
}
