//! Tasks that end before the stop.

use std::error::Error;
use std::future::pending;

use tokio::sync::oneshot;
use trial_engine::Supervised;

#[tokio::test]
async fn a_task_that_panics_or_returns_is_reported_by_its_name() {
    let mut tasks = Supervised::default();
    tasks.add("watching", tokio::spawn(pending::<()>()));
    tasks.add("recording", tokio::spawn(async { panic!("a fault of the program") }));
    let died = tasks.ended().await;
    assert_eq!(died.to_string(), "recording ended by a fault of the program");
    assert!(died.source().unwrap().to_string().contains("panicked"), "{died:?}");
    tasks.add("counting", tokio::spawn(async {}));
    let died = tasks.ended().await;
    assert_eq!(died.to_string(), "counting ended by a fault of the program");
    assert!(died.source().is_none(), "{died:?}");
}

#[tokio::test]
async fn tasks_end_at_the_stop() {
    let (held, ended) = oneshot::channel::<()>();
    let mut tasks = Supervised::default();
    let task = tokio::spawn(async move {
        let _held = held;
        pending::<()>().await;
    });
    tasks.add("watching", task);
    tasks.stop();
    ended.await.unwrap_err();
}
