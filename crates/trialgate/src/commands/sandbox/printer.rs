//! Prints captured messages on standard output from a thread of its own: a slow or stopped terminal must not block the
//! service.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use anyhow::Context;
use trial_sandbox::{CapturedMessage, Inbox};

use crate::output::{briefly, say, time};

/// Messages that may wait to be printed; further ones are counted.
const WAITING: usize = 1_000;

/// The printing thread.
pub(super) struct Printer {
    lines: SyncSender<Line>,
    thread: JoinHandle<()>,
}

enum Line {
    Message(CapturedMessage),
    End,
}

impl Printer {
    /// Prints messages that this inbox captures from now on.
    ///
    /// # Errors
    /// The operating system refused a thread.
    pub(super) fn start(inbox: &Inbox) -> anyhow::Result<Self> {
        let (lines, waiting) = sync_channel(WAITING);
        let skipped = Arc::new(AtomicU64::new(0));
        let observer = {
            let (lines, skipped) = (lines.clone(), Arc::clone(&skipped));
            move |message: &CapturedMessage| {
                if let Err(TrySendError::Full(_)) = lines.try_send(Line::Message(message.clone())) {
                    skipped.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        inbox.on_capture(Box::new(observer));
        let thread = thread::Builder::new()
            .name("sandbox-printer".to_owned())
            .spawn(move || print(&waiting, &skipped))
            .context("cannot start the thread that shows messages")?;
        Ok(Self { lines, thread })
    }

    /// Prints the waiting messages, if the reader takes them, and ends the thread.
    pub(super) fn finish(self) {
        briefly(move || {
            if self.lines.send(Line::End).is_ok() {
                let _ = self.thread.join();
            }
        });
    }
}

fn print(waiting: &Receiver<Line>, skipped: &AtomicU64) {
    while let Ok(Line::Message(message)) = waiting.recv() {
        let mut text = readable(&message);
        let not_shown = skipped.swap(0, Ordering::Relaxed);
        if not_shown > 0 {
            let _ = writeln!(text, "(further captured messages, not shown here: {not_shown})\n");
        }
        if say(&format!("\n{text}")).is_err() {
            return;
        }
    }
}

fn readable(message: &CapturedMessage) -> String {
    let (head, text) = match message {
        CapturedMessage::Sms { to, text, at, .. } => (format!("SMS to {to}, {}", time(*at)), text),
        CapturedMessage::Mail { to, subject, text, at, .. } => {
            (format!("Mail to {to}, {}: {subject}", time(*at)), text)
        }
    };
    let mut readable = format!("── {head}\n");
    for line in text.trim().lines() {
        let _ = writeln!(readable, "{}", format!("   {line}").trim_end());
    }
    readable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_readable() {
        let at = "2026-11-22T10:00:00Z".parse().unwrap();
        let sms =
            CapturedMessage::Sms { to: "+8616673280001".into(), text: "Code 123456".into(), code: "123456".into(), at };
        assert_eq!(readable(&sms), "── SMS to +8616673280001, 2026-11-22T10:00:00Z\n   Code 123456\n");
        let mail = CapturedMessage::Mail {
            to: "a@example.com".into(),
            subject: "Your trial".into(),
            text: "Dear customer,\n\nwelcome.\n".into(),
            html: "<p>".into(),
            at,
            message_id: "<1@example.com>".into(),
        };
        let expected = "── Mail to a@example.com, 2026-11-22T10:00:00Z: Your trial\n   Dear customer,\n\n   welcome.\n";
        assert_eq!(readable(&mail), expected);
    }
}
