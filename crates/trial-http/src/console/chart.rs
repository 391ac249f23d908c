//! Charts as SVG, without script or inline style.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use trial_core::applications::HourCount;
use trial_core::return_codes::ApplyCode;

const HEIGHT: u64 = 120;
const STEP: u64 = 24;

/// A bar of one hour or day.
pub(super) struct Bar {
    pub(super) x: u64,
    pub(super) label: String,
    pub(super) parts: Vec<Part>,
    pub(super) total: u64,
}

/// A return code's part of a bar.
pub(super) struct Part {
    pub(super) code: ApplyCode,
    pub(super) y: u64,
    pub(super) height: u64,
    pub(super) count: u64,
}

/// Applications over time.
pub(super) struct Chart {
    pub(super) width: u64,
    pub(super) height: u64,
    pub(super) bars: Vec<Bar>,
    pub(super) codes: Vec<ApplyCode>,
    pub(super) most: u64,
}

impl Chart {
    /// `spans` bars of `hours` hours each; the last one includes `now`.
    pub(super) fn of(counts: &[HourCount], now: DateTime<Utc>, spans: u32, hours: i64, format: &str) -> Self {
        let span = hours * 3_600;
        let slot = |at: DateTime<Utc>| at.timestamp().div_euclid(span);
        let last = slot(now);
        let mut by_slot: BTreeMap<i64, BTreeMap<ApplyCode, u64>> = BTreeMap::new();
        for count in counts {
            *by_slot.entry(slot(count.hour)).or_default().entry(count.return_code).or_default() += count.applications;
        }
        let slots = (last + 1 - i64::from(spans))..=last;
        let total = |slot: &i64| by_slot.get(slot).map_or(0, |codes| codes.values().sum());
        let most = slots.clone().map(|slot| total(&slot)).max().unwrap_or(0);
        let mut codes: Vec<ApplyCode> =
            slots.clone().filter_map(|slot| by_slot.get(&slot)).flat_map(|of| of.keys().copied()).collect();
        codes.sort_unstable();
        codes.dedup();
        let bars = slots.zip(0_u64..).map(|(slot, place)| {
            let start = DateTime::UNIX_EPOCH + TimeDelta::seconds(slot * span);
            let mut y = HEIGHT;
            let parts = by_slot.get(&slot).into_iter().flatten().map(|(code, count)| {
                let height = (count * HEIGHT).div_ceil(most.max(1));
                y = y.saturating_sub(height);
                Part { code: *code, y, height, count: *count }
            });
            Bar {
                x: place * STEP,
                label: start.format(format).to_string(),
                parts: parts.collect(),
                total: total(&slot),
            }
        });
        Self { width: u64::from(spans) * STEP, height: HEIGHT, bars: bars.collect(), codes, most }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.most == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_add_up_and_fit() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::hours(100);
        let count = |hour, return_code, applications| HourCount {
            hour: DateTime::UNIX_EPOCH + TimeDelta::hours(hour),
            return_code,
            applications,
            tenants: 0,
        };
        let counts = [
            count(100, ApplyCode::Success, 3),
            count(100, ApplyCode::PoolEmpty, 1),
            count(99, ApplyCode::NoCode, 2),
            count(50, ApplyCode::Success, 9),
        ];
        let chart = Chart::of(&counts, now, 24, 1, "%H");
        assert_eq!((chart.bars.len(), chart.most, chart.is_empty()), (24, 4, false));
        assert_eq!(chart.codes, [ApplyCode::Success, ApplyCode::NoCode, ApplyCode::PoolEmpty]);
        let last = chart.bars.last().unwrap();
        assert_eq!((last.total, last.label.as_str(), last.parts.len()), (4, "04", 2));
        assert_eq!(last.parts.iter().map(|part| part.height).sum::<u64>(), HEIGHT);
        assert_eq!(Chart::of(&counts, now, 7, 24, "%d").most, 9);
        assert!(Chart::of(&[], now, 24, 1, "%H").is_empty());
    }
}
