//! Fixtures in memory, with changes behind the planner's back.

use std::time::Duration;

use trial_core::policy::Policy;
use trial_core::return_codes::CodeReply;
use trial_core::sms::GatewayReply;
use trial_core::verification::SendState;
use trial_testkit::data::{phone, planner_with};
use trial_testkit::{LedgerHarness, MemoryLedger};

pub(crate) type MemoryDesk = LedgerHarness<MemoryLedger>;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_mins(1);
pub(crate) const HOUR: Duration = Duration::from_hours(1);
pub(crate) const DAY: Duration = Duration::from_hours(24);

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A fixture with this number of pairs of access codes.
pub(crate) async fn harness(pairs: u32) -> MemoryDesk {
    LedgerHarness::new(MemoryLedger::default()).with_access_codes(pairs).await
}

/// The same, with another policy.
pub(crate) async fn desk_by(pairs: u32, change: impl FnOnce(&mut Policy)) -> MemoryDesk {
    LedgerHarness::with_planner(MemoryLedger::default(), planner_with(change)).with_access_codes(pairs).await
}

/// Gives a phone that has a code this number of consecutive wrong attempts.
pub(crate) fn set_failures(harness: &MemoryDesk, n: u32, failures: u32) {
    harness.ledger.change(|state| state.phones.get_mut(&phone(n)).expect("a code was made for it").failures = failures);
}

pub(crate) fn set_threshold(harness: &MemoryDesk, threshold: u32) {
    harness.ledger.change(|state| state.set_threshold(threshold));
}

/// The return code and the seconds of `Retry-After`, for a phone that requests a code which the gateway accepts.
pub(crate) async fn ask(harness: &MemoryDesk, n: u32) -> (&'static str, Option<u64>) {
    answer(harness, n, GatewayReply::Accepted { provider_id: None }).await
}

/// The same, with this reply of the gateway.
pub(crate) async fn answer(harness: &MemoryDesk, n: u32, reply: GatewayReply) -> (&'static str, Option<u64>) {
    let told = match harness.ask(&phone(n)).await {
        Ok(sent) => {
            let state = reply.state();
            harness.report(&sent, reply).await;
            CodeReply::from(state)
        }
        Err(refusal) => CodeReply::from(&refusal),
    };
    (told.code.as_str(), told.retry_after.map(|wait| wait.as_secs()))
}

pub(crate) fn reply(state: SendState) -> GatewayReply {
    let reason = || "as the test says".to_owned();
    match state {
        SendState::Sending | SendState::Accepted => GatewayReply::Accepted { provider_id: None },
        SendState::Refused => GatewayReply::Refused { reason: reason() },
        SendState::Unreached => GatewayReply::Unreached { reason: reason() },
        SendState::Unknown => GatewayReply::Unknown { reason: reason() },
    }
}
