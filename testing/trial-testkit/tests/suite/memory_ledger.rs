//! The conformance suite on the ledger in memory.

use async_trait::async_trait;
use trial_core::access_codes::AccessCodeState;
use trial_core::ports::Operations;
use trial_core::verification::ChallengeState;
use trial_testkit::{
    LedgerFactory, LedgerHarness, MemoryLedger, MemoryState, ledger_conformance, ledger_screening_conformance,
};

struct InMemory;

#[async_trait]
impl LedgerFactory for InMemory {
    type Ledger = MemoryLedger;

    async fn fresh(&self) -> MemoryLedger {
        MemoryLedger::default()
    }

    /// Nothing outlives the process: the state is carried over, so that the check itself is checked.
    async fn reopen(&self, ledger: MemoryLedger) -> Option<MemoryLedger> {
        Some(MemoryLedger::from(ledger.state()))
    }
}

ledger_conformance!(InMemory);
ledger_screening_conformance!(InMemory);

async fn violated_by(change: impl FnOnce(&mut MemoryState)) -> Vec<&'static str> {
    let harness = LedgerHarness::new(MemoryLedger::default()).with_access_codes(3).await;
    harness.join(1).await;
    harness.join(2).await;
    harness.ledger.change(change);
    harness
        .ledger
        .violations(trial_core::policy::Policy::default().trial.unique_by)
        .await
        .unwrap()
        .iter()
        .map(|violation| violation.invariant)
        .collect()
}

const COMPLETE: &str = "an accepted application has its tenant, access codes, mail and audit entry";
const HELD: &str = "an access code has a holder if it is leased, and only then";
const THRESHOLD: &str = "no unit exceeds the limit it was taken under";
const COUNTED: &str = "a unit is counted";
const CONSUMED: &str = "a code is consumed once, and by an acceptance";

#[tokio::test]
async fn broken_invariants_are_seen() {
    assert_eq!(violated_by(|_| {}).await, [""; 0]);
    assert_eq!(violated_by(|state| state.audit.clear()).await, [COMPLETE]);
    assert_eq!(violated_by(|state| state.mails.clear()).await, [COMPLETE]);
    let free =
        |state: &mut MemoryState| state.access_codes.values_mut().for_each(|code| code.state = AccessCodeState::Free);
    assert_eq!(violated_by(free).await, [HELD]);
    let pass = |state: &mut MemoryState| {
        state.mails.values_mut().for_each(|mail| mail.record.quota.as_mut().unwrap().threshold = 1);
    };
    assert_eq!(violated_by(pass).await, [THRESHOLD]);
    assert_eq!(violated_by(|state| state.reserved.clear()).await, [COUNTED]);
    let open = |state: &mut MemoryState| {
        state.challenges.values_mut().for_each(|challenge| challenge.state = ChallengeState::Open);
    };
    assert_eq!(violated_by(open).await, [CONSUMED]);
}
