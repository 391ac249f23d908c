//! Bounds the bytes that are read from a connection of HTTP/1.1 ahead of the current request.
//!
//! actix-http reads until the socket is empty, up to 128 KiB, and then parses all of that: without this, 125 KiB of requests
//! of 26 bytes take 23 MiB while the first one is served. It is handed one request after the other.

use std::rc::Rc;

use actix_web::web::Bytes;

use super::head_scan::Head;
use super::pace::Pace;
use crate::body_ledger::{Full, HeldBytes};

/// Free bytes below which actix-http enlarges its buffer. As long as they stay free, it uses the same one again.
const SPARE: usize = 1_024;
/// Bytes of later requests that are kept while one is served. Reading them detects a client that closes the connection.
const KEPT: usize = 4 * 1_024;
/// Bytes of an incomplete head for which every connection has room.
const HEAD: usize = 8 * 1_024;
/// Bytes of an incomplete head that actix-http keeps at most.
const MOST_OF_HEAD: usize = 128 * 1_024;

/// Hands the bytes of one connection over to the parser, one request after another, and keeps the rest.
pub(super) struct ReadAhead {
    pace: Rc<Pace>,
    head: Head,
    /// Bytes of the body that the last head declares. They decide only how much is handed over at once: the parser reads the
    /// head itself.
    body: usize,
    kept: Bytes,
    cut: Option<Cut>,
    /// Bytes of an incomplete head, the number of requests before it, and their ledger entry.
    incomplete: usize,
    begun: u64,
    held: HeldBytes,
}

/// The place where handing over stopped, for the parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// After a head and the received part of its body.
    Request,
    /// At the end of the buffer.
    Buffer,
}

/// The bytes that may be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    /// This many bytes.
    HandOver(usize),
    /// This many bytes, to be handed over later.
    Keep(usize),
    /// None, until the parser has read those handed over.
    Parse,
}

impl ReadAhead {
    /// Counts incomplete heads by `held`.
    pub(super) fn new(pace: Rc<Pace>, held: HeldBytes) -> Self {
        let (body, kept, cut, incomplete, begun) = Default::default();
        Self { pace, head: Head::new(), body, kept, cut, incomplete, begun, held }
    }

    pub(super) fn pace(&self) -> &Rc<Pace> {
        &self.pace
    }

    /// The bytes that may be read into a buffer with this many free bytes.
    pub(super) fn permission(&mut self, free: usize) -> Permission {
        match self.cut.take() {
            Some(Cut::Buffer) => return Permission::Parse,
            Some(Cut::Request) if !self.kept.is_empty() => return Permission::Parse,
            Some(Cut::Request) => return Permission::Keep(KEPT),
            None => {}
        }
        let (is_busy, begun) = (self.pace.is_busy(), self.pace.begun());
        if is_busy || self.begun != begun {
            (self.incomplete, self.begun) = (0, begun);
            self.held.release();
        }
        if is_busy && !self.pace.awaits_body() {
            return Permission::Keep(KEPT.saturating_sub(self.kept.len()));
        }
        // Of few free bytes half, for the buffer is enlarged at once if a head is in it, and used again if nothing is.
        let most = if free > SPARE { free - SPARE } else { (free / 2).max(1) };
        Permission::HandOver(if is_busy && self.body > 0 { most.min(self.body) } else { most })
    }

    /// Keeps bytes for later.
    pub(super) fn keep(&mut self, read: &[u8]) {
        self.kept =
            if self.kept.is_empty() { Bytes::copy_from_slice(read) } else { [&self.kept, read].concat().into() };
    }

    /// Returns `true` if the client has sent a part of the body that it declared.
    pub(super) fn is_within_body(&self) -> bool {
        self.body > 0
    }

    pub(super) fn has_kept(&self) -> bool {
        !self.kept.is_empty()
    }

    /// Takes at most this many of the kept bytes.
    pub(super) fn take_kept(&mut self, most: usize) -> Option<Bytes> {
        self.has_kept().then(|| self.kept.split_to(most.min(self.kept.len())))
    }

