//! The ledger on PostgreSQL, on private servers.

mod conformance;
mod guarantees;
mod instances;
mod invariants;
mod lost;
mod moving;
mod opening;
mod plans;
mod poison;
mod pooler;
mod server;
mod snapshots;
mod tls;
mod turns;
