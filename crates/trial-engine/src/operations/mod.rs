//! Operations as use cases: one module for each thing, one function for each query. Each takes the ports it needs and
//! returns one view, which `/ops/v1` and `--json` print and the console renders.

pub mod access_codes;
pub mod applications;
pub mod audit;
mod client_secrets;
pub mod clients;
mod disclosure;
pub mod events;
pub mod mails;
pub mod number_ranges;
mod operator_access;
pub mod operators;
pub mod page;
mod permissions;
pub mod phones;
pub mod quota;
pub mod requests;
mod search;
pub mod settings;
pub mod tenants;
pub mod timeline;
pub mod warnings;

pub use client_secrets::{Reencrypted, clients_in_use, reencrypt_client_secrets};
pub use disclosure::Disclosure;
pub use operator_access::{Access, NewSession, SignedInOperator};
pub use permissions::Operation;
pub use search::SearchField;
