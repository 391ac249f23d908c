//! Proofs of a CAPTCHA, and their check.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod provider;
mod siteverify;
