//! The pool of access codes.

use std::time::Duration;

use trial_core::access_codes::{AccessCodeImport, AccessCodeStock, ImportPlan};
use trial_core::ports::Operations;
use trial_core::values::AccessCodeKind;

use super::{LedgerFactory, harness};
use crate::LedgerHarness;
use crate::data::{access_codes, multimedia, voice};

async fn import<L: Operations + trial_core::ports::TrialLedger>(
    harness: &LedgerHarness<L>,
    rows: AccessCodeImport,
    dry_run: bool,
) -> ImportPlan {
    harness.ledger.import_access_codes(rows, dry_run, harness.operator()).await.unwrap()
}

async fn free<L: Operations>(ledger: &L) -> Vec<u64> {
    ledger.access_code_stock().await.unwrap().iter().map(|stock| stock.free).collect()
}

/// One row for each kind, voice first, also of an empty pool.
pub async fn the_stock_has_a_row_for_each_kind<F: LedgerFactory>(factory: &F) {
    let row = |kind| AccessCodeStock { kind, free: 0, leased: 0, quarantined: 0, retired: 0 };
    let stock = factory.fresh().await.access_code_stock().await.unwrap();
    assert_eq!(stock, [row(AccessCodeKind::Voice), row(AccessCodeKind::Multimedia)]);
}

/// The same file twice is the same pool.
pub async fn an_import_is_idempotent<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let first = import(&harness, access_codes(1_500), false).await;
    assert_eq!((first.new.len(), first.known, first.refused.len()), (3_000, 0, 0));
    harness.join(1).await;
    let second = import(&harness, access_codes(1_501), false).await;
    assert_eq!((second.new.len(), second.known, second.refused.len()), (2, 3_000, 0));
    let stock = harness.ledger.access_code_stock().await.unwrap();
    assert_eq!(stock.iter().map(|kind| (kind.free, kind.leased)).collect::<Vec<_>>(), [(1_500, 1), (1_500, 1)]);
}

/// A dry run reports the result, and changes nothing.
pub async fn a_dry_run_changes_nothing<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let told = import(&harness, access_codes(2), true).await;
    assert_eq!(free(&*harness.ledger).await, [0, 0]);
    assert_eq!(import(&harness, access_codes(2), false).await, told);
    assert_eq!(free(&*harness.ledger).await, [2, 2]);
}

/// A code has one kind, over the file and the pool; one bad row refuses the whole file, and each bad row is named.
pub async fn a_bad_row_keeps_the_whole_file_out<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let rows = vec![
        (2, voice(5), AccessCodeKind::Voice),
        (3, voice(1), AccessCodeKind::Multimedia),
        (4, multimedia(5), AccessCodeKind::Multimedia),
        (5, voice(5), AccessCodeKind::Multimedia),
    ];
    let plan = import(&harness, AccessCodeImport { rows }, false).await;
    assert_eq!(plan.refused.iter().map(|row| row.line).collect::<Vec<_>>(), [3, 5]);
    assert_eq!(free(&*harness.ledger).await, [1, 1]);
}

/// The code that was free longest is assigned first; of those freed together, in the order of their text.
pub async fn the_longest_free_code_is_given_first<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let pair = |n, m| {
        let rows = vec![(2, voice(n), AccessCodeKind::Voice), (3, multimedia(m), AccessCodeKind::Multimedia)];
        AccessCodeImport { rows }
    };
    import(&harness, pair(9, 1), false).await;
    harness.wait(Duration::from_secs(1));
    let mut together = pair(8, 7);
    together.rows.extend(pair(5, 6).rows);
    import(&harness, together, false).await;
    let mut given = Vec::new();
    for n in 1..4 {
        let tenant = harness.ledger.tenant(harness.join(n).await).await.unwrap().unwrap();
        given.push(tenant.access_codes.into_values().collect::<Vec<_>>());
    }
    let expected = [(9, 1), (5, 6), (8, 7)].map(|(n, m)| vec![voice(n), multimedia(m)]);
    assert_eq!(given, expected);
}
