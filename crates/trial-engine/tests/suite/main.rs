//! The use cases, over mocks with exact calls and over the in-memory ledger. Time is paused and advances by itself.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admission;
mod altcha;
mod bisection;
mod clock;
mod codes;
mod delivery;
mod events;
mod failover;
mod gathering;
mod health;
mod keeping;
mod retention;
mod screening;
mod shutdown;
mod signatures;
mod stage;
mod supervision;
