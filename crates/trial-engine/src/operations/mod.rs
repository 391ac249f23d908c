//! Operations as use cases: each asks the ports for what several faces show.

mod client_secrets;
mod operator_access;
mod outlook;
mod timeline;

pub use client_secrets::{Resealed, callers_in_use, reseal_callers};
pub use operator_access::{Access, SignedIn, Visitor};
pub use outlook::{pool_outlook, prefix_outlook};
pub use timeline::story_sources;
