//! HTTP/2 by hyper: requests are handled by the same application as those of HTTP/1.1.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_http::{Payload, Request, Response, Uri};
use actix_server::GracefulShutdownSignal;
use actix_service::Service;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::{
    CONNECTION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE,
};
use actix_web::http::{Method, StatusCode, Version};
use actix_web::web::{Buf, Bytes};
use futures_util::Stream;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::{Instant, sleep_until};

use super::CLOSE_TIMEOUT;
use super::arriving::{Arriving, discard};
use super::door::App;
use super::pace::{Exchange, Pace};
use super::wire::{Wire, poll_until};
use crate::ConnectionLimits;

/// Most bytes that a client may send of one body before it is read, and of all bodies of a connection together: bodies
/// are small and read on arrival.
const STREAM_WINDOW: u32 = 64 * 1_024;
const CONNECTION_WINDOW: u32 = 64 * 1_024;
/// Buffered bytes of a reply that the client does not receive.
const SEND_BUFFER: usize = 64 * 1_024;
/// Requests that a client may reset before they are handled (CVE-2023-44487), and its errors that are answered one by
/// one; one more of either ends the connection.
const PENDING_RESETS: usize = 20;
const ERROR_RESETS: usize = 64;

/// Serves connections of HTTP/2 on one worker.
pub(super) struct Http2 {
    app: Rc<App>,
    builder: http2::Builder<OnThisThread>,
    limits: ConnectionLimits,
    draining: GracefulShutdownSignal,
}

/// Runs each request as a task of this thread.
#[derive(Debug, Clone, Copy)]
struct OnThisThread;

impl<F> hyper::rt::Executor<F> for OnThisThread
where
    F: Future<Output: 'static> + 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

impl Http2 {
    pub(super) fn new(app: Rc<App>, limits: &ConnectionLimits, draining: GracefulShutdownSignal) -> Self {
        let mut builder = http2::Builder::new(OnThisThread);
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams_per_connection)
            .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(PENDING_RESETS)
            .max_local_error_reset_streams(ERROR_RESETS)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER);
        Self { app, builder, limits: limits.clone(), draining }
    }

    /// Serves one connection to its end: closed by the client, idle or stuck for too long, or the server drains.
    pub(super) async fn serve(&self, wire: Wire, peer: SocketAddr) {
        let pace = Pace::start(self.limits.head_timeout, self.limits.idle_timeout);
        let (app, exchanges) = (Rc::clone(&self.app), Rc::clone(&pace));
        let service = service_fn(move |request| answer(Rc::clone(&app), request, peer, exchanges.begin()));
        let mut connection = pin!(self.builder.serve_connection(TokioIo::new(wire), service));
        let mut draining = pin!(self.draining.notified());
        let mut timer = None;
        let is_stuck = tokio::select! {
            biased;
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended");
                }
                return;
            }
            () = &mut draining => false,
            // Also with requests in progress: they have produced nothing yet, and have shorter time-outs.
            () = poll_fn(|context| poll_until(&mut timer, pace.deadline(), context)) => true,
        };
        let mut patience = pin!(sleep_until(Instant::now()));
        connection.as_mut().graceful_shutdown();
        loop {
            patience.as_mut().reset(Instant::now() + CLOSE_TIMEOUT);
            tokio::select! {
                _ = &mut connection => return,
                // The client was notified and waits for nothing.
                () = &mut patience => if is_stuck || !pace.is_busy() { return },
            }
        }
    }
}

/// Handles one request.
async fn answer(
    app: Rc<App>,
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
    exchange: Exchange,
) -> Result<hyper::Response<Outgoing>, Infallible> {
    let is_head = request.method() == http::Method::HEAD;
    let (parts, body) = request.into_parts();
    let body = Arriving::new(body);
    let response = match translated(&parts, body.clone(), peer) {
        None => Response::new(StatusCode::BAD_REQUEST),
        Some(request) => match app.call(request).await {
            Ok(response) => response.into(),
            Err(error) => error.error_response().into(),
        },
    };
    Ok(replied(response, is_head, exchange, body))
}

