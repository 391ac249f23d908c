//! Applications for a trial, and the terms that were agreed to.

mod outcome;
mod record;
mod terms;
mod view;

pub use outcome::{ApplyOutcome, ApplyRefusal, NoCodeReason};
pub use record::{AcceptedApplication, Application, ApplicationRecord};
pub use terms::{Agreement, Terms};
pub use view::{ApplicationQuery, ApplicationSearch, ApplicationView, HourCount, TimelineView};
