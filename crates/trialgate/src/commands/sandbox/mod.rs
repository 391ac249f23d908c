//! `trialgate sandbox`: a complete service without setup.

mod banner;
mod home;
mod printer;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use trial_core::access_codes::AccessCodeImport;
use trial_core::ports::Clock as _;
use trial_core::values::{AccessCode, AccessCodeKind};

use crate::adapters;
use crate::ambient::{self, SystemClock};
use crate::arguments::socket_address;
use crate::compose::{self, Listeners, Service};
use crate::config::{Config, Entry, Sources};
use crate::global::Global;
use crate::ledger::Ledger;
use crate::prepare::prepare;
use crate::shutdown::Signals;
use crate::{logging, output};
use printer::Printer;

const DEFAULT_DIRECTORY: &str = "sandbox";
const CODES_OF_EACH_KIND: u64 = 100;

/// `trialgate sandbox`
#[derive(Debug, Args)]
pub(crate) struct Sandbox {
    /// Address to listen on; port 0 picks a free port
    #[arg(long, value_name = "ADDR", value_parser = socket_address)]
    listen: Option<SocketAddr>,
    /// Directory for configuration, database and captured messages [default: ./sandbox]
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    data: Option<PathBuf>,
}

impl Sandbox {
    pub(crate) fn run(&self, global: &Global) -> anyhow::Result<()> {
        ambient::check_clock(SystemClock.now())?;
        let mut config = self.config(global.config.as_deref())?;
        let listeners = Listeners::bind(&config, "`--listen`; port 0 takes a free one")?;
        let (address, admin) = (listeners.address()?, listeners.admin_address()?);
        config.lead_to_portal_at(banner::reachable(address));
        let prepared = prepare(&config)?;
        let telling = logging::install(&config.settings)?;
        // Before the database is opened: a second sandbox on the same directory changes nothing.
        let inbox = adapters::inbox(&config)?;
        let runtime = compose::runtime()?;
        let outcome = runtime.block_on(async {
            let signals = Signals::catch()?;
            compose::raise_file_limit();
            Ledger::migrate(&config.database).await?;
            let ledger = Ledger::open(&config.database).await?;
            fill_empty_pool(&ledger).await?;
            let printer = Printer::start(&inbox)?;
            let service = Service::start(&config, prepared, listeners, ledger, Some(inbox))?;
            output::announce(banner::banner(address, admin, &config))?;
            let outcome = service.run(signals).await;
            printer.finish();
            outcome
        });
        runtime.shutdown_background();
        telling.finish();
        outcome
    }

    /// The named configuration, or that of the data directory, which is written at its first start.
    fn config(&self, named: Option<&Path>) -> anyhow::Result<Config> {
        let flags: Vec<Entry> =
            self.listen.iter().map(|address| Entry::flag("--listen", "http.listen", address.to_string())).collect();
        let file = match named {
            Some(file) => file.to_owned(),
            None => home::prepare(self.data.as_deref().unwrap_or(Path::new(DEFAULT_DIRECTORY)), self.listen)?,
        };
        let config = Sources { flags, ..Sources::new(Some(file.clone())) }.load()?;
        if !config.settings.sandbox.enabled {
            bail!(
                "{} is not the configuration of a sandbox: `sandbox.enabled` is not true; name another directory with --data",
                file.display()
            );
        }
        Ok(config)
    }
}

/// Adds access codes to an empty pool. A pool that ever had codes is left alone.
async fn fill_empty_pool(ledger: &Ledger) -> anyhow::Result<()> {
    let operations = ledger.operations();
    let stock = operations.access_code_stock().await?;
    if stock.iter().any(|kind| kind.free + kind.leased + kind.quarantined + kind.retired > 0) {
        return Ok(());
    }
    operations.import_access_codes(first_codes(), false, ledger.changed_by("sandbox".to_owned())).await?;
    Ok(())
}

fn first_codes() -> AccessCodeImport {
    let voice = (1..=CODES_OF_EACH_KIND).map(|n| (format!("9500{n:04}"), AccessCodeKind::Voice));
    let multimedia = (1..=CODES_OF_EACH_KIND).map(|n| (format!("chat-{n:04}"), AccessCodeKind::Multimedia));
    let rows = voice.chain(multimedia).zip(1..);
    AccessCodeImport { rows: rows.map(|((code, kind), line)| (line, AccessCode::from_stored(&code), kind)).collect() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_new_sandbox_has_a_hundred_codes_of_each_kind() {
        let import = first_codes();
        for (_, code, _) in &import.rows {
            assert_eq!(AccessCode::parse(code.as_str()).as_ref(), Ok(code));
        }
        let plan = import.plan(&BTreeMap::new());
        let of_kind = |kind| plan.new.iter().filter(|(_, other)| *other == kind).count();
        assert_eq!((of_kind(AccessCodeKind::Voice), of_kind(AccessCodeKind::Multimedia)), (100, 100));
        assert_eq!((plan.known, plan.refused.len()), (0, 0));
    }
}