/// The request in the application's form, whatever the protocol: with `Host`, and one `Cookie` (RFC 9113 sections 8.2.3
/// and 8.3.1). Its target names the authority, like an absolute one of HTTP/1.1.
fn translated(parts: &http::request::Parts, body: Arriving, peer: SocketAddr) -> Option<Request> {
    let payload = Payload::Stream { payload: Box::pin(body) as Pin<Box<dyn Stream<Item = _>>> };
    let mut request = Request::with_payload(payload);
    let head = request.head_mut();
    head.method = Method::from_bytes(parts.method.as_str().as_bytes()).ok()?;
    head.uri = target(&parts.uri)?;
    head.version = Version::HTTP_2;
    head.peer_addr = Some(peer);
    for (name, value) in &parts.headers {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        let value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
        head.headers.append(name, value);
    }
    join_cookies(&mut head.headers);
    if let (Some(authority), false) = (parts.uri.authority(), head.headers.contains_key(HOST)) {
        head.headers.insert(HOST, HeaderValue::from_str(authority.as_str()).ok()?);
    }
    Some(request)
}

fn target(uri: &http::Uri) -> Option<Uri> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let builder = Uri::builder().path_and_query(path);
    let builder = match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(authority)) => builder.scheme(scheme).authority(authority.as_str()),
        _ => builder,
    };
    builder.build().ok()
}

fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1
        && let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..]))
    {
        headers.insert(COOKIE, cookie);
    }
}

/// The reply in the protocol's form. The exchange lasts until the reply is sent and the rest of the body is discarded.
fn replied(
    response: Response<BoxBody>,
    is_head: bool,
    exchange: Exchange,
    unread: Arriving,
) -> hyper::Response<Outgoing> {
    let mut headers = http::HeaderMap::new();
    // Connection-specific headers are invalid here (RFC 9113 section 8.2.2).
    let passed = response.headers().iter().filter(|(name, _)| ![CONNECTION, TRANSFER_ENCODING, UPGRADE].contains(name));
    for (name, value) in passed {
        let name = http::HeaderName::from_bytes(name.as_str().as_bytes());
        if let (Ok(name), Ok(value)) = (name, http::HeaderValue::from_bytes(value.as_bytes())) {
            headers.append(name, value);
        }
    }
    let status = http::StatusCode::from_u16(response.status().as_u16()).unwrap_or_default();
    let body = response.into_body();
    if let (true, BodySize::Sized(length)) = (is_head, body.size()) {
        headers.insert(http::header::CONTENT_LENGTH, length.into());
    }
    exchange.moves();
    let sent = Rc::new(Sent { body: RefCell::new((!is_head).then_some(body)), exchange });
    if !unread.has_ended() {
        let sent = Rc::clone(&sent);
        tokio::task::spawn_local(async move {
            discard(unread).await;
            drop(sent);
        });
    }
    let mut reply = hyper::Response::new(Outgoing(sent));
    *reply.status_mut() = status;
    *reply.headers_mut() = headers;
    reply
}

/// Body of a reply.
struct Outgoing(Rc<Sent>);

/// A value that lives until a whole reply is sent. Flow control may delay its end after hyper has taken it over.
struct Sent {
    /// `None` for a reply to `HEAD`.
    body: RefCell<Option<BoxBody>>,
    exchange: Exchange,
}

/// A chunk that waits for the client to receive it.
struct Piece {
    bytes: Bytes,
    sent: Rc<Sent>,
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.sent.exchange.moves();
    }
}

impl Body for Outgoing {
    type Data = Piece;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Piece>, io::Error>>> {
        let sent = &self.0;
        let mut body = sent.body.borrow_mut();
        let Some(body) = &mut *body else { return Poll::Ready(None) };
        let next = ready!(Pin::new(body).poll_next(context));
        Poll::Ready(next.map(|read| {
            let bytes = read.map_err(|error| io::Error::other(error.to_string()))?;
            Ok(Frame::data(Piece { bytes, sent: Rc::clone(sent) }))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.0.body.borrow().as_ref().is_none_or(|body| body.size().is_eof())
    }

    fn size_hint(&self) -> SizeHint {
        match self.0.body.borrow().as_ref().map(MessageBody::size) {
            Some(BodySize::Sized(length)) => SizeHint::with_exact(length),
            Some(BodySize::Stream) => SizeHint::default(),
            Some(BodySize::None) | None => SizeHint::with_exact(0),
        }
    }
}
