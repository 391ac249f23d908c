//! The mailers, judged from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod addresses;
mod broken;
mod peer;
mod sandbox;
mod settings;
mod smtp;
mod smtp_faults;
mod templates;
mod wording;
