//! The loads that a service is measured under.

mod attack;
mod closed;
mod open;
mod siege;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::ensure;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::http::Connection;

pub(crate) use attack::Attack;
pub(crate) use closed::{Work, closed};
pub(crate) use open::open;
pub(crate) use siege::{Hostility, Siege};

/// The result of a load. Times are in milliseconds.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub(crate) struct Load {
    /// Requests with the expected answer.
    pub(crate) done: u64,
    /// Requests with another answer.
    pub(crate) refused: u64,
    pub(crate) per_second: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) longest: f64,
}

/// Counts answers.
struct Tally {
    latencies: Histogram<u64>,
    refused: u64,
    /// An unexpected answer.
    example: Option<String>,
}

impl Tally {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { latencies: Histogram::new(3)?, refused: 0, example: None })
    }

    fn count(&mut self, latency: Duration, reply: &str, wanted: &str) -> anyhow::Result<()> {
        if reply.contains(wanted) {
            self.latencies.record(u64::try_from(latency.as_micros())?)?;
        } else {
            self.refused += 1;
            self.example.get_or_insert_with(|| reply.to_owned());
        }
        Ok(())
    }

    fn load(&self, took: Duration) -> anyhow::Result<Load> {
        let done = self.latencies.len();
        ensure!(done > 0, "nothing was answered as it should be, but: {:?}", self.example);
        Ok(Load {
            done,
            refused: self.refused,
            per_second: real(done) / took.as_secs_f64(),
            p50: real(self.latencies.value_at_quantile(0.5)) / 1e3,
            p99: real(self.latencies.value_at_quantile(0.99)) / 1e3,
            p999: real(self.latencies.value_at_quantile(0.999)) / 1e3,
            longest: real(self.latencies.max()) / 1e3,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts and microseconds of one run are far below 2^53")]
fn real(number: u64) -> f64 {
    number as f64
}

/// This number of connections, spread over the instances.
async fn connect(addresses: &[SocketAddr], connections: usize) -> anyhow::Result<Vec<Connection>> {
    let mut all = Vec::with_capacity(connections);
    for &address in addresses.iter().cycle().take(connections) {
        all.push(Connection::open(address).await?);
    }
    Ok(all)
}
