//! The clock of a database server as the clock of every instance: measured once a minute, and carried on in between by
//! a monotonic clock. Reading it costs no round trip.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use trial_core::error::LedgerError;
use trial_core::ports::Clock;

/// The interval of the measurement.
const EVERY: Duration = Duration::from_mins(1);
/// The longest round trip of a measurement that counts: the server's time may be that of any instant in it, and a machine
/// that was frozen meanwhile would be wrong by half of that time.
const LONGEST_TRIP: Duration = Duration::from_secs(2);
/// The lead from which a machine's clock is reported.
const TOLERATED: TimeDelta = TimeDelta::seconds(30);

/// A server whose clock all instances share.
#[async_trait]
pub trait TimeServer: Send + Sync {
    /// The server's time.
    ///
    /// # Errors
    /// The server cannot be asked.
    async fn time(&self) -> Result<DateTime<Utc>, LedgerError>;
}

/// The server's clock. Clones are one.
#[derive(Clone)]
pub struct SharedClock {
    local: Arc<dyn Clock>,
    started: Instant,
    /// The server's time when this process started, in microseconds since the epoch.
    at_start: Arc<AtomicI64>,
    skew: ClockSkew,
}

/// A server's clock and its source.
#[derive(Clone)]
pub struct TimeParts {
    /// The clock.
    pub clock: SharedClock,
    /// The server.
    pub server: Arc<dyn TimeServer>,
}

impl TimeParts {
    /// Measures the clock at once, because the first measurement was before metrics were recorded, and then once a
    /// minute until the stop.
    pub(crate) async fn run(self, closing: CancellationToken) {
        loop {
            if let Err(error) = self.clock.measure(&*self.server).await {
                tracing::warn!(kind = error.kind(), "the server's clock cannot be read; time goes on as last measured");
            }
            tokio::select! {
                () = closing.cancelled() => return,
                () = sleep(EVERY) => {}
            }
        }
    }
}

/// The lead of this machine's clock over the server's, in microseconds.
#[derive(Debug, Clone, Default)]
pub struct ClockSkew(Arc<AtomicI64>);

impl SharedClock {
    /// The measured clock of this server.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub async fn of(server: &dyn TimeServer, local: Arc<dyn Clock>) -> Result<Self, LedgerError> {
        let (started, at_start) = (Instant::now(), Arc::default());
        let clock = Self { local, started, at_start, skew: ClockSkew::default() };
        clock.measure(server).await?;
        Ok(clock)
    }

    /// Measures the server's time, taken as that of the middle of the round trip. After the first measurement, a long
    /// round trip changes nothing.
    ///
    /// # Errors
    /// The server cannot be asked; the clock goes on as before.
    pub async fn measure(&self, server: &dyn TimeServer) -> Result<(), LedgerError> {
        let asked = self.started.elapsed();
        let time = server.time().await?;
        let answered = self.started.elapsed();
        let is_first = self.at_start.load(Ordering::Relaxed) == 0;
        if !is_first && answered > asked + LONGEST_TRIP {
            tracing::warn!("the server told its time too late; time goes on as last measured");
            return Ok(());
        }
        let elapsed = micros((asked + answered) / 2);
        self.at_start.store(time.timestamp_micros() - elapsed, Ordering::Relaxed);
        let skew = self.local.now() - self.now();
        self.skew.0.store(skew.num_microseconds().unwrap_or(i64::MAX), Ordering::Relaxed);
        metrics::gauge!("trialgate_clock_skew_seconds").set(seconds(skew));
        Ok(())
    }

    /// The distance of this machine's clock, as measured last.
    pub fn skew(&self) -> ClockSkew {
        self.skew.clone()
    }
}

impl Clock for SharedClock {
    fn now(&self) -> DateTime<Utc> {
        let now = self.at_start.load(Ordering::Relaxed).saturating_add(micros(self.started.elapsed()));
        DateTime::from_timestamp_micros(now).unwrap_or(DateTime::<Utc>::UNIX_EPOCH)
    }
}

impl ClockSkew {
    /// The difference; positive if this machine is ahead.
    pub fn get(&self) -> TimeDelta {
        TimeDelta::microseconds(self.0.load(Ordering::Relaxed))
    }

    /// The sentence for operators, if this machine's clock is wrong.
    pub fn problem(&self) -> Option<String> {
        let skew = self.get();
        let direction = if skew > TimeDelta::zero() { "ahead of" } else { "behind" };
        (skew.abs() > TOLERATED).then(|| {
            format!(
                "the clock of this machine is {} s {direction} the database server's, by which everything is decided; \
                 set it right, by NTP",
                skew.num_seconds().abs()
            )
        })
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn seconds(skew: TimeDelta) -> f64 {
    skew.as_seconds_f64()
}
