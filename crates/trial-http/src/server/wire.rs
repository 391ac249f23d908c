//! The byte stream of a connection, TCP or TLS, with time-outs.

use std::io::{self, ErrorKind, IoSlice};
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::web::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf, Take};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_rustls::server::TlsStream;

use super::STALL_TIMEOUT;
use super::linger::Linger;
use super::pace::Pace;
use super::read_ahead::{Permission, ReadAhead};
use crate::Site;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// One connection. A client too slow with a request's head, or idle for too long, is treated as if it had closed its
/// side; one that does not receive its reply, as if it were gone.
pub(super) struct Wire {
    stream: Take<Stream>,
    /// Bounds reading; `None` for HTTP/2, which has windows, and whose concurrent requests cannot be told apart by bytes.
    ahead: Option<ReadAhead>,
    /// Writes the replies to heads that the protocol cannot parse.
    site: Option<Site>,
    read: Option<Pin<Box<Sleep>>>,
    written: Option<Pin<Box<Sleep>>>,
    /// Bytes to write before those of the protocol.
    own: Bytes,
    /// Bytes of the protocol in whose place these are written.
    replaced: usize,
    /// Begun after the last reply of a serial stream.
    linger: Option<Linger>,
}

pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    /// A stream of one request after the other.
    pub(super) fn serial(stream: Stream, ahead: ReadAhead, site: Site) -> Self {
        Self { ahead: Some(ahead), site: Some(site), ..Self::over(stream.take(0)) }
    }

    /// A stream of concurrent requests.
    pub(super) fn multiplexed(stream: Stream) -> Self {
        Self::over(stream.take(u64::MAX))
    }

    fn over(stream: Take<Stream>) -> Self {
        Self {
            stream,
            ahead: None,
            site: None,
            read: None,
            written: None,
            own: Bytes::new(),
            replaced: 0,
            linger: None,
        }
    }

    /// The connection's time-outs.
    pub(super) fn pace(&self) -> Option<&Rc<Pace>> {
        self.ahead.as_ref().map(ReadAhead::pace)
    }

    /// Polls the time-out of the client, if one applies.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(pace) = self.pace().filter(|pace| !pace.is_busy()) else { return Poll::Pending };
        let deadline = pace.deadline();
        poll_until(&mut self.read, deadline, context)
    }

    /// Reads and keeps bytes that follow the current request; ready at the end of the connection.
    fn poll_keep(&mut self, mut most: usize, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(ahead) = &mut self.ahead else { return Poll::Pending };
        let mut space = [0; 512];
        while most > 0 {
            let mut buffer = ReadBuf::new(&mut space);
            self.stream.set_limit(most as u64);
            let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(context, &mut buffer) else { break };
            read?;
            match buffer.filled() {
                [] if !ahead.has_kept() => return Poll::Ready(Ok(())),
                [] => break,
                kept => ahead.keep(kept),
            }
            most = most.saturating_sub(buffer.filled().len());
        }
        if !ahead.has_kept() {
            return self.poll_patience(context).map(Ok);
        }
        if ahead.pace().is_busy() {
            ahead.pace().wait(context.waker());
        } else {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Writes the bytes that precede those of the protocol.
    fn poll_own(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.own.has_remaining() {
            let written = Pin::new(self.stream.get_mut()).poll_write(context, &self.own);
            match ready!(self.moving(written, context))? {
                0 => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                count => self.own.advance(count),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Closes this side for writing.
    fn poll_close(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(self.stream.get_mut()).poll_shutdown(context);
        self.moving(closed, context)
    }

    /// Bounds the time without a successful write.
    fn moving<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.written = None;
            return written;
        }
        let deadline = self.written.as_ref().map_or_else(|| Instant::now() + STALL_TIMEOUT, |timer| timer.deadline());
        ready!(poll_until(&mut self.written, deadline, context));
        Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, "the client does not receive its reply")))
    }
}

pub(super) fn poll_until(
    timer: &mut Option<Pin<Box<Sleep>>>,
    deadline: Instant,
    context: &mut Context<'_>,
) -> Poll<()> {
    let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
    if timer.deadline() != deadline {
        timer.as_mut().reset(deadline);
    }
    timer.as_mut().poll(context)
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(ahead) = &mut this.ahead else { return Pin::new(&mut this.stream).poll_read(context, buffer) };
        let most = match ahead.permission(buffer.remaining()) {
            Permission::HandOver(most) => most,
            Permission::Keep(most) => return this.poll_keep(most, context),
            Permission::Parse => {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
        };
        let before = buffer.filled().len();
        if let Some(kept) = ahead.take_kept(most) {
            buffer.put_slice(&kept);
        } else {
            this.stream.set_limit(most as u64);
            let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(context, buffer) else {
                return this.poll_patience(context).map(Ok);
            };
            read?;
        }
        if buffer.filled().len() > before {
            match ahead.hand_over(&buffer.filled()[before..], most) {
                Ok(count) => buffer.set_filled(before + count),
                Err(full) => {
                    full.count();
                    // As of a client that has closed its side.
                    buffer.set_filled(before);
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let (true, Some(site)) = (this.pace().is_some_and(|pace| pace.is_in_head()), &this.site)
            && this.own.is_empty()
            && let Some(reply) = site.unparsed(bytes)
        {
            (this.own, this.replaced) = (reply.into(), bytes.len());
        }
        ready!(this.poll_own(context))?;
        if this.replaced > 0 {
            return Poll::Ready(Ok(mem::take(&mut this.replaced)));
        }
        let written = Pin::new(this.stream.get_mut()).poll_write(context, bytes);
        this.moving(written, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(this.stream.get_mut()).poll_write_vectored(context, slices);
        this.moving(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.get_ref().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // The protocol has written all earlier replies when it flushes.
        if this.pace().is_some_and(|pace| pace.take_continue()) {
            this.own = Bytes::from_static(CONTINUE);
        }
        ready!(this.poll_own(context))?;
        let flushed = Pin::new(this.stream.get_mut()).poll_flush(context);
        this.moving(flushed, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let is_within_body = this.ahead.as_ref().is_some_and(ReadAhead::is_within_body);
        if this.linger.is_none() {
            // A client that sees the end in the middle of its body may connect again at once.
            if !is_within_body {
                ready!(this.poll_close(context))?;
            }
            if this.ahead.is_none() {
                return Poll::Ready(Ok(()));
            }
        }
        let linger = this.linger.get_or_insert_with(|| Linger::new(is_within_body));
        ready!(linger.poll(Pin::new(this.stream.get_mut().transport()), context));
        if is_within_body { this.poll_close(context) } else { Poll::Ready(Ok(())) }
    }
}

impl Stream {
    /// The TCP stream, beneath TLS if there is any.
    fn transport(&mut self) -> &mut TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_mut().0,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
