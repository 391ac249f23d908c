//! Proofs of a CAPTCHA, and their check.

mod provider;
mod siteverify;
