//! Transfer: the data that is transferred, and the obstacles.

mod house;
mod interrupted;
mod refused;

use std::time::Duration;

use trial_core::platform::{EndpointId, EventClaim};
use trial_core::ports::{EventOutbox, Operations, Outbox};
use trial_storage::MovedTable;
use trial_testkit::{LedgerHarness, SeededEntropy, data};

use super::server::{Database, assert_sound};
use house::{House, lease, seen};

#[tokio::test]
async fn everything_is_moved_and_work_goes_on() {
    let house = House::furnished().await;
    let database = Database::new().await;
    let to = database.options();
    let report = house.moving(&to, 3).run(|_| {}).await.unwrap();
    assert!(report.tables.len() >= 15, "{report:?}");
    assert!(report.tables.iter().all(|moved| moved.copied == moved.rows && moved.rows > 0), "{report:?}");
    assert_eq!(house.contents(), database.contents().await);

    let ledger = database.open().await;
    assert_eq!(seen(&*house.harness.ledger).await, seen(&ledger).await);
    let mut there = LedgerHarness::new(ledger);
    there.clock = house.harness.clock.clone();
    there.entropy = SeededEntropy::new(11);
    assert_eq!(there.apply_for_code(house.accepted.clone()).await, "000");
    assert_eq!(there.apply_for_code(house.waiting.clone()).await, "000");
    assert_eq!(there.apply_for_code(data::application(9, "wrong")).await, "001");
    there.join(9).await;
    there.set_threshold(500).await;
    assert_eq!(there.quota(there.now().date_naive()).await.threshold, 500);
    there.wait(Duration::from_mins(10));
    // Due are the one under an ended lease, the one to be retried, the one never tried, the one about a changed
    // password, and two new ones.
    assert_eq!(there.ledger.claim(lease(&there), 10).await.unwrap().len(), 6);
    let another = EndpointId::of_url("https://platform.example.com/moved");
    let EventClaim::Due(events) = there.ledger.claim_events(another, lease(&there), 10).await.unwrap() else {
        panic!("only the former endpoint is gone");
    };
    assert_eq!(events.len(), 3, "those that were neither taken nor given up");
    assert_sound(&there.ledger).await;
    assert_eq!(there.ledger.tenants(house::first_page()).await.unwrap().len(), 7, "the replay made no tenant");
}

#[tokio::test]
async fn a_move_that_has_ended_is_not_done_again() {
    let house = House::furnished().await;
    let database = Database::new().await;
    let to = database.options();
    let first = house.moving(&to, 100).run(|_| {}).await.unwrap();
    let again = house.moving(&to, 100).run(|_| {}).await.unwrap();
    let untouched = |moved: &MovedTable| MovedTable { copied: 0, ..*moved };
    assert_eq!(again.tables, first.tables.iter().map(untouched).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_empty_database_is_transferred_into_one_without_tables() {
    let house = House::empty().await;
    let database = Database::empty().await;
    let to = database.options();
    let report = house.moving(&to, 10).run(|_| {}).await.unwrap();
    assert_eq!(report.ran.len(), crate::migrations());
    let there = LedgerHarness::new(database.open().await).with_access_codes(1).await;
    there.set_threshold(7).await;
    there.join(1).await;
}
