//! Logs as text or JSON on standard error; standard output has the command's result only. A thread of its own writes
//! them: logging never blocks, and lines that standard error does not take in time are dropped and counted.

use std::io::{self, IsTerminal, Write};
use std::panic;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::anyhow;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{Level, Metadata};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{FilterExt, LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use crate::config::{Log, LogFormat, Settings};
use crate::output;

/// Lines that may wait to be written; one more is dropped.
const WAITING: usize = 8_192;
/// Interval at which dropped lines are counted.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// Lines that this process has dropped.
static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// Parses `log.level`: a level, or directives such as `warn,trial_engine=debug`.
///
/// # Errors
/// The message names the wrong part.
pub(crate) fn filter(level: &str) -> Result<EnvFilter, String> {
    // An unknown bare word would be read as a module's name, and log everything of it.
    for directive in level.split(',') {
        let is_level = !directive.is_empty() && directive.parse::<LevelFilter>().is_ok();
        if !directive.contains(['=', '[']) && !is_level {
            return Err(format!("{directive:?} is not a level; write error, warn, info, debug, trace or off"));
        }
    }
    EnvFilter::builder()
        .parse(level)
        .map_err(|_| format!("{level:?} is not a filter; write a level, or directives such as warn,trial_engine=debug"))
}

/// Log lines and traces still to be sent when the process ends.
#[must_use]
pub(crate) struct Telling {
    lines: WorkerGuard,
    #[cfg(feature = "otlp")]
    traces: Option<crate::traces::Sending>,
}

impl Telling {
    /// Sends them, in bounded time. Must not be called on a runtime.
    pub(crate) fn finish(self) {
        #[cfg(feature = "otlp")]
        if let Some(traces) = self.traces {
            traces.finish();
        }
        let lines = self.lines;
        // This waits for lines to be written, which nobody may read.
        output::briefly(move || drop(lines));
    }
}

/// Installs the process's logs and, if built in and configured, traces. Must not be called on a runtime.
///
/// # Errors
/// The level is invalid, traces cannot be started, or logs are installed already.
pub(crate) fn install(settings: &Settings) -> anyhow::Result<Telling> {
    let Log { format, level } = &settings.log;
    let filter = filter(level).map_err(|error| anyhow!("`log.level` {error}"))?.and(filter_fn(is_impersonal));
    let (lines, written) = writer(io::stderr());
    let _ = DROPPED.set(lines.error_counter());
    let logs = fmt::layer().with_writer(lines);
    let logs = match format {
        LogFormat::Human => logs.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => logs.json().flatten_event(true).boxed(),
    };
    let registry = registry().with(logs.with_filter(filter));
    #[cfg(feature = "otlp")]
    let (registry, telling) = {
        let (layer, traces) = crate::traces::layer(&settings.traces)?.unzip();
        (registry.with(layer), Telling { lines: written, traces })
    };
    #[cfg(not(feature = "otlp"))]
    let telling = Telling { lines: written };
    registry.try_init().map_err(|error| anyhow!("cannot install the logs: {error}"))?;
    // The usual hook writes to standard error, and waits for it.
    panic::set_hook(Box::new(|fault| tracing::error!("{fault}")));
    Ok(telling)
}

/// A writer that never blocks and hands lines to a thread.
fn writer(out: impl Write + Send + 'static) -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default().lossy(true).buffered_lines_limit(WAITING).thread_name("log").finish(out)
}

/// Counts dropped lines: always as a metric, and by a log line once lines are accepted again.
pub(crate) async fn count_dropped() {
    let Some(dropped) = DROPPED.get() else { return std::future::pending().await };
    let mut ticks = interval(COUNT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = 0;
    loop {
        ticks.tick().await;
        let lines = dropped.dropped_lines();
        metrics::counter!("trialgate_log_lines_dropped_total").absolute(lines as u64);
        if lines > told {
            tracing::warn!(lines = lines - told, "log lines were dropped: standard error did not take them in time");
            // Unless this line was dropped too.
            if dropped.dropped_lines() == lines {
                told = lines;
            }
        }
    }
}

/// Drops the lower levels of third-party crates, which log what passes through them: addresses, passwords, whole mails;
/// and the server's own start messages, which repeat ours.
fn is_impersonal(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    match *metadata.level() {
        Level::ERROR | Level::WARN => true,
        Level::INFO => !target.starts_with("actix_server"),
        _ => target.starts_with("trial"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pipe that nobody reads: it takes the lines for which it gets a permit.
    struct Held(std::sync::mpsc::Receiver<()>);

    impl Write for Held {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_nobody_takes_are_dropped_and_counted() {
        let (permits, held) = std::sync::mpsc::channel();
        let (mut lines, written) = writer(Held(held));
        let too_many = 10;
        for _ in 0..WAITING + too_many {
            assert_eq!(lines.write(b"a line\n").unwrap(), 7);
        }
        // The thread holds one of them.
        let dropped = lines.error_counter().dropped_lines();
        assert!((too_many - 1..=too_many).contains(&dropped), "{dropped}");
        Telling {
            lines: written,
            #[cfg(feature = "otlp")]
            traces: None,
        }
        .finish();
        drop(permits);
    }

    #[test]
    fn a_level_is_a_level_or_directives() {
        for level in ["info", "OFF", "warn,trial_engine=debug", "trial_http[request]=trace"] {
            assert!(filter(level).is_ok(), "{level}");
        }
        for level in ["", "inof", "warn,trial_engine", "trial_engine=loud", "info,"] {
            assert!(filter(level).is_err(), "{level}");
        }
    }
}
