//! Bodies of HTTP/2 requests, and what is left of them after the reply.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt as _};
use http_body::Body;
use hyper::body::Incoming;
use tokio::time::timeout;

/// Bytes that are discarded after a reply before the stream is reset, and the time that they may take. Some clients lose
/// a reply whose stream is reset while they send (curl 7.88), also one that refuses a body of several times the limit.
const DISCARDED: usize = 128 * 1_024;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(2);

/// Body of a request, which its handler may leave unread.
#[derive(Clone)]
pub(super) struct Arriving(Rc<RefCell<Incoming>>);

impl Arriving {
    pub(super) fn new(body: Incoming) -> Self {
        Self(Rc::new(RefCell::new(body)))
    }

    /// Returns `true` if all of it has been read.
    pub(super) fn has_ended(&self) -> bool {
        self.0.borrow().is_end_stream()
    }
}

impl Stream for Arriving {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut body = self.0.borrow_mut();
        loop {
            // Trailers are ignored.
            match ready!(Pin::new(&mut *body).poll_frame(context)) {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
                Some(Err(error)) => {
                    let error = PayloadError::Incomplete(Some(io::Error::other(error)));
                    return Poll::Ready(Some(Err(error)));
                }
                None => return Poll::Ready(None),
            }
        }
    }
}

/// Reads a body to its end, or to the bounds, and keeps nothing of it.
pub(super) async fn discard(mut body: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin) {
    let reading = async {
        let mut count = 0;
        while count <= DISCARDED
            && let Some(Ok(chunk)) = body.next().await
        {
            count += chunk.len();
        }
    };
    if timeout(DISCARD_TIMEOUT, reading).await.is_err() {
        tracing::debug!("a body was not complete after its reply");
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::stream;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_is_discarded_within_bounds_of_size_and_time() {
        let read = Cell::new(0);
        let chunks = stream::repeat_with(|| {
            read.set(read.get() + 1_024);
            Ok(Bytes::from_static(&[b' '; 1_024]))
        });
        discard(chunks).await;
        assert_eq!(read.get(), DISCARDED + 1_024);
        let started = Instant::now();
        discard(stream::pending()).await;
        assert_eq!(started.elapsed().as_secs(), DISCARD_TIMEOUT.as_secs(), "timers are rounded up");
    }
}
