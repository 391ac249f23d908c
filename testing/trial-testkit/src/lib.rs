//! In-memory adapters, fakes with faults, and the conformance suites of every adapter.
//!
//! A ledger is checked by one line in its tests: `trial_testkit::ledger_conformance!(factory)`; one with pre-screening,
//! by `trial_testkit::ledger_screening_conformance!(factory)` besides.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test kit fails by panicking")]

mod clock;
pub mod conformance;
pub mod data;
mod entropy;
mod faulty;
mod ledger_harness;
pub mod linearizability;
pub mod mail_conformance;
mod memory;
mod outward;
pub mod platform_conformance;
pub mod scenario;
pub mod simulation;
pub mod sms_conformance;

pub use clock::FixedClock;
pub use conformance::LedgerFactory;
pub use entropy::SeededEntropy;
pub use faulty::{FaultyLedger, LedgerFault};
pub use ledger_harness::{LedgerHarness, set_threshold};
pub use memory::{KeptAccessCode, KeptCodeRequest, KeptEvent, KeptMail, MemoryLedger, MemoryState};
pub use outward::{RecordingMailer, RecordingPlatform, ScriptedGateway};
