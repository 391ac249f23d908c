//! Delivery receipts from SMS providers. The path ends in a secret, which is never repeated here.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use subtle::ConstantTimeEq as _;
use trial_core::sms::UnreadableReceipt;

use crate::body::{Media, Payload};
use crate::problem::{Kind, Problem};
use crate::routes::nothing_here;
use crate::site::State;
use crate::{ReceiptReader, SmsCallback};

/// `Retry-After` of a receipt that cannot be recorded yet: the gateway's reply is stored within a second.
const AGAIN: Duration = Duration::from_secs(10);

/// `POST /callbacks/sms/{gateway}/{secret}`.
pub(crate) async fn sms(request: HttpRequest, payload: Payload, state: Data<State>) -> HttpResponse {
    match take(&request, payload, &state).await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(problem) => problem.response(&request),
    }
}

async fn take(request: &HttpRequest, payload: Payload, state: &State) -> Result<(), Problem> {
    let part = |name| request.match_info().get(name).unwrap_or_default();
    let read = reader(&state.callbacks, part("gateway"), part("secret")).ok_or_else(nothing_here)?;
    let body = payload.read(Media::ProviderForm, request).await?;
    let receipts = read(&body, state.clock.now()).map_err(|UnreadableReceipt(why)| Problem::malformed(why))?;
    let mut is_known = true;
    for receipt in receipts {
        let taken = state.receipts.record_receipt(receipt).await;
        is_known &= taken.map_err(|error| {
            tracing::warn!(%error, "a receipt cannot be recorded now");
            again("the database is unavailable")
        })?;
    }
    if is_known { Ok(()) } else { Err(again("no message has this id yet")) }
}

/// The reader of the gateway with this secret. Secrets are compared in constant time.
fn reader(callbacks: &[SmsCallback], gateway: &str, secret: &str) -> Option<ReceiptReader> {
    let is_meant = |callback: &&SmsCallback| {
        let is_right = bool::from(callback.secret.as_bytes().ct_eq(secret.as_bytes()));
        is_right && callback.gateway == gateway
    };
    callbacks.iter().find(is_meant).map(|callback| callback.read)
}

fn again(why: &'static str) -> Problem {
    Problem::new(Kind::Unavailable).detail(why).retry_after(AGAIN)
}
