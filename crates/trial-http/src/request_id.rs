//! Request ids.

use actix_web::http::header::{HeaderMap, HeaderName};
use trial_core::ports::{Clock, Entropy};
use trial_core::values::RequestId;

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of an exchange: the client's own if valid, else a new one.
pub(crate) fn of(headers: &HeaderMap, clock: &dyn Clock, entropy: &dyn Entropy) -> RequestId {
    let from_caller = headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok());
    from_caller.and_then(RequestId::from_caller).unwrap_or_else(|| {
        let mut random = [0; 10];
        entropy.fill(&mut random);
        RequestId::new(clock.now(), random)
    })
}
