//! Operations as use cases: each asks the ports for what several faces show.

mod client_secrets;
mod operator_access;
mod outlook;
mod timeline;

pub use client_secrets::{Reencrypted, clients_in_use, reencrypt_client_secrets};
pub use operator_access::{Access, NewSession, SignedInOperator};
pub use outlook::{pool_outlook, range_outlook};
pub use timeline::timeline_sources;
