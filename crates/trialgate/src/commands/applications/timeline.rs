//! Prints the timeline of one applicant.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;
use trial_core::applications::{ApplicationView, ApplyOutcome, TimelineView};
use trial_core::return_codes::{ApplyReply, CodeReply};
use trial_core::sms::{Delivery, DeliveryState};
use trial_core::timeline::remediation;
use trial_core::verification::{CodeOutcome, CodeRequestView, SendState};

use crate::commands::views::MailReport;
use crate::output::time;

/// Events, oldest first.
#[derive(Debug, Serialize)]
pub(super) struct Timeline {
    events: Vec<Event>,
}

/// One request and its outcome.
#[derive(Debug, Serialize)]
struct Event {
    at: DateTime<Utc>,
    request_id: String,
    phone: String,
    /// The published return code that was answered.
    code: &'static str,
    /// The decision and the fact behind it.
    outcome: String,
    /// Remediation.
    advice: &'static str,
    #[serde(flatten)]
    kind: Kind,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Kind {
    CodeRequest { gateway: Option<String>, reply: Option<String>, delivery: Option<Receipt> },
    Application { id: String, email: String, company: String, tenant: Option<String>, mails: Vec<MailReport> },
}

/// The provider's delivery receipt of a message.
#[derive(Debug, Serialize)]
struct Receipt {
    state: &'static str,
    reason: Option<String>,
    at: DateTime<Utc>,
}

impl From<&Delivery> for Receipt {
    fn from(delivery: &Delivery) -> Self {
        Self { state: delivery.state.as_str(), reason: delivery.reason.clone(), at: delivery.at }
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.state)?;
        if let Some(reason) = &self.reason {
            write!(f, ": {reason}")?;
        }
        write!(f, ", reported at {}", time(self.at))
    }
}

impl From<&TimelineView> for Timeline {
    fn from(found: &TimelineView) -> Self {
        let codes = found.code_requests.iter().map(Event::from);
        let mut events: Vec<Event> = codes.chain(found.applications.iter().map(Event::from)).collect();
        events.sort_by_key(|event| event.at);
        Self { events }
    }
}

impl From<&CodeRequestView> for Event {
    fn from(view: &CodeRequestView) -> Self {
        let (reply, outcome) = match &view.outcome {
            CodeOutcome::Send { state, .. } => (CodeReply::from(*state), in_words(*state).to_owned()),
            CodeOutcome::Refused(refusal) => (CodeReply::from(refusal), refusal.to_string()),
        };
        let told: Option<DeliveryState> = view.delivery.as_ref().map(|delivery| delivery.state);
        Self {
            at: view.at,
            request_id: view.request_id.to_string(),
            phone: view.phone.to_string(),
            code: reply.code.as_str(),
            outcome,
            advice: remediation::about_code(&view.outcome, told),
            kind: Kind::CodeRequest {
                gateway: view.gateway.clone(),
                reply: view.reply.clone(),
                delivery: view.delivery.as_ref().map(Receipt::from),
            },
        }
    }
}

impl From<&ApplicationView> for Event {
    fn from(view: &ApplicationView) -> Self {
        let (tenant, outcome) = match &view.outcome {
            ApplyOutcome::Accepted { tenant } => (Some(tenant), format!("tenant {tenant} was created")),
            ApplyOutcome::Replayed { tenant } => {
                (Some(tenant), format!("repeat of the accepted application, tenant {tenant}"))
            }
            ApplyOutcome::Refused(refusal) => (None, refusal.to_string()),
        };
        Self {
            at: view.at,
            request_id: view.request_id.to_string(),
            phone: view.phone.to_string(),
            code: ApplyReply::from(&view.outcome).code.as_str(),
            outcome,
            advice: remediation::about_application(&view.outcome, &view.mails),
            kind: Kind::Application {
                id: view.id.to_string(),
                email: view.email.as_str().to_owned(),
                company: view.company.clone(),
                tenant: tenant.map(ToString::to_string),
                mails: view.mails.iter().map(MailReport::from).collect(),
            },
        }
    }
}

fn in_words(state: SendState) -> &'static str {
    match state {
        SendState::Accepted => "the gateway accepted the message",
        SendState::Refused => "the gateway refused the message",
        SendState::Unreached => "the gateway could not be reached",
        SendState::Unknown => "unknown whether the gateway accepted the message",
        SendState::Sending => "the message is being sent, or the result was lost",
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.events.is_empty() {
            return f.write_str("no requests");
        }
        self.events.iter().try_for_each(|event| event.fmt(f))
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request_id, phone, code, outcome, .. } = self;
        write!(f, "{}  ", time(self.at))?;
        match &self.kind {
            Kind::CodeRequest { .. } => writeln!(f, "{phone} requested a code")?,
            Kind::Application { email, company, .. } => writeln!(f, "{phone} applied for {company:?} with {email}")?,
        }
        writeln!(f, "  answered     {code}: {outcome}")?;
        match &self.kind {
            Kind::CodeRequest { gateway, reply, delivery } => {
                if let Some(gateway) = gateway {
                    writeln!(f, "  gateway      {gateway}: {}", reply.as_deref().unwrap_or("no reply text"))?;
                }
                if let Some(receipt) = delivery {
                    writeln!(f, "  receipt      {receipt}")?;
                }
            }
            Kind::Application { mails, .. } => {
                for mail in mails {
                    writeln!(f, "  mail         {mail}")?;
                }
            }
        }
        writeln!(f, "  what to do   {}", self.advice)?;
        writeln!(f, "  request id   {request_id}")
    }
}
