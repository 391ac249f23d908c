//! `trialgate access-codes stock`

use std::fmt;

use trial_engine::operations::access_codes::{self, StockReport};

use crate::commands::{policy_in_force, with_database};
use crate::global::Global;
use crate::output::{Output, Printed, Table, time};

pub(super) fn run(global: &Global, output: Output) -> anyhow::Result<()> {
    output.show(&Printed(with_database(global, async |config, ledger| {
        let policy = policy_in_force(config, ledger).await?;
        Ok(access_codes::stock(&*ledger.operations(), &policy, ledger.clock().now()).await?)
    })?))
}

impl fmt::Display for Printed<StockReport> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ["kind", "free", "leased", "quarantined", "retired", "days until empty", "next quarantine ends"];
        let mut table = Table::new(heads);
        for row in &self.0.stock {
            let [free, leased, quarantined, retired] =
                [row.free, row.leased, row.quarantined, row.retired].map(|count| count.to_string());
            let lasts = row.days_until_empty.map_or_else(|| "-".to_owned(), |days| format!("{days:.1}"));
            let next = row.next_rest_ends_at.map_or_else(|| "-".to_owned(), time);
            table.row([row.kind.to_owned(), free, leased, quarantined, retired, lasts, next]);
        }
        table.fmt(f)
    }
}
