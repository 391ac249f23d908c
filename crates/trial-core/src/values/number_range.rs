//! Number ranges: the first digits of phones.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The first digits of phones in E.164, such as `+861667328`. A phone is counted and blocked by its number without the
/// last four digits: the block of 10,000 numbers that numbering plans assign. A shorter range covers many blocks.
///
/// No personal data: 10,000 numbers share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NumberRange(u64);

/// The error for a text that is not a number range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not the beginning of a phone number; give its country code and what follows, without the last four digits, such \
     as +861667328"
)]
pub struct NumberRangeError;

impl NumberRange {
    /// Digits of a number that are not part of its range.
    pub(super) const LAST_DIGITS: usize = 4;
    /// E.164 has 15 digits at most.
    const MAX_DIGITS: usize = 15 - Self::LAST_DIGITS;

    /// Takes a range back from storage; `None` if it is none.
    pub fn from_stored(digits: i64) -> Option<Self> {
        let digits = u64::try_from(digits).ok()?;
        (1..10_u64.pow(11)).contains(&digits).then_some(Self(digits))
    }

    /// The stored form: the digits as a number. No number of E.164 begins with 0.
    pub fn as_stored(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }

    /// Of digits that are known to be a number's first ones.
    pub(super) fn of_digits(digits: impl Iterator<Item = u8>) -> Self {
        Self(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
    }

    /// Returns `true` if every number that begins with the other begins with this one.
    pub fn covers(self, other: Self) -> bool {
        let shortened = |digits: &u64| Some(digits / 10).filter(|digits| *digits > 0);
        std::iter::successors(Some(other.0), shortened).any(|digits| digits == self.0)
    }
}

impl FromStr for NumberRange {
    type Err = NumberRangeError;

    fn from_str(text: &str) -> Result<Self, NumberRangeError> {
        let digits = text.strip_prefix('+').unwrap_or(text);
        let is_prefix = (1..=Self::MAX_DIGITS).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if is_prefix { Ok(Self::of_digits(digits.bytes())) } else { Err(NumberRangeError) }
    }
}

impl fmt::Display for NumberRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

impl Serialize for NumberRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NumberRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
