//! The rules of one-click trials, as a pure function over a batch.
//!
//! A request is parsed into a [`Request`], joins a [`Batch`] with the others that arrive meanwhile, and is decided by
//! [`Planner::plan`] against the [`Facts`] that storage loaded for the batch's [`FactKeys`]. The [`Plan`] holds the
//! answers ([`Outcome`]) and the rows to store ([`Effects`]).
//!
//! [`Request`]: planner::Request
//! [`Batch`]: planner::Batch
//! [`Planner::plan`]: planner::Planner::plan
//! [`Facts`]: planner::Facts
//! [`FactKeys`]: planner::FactKeys
//! [`Plan`]: planner::Plan
//! [`Outcome`]: planner::Outcome
//! [`Effects`]: planner::Effects
//!
//! The rule behind a return code is in [`planner`], which has one file for each kind of request; each decides in the
//! order of the published table.
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
