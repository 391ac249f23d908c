//! The two use cases of the public interface.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use trial_core::applications::Application;
use trial_core::fraud_guard::BlockedRange;
use trial_core::planner::{Outcome, Request};
use trial_core::policy::BreakerMode;
use trial_core::ports::{Clock, TrialService, Unexpected};
use trial_core::return_codes::{ApplyReply, CodeReply};
use trial_core::sms::SmsMessage;
use trial_core::verification::{CodeOutcome, CodeRefusal, CodeRequest, CodeToSend, SendReport};

use crate::commit::request_queue::{Admission, NotDecided};
use crate::counters::FAULT;
use crate::sms::dispatch::{Gateways, Handed};

/// The public interface's use cases over the queue and the gateways.
pub(crate) struct Service {
    dispatch: Dispatch,
    tasks: TaskTracker,
    runtime: Handle,
}

/// Sends decided codes and stores the gateway's reply.
#[derive(Clone)]
struct Dispatch {
    clock: Arc<dyn Clock>,
    admission: Admission,
    gateways: Arc<Gateways>,
}

impl Service {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        admission: Admission,
        gateways: Arc<Gateways>,
        tasks: TaskTracker,
        runtime: Handle,
    ) -> Self {
        Self { dispatch: Dispatch { clock, admission, gateways }, tasks, runtime }
    }

    async fn apply_reply(&self, application: Application) -> Result<ApplyReply, Unexpected> {
        match self.dispatch.admission.decide(Request::Apply(application)).await {
            Ok(Outcome::Apply(outcome)) => Ok(ApplyReply::from(&outcome)),
            Ok(_) | Err(NotDecided::Fault) => Err(Unexpected),
            Err(NotDecided::Busy) => Ok(ApplyReply::CONFLICT),
            Err(NotDecided::Unavailable) => Ok(ApplyReply::EXCEPTION),
        }
    }
}

impl Dispatch {
    /// Decides and stores; then sends, outside any transaction; then stores the gateway's reply.
    async fn code_reply(&self, request: CodeRequest) -> Result<CodeReply, Unexpected> {
        match self.admission.decide(Request::SendCode(request)).await {
            Ok(Outcome::SendCode(_, Some(code))) => {
                if let Some(blocked) = &code.would_block {
                    tell_of_block(blocked, BreakerMode::Shadow);
                }
                Ok(self.send(code).await)
            }
            Ok(Outcome::SendCode(CodeOutcome::Refused(refusal), None)) => {
                if let CodeRefusal::PrefixBlocked(blocked) = &refusal {
                    tell_of_block(blocked, BreakerMode::On);
                }
                Ok(CodeReply::from(&refusal))
            }
            Ok(_) | Err(NotDecided::Fault) => Err(Unexpected),
            Err(NotDecided::Busy | NotDecided::Unavailable) => Ok(CodeReply::EXCEPTION),
        }
    }

    /// Sends the message. The reply has the earliest time of the next one, if this one may be on its way.
    async fn send(&self, code: CodeToSend) -> CodeReply {
        let message = SmsMessage {
            code_request: code.code_request,
            to: code.phone.clone(),
            valid_minutes: minutes_until(code.expires_at, self.clock.now()),
            code: code.code,
            locale: code.locale,
        };
        let Handed { gateway, reply } =
            if code.is_test { Handed::to_nobody() } else { self.gateways.send(&message).await };
        let state = reply.state();
        let report = SendReport {
            code_request: code.code_request,
            phone: code.phone,
            challenge: code.challenge,
            gateway: gateway.to_owned(),
            reply,
        };
        if let Err(why) = self.admission.queue_report(Request::SendReport(report)).await {
            // The send stays as stored, under way: the code counts as sent, and the next request repeats it.
            tracing::error!(?why, code_request = %code.code_request, "a gateway's reply was not stored");
        }
        CodeReply { retry_after: code.next_send_in.filter(|_| state.may_arrive()), ..CodeReply::from(state) }
    }
}

/// Counts a request that met a block (refused, or observed), and logs the first.
fn tell_of_block(blocked: &BlockedRange, mode: BreakerMode) {
    metrics::counter!("trialgate_number_range_blocked_requests_total", "mode" => mode.as_str()).increment(1);
    let BlockedRange { prefix, sent, used, until, met } = blocked;
    if *met == 1 {
        tracing::warn!(%prefix, sent, used, %until, %mode, "codes are sent to a number range and hardly any is used");
    }
}

/// Whole minutes left, rounded up, at least 1.
fn minutes_until(end: DateTime<Utc>, now: DateTime<Utc>) -> u32 {
    let seconds = (end - now).num_seconds().max(1);
    u32::try_from((seconds + 59) / 60).unwrap_or(u32::MAX)
}

#[async_trait]
impl TrialService for Service {
    async fn send_code(&self, request: CodeRequest) -> Result<CodeReply, Unexpected> {
        let dispatch = self.dispatch.clone();
        // A task of its own: a stored code is sent, and its outcome stored, even if the client disconnects.
        let task =
            self.tasks.spawn_on(async move { dispatch.code_reply(request).await }.in_current_span(), &self.runtime);
        let reply = task.await.unwrap_or(Err(Unexpected));
        let code = reply.map_or(FAULT, |reply| reply.code.as_str());
        metrics::counter!("trialgate_code_requests_total", "code" => code).increment(1);
        reply
    }

    async fn apply(&self, application: Application) -> Result<ApplyReply, Unexpected> {
        let reply = self.apply_reply(application).await;
        let code = reply.map_or(FAULT, |reply| reply.code.as_str());
        metrics::counter!("trialgate_applications_total", "code" => code).increment(1);
        reply
    }
}
