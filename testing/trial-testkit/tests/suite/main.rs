//! The test kit's own tests: the model passes the suite that it serves in.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fakes;
mod linearizability;
mod memory_ledger;
mod simulation;
