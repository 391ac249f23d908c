//! The table.

use std::fmt;
use std::time::Duration;

use crate::ceiling::Ceiling;
use crate::drive::Measured;

/// One level: the medians of its rounds.
pub(crate) struct Level {
    connections: usize,
    per_second: f64,
    ceiling: f64,
    ratio: f64,
    p50: Duration,
    p99: Duration,
    commit_p50: Duration,
    resident_mib: u64,
}

/// How long the first answer takes, and how much an idle service holds.
pub(crate) struct Start {
    pub(crate) median: Duration,
    pub(crate) idle_mib: u64,
}

impl Level {
    pub(crate) fn median(connections: usize, rounds: &[(Measured, Ceiling)]) -> Self {
        let of = |pick: fn(&(Measured, Ceiling)) -> f64| {
            let mut all: Vec<f64> = rounds.iter().map(pick).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let time = |pick: fn(&(Measured, Ceiling)) -> f64| Duration::from_secs_f64(of(pick));
        Self {
            connections,
            per_second: of(|(service, _)| service.per_second),
            ceiling: of(|(_, ceiling)| ceiling.per_second),
            ratio: of(|(service, ceiling)| service.per_second / ceiling.per_second),
            p50: time(|(service, _)| service.p50.as_secs_f64()),
            p99: time(|(service, _)| service.p99.as_secs_f64()),
            commit_p50: time(|(_, ceiling)| ceiling.commit_p50.as_secs_f64()),
            resident_mib: rounds.iter().map(|(service, _)| service.resident_mib).max().unwrap_or_default(),
        }
    }
}

/// The first two lines of the table.
pub(crate) const HEADING: &str = "\
| connections | applications/s | bare diesel, same batch/s | ratio | p50 ms | p99 ms | bare commit p50 ms | resident MiB |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        write!(
            f,
            "| {} | {:.0} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} | {} |",
            self.connections,
            self.per_second,
            self.ceiling,
            self.ratio,
            ms(self.p50),
            ms(self.p99),
            ms(self.commit_p50),
            self.resident_mib
        )
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.median.as_secs_f64() * 1e3;
        write!(
            f,
            "From start to first answer on an existing database: {ms:.0} ms. Resident while idle: {} MiB.",
            self.idle_mib
        )
    }
}
