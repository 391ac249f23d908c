//! `trialgate mail …`: lists, retries and previews mails.

mod list;
mod preview;
mod retry;

use clap::Subcommand;
use trial_engine::operations::mails::MailReport;

use crate::global::Global;
use crate::output::time;

/// `trialgate mail …`
#[derive(Debug, Subcommand)]
pub(crate) enum Mail {
    /// List mails, newest first
    List(list::List),
    /// Retry a failed mail, or all mails that failed since a time
    Retry(retry::Retry),
    /// Print a mail with example data, from the templates in force
    Preview(preview::Preview),
}

impl Mail {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        match self {
            Self::List(list) => list.run(global),
            Self::Retry(retry) => retry.run(global),
            Self::Preview(preview) => preview.run(global),
        }
    }
}

/// A mail with its delivery state, in words.
pub(crate) fn described(mail: &MailReport) -> String {
    let MailReport { id, kind, state, attempts, .. } = mail;
    let plural = if *attempts == 1 { "" } else { "s" };
    let next = mail.next_attempt_at.map(|next| format!(", next attempt at {}", time(next))).unwrap_or_default();
    let reply = mail.last_reply.as_ref().map(|reply| format!("; last reply: {}", reply.trim())).unwrap_or_default();
    format!("{kind} mail {id}: {state} after {attempts} attempt{plural}{next}{reply}")
}
