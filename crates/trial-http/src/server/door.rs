//! Serves accepted connections: limits, TLS, choice of the protocol.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::{Extensions, HttpService, Protocol, Request, Response};
use actix_server::GracefulShutdownSignal;
use actix_service::boxed::{self, BoxService};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, apply_fn_factory, fn_factory, fn_service, map_config,
};
use actix_web::Error;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::web::Bytes;
use futures_util::future::LocalBoxFuture;
use metrics::{Counter, Gauge};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use trial_tls::HTTP_2;

use super::admission::Admission;
use super::http2::Http2;
use super::pace::{Exchange, Pace};
use super::read_ahead::ReadAhead;
use super::wire::{Stream, Wire};
use crate::{ConnectionLimits, Site};

const CONNECTIONS: &str = "trialgate_http_connections";
const REFUSED: &str = "trialgate_http_connections_refused_total";

/// Handles requests; one per worker and protocol.
pub(super) type App = BoxService<Request, ServiceResponse<BoxBody>, Error>;
type Http1 = BoxService<(Wire, Protocol, Option<SocketAddr>), (), actix_http::error::DispatchError>;

/// The settings that all workers share.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) site: Site,
    pub(super) limits: ConnectionLimits,
    pub(super) admission: Admission,
    /// TLS acceptor, if TLS is on.
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) draining: GracefulShutdownSignal,
}

/// Serves connections on one worker.
struct Door(Rc<Inside>);

struct Inside {
    plan: Plan,
    http1: Http1,
    http2: Http2,
    measured: Measured,
}

/// Metrics of connections, looked up once.
struct Measured {
    http1: Gauge,
    http2: Gauge,
    too_many: Counter,
    no_handshake: Counter,
}

impl Plan {
    /// The service of one worker.
    pub(super) fn worker(self) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = Infallible> {
        fn_factory(move || {
            let plan = self.clone();
            async move { plan.door().await }
        })
    }

    async fn door(self) -> Result<Door, ()> {
        let app = map_config(self.site.app().into_factory(), |()| AppConfig::default());
        let app = Rc::new(boxed::service(app.new_service(()).await?));
        let http1 = boxed::service(self.http1(Rc::clone(&app)).new_service(()).await?);
        let http2 = Http2::new(app, &self.limits, self.draining.clone());
        Ok(Door(Rc::new(Inside { plan: self, http1, http2, measured: Measured::register() })))
    }

    /// HTTP/1.1, with each request tracked as an exchange of its connection. Requests with `Expect: 100-continue` are
    /// handled by `expecting`.
    fn http1(
        &self,
        expecting: Rc<App>,
    ) -> impl ServiceFactory<
        (Wire, Protocol, Option<SocketAddr>),
        Config = (),
        Response = (),
        Error = actix_http::error::DispatchError,
        InitError = (),
        Service: 'static,
    > + use<> {
        let app = map_config(self.site.app().into_factory(), |()| AppConfig::default());
        let app = apply_fn_factory(app, |request: Request, app: &_| {
            let exchange = request.conn_data::<Rc<Pace>>().map(Pace::begin);
            let answer = Service::call(app, request);
            async move {
                let response: Response<BoxBody> = ServiceResponse::into(answer.await?);
                Ok::<_, Error>(response.map_body(|_, body| Held { body, _exchange: exchange }))
            }
        });
        let expecting = fn_service(move |request: Request| {
            let exchange = request.conn_data::<Rc<Pace>>().map(Pace::begin_expecting);
            let answer = expecting.call(request);
            async move {
                let response: Response<BoxBody> = match answer.await {
                    Ok(response) => response.into(),
                    Err(error) => error.error_response().into(),
                };
                let held = response.map_body(|_, body| BoxBody::new(Held { body, _exchange: exchange }));
                Err::<Request, _>(Handled(held))
            }
        });
        let draining = self.draining.clone();
        HttpService::build()
            .expect(expecting)
            .graceful_shutdown_signal(move || {
                let draining = draining.clone();
                async move { draining.notified().await }
            })
            .keep_alive(self.limits.idle_timeout)
            .client_request_timeout(self.limits.head_timeout)
            // The wire reads what clients still send, see `Linger`.
            .client_disconnect_timeout(Duration::ZERO)
            .on_connect_ext(|wire: &Wire, extensions: &mut Extensions| {
                if let Some(pace) = wire.pace() {
                    extensions.insert(Rc::clone(pace));
                }
            })
            .finish(app)
    }
}

