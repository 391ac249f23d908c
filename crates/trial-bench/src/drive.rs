//! A closed loop of applications.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use hdrhistogram::Histogram;
use tokio::task::LocalSet;

use crate::applicants::Body;
use crate::client::{APPLY, Connection};

/// What one level came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) accepted: u64,
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) resident_mib: u64,
}

/// Everything that the connections of one level share; they take turns on one thread.
struct Shared {
    bodies: std::vec::IntoIter<Body>,
    latencies: Histogram<u64>,
}

/// Applies for so long, or until nobody is left to apply.
pub(crate) async fn apply(
    address: SocketAddr,
    bodies: Vec<Body>,
    connections: usize,
    at_most: Duration,
) -> anyhow::Result<Measured> {
    let shared = Rc::new(RefCell::new(Shared { bodies: bodies.into_iter(), latencies: Histogram::new(3)? }));
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(address).await?);
    }
    let started = Instant::now();
    let local = LocalSet::new();
    let tasks: Vec<_> = open
        .into_iter()
        .map(|connection| local.spawn_local(loop_on(connection, Rc::clone(&shared), started + at_most)))
        .collect();
    local.await;
    let took = started.elapsed();
    for task in tasks {
        task.await??;
    }
    let latencies = &shared.borrow().latencies;
    let micros = |quantile| Duration::from_micros(latencies.value_at_quantile(quantile));
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53 applications")]
    let per_second = latencies.len() as f64 / took.as_secs_f64();
    Ok(Measured { accepted: latencies.len(), per_second, p50: micros(0.5), p99: micros(0.99), resident_mib: 0 })
}

async fn loop_on(mut connection: Connection, shared: Rc<RefCell<Shared>>, end: Instant) -> anyhow::Result<()> {
    while Instant::now() < end {
        let Some(body) = shared.borrow_mut().bodies.next() else {
            return Ok(());
        };
        let sent = Instant::now();
        let reply = connection.post(APPLY, &body).await?;
        ensure!(reply.contains("\"000\""), "an application is accepted, not {reply}");
        shared.borrow_mut().latencies.record(u64::try_from(sent.elapsed().as_micros())?)?;
    }
    Ok(())
}
