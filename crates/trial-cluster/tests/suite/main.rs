//! Operations on a server.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use rustix::process::Signal;
use trial_cluster::{Cluster, VOLATILE};

fn number(cluster: &Cluster, sql: &str) -> u32 {
    cluster.execute("postgres", sql).trim().parse().expect("a number")
}

#[test]
fn committed_data_outlives_a_kill() {
    let mut cluster = Cluster::start(&[]);
    cluster.execute("postgres", "CREATE TABLE kept AS SELECT 7 AS number");
    cluster.restart_immediately();
    assert_eq!(number(&cluster, "SELECT number FROM kept"), 7);
    cluster.stop(Signal::KILL);
    cluster.resume();
    assert_eq!(number(&cluster, "SELECT number FROM kept"), 7);
}

#[test]
fn a_standby_follows_and_takes_over_from_a_frozen_primary() {
    let primary = Cluster::start(VOLATILE);
    let standby = primary.standby("follower", &[]);
    primary.configure(&[("synchronous_standby_names", "follower"), ("synchronous_commit", "remote_apply")]);
    primary.execute("postgres", "SELECT pg_reload_conf()");
    primary.execute("postgres", "CREATE TABLE kept AS SELECT 7 AS number");
    primary.freeze();
    assert_eq!(number(&standby, "SELECT number FROM kept"), 7);
    assert!(standby.execute("postgres", "SELECT pg_is_in_recovery()").starts_with('t'));
    standby.promote();
    standby.execute("postgres", "UPDATE kept SET number = 8");
    assert_eq!(number(&standby, "SELECT number FROM kept"), 8);
}

#[test]
fn databases_come_from_templates() {
    let cluster = Cluster::start(VOLATILE);
    cluster.create_database("one", None);
    cluster.execute("one", "CREATE TABLE kept AS SELECT 7 AS number");
    cluster.create_database("two", Some("one"));
    assert_eq!(cluster.execute("two", "SELECT number FROM kept").trim(), "7");
    assert_eq!(cluster.backends(), [0_u32; 0]);
}
