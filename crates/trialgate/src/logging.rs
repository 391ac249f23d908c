//! Logs: human or JSON, to standard error, so that standard output stays for what was asked for.

use std::io::{self, IsTerminal};

use anyhow::anyhow;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt, LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use crate::config::{Log, LogFormat, Settings};

/// Reads `log.level`: a level, or directives such as `warn,trial_engine=debug`.
///
/// # Errors
/// Says which part is wrong.
pub(crate) fn filter(level: &str) -> Result<EnvFilter, String> {
    // A bare word that is no level would be taken for the name of a module, and log everything of it.
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

/// What is still to be told of when the process ends.
#[must_use]
pub(crate) struct Telling {
    #[cfg(feature = "otlp")]
    traces: Option<crate::traces::Sending>,
}

impl Telling {
    /// Tells it. Not to be called on a runtime.
    #[cfg_attr(not(feature = "otlp"), expect(clippy::unused_self, reason = "logs are written at once"))]
    pub(crate) fn finish(self) {
        #[cfg(feature = "otlp")]
        if let Some(traces) = self.traces {
            traces.finish();
        }
    }
}

/// Installs the logs of the process and, where they are built in and asked for, traces. Not to be called on a runtime.
///
/// # Errors
/// The level makes no sense, there can be no traces, or logs are installed already.
pub(crate) fn install(settings: &Settings) -> anyhow::Result<Telling> {
    let Log { format, level } = &settings.log;
    let filter = filter(level).map_err(|error| anyhow!("`log.level` {error}"))?.and(filter_fn(is_impersonal));
    let logs = fmt::layer().with_writer(io::stderr);
    let logs = match format {
        LogFormat::Human => logs.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => logs.json().flatten_event(true).boxed(),
    };
    let registry = registry().with(logs.with_filter(filter));
    #[cfg(feature = "otlp")]
    let (registry, telling) = {
        let (layer, traces) = crate::traces::layer(&settings.traces)?.unzip();
        (registry.with(layer), Telling { traces })
    };
    #[cfg(not(feature = "otlp"))]
    let telling = Telling {};
    registry.try_init().map_err(|error| anyhow!("cannot install the logs: {error}"))?;
    Ok(telling)
}

/// The lower levels of other people's crates show what passes through them: addresses, passwords, whole mails. And the
/// server's own account of its start says nothing that ours does not.
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
