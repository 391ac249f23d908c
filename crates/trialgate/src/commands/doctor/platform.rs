//! Checks the platform's webhook: can it be reached, are events waiting.

use std::sync::Arc;

use trial_core::platform::EventQueue;
use trial_core::ports::TenantPlatform as _;

use super::report::Report;
use crate::adapters;
use crate::ambient::SystemClock;
use crate::config::{Config, WebhookSetup};
use crate::ledger::Ledger;
use crate::output::time;

pub(super) async fn reach(setup: Option<&WebhookSetup>, report: &mut Report) {
    let Some(setup) = setup else { return report.ok("platform", "local: no webhook configured") };
    let platform = match adapters::webhook_platform(setup, Arc::new(SystemClock)) {
        Ok(platform) => platform,
        Err(error) => return report.fail("platform", format!("{error:#}")),
    };
    match platform.check().await {
        Ok(()) => report.ok("platform", "webhook: reached; nothing was sent"),
        Err(error) => {
            report.fail("platform", format!("webhook: cannot be reached: {error}; see `platform.webhook.url`"));
        }
    }
}

pub(super) async fn queue(config: &Config, ledger: &Ledger, report: &mut Report) {
    let Some(setup) = config.webhook_setup(&mut Vec::new()) else { return };
    match ledger.event_operations().event_queue(setup.endpoint).await {
        Ok(queue) => judge(&queue, report),
        Err(error) => report.fail("platform", format!("{:#}", anyhow::Error::new(error))),
    }
}

fn judge(queue: &EventQueue, report: &mut Report) {
    let since = queue.oldest_due.map(|at| format!(", the oldest since {}", time(at))).unwrap_or_default();
    let text = format!("events waiting: {}{since}; failed: {}", queue.due, queue.failed);
    match &queue.disabled {
        Some((at, reason)) => {
            let at = time(*at);
            let text =
                format!("disabled since {at}, when it answered {reason}; {text}; see `trialgate webhooks enable`");
            report.fail("platform", text);
        }
        None if queue.failed > 0 => {
            report.warn(
                "platform",
                format!("{text}; see `trialgate webhooks list`, then `trialgate webhooks replay ID`"),
            );
        }
        None => report.ok("platform", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(queue: &EventQueue) -> String {
        let mut report = Report::default();
        judge(queue, &mut report);
        report.to_string()
    }

    #[test]
    fn who_is_gone_and_what_was_given_up_is_told() {
        let at = "2026-11-22T10:00:00Z".parse().unwrap();
        let queue = EventQueue { due: 2, oldest_due: Some(at), failed: 0, disabled: None };
        assert!(text(&queue).starts_with("ok"));
        assert!(text(&EventQueue { failed: 1, ..queue.clone() }).starts_with("warn"));
        let gone = text(&EventQueue { disabled: Some((at, "status 410".to_owned())), ..queue });
        assert!(gone.starts_with("FAIL") && gone.contains("2026-11-22T10:00:00Z"), "{gone}");
    }
}
