//! `kill -9` in the middle of sweeps: the last one ends as if there had been no other.

use trialgate_tests::{Applicant, Database, Fleet, Home, finish_unless, until};

use crate::concurrency::{apply_at_once, counts, obtain_codes};
use crate::databases::on_every_database;

const TENANTS: u32 = 1_500;

on_every_database!(a_sweep_that_was_killed_is_finished_by_the_next);

/// A step of the lifecycle that is due for all tenants at once.
struct Step {
    /// The statement that lets the time pass.
    passes: &'static str,
    /// The rows that count as done: a table and its condition.
    done: &'static str,
    /// The number of rows at the end.
    all: i64,
}

const STEPS: [Step; 3] = [
    Step {
        passes: "UPDATE tenants SET trial_ends_at = created_at, next_step_at = created_at",
        done: "tenants WHERE status = 'suspended'",
        all: TENANTS as i64,
    },
    Step {
        passes: "UPDATE tenants SET closes_at = suspended_at, next_step_at = suspended_at",
        done: "tenants WHERE status = 'closed'",
        all: TENANTS as i64,
    },
    Step {
        passes: "UPDATE access_codes SET since = 1 WHERE state = 'quarantined'",
        done: "access_codes WHERE state = 'free'",
        all: 2 * TENANTS as i64,
    },
];

async fn a_sweep_that_was_killed_is_finished_by_the_next(home: Home) {
    let mut service = Fleet::start([home], &[]).await;
    let home = service.home(0);
    let others = home.database().number("SELECT count(*) AS number FROM access_codes") / 2;
    home.ask(&["quota", "set", "100000"]).await;
    home.import_pairs(TENANTS).await;
    let applicants: Vec<Applicant> = (0..TENANTS).map(Applicant::new).collect();
    for some in applicants.chunks(250) {
        let told = apply_at_once(&service, obtain_codes(&service, some).await).await;
        assert_eq!(counts(&told), [("000", some.len())]);
    }
    let homes = service.stop().await;
    let home = &homes[0];
    let mut database = home.database();
    let before = counted(&mut database);
    let mut killed = 0;
    for Step { passes, done, all } in STEPS {
        database.execute(passes);
        let left = if done.starts_with("access_codes") { 2 * others } else { 0 };
        killed += sweep_with_kills(home, &mut database, done).await;
        assert_eq!(database.count(done), all + left, "{done}");
    }
    println!("{killed} sweeps were killed half-way");
    assert!(killed > 0, "no sweep was killed half-way, so that nothing was shown");
    let once = |kind: &str| {
        format!("SELECT count(*) || ' ' || count(DISTINCT tenant) AS line FROM mails WHERE kind = '{kind}'")
    };
    for kind in ["suspended", "closed"] {
        assert_eq!(database.lines(&once(kind)), [format!("{TENANTS} {TENANTS}")], "each was notified once: {kind}");
    }
    for action in ["tenant.suspend", "tenant.close"] {
        let noted =
            format!("SELECT count(*) || ' ' || count(DISTINCT subject) AS line FROM audit WHERE action = '{action}'");
        assert_eq!(database.lines(&noted), [format!("{TENANTS} {TENANTS}")], "each is noted once: {action}");
    }
    assert_eq!(counted(&mut database) - before, 2 * i64::from(TENANTS), "each mail took its unit");
    // It also reports the shortcuts of test servers.
    let ended = home.run(&["doctor"]).await;
    assert!(ended.stdout.contains("invariants      all hold"), "{ended:?}");
    let said = home.ask(&["sweep"]).await;
    let nothing = "suspended: 0, closed: 0, mails queued: 0 (waiting: 0), access codes released: 0";
    assert_eq!(said.trim(), nothing, "there is nothing left");
}

/// Units of all days.
fn counted(database: &mut Database) -> i64 {
    database.number("SELECT coalesce(sum(reserved), 0) AS number FROM quota_days")
}

/// Sweeps, and kills each sweep once it has progressed, until one completes; returns the number of kills.
async fn sweep_with_kills(home: &Home, database: &mut Database, done: &str) -> u32 {
    let mut killed = 0;
    loop {
        let before = database.count(done);
        let mut sweep = home.command(&["sweep", "--config"]);
        sweep.arg(home.config());
        let moment = until("the sweep gets on", async || (database.count(done) > before).then_some(()));
        if let Some(ended) = finish_unless(sweep, moment).await {
            assert_eq!(ended.code(), Some(0), "{ended:?}");
            return killed;
        }
        killed += 1;
    }
}
