//! What is measured, one thing after the other.

mod attack;
mod closed;
mod flat;
mod open;
mod operations;
mod start;

pub(crate) use attack::attack;
pub(crate) use closed::{Beside, ceilings, closed};
pub(crate) use flat::flat;
pub(crate) use open::open;
pub(crate) use operations::operations;
pub(crate) use start::start;
