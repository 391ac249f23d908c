//! Ceilings: the best rate of this machine's databases for the rows of accepted applications, without a service.

mod function;
mod postgres;
mod rows;
mod sqlite;

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tokio::time::sleep_until;

pub(crate) use function::one_transaction_each;

use crate::options::Options;
use crate::services::Store;

/// The result of a bare loop.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
pub(crate) struct Bare {
    /// Applications per commit.
    pub(crate) batch: usize,
    /// Applications per second.
    pub(crate) per_second: f64,
    /// The median time of a commit with everything in it, in milliseconds.
    pub(crate) p50: f64,
    /// The 99th percentile.
    pub(crate) p99: f64,
}

/// Writes batches of one size to a new database, one after the other, for as long as a service is measured.
pub(crate) async fn bare(store: &Store<'_>, options: &Options, batch: usize) -> anyhow::Result<Bare> {
    measure(store, options, batch, Duration::ZERO).await
}

/// Writes one application per commit, at a fixed rate: with pauses, in which the machine goes to sleep and its caches
/// go cold, as they do for a service at that rate.
pub(crate) async fn bare_at(store: &Store<'_>, options: &Options, rate: u32) -> anyhow::Result<Bare> {
    measure(store, options, 1, Duration::from_secs(1) / rate).await
}

async fn measure(store: &Store<'_>, options: &Options, batch: usize, apart: Duration) -> anyhow::Result<Bare> {
    let numbers: Vec<_> = (0..wanted(options, batch)).collect();
    let batches: Vec<_> = numbers.chunks(batch).map(rows::effects).collect::<anyhow::Result<_>>()?;
    let commits = Commits::new(options.lasting(), apart)?;
    match store {
        Store::Sqlite(path) => sqlite::measure(store, path, &numbers, &batches, batch, commits).await,
        Store::Postgres { .. } => postgres::measure(store, numbers.len(), &batches, batch, commits).await,
    }
}

/// More than can be written in the time.
fn wanted(options: &Options, batch: usize) -> u32 {
    let fastest = if batch == 1 { 6_000 } else { 20_000 };
    u32::try_from(options.seconds).unwrap_or(u32::MAX).saturating_mul(fastest).min(options.applicants)
}

/// The commits of a loop: their start times, durations, and numbers of applications.
struct Commits {
    started: Instant,
    at_most: Duration,
    apart: Duration,
    begun: u32,
    latencies: Histogram<u64>,
    applications: u32,
}

impl Commits {
    fn new(at_most: Duration, apart: Duration) -> anyhow::Result<Self> {
        let latencies = Histogram::new(3)?;
        Ok(Self { started: Instant::now(), at_most, apart, begun: 0, latencies, applications: 0 })
    }

    fn start(&mut self) {
        self.started = Instant::now();
    }

    /// Waits until the next commit is to start; `None` at the end of the run.
    async fn next(&mut self) -> Option<Instant> {
        if !self.apart.is_zero() {
            sleep_until((self.started + self.apart * self.begun).into()).await;
            self.begun += 1;
        }
        let now = Instant::now();
        (now - self.started < self.at_most).then_some(now)
    }

    fn count(&mut self, latency: Duration, applications: usize) -> anyhow::Result<()> {
        self.latencies.record(u64::try_from(latency.as_micros())?)?;
        self.applications += u32::try_from(applications)?;
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "microseconds of one run are far below 2^53")]
    fn bare(&self, batch: usize) -> Bare {
        let ms = |quantile| self.latencies.value_at_quantile(quantile) as f64 / 1e3;
        let per_second = f64::from(self.applications) / self.started.elapsed().as_secs_f64();
        Bare { batch, per_second, p50: ms(0.5), p99: ms(0.99) }
    }
}
