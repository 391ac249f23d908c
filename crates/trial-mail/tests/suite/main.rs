//! The mailers, tested from outside.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod adapter;
mod addresses;
mod broken;
mod command_mailer;
mod outage;
mod peer;
mod sandbox;
mod settings;
mod smtp;
mod smtp_faults;
mod smtp_replies;
mod templates;
mod third_party;
mod wording;
