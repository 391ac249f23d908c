//! Mails of the outbox.

use chrono::{DateTime, Utc};
use serde::Serialize;
use trial_core::error::LedgerError;
use trial_core::mails::{MailPage, MailState, MailView, OutboxMail};
use trial_core::ports::Operations;
use utoipa::ToSchema;

use super::disclosure::Disclosure;
use super::page::{Page, one_more};

/// A mail and its delivery state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Mail)]
pub struct MailReport {
    /// Its id.
    pub id: String,
    /// Kind of the mail, such as `account` or `reminder`.
    pub kind: &'static str,
    /// due, sent, failed or overtaken.
    pub state: &'static str,
    /// Attempts so far.
    pub attempts: u32,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
    /// Time of the next attempt; null unless due.
    #[schema(required)]
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// The mail server's last reply, or the fault.
    #[schema(required)]
    pub last_reply: Option<String>,
}

/// A mail of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OutboxEntry)]
pub struct OutboxMailReport {
    /// Id of the tenant; null for a warning to operations.
    #[schema(required)]
    pub tenant: Option<String>,
    /// Recipient; masked unless `reveal` is true.
    pub to: String,
    /// The mail.
    #[serde(flatten)]
    pub mail: MailReport,
}

/// A page of the outbox, newest first.
///
/// # Errors
/// [`LedgerError`] if the query fails.
pub async fn list(
    operations: &dyn Operations,
    page: MailPage,
    disclosure: Disclosure,
) -> Result<Page<OutboxMailReport>, LedgerError> {
    let found = operations.mails(MailPage { limit: one_more(page.limit), ..page }).await?;
    Ok(Page::of(page.limit, found, |mail| mail.mail.id.to_string(), |mail| OutboxMailReport::new(mail, disclosure)))
}

impl OutboxMailReport {
    fn new(entry: &OutboxMail, disclosure: Disclosure) -> Self {
        let tenant = entry.tenant.map(|tenant| tenant.to_string());
        Self { tenant, to: disclosure.recipient(entry), mail: MailReport::from(&entry.mail) }
    }
}

impl From<&MailView> for MailReport {
    fn from(view: &MailView) -> Self {
        Self {
            id: view.id.to_string(),
            kind: view.kind.as_str(),
            state: view.state.as_str(),
            attempts: view.attempts,
            created_at: view.created_at,
            next_attempt_at: (view.state == MailState::Due).then_some(view.next_attempt_at),
            last_reply: view.last_reply.clone(),
        }
    }
}
