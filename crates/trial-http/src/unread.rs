//! Bodies of unknown length that nobody reads to their end.
//!
//! actix drains a chunked body that was dropped, however long it goes on; if the body is still held when the answer has
//! gone out, it closes the connection instead.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::HttpMessage;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::Stream;

/// A body that its handler reads, and that is kept as long as the answer.
pub(crate) struct Unread(Rc<RefCell<Payload>>);

impl Unread {
    /// Takes hold of a body of unknown length. One of known length is closed upon by actix itself.
    pub(crate) fn hold(request: &mut ServiceRequest) -> Option<Self> {
        if !request.chunked().unwrap_or(true) {
            return None;
        }
        let held = Rc::new(RefCell::new(request.take_payload()));
        request.set_payload(Payload::Stream { payload: Box::pin(Self(Rc::clone(&held))) });
        Some(Self(held))
    }
}

impl Stream for Unread {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}
