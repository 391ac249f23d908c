//! A transfer that is cut off and resumed.

use diesel::connection::SimpleConnection;
use tokio::sync::oneshot;
use trial_core::ports::Operations;
use trial_storage::{Move, MoveError, MoveReport, Moved, PostgresLedger, PostgresOpenError, PostgresOptions};
use trial_testkit::{LedgerHarness, SeededEntropy, data};

use super::super::server::{Database, assert_sound};
use super::house::House;

/// Drops the transfer at its first wait after this progress; `None` then.
async fn cut_off(moving: Move, mut at: impl FnMut(Moved) -> bool + Send) -> Option<Result<MoveReport, MoveError>> {
    let (stop, stopped) = oneshot::channel();
    let mut stop = Some(stop);
    let progress = move |moved: Moved| {
        if at(moved)
            && let Some(stop) = stop.take()
        {
            let _ = stop.send(());
        }
    };
    tokio::select! {
        biased;
        Ok(()) = stopped => None,
        done = moving.run(progress) => Some(done),
    }
}

fn word(n: usize) -> impl FnMut(Moved) -> bool + Send {
    let mut words = 0;
    move |_| {
        words += 1;
        words == n
    }
}

async fn assert_is_not_served(to: &PostgresOptions, house: &House) {
    match PostgresLedger::open(to.clone()).await.err() {
        Some(PostgresOpenError::MovingIn { from, .. }) => {
            assert_eq!(from, format!("sqlite:{}", house.options.path.display()));
        }
        other => panic!("a database that is not whole, not {other:?}"),
    }
}

#[tokio::test]
async fn it_ends_wherever_it_was_cut_off() {
    let house = House::furnished().await;
    let database = Database::new().await;
    let to = database.options();
    let before = house.contents();
    let mut cuts = 0;
    let report = loop {
        cuts += 1;
        if let Some(done) = cut_off(house.moving(&to, 4), word(cuts)).await {
            break done.unwrap();
        }
        // The first report comes before any write.
        if cuts > 1 {
            assert_is_not_served(&to, &house).await;
        }
        house.connect().batch_execute("BEGIN IMMEDIATE; ROLLBACK").unwrap();
    };
    assert!(cuts > 40, "only {cuts} cuts");
    assert!(report.tables.iter().all(|moved| moved.copied <= 4), "copied rows are not copied again: {report:?}");
    assert_eq!(house.contents(), before);
    assert_eq!(database.contents().await, before);
    database.open().await;
}

#[tokio::test]
async fn a_source_that_went_on_meanwhile_is_moved_as_it_is_now() {
    let house = House::furnished().await;
    let database = Database::new().await;
    let to = database.options();
    assert!(cut_off(house.moving(&to, 4), word(60)).await.is_none());
    house.harness.join(20).await;
    house.harness.ledger.unlock_phone(data::phone(7), house.harness.operator()).await.unwrap();
    house.connect().batch_execute("DELETE FROM audit WHERE action = 'setting.set'").unwrap();
    let report = house.moving(&to, 4).run(|_| {}).await.unwrap();
    let copied = |table: &str| report.tables.iter().find(|moved| moved.table == table).unwrap().copied;
    assert_eq!(copied("setting_changes"), 0, "{report:?}");
    assert_eq!(house.contents(), database.contents().await);
}

#[tokio::test]
async fn a_source_that_was_empty_when_it_was_cut_off_is_known_again() {
    let house = House::empty().await;
    let database = Database::new().await;
    let to = database.options();
    assert!(cut_off(house.moving(&to, 4), word(5)).await.is_none());
    assert_is_not_served(&to, &house).await;
    let house = House { harness: house.harness.with_access_codes(3).await, ..house };
    house.moving(&to, 4).run(|_| {}).await.unwrap();
    assert_eq!(house.contents(), database.contents().await);
}

#[tokio::test]
async fn an_instance_that_opened_the_target_before_accepts_nothing() {
    let house = House::furnished().await;
    let database = Database::new().await;
    let to = database.options();
    let mut early = LedgerHarness::new(database.open().await);
    early.entropy = SeededEntropy::new(11);
    let are_mails =
        |moved: Moved| matches!(moved, Moved::Copied(rows) if rows.table == "mails" && rows.done == rows.of);
    // All but the applications and the audit.
    assert!(cut_off(house.moving(&to, 100), are_mails).await.is_none());
    assert!(early.ledger.access_code_stock().await.unwrap()[0].free > 0);
    assert_eq!(early.apply_for_code(house.waiting.clone()).await, "006");
    house.moving(&to, 100).run(|_| {}).await.unwrap();
    assert_eq!(early.apply_for_code(house.waiting.clone()).await, "000");
    assert_sound(&early.ledger).await;
}
