//! Runtime settings (limits and durations), each with its range.
//!
//! The configuration's value is the default. A change overrides it until it is reset. The resulting policy must have no
//! more faults than a configured one: [`Policy::faults`].

mod change;
mod faults;
mod in_force;
mod key;
mod table;

pub use change::{SettingChange, SettingCommand, SettingOutcome, SettingRefusal};
pub use faults::PolicyFault;
pub use in_force::{Overrides, PolicyInForce, SettingsInForce};
pub use key::{Bounds, SettingError, SettingValue};
pub use table::{
    AddressLimits, BreakerPolicy, Limits, QuotaPolicy, SettingKey, TrialPolicy, UniqueBy, VerificationPolicy,
};
