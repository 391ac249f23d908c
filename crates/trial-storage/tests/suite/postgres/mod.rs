//! The ledger on PostgreSQL, on private servers.

mod conformance;
mod instances;
mod invariants;
mod lost;
mod moving;
mod opening;
mod plans;
mod poison;
mod server;
mod tls;
mod turns;