    /// Returns the number of these bytes to hand over, and keeps the others. `most` is the number that was permitted.
    ///
    /// # Errors
    /// [`Full`] if there is no room for an incomplete head.
    pub(super) fn hand_over(&mut self, read: &[u8], most: usize) -> Result<usize, Full> {
        self.pace.arrived();
        let is_busy = self.pace.is_busy();
        let mut count = 0;
        if self.body == 0 {
            let end = self.head.end(read);
            count = end.unwrap_or(read.len());
            if end.is_some() {
                self.cut = Some(Cut::Request);
                // Of chunks, whose lines may look like those of a head, nothing is believed.
                self.body = if is_busy { 0 } else { self.head.length() };
                self.head = Head::new();
            }
        }
        let of_body = self.body.min(read.len() - count);
        self.body -= of_body;
        count += of_body;
        if count < read.len() {
            self.cut = Some(Cut::Request);
            self.kept = [&read[count..], &self.kept].concat().into();
        } else if count == most {
            self.cut = Some(Cut::Buffer);
        }
        if !is_busy && self.incomplete < MOST_OF_HEAD {
            let before = self.incomplete.max(HEAD);
            self.incomplete += count;
            if self.incomplete > before {
                self.held.grow(self.incomplete - before)?;
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::body_ledger::{BodyLedger, Bounds};

    const FREE: usize = 8 * 1_024;
    const SMALLEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

    fn ledger(per_address: usize) -> Arc<BodyLedger> {
        BodyLedger::new(Bounds { per_address, shared: usize::MAX, reserved: 0, little: 0 })
    }

    fn of(ledger: &Arc<BodyLedger>) -> ReadAhead {
        let pace = Pace::start(Duration::from_secs(5), Duration::from_secs(75));
        ReadAhead::new(pace, ledger.open(IpAddr::V4(Ipv4Addr::LOCALHOST)))
    }

    fn connection() -> ReadAhead {
        of(&ledger(usize::MAX))
    }

    /// What is handed over of these bytes, which come at once, each time that all of it was parsed and answered.
    fn handed(ahead: &mut ReadAhead, bytes: &[u8]) -> Vec<usize> {
        let pace = Rc::clone(ahead.pace());
        let (mut waiting, mut pieces) = (Bytes::copy_from_slice(bytes), Vec::new());
        loop {
            match ahead.permission(FREE) {
                Permission::HandOver(_) if waiting.is_empty() && !ahead.has_kept() => return pieces,
                Permission::HandOver(most) => {
                    let read = ahead.take_kept(most).unwrap_or_else(|| waiting.split_to(most.min(waiting.len())));
                    pieces.push(ahead.hand_over(&read, most).unwrap());
                }
                Permission::Keep(_) | Permission::Parse => drop(pace.begin()),
            }
        }
    }

    #[test]
    fn a_buffer_is_not_filled_so_far_that_it_is_enlarged() {
        let mut ahead = connection();
        assert_eq!(ahead.permission(FREE), Permission::HandOver(7_168));
        assert_eq!(ahead.hand_over(&[b'a'; 7_168], 7_168), Ok(7_168));
        assert_eq!(ahead.permission(FREE), Permission::Parse, "before more is read");
        assert_eq!(ahead.permission(1_024), Permission::HandOver(512), "an incomplete head makes the buffer larger");
    }

    #[test]
    fn requests_that_come_at_once_are_handed_over_one_after_the_other() {
        let body = "content-LENGTH: 11\r\n\r\n{\n\r\n\r\n\r\n\r\n}";
        let post = format!("POST / HTTP/1.1\r\nhost: x\r\n{body}");
        let lines_alone = b"GET / HTTP/1.1\nx: content-length: 9\n\n";
        let all = [SMALLEST, post.as_bytes(), SMALLEST, lines_alone, SMALLEST].concat();
        let lengths = [SMALLEST.len(), post.len(), SMALLEST.len(), lines_alone.len(), SMALLEST.len()];
        assert_eq!(handed(&mut connection(), &all), lengths);
        for piece in [1, 17] {
            let mut ahead = connection();
            let mut pieces = Vec::new();
            all.chunks(piece).for_each(|read| pieces.extend(handed(&mut ahead, read)));
            let ends: Vec<_> = pieces
                .iter()
                .scan(0, |at, count| {
                    Some({
                        *at += count;
                        *at
                    })
                })
                .collect();
            let mut end = 0;
            assert!(
                lengths.iter().all(|length| {
                    end += length;
                    ends.contains(&end)
                }),
                "in pieces of {piece}"
            );
        }
    }

    #[test]
    fn what_follows_a_request_that_is_served_is_kept_and_little_of_it() {
        let mut ahead = connection();
        let exchange = ahead.pace().begin();
        for room in [4_096, 3_072, 2_048, 1_024] {
            assert_eq!(ahead.permission(FREE), Permission::Keep(room));
            ahead.keep(&[b'a'; 1_024]);
        }
        assert_eq!(ahead.permission(FREE), Permission::Keep(0));
        drop(exchange);
        assert_eq!(ahead.permission(FREE), Permission::HandOver(7_168));
        assert_eq!(ahead.take_kept(7_168).unwrap().len(), 4_096);
    }

    #[test]
    fn a_body_is_handed_over_to_its_end_once_it_is_waited_for() {
        let mut ahead = connection();
        let head = b"POST / HTTP/1.1\r\nContent-Length: 10000\r\n\r\n";
        let Permission::HandOver(most) = ahead.permission(FREE) else { panic!("nothing is read yet") };
        assert_eq!(ahead.hand_over(head, most), Ok(head.len()));
        assert_eq!(ahead.permission(FREE), Permission::Keep(4_096));
        let exchange = ahead.pace().begin();
        assert_eq!(ahead.permission(FREE), Permission::Keep(4_096), "it may be refused unread");
        ahead.pace().await_body(true);
        for (most, next) in [(7_168, Permission::Parse), (2_832, Permission::Parse)] {
            assert_eq!(ahead.permission(FREE), Permission::HandOver(most));
            assert_eq!(ahead.hand_over(&b"\n".repeat(most), most), Ok(most));
            assert_eq!(ahead.permission(FREE), next);
        }
        ahead.pace().await_body(false);
        assert_eq!(ahead.permission(FREE), Permission::Keep(4_096), "of what follows it");
        drop(exchange);
    }

    /// Chunks end where the parser says; a line of theirs that looks like one of a head is none.
    #[test]
    fn chunks_are_handed_over_up_to_an_empty_line() {
        let mut ahead = connection();
        let _exchange = ahead.pace().begin();
        ahead.pace().await_body(true);
        let last = b"1c\r\n\r\ncontent-length: 999\r\n\r\n";
        for count in [6, last.len() - 6] {
            let Permission::HandOver(most) = ahead.permission(FREE) else { panic!("it is waited for") };
            let read = ahead.take_kept(most).unwrap_or_else(|| Bytes::from_static(last));
            assert_eq!(ahead.hand_over(&read, most), Ok(count));
            let next = if count == 6 { Permission::Parse } else { Permission::Keep(4_096) };
            assert_eq!(ahead.permission(FREE), next);
        }
        assert_eq!(ahead.body, 0);
    }

    #[test]
    fn a_large_incomplete_head_is_held_by_its_client() {
        let ledger = ledger(1_000);
        let mut ahead = of(&ledger);
        let pace = Rc::clone(ahead.pace());
        let mut receive = |bytes: usize| {
            ahead.permission(FREE);
            ahead.hand_over(&vec![b'a'; bytes], bytes + 1)
        };
        assert_eq!(receive(8 * 1_024), Ok(8 * 1_024));
        assert!(ledger.is_empty(), "every connection has room for that");
        assert_eq!(receive(1_000), Ok(1_000));
        assert!(!ledger.is_empty());
        drop(pace.begin());
        receive(0).unwrap();
        assert!(ledger.is_empty(), "it was complete, and counted as the head of an exchange");
        assert_eq!(receive(8 * 1_024 + 1_001), Err(Full::Address));
        drop(ahead);
        assert!(ledger.is_empty());
    }
}
