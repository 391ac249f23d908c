//! Proofs of a CAPTCHA, and who judges them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod provider;
mod siteverify;
