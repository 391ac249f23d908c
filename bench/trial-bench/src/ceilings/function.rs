//! One transaction per application, by PostgreSQL's own load generator.

use std::process::Command;

use anyhow::{Context, ensure};

use crate::options::Options;
use crate::services::Store;

const CLIENTS: &str = "64";
/// Transactions per second beyond any machine of today: each waits for the commit of the one before it.
const FASTEST: u64 = 10_000;

/// As for the bare loop. `pgbench` reads a session's settings from the environment.
const SESSION: &str = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off \
    -c enable_mergejoin=off -c jit=off";

/// Applications per second, each by one call of one function in one transaction, from 64 clients.
pub(crate) async fn one_transaction_each(store: &Store<'_>, options: &Options) -> anyhow::Result<f64> {
    store.prepare(usize::try_from(options.seconds.saturating_mul(FASTEST))?).await?;
    store.run(include_str!("../../sql/apply.sql"), &[])?;
    let script = options.directory.join("apply.pgbench");
    std::fs::write(&script, include_str!("../../sql/apply.pgbench"))?;
    let output = Command::new(store.program("pgbench")?)
        .args(["--no-vacuum", "--protocol=prepared", "--client", CLIENTS, "--jobs=1"])
        .arg(format!("--time={}", options.seconds))
        .arg(format!("--file={}", script.display()))
        .arg(store.url())
        .env("PGOPTIONS", SESSION)
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "pgbench: {said}{}", String::from_utf8_lossy(&output.stderr));
    let done = transactions(&said).context("pgbench says how many transactions it did")?;
    let totals = store.totals()?;
    ensure!(totals.tenants == done, "{done} transactions made {} tenants", totals.tenants);
    totals.check(done, 0)?;
    if done == 0 {
        // pgbench prints no rate then.
        return Ok(0.0);
    }
    per_second(&said).context("pgbench says how many transactions it did each second")
}

fn transactions(said: &str) -> Option<u64> {
    let count = said.lines().find_map(|line| line.strip_prefix("number of transactions actually processed: "))?;
    count.split('/').next()?.trim().parse().ok()
}

fn per_second(said: &str) -> Option<f64> {
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = "))?;
    tps.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_pgbench_is_read() {
        let said = "number of clients: 64\nnumber of transactions actually processed: 4242\n\
            number of failed transactions: 0 (0.000%)\ntps = 1413.981 (without initial connection time)\n";
        assert_eq!(transactions(said), Some(4242));
        assert_eq!(per_second(said), Some(1413.981));
        assert_eq!(per_second("nothing"), None);
    }
}
