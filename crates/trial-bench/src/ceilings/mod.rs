//! Ceilings: what this machine's databases do at best for the rows of accepted applications, without a service.

mod function;
mod postgres;
mod rows;
mod sqlite;
mod statement;

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

pub(crate) use function::one_transaction_each;

use crate::options::Options;
use crate::services::Store;
use rows::Row;

/// What a bare loop came to.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
pub(crate) struct Bare {
    /// Applications in each commit.
    pub(crate) batch: usize,
    /// Applications.
    pub(crate) per_second: f64,
    /// Of one commit, with everything that it commits, in milliseconds.
    pub(crate) p50: f64,
    /// The same.
    pub(crate) p99: f64,
}

/// Writes batches of one size to a new database, for as long as a service is measured.
pub(crate) async fn bare(store: &Store<'_>, options: &Options, batch: usize) -> anyhow::Result<Bare> {
    let rows: Vec<_> = (0..wanted(options, batch)).map(Row::of).collect();
    match store {
        Store::Sqlite(path) => sqlite::measure(store, path, &rows, batch, options.lasting()).await,
        Store::Postgres { .. } => postgres::measure(store, &rows, batch, options.lasting()).await,
    }
}

/// More than can be written in the time.
fn wanted(options: &Options, batch: usize) -> u32 {
    let fastest = if batch == 1 { 6_000 } else { 20_000 };
    u32::try_from(options.seconds).unwrap_or(u32::MAX).saturating_mul(fastest).min(options.applicants)
}

/// The commits of a loop, and how many applications they hold.
struct Commits {
    latencies: Histogram<u64>,
    applications: u32,
}

impl Commits {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { latencies: Histogram::new(3)?, applications: 0 })
    }

    fn count(&mut self, latency: Duration, applications: usize) -> anyhow::Result<()> {
        self.latencies.record(u64::try_from(latency.as_micros())?)?;
        self.applications += u32::try_from(applications)?;
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "microseconds of one run are far below 2^53")]
    fn bare(&self, batch: usize, took: Duration) -> Bare {
        let ms = |quantile| self.latencies.value_at_quantile(quantile) as f64 / 1e3;
        Bare { batch, per_second: f64::from(self.applications) / took.as_secs_f64(), p50: ms(0.5), p99: ms(0.99) }
    }
}
