//! A closed loop: each connection sends its next request when the last is answered.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::LocalSet;

use super::{Load, Tally, connect};
use crate::applicants::Applicant;
use crate::http::{Connection, Request};

/// The requests of a closed loop.
pub(crate) enum Work {
    /// Applications that are accepted.
    Applications(Vec<Request>),
    /// Requests to an endpoint that does nothing.
    Empty,
}

impl Work {
    pub(crate) fn applications(applicants: &[Applicant]) -> Self {
        // In reverse: requests are taken from the end.
        Self::Applications(applicants.iter().rev().map(Applicant::applies).collect())
    }

    fn next(&mut self) -> Option<Request> {
        match self {
            Self::Applications(requests) => requests.pop(),
            Self::Empty => Some(Request::get("/healthz")),
        }
    }

    fn wanted(&self) -> &'static str {
        match self {
            Self::Applications(_) => "\"000\"",
            Self::Empty => "",
        }
    }
}

/// The state shared by the connections, which run on one thread.
struct Shared {
    work: Work,
    tally: Tally,
}

/// Sends requests for this time, or until none is left.
pub(crate) async fn closed(
    addresses: &[SocketAddr],
    work: Work,
    connections: usize,
    at_most: Duration,
) -> anyhow::Result<Load> {
    let shared = Rc::new(RefCell::new(Shared { work, tally: Tally::new()? }));
    let open = connect(addresses, connections).await?;
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
    shared.borrow().tally.load(took)
}

async fn loop_on(mut connection: Connection, shared: Rc<RefCell<Shared>>, end: Instant) -> anyhow::Result<()> {
    let wanted = shared.borrow().work.wanted();
    while Instant::now() < end {
        let Some(request) = shared.borrow_mut().work.next() else {
            return Ok(());
        };
        let sent = Instant::now();
        let reply = connection.exchange(&request).await?;
        shared.borrow_mut().tally.count(sent.elapsed(), reply, wanted)?;
    }
    Ok(())
}
