//! Durations as people write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The longest duration that is accepted, in days: a century. It also keeps every sum with a date in range.
const LONGEST_DAYS: u64 = 36_500;
const MS_PER_DAY: u64 = 24 * 60 * 60 * 1_000;

/// A duration as people write it: `500ms`, `60s`, `5m`, `24h`, `30d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SettingDuration(pub Duration);

/// The reason for which a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingDurationError {
    /// It is written differently.
    #[error("{0:?} is not a duration; write a whole number and its unit, such as 60s, 5m, 24h or 30d")]
    Unreadable(String),
    /// It is longer than a century.
    #[error("{0:?} is longer than {LONGEST_DAYS}d")]
    TooLong(String),
}

impl FromStr for SettingDuration {
    type Err = SettingDurationError;

    fn from_str(text: &str) -> Result<Self, SettingDurationError> {
        let wrong = || SettingDurationError::Unreadable(text.to_owned());
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(unit_at);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let factor_ms: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => MS_PER_DAY,
            _ => return Err(wrong()),
        };
        let ms = number.checked_mul(factor_ms).filter(|ms| *ms <= LONGEST_DAYS * MS_PER_DAY);
        ms.map(|ms| Self(Duration::from_millis(ms))).ok_or_else(|| SettingDurationError::TooLong(text.to_owned()))
    }
}

/// In the largest unit that divides it.
impl fmt::Display for SettingDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        for (unit, factor) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
            if ms.is_multiple_of(factor) && (ms > 0 || unit == "s") {
                return write!(f, "{}{unit}", ms / factor);
            }
        }
        write!(f, "{ms}ms")
    }
}
