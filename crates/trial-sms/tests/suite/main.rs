//! The SMS gateways, tested from outside.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod broken;
mod cases;
mod centre;
mod codes;
mod file_drop;
mod gateways;
mod provider;
mod requests;
mod sandbox;
mod smpp;
mod text;
mod third_party;
