//! Seeded chance.

use crate::SeededEntropy;

/// Scatters a number (`SplitMix64`'s last step).
pub(super) fn mix(number: u64) -> u64 {
    u64::from_be_bytes(SeededEntropy::new(number).draw())
}

/// Seeded chance.
pub(super) struct Dice(SeededEntropy);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(mix(seed)))
    }

    /// A number below `bound`.
    pub(super) fn below(&self, bound: u32) -> u32 {
        let drawn = u64::from_be_bytes(self.0.draw()) % u64::from(bound);
        u32::try_from(drawn).expect("below 2^32")
    }

    pub(super) fn place(&self, bound: usize) -> usize {
        usize::try_from(self.below(u32::try_from(bound).expect("few"))).expect("few")
    }

    /// A number between these, both included.
    pub(super) fn between(&self, low: i32, high: i32) -> i64 {
        i64::from(low) + i64::from(self.below(low.abs_diff(high) + 1))
    }
}
