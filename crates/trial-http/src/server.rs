use std::io;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use socket2::SockRef;

use crate::{HttpParts, HttpSettings, Metrics, Site};

/// Connections that may wait to be accepted. The operating system may set a lower bound (`net.core.somaxconn`).
const BACKLOG: i32 = 1_024;
/// Connections that one worker keeps open; further ones wait in the backlog.
const MAX_CONNECTIONS: usize = 10_000;
/// How long an idle connection is kept: longer than the 60 s of the usual load balancers, so that they close first.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a request's head may take to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may take to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long requests under way may take once the server is told to stop, in seconds. The engine's bounds are below this.
const SHUTDOWN_TIMEOUT_S: u64 = 30;
/// How often measurements are folded.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// The server: bound, and ready to run.
pub struct HttpServer {
    server: Server,
    handle: ServerHandle,
    metrics: Metrics,
}

impl HttpServer {
    /// Prepares to serve on a listener that is bound already, with one worker for each core.
    ///
    /// # Errors
    /// The listener cannot be used.
    pub fn bind(listener: TcpListener, parts: HttpParts, settings: HttpSettings) -> io::Result<Self> {
        SockRef::from(&listener).listen(BACKLOG)?;
        let metrics = parts.metrics.clone();
        let site = Site::new(parts, settings);
        let server = actix_web::HttpServer::new(move || site.app())
            .workers(std::thread::available_parallelism().map_or(1, usize::from))
            .max_connections(MAX_CONNECTIONS)
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(HEAD_TIMEOUT)
            .client_disconnect_timeout(CLOSE_TIMEOUT)
            .shutdown_timeout(SHUTDOWN_TIMEOUT_S)
            .tcp_nodelay(true)
            .disable_signals()
            .listen(listener)?
            .run();
        Ok(Self { handle: server.handle(), server, metrics })
    }

    /// What stops the server from elsewhere.
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Serves until stopped by the handle; then answers what was accepted and returns.
    ///
    /// # Errors
    /// The operating system refused what serving takes.
    pub async fn run(self) -> io::Result<()> {
        let Self { mut server, metrics, .. } = self;
        let mut upkeep = tokio::time::interval(UPKEEP_EVERY);
        loop {
            tokio::select! {
                ended = &mut server => return ended,
                _ = upkeep.tick() => metrics.upkeep(),
            }
        }
    }
}
