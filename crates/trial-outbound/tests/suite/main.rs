//! Webhooks, from both ends, and proofs of a CAPTCHA with their check.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod captcha;
mod webhooks;
