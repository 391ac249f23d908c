//! Refused transfers, and waits.

use std::sync::mpsc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use tokio::task::{JoinHandle, block_in_place, spawn_blocking};
use trial_core::error::LedgerError;
use trial_core::planner::Request;
use trial_core::ports::{Operations, TrialLedger};
use trial_storage::{
    Move, MoveError, MoveReport, Moved, OpenError, PostgresLedger, PostgresOptions, SqliteLedger, SqliteOptions,
};
use trial_testkit::{LedgerHarness, data};

use super::super::server::{Database, assert_sound};
use super::house::{House, unique_by};

/// A transfer that stops once this number of rows of a table is there.
struct Halted {
    moving: JoinHandle<Result<MoveReport, MoveError>>,
    go_on: mpsc::Sender<()>,
}

impl Halted {
    async fn start(moving: Move, rows: u64) -> Self {
        let (arrived, has_arrived) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel();
        let mut is_new = true;
        let progress = move |moved: Moved| {
            if is_new && matches!(moved, Moved::Copied(copied) if copied.done >= rows) {
                is_new = false;
                arrived.send(()).unwrap();
                // Without a signal, the transfer is dropped.
                let _ = block_in_place(|| may_go_on.recv());
            }
        };
        let moving = tokio::spawn(moving.run(progress));
        spawn_blocking(move || has_arrived.recv()).await.unwrap().expect("the move begins");
        Self { moving, go_on }
    }

    async fn go_on(self) -> MoveReport {
        self.go_on.send(()).unwrap();
        self.moving.await.unwrap().unwrap()
    }
}

async fn refused(moving: Move) -> MoveError {
    moving.run(|_| {}).await.expect_err("the move is refused")
}

fn impatient(options: &PostgresOptions) -> PostgresOptions {
    PostgresOptions { turn_timeout: Duration::from_millis(100), ..options.clone() }
}

#[tokio::test]
async fn a_target_with_rows_of_its_own_is_left_alone() {
    let house = House::furnished().await;
    let database = Database::new().await;
    let to = database.options();
    let theirs = LedgerHarness::new(database.open().await).with_access_codes(1).await;
    let before = database.contents().await;
    assert!(matches!(refused(house.moving(&to, 100)).await, MoveError::InUse { .. }));
    assert_eq!(database.contents().await, before);
    database.open().await;
    theirs.join(1).await;
}

#[tokio::test]
async fn a_target_that_was_served_since_is_left_alone() {
    let house = House::furnished().await;
    let database = Database::new().await;
    let to = database.options();
    house.moving(&to, 100).run(|_| {}).await.unwrap();
    let ledger = database.open().await;
    ledger.unlock_phone(data::phone(7), house.harness.operator()).await.unwrap();
    let error = refused(house.moving(&to, 100)).await;
    assert!(matches!(error, MoveError::InUse { table: "audit", .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_target_that_another_source_is_moved_into_is_left_alone() {
    let (house, other) = (House::furnished().await, House::furnished_after(Duration::from_mins(1)).await);
    let database = Database::new().await;
    let to = database.options();
    let halted = Halted::start(house.moving(&to, 10), 10).await;
    halted.moving.abort();
    drop(halted.go_on);
    assert!(halted.moving.await.is_err());
    let error = refused(other.moving(&to, 10)).await;
    assert!(matches!(&error, MoveError::OtherSource { .. }), "{error}");
    let from = format!("sqlite:{}", house.options.path.display());
    assert!(error.to_string().contains(&from), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_second_move_at_once_is_refused() {
    let (house, other) = (House::furnished().await, House::furnished_after(Duration::from_mins(1)).await);
    let database = Database::new().await;
    let to = database.options();
    let halted = Halted::start(house.moving(&to, 100), 0).await;
    let error = refused(house.moving(&impatient(&to), 100)).await;
    assert!(matches!(error, MoveError::Source(OpenError::Busy(_))), "{error}");
    let error = refused(other.moving(&impatient(&to), 100)).await;
    assert!(matches!(error, MoveError::Busy(_)), "nothing had arrived yet: {error}");
    halted.go_on().await;
    assert_eq!(house.contents(), database.contents().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_decided_while_a_move_is_under_way() {
    let house = House::furnished().await;
    let database = Database::new().await;
    let to = database.options();
    let early = PostgresLedger::open(impatient(&to)).await.unwrap();
    let options = SqliteOptions { busy_timeout: Duration::from_millis(20), ..house.options.clone() };
    let serving = SqliteLedger::open(options).await.unwrap();
    let halted = Halted::start(house.moving(&to, 100), 0).await;
    let batch = house.harness.batch([Request::SendCode(data::code_request(&data::phone(30)))]);
    for ledger in [&serving as &dyn TrialLedger, &early] {
        let refused = ledger.commit(batch.clone(), data::planner()).await;
        assert!(matches!(refused, Err(LedgerError::Contended(_))), "{refused:?}");
    }
    serving.tenants(super::house::first_page()).await.expect("readers are not blocked");
    halted.go_on().await;
    let refused = serving.commit(batch, data::planner()).await;
    let Err(LedgerError::Unavailable(why)) = &refused else { panic!("{refused:?}") };
    assert!(why.to_string().contains("was transferred to"), "{why}");
}

#[tokio::test]
async fn a_source_that_is_not_in_order_is_not_moved() {
    let house = House::furnished().await;
    let database = Database::new().await;
    let to = database.options();
    house.connect().batch_execute("UPDATE quota_days SET reserved = reserved + 1").unwrap();
    let error = refused(house.moving(&to, 100)).await;
    assert!(matches!(&error, MoveError::Broken { violations, .. } if violations.len() == 1), "{error}");
    assert!(error.to_string().contains("the units of a day are those that its mails took"), "{error}");
    PostgresLedger::open(to).await.expect("nothing was begun");
}

#[tokio::test]
async fn a_change_during_the_transfer_is_noticed() {
    let house = House::furnished().await;
    let database = Database::new().await;
    let to = database.options();
    for (sql, table) in [
        ("UPDATE tenants SET email = upper(email) WHERE phone LIKE '%2'", "tenants"),
        ("DELETE FROM code_requests WHERE id = (SELECT id FROM code_requests ORDER BY id LIMIT 1)", "code_requests"),
        ("INSERT INTO quota_days (day, reserved) VALUES (1, 0)", "quota_days"),
    ] {
        let meddle = |moved: Moved| {
            if matches!(moved, Moved::Copied(rows) if rows.table == "audit" && rows.done == rows.of) {
                database.server.execute(&database.name, sql);
            }
        };
        let error = house.moving(&to, 100).run(meddle).await.expect_err("the copy differs from the source");
        assert!(matches!(error, MoveError::Differs { table: found, .. } if found == table), "{error}");
        assert!(PostgresLedger::open(to.clone()).await.is_err(), "it is not served");
    }
    house.moving(&to, 100).run(|_| {}).await.unwrap();
    assert_eq!(house.contents(), database.contents().await);
    assert_sound(&database.open().await).await;
}

#[tokio::test]
async fn a_source_of_another_release_or_none_is_not_moved() {
    let house = House::empty().await;
    let database = Database::new().await;
    let to = database.options();
    let absent = Move::new(SqliteOptions::new(house.dir.path().join("absent.db")), to.clone(), unique_by());
    assert!(matches!(refused(absent).await, MoveError::Absent(_)));
    house.connect().batch_execute("DELETE FROM __diesel_schema_migrations").unwrap();
    assert!(matches!(refused(house.moving(&to, 1)).await, MoveError::Source(OpenError::Pending { .. })));
}
