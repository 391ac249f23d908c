//! Settings that operations change while the service runs: the rules' numbers, each with its range.
//!
//! The configuration's value is the default. A change overrides it until it is reset. What is in force is a policy of its
//! own, and has to make as much sense as a configured one: [`Policy::faults`].

mod change;
mod faults;
mod in_force;
mod key;

pub use change::{SettingChange, SettingOrder, SettingOutcome, SettingRefusal};
pub use faults::PolicyFault;
pub use in_force::{Overrides, PolicyInForce, SettingsInForce};
pub use key::{SettingError, SettingKey, SettingValue};
