//! Values of runtime settings: their types, their written form and their bounds.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::SettingKey;
use crate::policy::{BreakerMode, Policy};
use crate::values::{SettingDuration, SettingDurationError, UnknownName};

/// Creates the structs of the policy and [`SettingKey`] from the table of settings.
macro_rules! settings {
    ($(
        $(#[$about:meta])*
        $group:ident in $($at:ident).+ {
            $($key:ident = $name:literal, $field:ident: $type:ty = $default:expr, $bounds:expr,
                $english:literal, $chinese:literal;)+
            $(@others { $($(#[$other_about:meta])* $other:ident: $other_type:ty = $other_default:expr;)+ })?
        }
    )+) => {
        $(
            $(#[$about])*
            pub struct $group {
                $(#[doc = $english] pub $field: $type,)+
                $($($(#[$other_about])* pub $other: $other_type,)+)?
            }

            impl Default for $group {
                fn default() -> Self {
                    Self { $($field: $default,)+ $($($other: $other_default,)+)? }
                }
            }

            impl $group {
                fn of(policy: &Policy) -> &Self {
                    &policy.$($at).+
                }

                fn of_mut(policy: &mut Policy) -> &mut Self {
                    &mut policy.$($at).+
                }
            }
        )+

        /// A part of the policy that operations change, by the name that the configuration has for it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum SettingKey {
            $($(#[doc = $english] $key,)+)+
        }

        named!(@ SettingKey, "setting; `trialgate settings list` shows all", { $($($key => $name,)+)+ });

        impl SettingKey {
            /// The values that a change may set.
            pub fn bounds(self) -> Bounds {
                match self { $($(Self::$key => $bounds,)+)+ }
            }

            /// The effect of the setting in English and in Chinese, in one line each.
            pub const fn texts(self) -> (&'static str, &'static str) {
                match self { $($(Self::$key => ($english, $chinese),)+)+ }
            }

            pub(super) fn field(self, policy: &Policy) -> &dyn super::key::Field {
                match self { $($(Self::$key => &$group::of(policy).$field,)+)+ }
            }

            pub(super) fn field_mut(self, policy: &mut Policy) -> &mut dyn super::key::Field {
                match self { $($(Self::$key => &mut $group::of_mut(policy).$field,)+)+ }
            }
        }
    };
}
pub(super) use settings;

/// The value of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingValue {
    /// A count.
    Count(u32),
    /// A duration.
    SettingDuration(Duration),
    /// A twentieth of the daily e-mail limit, also after that changes.
    ShareOfThreshold,
    /// A mode of the fraud guard.
    Mode(BreakerMode),
}

/// The values that a change may set, both ends included. A configuration may go beyond the upper end, except of a
/// percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The least.
    pub least: SettingValue,
    /// The most.
    pub most: SettingValue,
    /// `true` for a percentage.
    pub is_percentage: bool,
}

pub(super) const fn count(least: u32, most: u32) -> Bounds {
    Bounds { least: SettingValue::Count(least), most: SettingValue::Count(most), is_percentage: false }
}

pub(super) const fn percent() -> Bounds {
    Bounds { is_percentage: true, ..count(0, 100) }
}

pub(super) const fn time(least: Duration, most: Duration) -> Bounds {
    let (least, most) = (SettingValue::SettingDuration(least), SettingValue::SettingDuration(most));
    Bounds { least, most, is_percentage: false }
}

pub(super) const fn mode() -> Bounds {
    let (least, most) = (SettingValue::Mode(BreakerMode::Off), SettingValue::Mode(BreakerMode::On));
    Bounds { least, most, is_percentage: false }
}

/// A field of the policy that a setting changes.
pub(super) trait Field {
    fn value(&self) -> SettingValue;

    /// Sets the field; a value of another type is left out.
    fn set(&mut self, value: SettingValue);
}

impl Field for u32 {
    fn value(&self) -> SettingValue {
        SettingValue::Count(*self)
    }

    fn set(&mut self, value: SettingValue) {
        if let SettingValue::Count(count) = value {
            *self = count;
        }
    }
}

impl Field for u64 {
    fn value(&self) -> SettingValue {
        SettingValue::Count(u32::try_from(*self).unwrap_or(u32::MAX))
    }

    fn set(&mut self, value: SettingValue) {
        if let SettingValue::Count(count) = value {
            *self = count.into();
        }
    }
}

impl Field for Option<u32> {
    fn value(&self) -> SettingValue {
        self.map_or(SettingValue::ShareOfThreshold, SettingValue::Count)
    }

    fn set(&mut self, value: SettingValue) {
        match value {
            SettingValue::Count(count) => *self = Some(count),
            SettingValue::ShareOfThreshold => *self = None,
            SettingValue::SettingDuration(_) | SettingValue::Mode(_) => {}
        }
    }
}

impl Field for Duration {
    fn value(&self) -> SettingValue {
        SettingValue::SettingDuration(*self)
    }

    fn set(&mut self, value: SettingValue) {
        if let SettingValue::SettingDuration(time) = value {
            *self = time;
        }
    }
}

impl Field for BreakerMode {
    fn value(&self) -> SettingValue {
        SettingValue::Mode(*self)
    }

    fn set(&mut self, value: SettingValue) {
        if let SettingValue::Mode(mode) = value {
            *self = mode;
        }
    }
}

/// The written form of [`SettingValue::ShareOfThreshold`].
const SHARE_OF_THRESHOLD: &str = "threshold/20";

/// A text that is no value of a setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// It is not a whole number in the setting's range.
    #[error("{text:?} is not a whole number from {least} to {most}")]
    Count {
        /// The text that was rejected.
        text: String,
        /// The least that it may be.
        least: SettingValue,
        /// The most that it may be.
        most: SettingValue,
    },
    /// It is no duration.
    #[error(transparent)]
    SettingDuration(#[from] SettingDurationError),
    /// It is none of its names.
    #[error(transparent)]
    Mode(#[from] UnknownName),
    /// It is out of the setting's range.
    #[error("{value} is not from {least} to {most}")]
    Range {
        /// The value that was rejected.
        value: SettingValue,
        /// The least that it may be.
        least: SettingValue,
        /// The most that it may be.
        most: SettingValue,
    },
}

impl SettingKey {
    /// The values that a change may set, both ends included. The configuration may go beyond them.
    pub fn range(self) -> (SettingValue, SettingValue) {
        let Bounds { least, most, .. } = self.bounds();
        (least, most)
    }

    /// The effect of the setting in English.
    pub const fn what(self) -> &'static str {
        self.texts().0
    }

    /// Returns `true` if the value may be a share of another setting instead of a number.
    pub fn takes_share(self) -> bool {
        self.of(&Policy::default()) == SettingValue::ShareOfThreshold
    }

    /// Reads a value of this setting.
    ///
    /// # Errors
    /// [`SettingError`] if it has another type, or is out of range.
    pub fn parse(self, text: &str) -> Result<SettingValue, SettingError> {
        if text == SHARE_OF_THRESHOLD && self.takes_share() {
            return Ok(SettingValue::ShareOfThreshold);
        }
        let (least, most) = self.range();
        let value = match least {
            SettingValue::Count(_) | SettingValue::ShareOfThreshold => {
                let no_count = || SettingError::Count { text: text.to_owned(), least, most };
                SettingValue::Count(digits(text).ok_or_else(no_count)?)
            }
            SettingValue::SettingDuration(_) => SettingValue::SettingDuration(SettingDuration::from_str(text)?.0),
            SettingValue::Mode(_) => SettingValue::Mode(text.parse()?),
        };
        let is_within = match (least, value, most) {
            (SettingValue::Count(least), SettingValue::Count(value), SettingValue::Count(most)) => {
                (least..=most).contains(&value)
            }
            (
                SettingValue::SettingDuration(least),
                SettingValue::SettingDuration(value),
                SettingValue::SettingDuration(most),
            ) => (least..=most).contains(&value),
            (SettingValue::Mode(least), SettingValue::Mode(value), SettingValue::Mode(most)) => {
                (least..=most).contains(&value)
            }
            _ => false,
        };
        if is_within { Ok(value) } else { Err(SettingError::Range { value, least, most }) }
    }

    /// The value of the setting in a policy.
    pub fn of(self, policy: &Policy) -> SettingValue {
        self.field(policy).value()
    }

    /// Puts a value of this setting into a policy; one of another type is left out.
    pub fn put(self, policy: &mut Policy, value: SettingValue) {
        self.field_mut(policy).set(value);
    }
}

fn digits(text: &str) -> Option<u32> {
    // Rust also parses `+5`, which nobody means to write here.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for SettingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::ShareOfThreshold => f.write_str(SHARE_OF_THRESHOLD),
            Self::SettingDuration(time) => SettingDuration(*time).fmt(f),
            Self::Mode(mode) => mode.fmt(f),
        }
    }
}
