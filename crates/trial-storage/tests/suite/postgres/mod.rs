//! The ledger on PostgreSQL, on private servers.

mod admission_lock;
mod conformance;
mod guarantees;
mod instances;
mod invariants;
mod lost;
mod opening;
mod plans;
mod poison;
mod pooler;
mod probe;
mod server;
mod snapshots;
mod tls;
mod transfer;
