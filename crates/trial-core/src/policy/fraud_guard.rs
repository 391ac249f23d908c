//! The policy of the fraud guard.

use super::BreakerPolicy;
use crate::values::{NumberRange, named};

/// Rules against abuse of the paid messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AbusePolicy {
    /// The conditions for a block.
    pub breaker: BreakerPolicy,
    /// Number ranges that are never blocked.
    pub safe_prefixes: Vec<NumberRange>,
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
