//! `trialgate webhooks …`: events for the platform.

use std::fmt;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde::Serialize;
use trial_core::platform::{EventPage, EventState};
use trial_core::ports::{Clock as _, Entropy as _};
use trial_core::values::EventId;
use trial_engine::operations::events::{self, EventReport, EventWithPayload};
use trial_engine::operations::page::Page;

use super::{reveal, with_database};
use crate::adapters;
use crate::ambient::{OsEntropy, SystemClock};
use crate::arguments::whole;
use crate::compose;
use crate::config::{Config, ConfigError, WebhookSetup};
use crate::global::Global;
use crate::output::{Output, Printed, more, time};
use crate::process;

/// `trialgate webhooks …`
#[derive(Debug, Subcommand)]
pub(crate) enum Webhooks {
    /// List events, newest first
    List(List),
    /// Show one event with its payload
    Show(One),
    /// Send an event again under the same id, whatever its state
    Replay(One),
    /// Enable an endpoint that was disabled by a 410 response
    Enable(Plain),
    /// Sign and send a message of type `trialgate.test` now
    Test(Plain),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// State of the events: due, sent or failed [default: all]
    #[arg(long, value_name = "STATE")]
    state: Option<EventState>,
    /// Start after this event: the last one of the previous page
    #[arg(long, value_name = "ID")]
    before: Option<EventId>,
    /// Number of events to list, at most 1000
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = whole(1..=1000))]
    limit: u32,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// Id of the event, its `webhook-id`
    id: EventId,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Plain {
    #[command(flatten)]
    output: Output,
}

impl Webhooks {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        match self {
            Self::List(list) => list.run(global),
            Self::Show(one) => one.show(global),
            Self::Replay(one) => one.replay(global),
            Self::Enable(plain) => enable(plain.output, global),
            Self::Test(plain) => test(plain.output, global),
        }
    }
}

impl List {
    fn run(self, global: &Global) -> anyhow::Result<()> {
        let Self { state, before, limit, output } = self;
        let page = EventPage { state, before, limit };
        output.show(&Printed(with_database(global, async |_, ledger| {
            Ok(events::list(&*ledger.event_operations(), page).await?)
        })?))
    }
}

impl One {
    fn show(self, global: &Global) -> anyhow::Result<()> {
        let Self { id, output } = self;
        let found = with_database(global, async |_, ledger| {
            reveal(ledger, "event.reveal", &id.to_string()).await?;
            Ok(events::show(&*ledger.event_operations(), id).await?)
        })?;
        output.show(&Printed(found.with_context(|| format!("there is no event {id}"))?))
    }

    fn replay(self, global: &Global) -> anyhow::Result<()> {
        let Self { id, output } = self;
        let replay = async |_: &Config, ledger: &crate::ledger::Ledger| {
            let by = ledger.changed_by(process::operator());
            Ok(ledger.event_operations().replay_event(id, by).await?)
        };
        if !with_database(global, replay)? {
            bail!("there is no event {id}");
        }
        output.show(&Done { id: Some(id.to_string()), state: "due", said: format!("event {id} is due now") })
    }
}

fn enable(output: Output, global: &Global) -> anyhow::Result<()> {
    let enable = async |config: &Config, ledger: &crate::ledger::Ledger| {
        let endpoint = platform(config)?.endpoint;
        let by = ledger.changed_by(process::operator());
        Ok(ledger.event_operations().enable_endpoint(endpoint, by).await?)
    };
    let was_disabled = with_database(global, enable)?;
    let said = if was_disabled { "the endpoint is enabled" } else { "the endpoint was not disabled" };
    output.show(&Done { id: None, state: "enabled", said: said.to_owned() })
}

/// Sends a message without personal data; the receiver's status shows whether it verifies the signature.
fn test(output: Output, global: &Global) -> anyhow::Result<()> {
    let setup = platform(&global.load()?)?;
    let now = SystemClock.now();
    let mut entropy = [0; 10];
    OsEntropy.fill(&mut entropy);
    let id = EventId::new(now, entropy).to_string();
    let payload = serde_json::json!({ "type": "trialgate.test", "timestamp": now, "data": {} }).to_string();
    let told = compose::runtime()?.block_on(async {
        // The client belongs to the runtime it is created on.
        adapters::webhook_platform(&setup, Arc::new(SystemClock))?
            .send(&id, &payload)
            .await
            .context("the platform did not accept the message")
    });
    let said = format!("the platform accepted message {id}: {}", told?);
    output.show(&Done { id: Some(id), state: "sent", said })
}

/// The configured platform.
fn platform(config: &Config) -> anyhow::Result<WebhookSetup> {
    let mut problems = Vec::new();
    let setup = config.webhook_setup(&mut problems);
    if !problems.is_empty() {
        return Err(ConfigError(problems).into());
    }
    setup.context("`platform.kind` is \"local\": no webhook configured")
}

/// Result of a command.
#[derive(Debug, Serialize)]
struct Done {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    state: &'static str,
    #[serde(skip)]
    said: String,
}

fn described(event: &EventReport) -> String {
    let EventReport { id, r#type, tenant, state, attempts, .. } = event;
    let plural = if *attempts == 1 { "" } else { "s" };
    let next = event.next_attempt_at.map(|next| format!(", next attempt at {}", time(next))).unwrap_or_default();
    let reply = event.last_reply.as_ref().map(|reply| format!("; last reply: {reply}")).unwrap_or_default();
    let at = time(event.at);
    format!("event {id} {at} {type} of tenant {tenant}: {state} after {attempts} attempt{plural}{next}{reply}")
}

impl fmt::Display for Printed<Page<EventReport>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.items.is_empty() {
            return f.write_str("no events");
        }
        for event in &self.0.items {
            writeln!(f, "{}", described(event))?;
        }
        f.write_str(&more(&self.0, "--before"))
    }
}

impl fmt::Display for Printed<EventWithPayload> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", described(&self.0.event), self.0.payload)
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}
