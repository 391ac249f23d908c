//! Sends one message through the gateways: in their order, to the next one only if the rule allows it
//! ([`trial_core::sms::GatewayReply::allows_another`]).

mod breaker;

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tracing::{Instrument as _, field};
use trial_core::sms::{GatewayReply, SmsMessage};

use crate::{BreakerOptions, SmsRoute};
use breaker::Breaker;

/// The name that is recorded if no gateway could be used.
const NOBODY: &str = "none";
/// The name that is recorded for test numbers.
const TEST: &str = "test";

/// The gateways in their order, each with its circuit breaker.
pub(crate) struct Gateways {
    routes: Vec<(SmsRoute, Breaker)>,
    /// The time that one message may take over all gateways.
    timeout: Duration,
}

/// The outcome of a message and its gateway.
pub(crate) struct Handed {
    /// The name of the gateway that replied.
    pub(crate) gateway: &'static str,
    pub(crate) reply: GatewayReply,
}

impl Handed {
    /// The code of a test number, which is known and is not sent.
    pub(crate) fn to_nobody() -> Self {
        Self { gateway: TEST, reply: GatewayReply::Accepted { provider_id: None } }
    }
}

impl Gateways {
    pub(crate) fn new(routes: Vec<SmsRoute>, timeout: Duration, options: BreakerOptions) -> Self {
        let routes: Vec<_> = routes.into_iter().map(|route| (route, Breaker::new(options))).collect();
        for (route, _) in &routes {
            show(route, false);
        }
        Self { routes, timeout }
    }

    /// Sends the message, within the bound on all gateways together.
    pub(crate) async fn send(&self, message: &SmsMessage) -> Handed {
        let deadline = Instant::now() + self.timeout;
        let mut last = None;
        for (route, breaker) in self.routes.iter().filter(|(route, _)| route.countries.include(&message.to)) {
            if !breaker.admits() {
                continue;
            }
            let reply = self.ask(route, breaker, message, deadline).await;
            let goes_on = reply.allows_another() && Instant::now() < deadline;
            last = Some(Handed { gateway: route.gateway.name(), reply });
            if !goes_on {
                break;
            }
        }
        last.unwrap_or_else(|| self.nobody(message))
    }

    async fn ask(&self, route: &SmsRoute, breaker: &Breaker, message: &SmsMessage, deadline: Instant) -> GatewayReply {
        let name = route.gateway.name();
        let span = tracing::debug_span!("short message", otel.kind = "client", gateway = name, state = field::Empty);
        let sent = timeout_at(deadline, route.gateway.send(message)).instrument(span.clone()).await;
        let reply = sent.unwrap_or_else(|_| GatewayReply::Unknown {
            reason: format!("no reply within {} s", self.timeout.as_secs()),
        });
        let had_id = matches!(reply, GatewayReply::Accepted { provider_id: Some(_) });
        let reply = reply.redacted(&message.redaction());
        if had_id && reply.detail().is_none() {
            let advice =
                "no receipt finds the message; have the provider give other ids, or leave `sms.http.accept.id` out";
            let code_request = message.code_request;
            tracing::warn!(gateway = name, %code_request, advice, "a provider's id is not stored: it has the code or the phone");
        }
        show(route, breaker.record(&reply));
        let state = reply.state().as_str();
        span.record("state", state);
        metrics::counter!("trialgate_sms_total", "gateway" => name, "state" => state).increment(1);
        if !matches!(reply, GatewayReply::Accepted { .. }) {
            let reason = reply.detail().unwrap_or_default();
            tracing::warn!(gateway = name, state, reason, code_request = %message.code_request, "a code was not sent");
        }
        reply
    }

    /// The outcome if no gateway could be used.
    fn nobody(&self, message: &SmsMessage) -> Handed {
        let is_served = self.routes.iter().any(|(route, _)| route.countries.include(&message.to));
        let reason = if is_served {
            "every gateway for this country is left alone for a while after failures".to_owned()
        } else {
            format!("no gateway serves the country code {}", message.to.country_code())
        };
        tracing::warn!(reason, code_request = %message.code_request, "a code was not sent");
        Handed { gateway: NOBODY, reply: GatewayReply::Unreached { reason } }
    }

    /// The gateways whose breakers are open, with the reasons; `None` if none is.
    pub(crate) fn problem(&self) -> Option<String> {
        let resting: Vec<String> = self
            .routes
            .iter()
            .filter_map(|(route, breaker)| Some(format!("{}: {}", route.gateway.name(), breaker.problem()?)))
            .collect();
        (!resting.is_empty()).then(|| resting.join("; "))
    }
}

/// Shows on `/metrics` whether the breaker of a gateway is open.
fn show(route: &SmsRoute, is_open: bool) {
    let gauge = metrics::gauge!("trialgate_sms_gateway_open", "gateway" => route.gateway.name());
    gauge.set(if is_open { 1.0 } else { 0.0 });
}
