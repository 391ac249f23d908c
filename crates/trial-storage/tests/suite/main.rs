//! The SQLite ledger: judged by the conformance suite that judges every ledger, and by what only a file can do.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

mod conformance;
mod files;
mod invariants;
mod locks;
mod plans;
mod poison;
mod postgres;
