//! The timeline of an applicant: the events in words and in order, with their remediation. Words and facts hold nothing
//! personal; the data of an applicant are apart.

pub mod remediation;
mod requests;

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use remediation::{about_application, about_code};

pub use requests::{PublicInterface, RequestSearch, RequestView};

use crate::access_codes::PoolOutlook;
use crate::applications::{ApplicationView, ApplyOutcome, ApplyRefusal, TimelineView};
use crate::audit::AuditEntry;
use crate::mails::{MailAttempt, MailState, MailView};
use crate::return_codes::{ApplyReply, CodeReply};
use crate::values::{AccessCodeKind, Email, MailId, Phone, RequestId, TenantId};
use crate::verification::CodeRequestView;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// The kind of event: `code_request`, `application`, `receipt`, `mail`, `change`.
    pub kind: &'static str,
    /// The published return code that was answered, if it was a request.
    pub code: Option<&'static str>,
    /// The event, in words.
    pub words: String,
    /// The facts behind it.
    pub facts: Vec<String>,
    /// The remediation.
    pub advice: Option<&'static str>,
    /// The exchange, if it was one.
    pub request_id: Option<RequestId>,
    /// The applicant, if it was a request.
    pub applicant: Option<Applicant>,
}

/// The data of an applicant in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applicant {
    /// The phone.
    pub phone: Phone,
    /// The mailbox, which a request for a code does not name.
    pub email: Option<Email>,
    /// The company, which a request for a code does not name.
    pub company: Option<String>,
}

/// The records that a timeline is built from.
#[derive(Debug, Clone, Default)]
pub struct TimelineSources {
    /// Requests for codes and applications.
    pub timeline: TimelineView,
    /// Every attempt to deliver a mail.
    pub attempts: BTreeMap<MailId, Vec<MailAttempt>>,
    /// The audit entries of the tenants.
    pub audit: Vec<AuditEntry>,
    /// The pool as it is now.
    pub pool: Vec<PoolOutlook>,
}

impl ApplicationView {
    /// The tenant that it is about.
    pub fn tenant(&self) -> Option<TenantId> {
        match &self.outcome {
            ApplyOutcome::Accepted { tenant }
            | ApplyOutcome::Replayed { tenant }
            | ApplyOutcome::Refused(ApplyRefusal::TenantExists { tenant, .. }) => Some(*tenant),
            ApplyOutcome::Refused(_) => None,
        }
    }
}

impl TimelineSources {
    /// The entries, oldest first.
    pub fn tell(&self) -> Vec<TimelineEntry> {
        let mut entries: Vec<TimelineEntry> = Vec::new();
        for request in &self.timeline.code_requests {
            entries.push(asked(request));
            entries.extend(receipt(request));
        }
        for application in &self.timeline.applications {
            entries.push(self.applied(application));
            for mail in &application.mails {
                entries.extend(self.delivered(mail));
            }
        }
        entries.extend(self.audit.iter().map(changed));
        entries.sort_by_key(|entry| entry.at);
        entries
    }

    fn applied(&self, view: &ApplicationView) -> TimelineEntry {
        let mut facts = Vec::new();
        if let ApplyOutcome::Refused(ApplyRefusal::PoolEmpty { voice, multimedia }) = view.outcome {
            let is_missing = |kind| match kind {
                AccessCodeKind::Voice => !voice,
                AccessCodeKind::Multimedia => !multimedia,
            };
            facts.extend(self.pool.iter().filter(|pool| is_missing(pool.stock.kind)).map(in_words));
        }
        TimelineEntry {
            at: view.at,
            kind: "application",
            code: Some(ApplyReply::from(&view.outcome).code.as_str()),
            words: format!("applied: {}", view.outcome),
            facts,
            advice: Some(about_application(&view.outcome, &view.mails)),
            request_id: Some(view.request_id.clone()),
            applicant: Some(Applicant {
                phone: view.phone.clone(),
                email: Some(view.email.clone()),
                company: Some(view.company.clone()),
            }),
        }
    }

    fn delivered(&self, mail: &MailView) -> Vec<TimelineEntry> {
        let (id, kind) = (mail.id, mail.kind);
        let attempts = self.attempts.get(&id).map(Vec::as_slice).unwrap_or_default();
        let entry = |at, words, facts| TimelineEntry {
            at,
            kind: "mail",
            code: None,
            words,
            facts,
            advice: None,
            request_id: None,
            applicant: None,
        };
        let mut entries = vec![entry(mail.created_at, format!("the {kind} mail {id} was queued"), Vec::new())];
        entries.extend(attempts.iter().map(|attempt| {
            let MailAttempt { attempt: number, result, reply, .. } = attempt;
            let became = match result.as_str() {
                "sent" => "accepted by the mail server",
                "retry" => "not accepted, will be retried",
                "overtaken" => "not sent: overtaken",
                _ => "failed",
            };
            entry(attempt.at, format!("mail {id}, attempt {number}: {became}"), vec![reply.clone()])
        }));
        if mail.state == MailState::Due {
            let next = mail.next_attempt_at;
            entries.push(entry(next, format!("mail {id} is due at {}", time(next)), Vec::new()));
        }
        entries
    }
}

fn asked(view: &CodeRequestView) -> TimelineEntry {
    let gateway = view
        .gateway
        .as_ref()
        .map(|gateway| format!("gateway {gateway}: {}", view.reply.as_deref().unwrap_or("no reply text")));
    TimelineEntry {
        at: view.at,
        kind: "code_request",
        code: Some(CodeReply::from(&view.outcome).code.as_str()),
        words: format!("requested a code: {}", view.outcome),
        facts: gateway.into_iter().collect(),
        advice: Some(about_code(&view.outcome, view.delivery.as_ref().map(|delivery| delivery.state))),
        request_id: Some(view.request_id.clone()),
        applicant: Some(Applicant { phone: view.phone.clone(), email: None, company: None }),
    }
}

fn receipt(view: &CodeRequestView) -> Option<TimelineEntry> {
    let delivery = view.delivery.as_ref()?;
    Some(TimelineEntry {
        at: delivery.at,
        kind: "receipt",
        code: None,
        words: format!("delivery receipt: {}", delivery.state),
        facts: delivery.reason.iter().cloned().collect(),
        advice: None,
        request_id: None,
        applicant: None,
    })
}

fn changed(entry: &AuditEntry) -> TimelineEntry {
    TimelineEntry {
        at: entry.at,
        kind: "change",
        code: None,
        words: format!("{} by {}", entry.action, entry.actor),
        facts: vec![entry.detail.clone()],
        advice: None,
        request_id: None,
        applicant: None,
    }
}

/// The pool of one kind as it is now, in a sentence.
fn in_words(pool: &PoolOutlook) -> String {
    let stock = &pool.stock;
    let all = stock.free + stock.leased + stock.quarantined + stock.retired;
    let next = match pool.next_rest_ends_at {
        Some(at) => format!("the next leaves quarantine on {}", time(at)),
        None => "none is in quarantine".to_owned(),
    };
    format!("{} access codes now: {} free of {all}; {next}", stock.kind, stock.free)
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