impl Service<TcpStream> for Door {
    type Response = ();
    type Error = Infallible;
    type Future = LocalBoxFuture<'static, Result<(), Infallible>>;

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&self, stream: TcpStream) -> Self::Future {
        let inside = Rc::clone(&self.0);
        Box::pin(async move {
            inside.receive(stream).await;
            Ok(())
        })
    }
}

impl Inside {
    /// Serves a connection to its end, if it is within the limits.
    async fn receive(&self, stream: TcpStream) {
        // A closed connection has no peer address.
        let Ok(peer) = stream.peer_addr() else { return };
        let Some(_place) = self.plan.admission.admit(peer.ip()) else {
            self.measured.too_many.increment(1);
            return;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "small replies may be delayed");
        }
        match &self.plan.tls {
            None => self.serve_http1(Stream::Plain(stream), peer).await,
            // What the handshake takes would be held by every connection.
            Some(acceptor) => Box::pin(self.serve_tls(acceptor, stream, peer)).await,
        }
    }

    async fn serve_tls(&self, acceptor: &TlsAcceptor, stream: TcpStream, peer: SocketAddr) {
        let handshake = timeout(self.plan.limits.head_timeout, acceptor.accept(stream));
        let shaken = tokio::select! {
            shaken = handshake => shaken,
            () = self.plan.draining.notified() => return,
        };
        let Ok(Ok(stream)) = shaken else {
            self.measured.no_handshake.increment(1);
            return;
        };
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP_2);
        let stream = Stream::Tls(Box::new(stream));
        if is_http2 {
            let _counted = Counted::one_of(&self.measured.http2);
            self.http2.serve(Wire::multiplexed(stream), peer).await;
        } else {
            self.serve_http1(stream, peer).await;
        }
    }

    async fn serve_http1(&self, stream: Stream, peer: SocketAddr) {
        let _counted = Counted::one_of(&self.measured.http1);
        let pace = Pace::start(self.plan.limits.head_timeout, self.plan.limits.idle_timeout);
        let wire =
            Wire::serial(stream, ReadAhead::new(pace, self.plan.site.heads().open(peer.ip())), self.plan.site.clone());
        if let Err(error) = self.http1.call((wire, Protocol::Http1, Some(peer))).await {
            tracing::debug!(%error, "a connection ended");
        }
    }
}

impl Measured {
    fn register() -> Self {
        metrics::describe_gauge!(CONNECTIONS, "Connections, by protocol");
        metrics::describe_counter!(REFUSED, "Connections closed before a request, by reason");
        Self {
            http1: metrics::gauge!(CONNECTIONS, "protocol" => "http/1.1"),
            http2: metrics::gauge!(CONNECTIONS, "protocol" => "h2"),
            too_many: metrics::counter!(REFUSED, "reason" => "address"),
            no_handshake: metrics::counter!(REFUSED, "reason" => "handshake"),
        }
    }
}

/// Counts a connection until it has ended.
struct Counted<'a>(&'a Gauge);

impl<'a> Counted<'a> {
    fn one_of(gauge: &'a Gauge) -> Self {
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// The reply to a request with `Expect: 100-continue`. For actix-http it is a refusal to continue: it would else tell the
/// client to continue before the request is handled.
struct Handled(Response<BoxBody>);

impl From<Handled> for Response<BoxBody> {
    fn from(handled: Handled) -> Self {
        handled.0
    }
}

/// A reply body that ends an exchange when dropped.
pub(super) struct Held {
    pub(super) body: BoxBody,
    pub(super) _exchange: Option<Exchange>,
}

impl MessageBody for Held {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").finish_non_exhaustive()
    }
}
