//! Operations on private servers and on the one that a run shares.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use rustix::process::Signal;
use trial_cluster::{Cluster, SharedServer, VOLATILE};

/// A process that stands for what runs tests, until it is killed.
fn runner() -> Child {
    Command::new("tail").args(["-f", "/dev/null"]).spawn().expect("tail can be run")
}

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

#[test]
fn everybody_in_a_run_has_the_same_server_which_ends_with_the_run() {
    let (mut one, mut other) = (runner(), runner());
    let find = |runner: &Child| {
        let id = runner.id();
        thread::spawn(move || SharedServer::of_runner(id).server().port())
    };
    let [first, second, another] = [find(&one), find(&one), find(&other)].map(|port| port.join().expect("a port"));
    assert_eq!(first, second);
    assert_ne!(first, another);
    for (runner, port) in [(&mut one, first), (&mut other, another)] {
        TcpStream::connect(("127.0.0.1", port)).expect("the server is there");
        runner.kill().expect("it can be killed");
        runner.wait().expect("it ended");
        while TcpStream::connect(("127.0.0.1", port)).is_ok() {}
    }
}

#[test]
fn a_template_is_prepared_once_and_its_copies_are_dropped() {
    static PREPARED: AtomicU32 = AtomicU32::new(0);
    let shared = SharedServer::of_this_run();
    let prepare = || {
        SharedServer::of_this_run().template("prepared", |server| {
            server.execute("prepared", "CREATE TABLE kept AS SELECT 7 AS number");
            assert!(PREPARED.fetch_add(1, Ordering::Relaxed) > 0, "the first time it does not come to its end");
        });
    };
    assert!(thread::spawn(prepare).join().is_err());
    let all = [(); 4].map(|()| thread::spawn(prepare));
    for one in all {
        one.join().expect("it is prepared");
    }
    assert_eq!(PREPARED.load(Ordering::Relaxed), 2);
    let (one, other) = (shared.create(Some("prepared")), shared.create(Some("prepared")));
    one.server().execute(one.name(), "UPDATE kept SET number = 8");
    assert_eq!(other.server().execute(other.name(), "SELECT number FROM kept").trim(), "7");
    let mut psql = Command::new(other.server().program("psql"));
    psql.arg(other.url()).args(["-c", "SELECT pg_sleep(600)"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut connected = psql.spawn().expect("psql can be run");
    let count = |name: &str| {
        let sql = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
        shared.server().execute("postgres", &sql).trim().to_owned()
    };
    let name = other.name().to_owned();
    assert_eq!(count(&name), "1");
    drop(other);
    assert_eq!(count(&name), "0");
    assert!(!connected.wait().expect("it ended").success(), "its session was ended");
}
