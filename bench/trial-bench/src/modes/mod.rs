//! The measurements, one after the other.

mod against;
mod attack;
mod closed;
mod flat;
mod hostile;
mod open;
mod operations;
mod sign_in;
mod start;

pub(crate) use against::against;
pub(crate) use attack::attack;
pub(crate) use closed::{Beside, ceilings, closed};
pub(crate) use flat::flat;
pub(crate) use hostile::hostile;
pub(crate) use open::open;
pub(crate) use operations::operations;
pub(crate) use sign_in::sign_in;
pub(crate) use start::start;
