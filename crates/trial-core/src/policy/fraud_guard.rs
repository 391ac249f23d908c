//! The policy of the fraud guard.

use std::time::Duration;

use crate::values::{NumberRange, named};

/// Rules against abuse of the paid messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbusePolicy {
    /// The conditions for a block.
    pub breaker: BreakerPolicy,
    /// Number ranges that are never blocked.
    pub safe_prefixes: Vec<NumberRange>,
}

/// The conditions for a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// The mode: off, only reported, or blocked.
    pub mode: BreakerMode,
    /// Codes that must have been sent to a number range before it is blocked.
    pub min_sends: u32,
    /// The percentage of used codes below which it is blocked.
    pub min_conversion: u32,
    /// The duration of a block.
    pub block_for: Duration,
}

/// The action on number ranges whose codes are not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BreakerMode {
    /// No counts are kept.
    Off,
    /// Blocks are reported only.
    Shadow,
    /// Ranges are blocked.
    On,
}

named!(BreakerMode, "mode of the fraud guard", { Off => "off", Shadow => "shadow", On => "on" });

impl AbusePolicy {
    /// Returns `true` if the configuration or an entry of operations exempts a number range from blocks.
    pub fn is_safe(&self, prefix: NumberRange, added: &[NumberRange]) -> bool {
        self.safe_prefixes.iter().chain(added).any(|safe| safe.covers(prefix))
    }
}

impl Default for AbusePolicy {
    fn default() -> Self {
        let breaker = BreakerPolicy {
            mode: BreakerMode::Shadow,
            min_sends: 30,
            min_conversion: 10,
            block_for: Duration::from_hours(12),
        };
        Self { breaker, safe_prefixes: Vec::new() }
    }
}
