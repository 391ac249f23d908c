//! Reply bodies, and values that live until they are sent.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::web::Bytes;

/// Largest slice in bytes. actix copies a slice into the buffer of its connection and keeps it until the client has
/// received it.
const SLICE: usize = 16 * 1_024;

/// Keeps a value until the reply is sent or abandoned; sends a large reply in slices.
pub(crate) fn until_sent<K: Unpin + 'static>(response: ServiceResponse<BoxBody>, kept: K) -> ServiceResponse<BoxBody> {
    response.map_body(|_, body| BoxBody::new(Kept { body: sliced(body), _kept: kept }))
}

fn sliced(body: BoxBody) -> BoxBody {
    if matches!(body.size(), BodySize::Sized(size) if size <= SLICE as u64) {
        return body;
    }
    body.try_into_bytes().map_or_else(|stream| stream, |bytes| BoxBody::new(Sliced(bytes)))
}

/// Bytes that may be shared with other replies.
struct Sliced(Bytes);

impl MessageBody for Sliced {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let size = self.0.len().min(SLICE);
        Poll::Ready((size > 0).then(|| Ok(self.0.split_to(size))))
    }
}

struct Kept<K> {
    body: BoxBody,
    _kept: K,
}

impl<K: Unpin> MessageBody for Kept<K> {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
