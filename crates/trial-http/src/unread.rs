//! Bodies of unknown length that are not read to their end.
//!
//! actix drains a dropped chunked body however long it is; if the body is still held when the reply is sent, it closes
//! the connection instead.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::HttpMessage;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::Stream;

/// A body that its handler reads, kept as long as the reply.
pub(crate) struct Unread(Rc<RefCell<Payload>>);

impl Unread {
    /// Holds a body of unknown length. actix closes connections with an unread body of known length itself.
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
