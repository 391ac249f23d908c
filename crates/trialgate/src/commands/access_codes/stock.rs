//! `trialgate access-codes stock`

use std::fmt;

use serde::Serialize;
use trial_core::access_codes::AccessCodeStock;

use crate::commands::with_ledger;
use crate::global::Global;
use crate::output::{Output, Table};

/// Access codes by kind and state.
#[derive(Debug, Serialize)]
struct StockReport {
    stock: Vec<KindReport>,
}

#[derive(Debug, Serialize)]
struct KindReport {
    kind: &'static str,
    free: u64,
    leased: u64,
    quarantined: u64,
    retired: u64,
}

pub(super) fn run(global: &Global, output: Output) -> anyhow::Result<()> {
    let stock = with_ledger(global, async |_, ledger| Ok(ledger.access_code_stock().await?))?;
    output.show(&StockReport { stock: stock.iter().map(KindReport::from).collect() })
}

impl From<&AccessCodeStock> for KindReport {
    fn from(stock: &AccessCodeStock) -> Self {
        let AccessCodeStock { kind, free, leased, quarantined, retired } = *stock;
        Self { kind: kind.as_str(), free, leased, quarantined, retired }
    }
}

impl fmt::Display for StockReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["kind", "free", "leased", "quarantined", "retired"]);
        for row in &self.stock {
            let [free, leased, quarantined, retired] =
                [row.free, row.leased, row.quarantined, row.retired].map(|count| count.to_string());
            table.row([row.kind.to_owned(), free, leased, quarantined, retired]);
        }
        table.fmt(f)
    }
}
