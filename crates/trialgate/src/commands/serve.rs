//! `trialgate serve`

use clap::Args;
use trial_core::ports::Clock as _;

use crate::adapters;
use crate::ambient::{self, SystemClock};
use crate::compose::{self, Listeners, Service};
use crate::global::Global;
use crate::ledger::Ledger;
use crate::prepare::prepare;
use crate::shutdown::Signals;
use crate::{logging, output};

/// `trialgate serve`
#[derive(Debug, Args)]
pub(crate) struct Serve;

impl Serve {
    #[expect(clippy::unused_self, reason = "every command is run alike")]
    pub(crate) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let config = global.load()?;
        ambient::check_clock(SystemClock.now())?;
        let prepared = prepare(&config)?;
        let listeners = Listeners::bind(&config, "`http.listen`")?;
        let (address, admin) = (listeners.address()?, listeners.admin_address()?);
        let telling = logging::install(&config.settings)?;
        let runtime = compose::runtime()?;
        let outcome = runtime.block_on(async {
            let signals = Signals::catch()?;
            compose::raise_file_limit();
            let ledger = Ledger::of(&config).await?;
            for (_, concern) in ledger.concerns().await? {
                tracing::warn!("{concern}");
            }
            let inbox = config.settings.sandbox.enabled.then(|| adapters::inbox(&config)).transpose()?;
            if inbox.is_some() {
                tracing::warn!(
                    "`sandbox.enabled` is true: messages can be captured instead of sent, and whoever reaches this port \
                     reads them under /sandbox"
                );
            }
            let browsers = config.browser_access().concern().map(str::to_owned);
            let others = config.shared_address_concern().into_iter().chain(config.default_region_concern());
            for concern in browsers.into_iter().chain(others) {
                tracing::warn!("{concern}");
            }
            if let Some(last) = config.policy.test_numbers.iter().map(|number| number.until).max() {
                let count = config.policy.test_numbers.len();
                tracing::warn!(count, until = %last, "`sms.test_numbers` is set: these phones get fixed codes and no messages");
            }
            let service = Service::start(&config, prepared, listeners, ledger, inbox)?;
            let scheme = config.scheme();
            tracing::info!(%address, scheme, "listening");
            output::announce(format!("listening on {scheme}://{address}"))?;
            if let Some(address) = admin {
                tracing::info!(%address, scheme, "listening for administrators");
                output::announce(format!("/metrics, /docs and /openapi.json on {scheme}://{address}"))?;
            }
            service.run(signals).await
        });
        // After a second signal, remaining work is abandoned.
        runtime.shutdown_background();
        telling.finish();
        outcome
    }
}

#[cfg(test)]
mod tests {
    use crate::ambient::check_clock;

    #[test]
    fn a_clock_before_1970_is_refused() {
        assert!(check_clock("1970-01-01T00:00:00Z".parse().unwrap()).is_ok());
        let said = check_clock("1969-12-31T23:59:59Z".parse().unwrap()).unwrap_err().to_string();
        assert!(said.contains("says 1969-12-31T23:59:59Z, which is before 1970; set it"), "{said}");
    }
}
