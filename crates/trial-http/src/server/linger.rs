//! Reads what a client still sends after the last reply, so that the reply reaches it.
//!
//! A socket that is closed with unread bytes resets the connection, and the client loses a reply that it has not read
//! yet. The bytes are discarded unparsed, and slowly after the first of them: a client that sends refused megabytes
//! gets little of the processor.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::wire::poll_until;

/// The time after which the connection is closed, whatever the client still sends.
const LINGER_TIMEOUT: Duration = Duration::from_secs(5);
/// The time for which a client that may have sent all is waited for.
const BRIEF: Duration = Duration::from_millis(100);
/// Bytes that are discarded at once.
const FIRST: usize = 256 * 1_024;
/// Bytes of each later interval: 8 MiB take three seconds.
const PIECE: usize = 64 * 1_024;
const INTERVAL: Duration = Duration::from_millis(25);
/// Bytes of one read.
const BUFFER: usize = 16 * 1_024;

/// The last part of a connection, after its last reply.
pub(super) struct Linger {
    begun: Instant,
    /// Bytes that may be discarded until `next`.
    allowance: usize,
    next: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    /// The client has more to send, as far as is known.
    expects_more: bool,
}

impl Linger {
    /// Begins now. `expects_more` if the client declared more than it has sent.
    pub(super) fn new(expects_more: bool) -> Self {
        let begun = Instant::now();
        Self { begun, allowance: FIRST, next: begun + INTERVAL, timer: None, expects_more }
    }

    /// Ready when the client has closed its side, sends nothing more, or has had its time.
    pub(super) fn poll(&mut self, mut stream: Pin<&mut impl AsyncRead>, context: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; BUFFER];
        let end = self.begun + LINGER_TIMEOUT;
        while Instant::now() < end {
            if self.allowance == 0 {
                ready!(poll_until(&mut self.timer, self.next.min(end), context));
                (self.allowance, self.next) = (PIECE, Instant::now() + INTERVAL);
                continue;
            }
            let mut buffer = ReadBuf::new(&mut space[..BUFFER.min(self.allowance)]);
            match stream.as_mut().poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.expects_more = true;
                    self.allowance -= buffer.filled().len();
                }
                Poll::Ready(_) => break,
                Poll::Pending => {
                    let until = if self.expects_more { end } else { self.begun + BRIEF };
                    return poll_until(&mut self.timer, until, context);
                }
            }
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io;
    use std::pin::pin;

    use super::*;

    /// A client that sends without an end, or is silent.
    struct Client {
        sent: usize,
        is_silent: bool,
        /// It pauses once before it goes on.
        pauses: bool,
    }

    impl AsyncRead for Client {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if self.pauses && self.sent > 0 {
                self.pauses = false;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.is_silent {
                return Poll::Pending;
            }
            let count = buffer.initialize_unfilled().len();
            buffer.advance(count);
            self.sent += count;
            Poll::Ready(Ok(()))
        }
    }

    /// Bytes that were discarded, and the time in milliseconds.
    async fn lingered(mut client: Client, expects_more: bool) -> (usize, u128) {
        let started = Instant::now();
        let mut linger = Linger::new(expects_more);
        poll_fn(|context| linger.poll(pin!(&mut client), context)).await;
        (client.sent, started.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn an_endless_body_is_discarded_slowly_and_for_a_while_only() {
        for pauses in [false, true] {
            let (sent, elapsed_ms) = lingered(Client { sent: 0, is_silent: false, pauses }, false).await;
            let intervals = LINGER_TIMEOUT.as_millis() / INTERVAL.as_millis();
            assert!(elapsed_ms >= LINGER_TIMEOUT.as_millis(), "{elapsed_ms}");
            let most = FIRST + PIECE * usize::try_from(intervals).unwrap();
            assert!((8 << 20..=most).contains(&sent), "{sent} bytes: an import of the largest size is read to its end");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_owes_nothing_is_waited_for_briefly() {
        assert_eq!(lingered(Client { sent: 0, is_silent: true, pauses: false }, false).await, (0, BRIEF.as_millis()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_owes_bytes_is_waited_for() {
        let (_, elapsed_ms) = lingered(Client { sent: 0, is_silent: true, pauses: false }, true).await;
        assert_eq!(elapsed_ms, LINGER_TIMEOUT.as_millis());
    }
}
