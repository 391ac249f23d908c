//! The server: connection limits, TLS, HTTP/1.1 by actix-http, HTTP/2 by hyper, and shutdown.

mod admission;
mod arriving;
mod door;
mod head_scan;
mod http2;
mod linger;
mod pace;
mod read_ahead;
mod wire;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_server::{Server, ServerBuilder, ServerHandle};
use socket2::SockRef;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::{HttpParts, HttpSettings, Metrics, Site};
use admission::Admission;
use door::Plan;

pub(crate) use pace::Pace;

/// Connections that may wait to be accepted. The operating system may have a lower limit (`net.core.somaxconn`).
const BACKLOG: i32 = 1_024;
/// Time-out of closing a connection of HTTP/2.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Time without progress after which a reply is abandoned: replies are small, so a client that does not read is gone.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Seconds that requests in progress may take after the server is told to stop. The engine's time-outs are shorter.
const SHUTDOWN_TIMEOUT_S: u64 = 30;
/// Interval at which metrics are folded.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// The server, bound and ready to run.
pub struct HttpServer {
    server: Server,
    handle: ServerHandle,
    metrics: Metrics,
}

impl HttpServer {
    /// Prepares to serve on a bound listener, and on another for administrators if given, with one worker per core;
    /// over TLS if configured.
    ///
    /// # Errors
    /// A listener cannot be used.
    pub fn bind(
        listener: TcpListener,
        admin: Option<TcpListener>,
        parts: HttpParts,
        settings: HttpSettings,
        tls: Option<Arc<ServerConfig>>,
    ) -> io::Result<Self> {
        for listener in admin.iter().chain([&listener]) {
            SockRef::from(listener).listen(BACKLOG)?;
        }
        let metrics = parts.metrics.clone();
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let builder = ServerBuilder::new();
        let plan = Plan {
            admission: Admission::new(settings.limits.connections_per_address, &settings.trusted_proxies),
            limits: settings.limits.clone(),
            tls: tls.map(TlsAcceptor::from),
            draining: builder.graceful_shutdown_signal(),
            site: Site::new(parts, settings),
        };
        let mut builder = builder
            .workers(workers)
            .max_concurrent_connections(plan.limits.connections.div_ceil(workers))
            .shutdown_timeout(SHUTDOWN_TIMEOUT_S)
            .disable_signals();
        let mut public = plan;
        if let Some(listener) = admin {
            let (site, admin_site) = public.site.clone().split();
            let admin = Plan { site: admin_site, ..public.clone() };
            public.site = site;
            builder = builder.listen("admin", listener, move || admin.clone().worker())?;
        }
        let server = builder.listen("http", listener, move || public.clone().worker())?.run();
        Ok(Self { handle: server.handle(), server, metrics })
    }

    /// The handle that stops the server from elsewhere.
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Serves until stopped by the handle; then answers accepted requests and returns.
    ///
    /// # Errors
    /// The operating system refused a resource.
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
