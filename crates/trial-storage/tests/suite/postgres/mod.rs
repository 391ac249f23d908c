//! The ledger on PostgreSQL, on private servers.

mod conformance;
mod server;
