//! The rules of one-click trials, as a pure function over a batch.
//!
//! A request is parsed into a [`Request`], waits in a [`Batch`] with everyone else who arrived meanwhile, and is decided by
//! [`Planner::plan`] against the [`Facts`] that storage loaded for the batch's [`FactKeys`]. The [`Plan`] says what to answer
//! ([`Outcome`]) and what to store ([`Effects`]).
//!
//! Where to find the rule behind a return code: [`planner`] holds one file for each request kind, and each
//! decides in the order of the published table.
//!
//! This crate has no clock, no entropy, no I/O and no runtime: time and fresh ids arrive in the batch.

pub mod access_codes;
pub mod applications;
pub mod audit;
pub mod bot_challenge;
pub mod clients;
pub mod clock_gap;
pub mod error;
pub mod fraud_guard;
pub mod mails;
pub mod operators;
pub mod planner;
pub mod platform;
pub mod policy;
pub mod portal;
pub mod ports;
pub mod privacy;
pub mod quota;
pub mod return_codes;
pub mod sms;
pub mod tenants;
pub mod timeline;
pub mod values;
pub mod verification;
pub mod warnings;
