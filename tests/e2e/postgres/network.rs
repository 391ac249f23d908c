//! The network between service and database fails on command.

use std::process::{Command, Output};

use tokio::task::{JoinHandle, spawn_blocking};
use trial_cluster::{Cluster, USER, VOLATILE};
use trialgate_tests::{Database, Fault, Proxy, until};

/// Counts in a session of its own, in a transaction that commits.
fn insert(cluster: &Cluster, proxy: &Proxy, number: u32) -> JoinHandle<Output> {
    let mut psql = Command::new(cluster.program("psql"));
    psql.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]);
    psql.args(["-c", "BEGIN", "-c", &format!("INSERT INTO kept VALUES ({number})"), "-c", "COMMIT"]);
    psql.arg(format!("postgres://{USER}@127.0.0.1:{}/postgres", proxy.port()));
    spawn_blocking(move || psql.output().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_is_lost_answered_to_nobody_or_late() {
    let cluster = Cluster::start(VOLATILE);
    let mut database = Database::on(&cluster, "postgres");
    database.execute("CREATE TABLE kept (line TEXT)");
    let mut kept = || database.lines("SELECT line FROM kept ORDER BY line");
    let proxy = Proxy::start(cluster.port()).await;
    assert!(insert(&cluster, &proxy, 1).await.unwrap().status.success());
    assert_eq!(kept(), ["1"]);

    let (lost, ()) = tokio::join!(insert(&cluster, &proxy, 2), proxy.strike(Fault::LoseCommit));
    assert!(!lost.unwrap().status.success());
    assert_eq!(kept(), ["1"]);

    let (unknown, ()) = tokio::join!(insert(&cluster, &proxy, 3), proxy.strike(Fault::LoseAnswer));
    assert!(!unknown.unwrap().status.success());
    assert_eq!(kept(), ["1", "3"]);

    let waiting = insert(&cluster, &proxy, 4);
    proxy.strike(Fault::Silence).await;
    let another = insert(&cluster, &proxy, 5);
    assert_eq!(kept(), ["1", "3"]);
    assert!(!waiting.is_finished() && !another.is_finished());
    proxy.end_of_silence();
    assert!(waiting.await.unwrap().status.success() && another.await.unwrap().status.success());
    assert_eq!(kept(), ["1", "3", "4", "5"]);

    let waiting = insert(&cluster, &proxy, 6);
    proxy.strike(Fault::Silence).await;
    proxy.cut();
    assert!(!waiting.await.unwrap().status.success());
    until("the server notices", async || cluster.backends().is_empty().then_some(())).await;
    assert_eq!(kept(), ["1", "3", "4", "5"]);
}
