//! Webhooks, from both ends.

mod conformance;
mod receiver;
mod third_party;
mod webhook;
