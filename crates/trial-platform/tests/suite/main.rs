//! Webhooks, from both ends.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod conformance;
mod receiver;
mod third_party;
mod webhook;
