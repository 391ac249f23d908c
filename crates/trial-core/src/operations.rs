//! What operations personnel ask and change.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use crate::ports::{Clock, Entropy};
use crate::values::ID_ENTROPY;
use crate::{
    AccessCode, AccessCodeKind, AccessCodeState, ApplicationId, ApplyCode, ApplyOutcome, AuditId, AuditRecord,
    CodeOutcome, CompanyKey, Delivery, Email, EmailKey, MailId, MailKind, MailState, Phone, QuotaPolicy, RequestId,
    Tenant, TenantId, TenantStatus,
};

/// Who changes something, when, and the id of the audit entry that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedBy {
    /// The operator's name.
    pub actor: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The audit entry.
    pub audit: AuditId,
}

impl ChangedBy {
    /// Whoever this is, now.
    pub fn now(actor: String, clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
        let at = clock.now();
        let mut random = [0; ID_ENTROPY];
        entropy.fill(&mut random);
        Self { actor, at, audit: AuditId::new(at, random) }
    }

    /// The entry of a look at phones and addresses in full.
    pub fn revealed(self, action: &'static str, subject: &str) -> AuditRecord {
        self.entry(action, subject.to_owned(), "phones and addresses were shown in full".to_owned())
    }

    /// The entry that says so.
    pub fn entry(self, action: &'static str, subject: String, detail: String) -> AuditRecord {
        let Self { actor, at, audit } = self;
        AuditRecord { id: audit, at, actor, action, subject, detail }
    }
}

/// Access codes to be loaded into the pool, each with the line it came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessCodeImport {
    /// Line in the file, code and kind, in the file's order.
    pub rows: Vec<(u64, AccessCode, AccessCodeKind)>,
}

/// What an import comes to. Nothing is loaded unless `refused` is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportPlan {
    /// Codes that are new.
    pub new: Vec<(AccessCode, AccessCodeKind)>,
    /// Rows that say what is already so.
    pub known: u64,
    /// Those of them that say what a row before says.
    pub repeated: Vec<RepeatedAccessCode>,
    /// Rows that cannot be loaded.
    pub refused: Vec<RefusedAccessCode>,
}

/// A row that says again what a row before says. It does no harm, but may be a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepeatedAccessCode {
    /// Its line in the file.
    pub line: u64,
    /// The line of the first row with its code.
    pub first: u64,
    /// The code.
    pub code: AccessCode,
}

impl ImportPlan {
    /// Codes that one turn stores: more would keep applicants waiting.
    pub const PIECE: usize = 2_000;

    /// The new codes, turn by turn; none, if any row is refused. The same import, done again, stores a piece that was cut
    /// off.
    pub fn pieces(&self) -> impl Iterator<Item = &[(AccessCode, AccessCodeKind)]> {
        let stored = if self.refused.is_empty() { self.new.as_slice() } else { &[] };
        stored.chunks(Self::PIECE)
    }

    /// The detail of the import's audit entry, stored with its first piece.
    pub fn audit_detail(&self) -> String {
        format!("{} new, {} known", self.new.len(), self.known)
    }
}

/// A row that cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedAccessCode {
    /// Its line in the file.
    pub line: u64,
    /// Why.
    pub reason: String,
}

/// The pool of one kind, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessCodeStock {
    /// The kind.
    pub kind: AccessCodeKind,
    /// To be had.
    pub free: u64,
    /// Held by tenants.
    pub leased: u64,
    /// Resting.
    pub quarantined: u64,
    /// Out of use.
    pub retired: u64,
}

/// A day of the e-mail threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaView {
    /// The day.
    pub day: NaiveDate,
    /// The threshold in force.
    pub threshold: u32,
    /// Units taken.
    pub reserved: u32,
    /// Mails of the day that the mail server took.
    pub sent: u64,
    /// Mails of the day that were given up.
    pub failed: u64,
    /// The mails of the day that owners caused.
    pub owners: BudgetView,
}

/// A day of mails that owners caused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BudgetView {
    /// Units taken.
    pub reserved: u32,
    /// Mails of the day that the mail server took.
    pub sent: u64,
    /// Mails of the day that were given up.
    pub failed: u64,
}

impl QuotaView {
    /// Units left.
    pub fn left(&self) -> u32 {
        self.threshold.saturating_sub(self.reserved)
    }

    /// Mails that owners may still cause.
    pub fn owner_mails_left(&self, policy: &QuotaPolicy) -> u32 {
        policy.owner_mails_by(self.threshold).saturating_sub(self.owners.reserved)
    }
}

/// A threshold that operations set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThresholdChange {
    /// E-mails per day.
    pub threshold: u32,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Who set it.
    pub actor: String,
}

/// A tenant with what it holds and what was sent to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantView {
    /// The tenant.
    pub tenant: Tenant,
    /// Its access codes, by kind.
    pub access_codes: BTreeMap<AccessCodeKind, AccessCode>,
    /// Its mails, oldest first.
    pub mails: Vec<MailView>,
}

/// What waits in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailQueue {
    /// Mails that are due, now or later.
    pub due: u64,
    /// When the oldest of them was written.
    pub oldest_due: Option<DateTime<Utc>>,
    /// Mails that were given up.
    pub failed: u64,
}

/// A mail of the outbox, as far as it got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailView {
    /// Its id.
    pub id: MailId,
    /// What it is about.
    pub kind: MailKind,
    /// How far it got.
    pub state: MailState,
    /// Attempts so far.
    pub attempts: u32,
    /// When it was put into the outbox.
    pub created_at: DateTime<Utc>,
    /// When it is tried next, if it is due.
    pub next_attempt_at: DateTime<Utc>,
    /// The last reply of the mail server, or the fault.
    pub last_reply: Option<String>,
}

/// A mail that is not taken at present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedMail {
    /// The recipient, as it is stored.
    pub to: String,
    /// The last reply of the mail server, or the fault; redacted.
    pub reply: String,
}

/// Applications of one hour that came to one return code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourCount {
    /// The beginning of the hour.
    pub hour: DateTime<Utc>,
    /// The published return code, such as `006`.
    pub return_code: String,
    /// How many.
    pub applications: u64,
    /// How many of them made a tenant.
    pub tenants: u64,
}

/// One attempt to deliver a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailAttempt {
    /// Its place, from 1.
    pub attempt: u32,
    /// When.
    pub at: DateTime<Utc>,
    /// How it ended: `sent`, `retry`, `failed`, `overtaken`.
    pub result: String,
    /// The server's words, or the fault.
    pub reply: String,
}

/// Whose applications are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplicationQuery {
    /// Everything about a phone.
    Phone(Phone),
    /// The exchange with this id.
    RequestId(RequestId),
    /// Applications with this address.
    Email(EmailKey),
    /// Applications of this company.
    Company(CompanyKey),
}

/// A search among applications. What is `None` is not asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationSearch {
    /// Whose.
    pub by: Option<ApplicationQuery>,
    /// Those that came to this.
    pub return_code: Option<ApplyCode>,
    /// Not before this, to the millisecond.
    pub since: Option<DateTime<Utc>>,
    /// Before this, to the millisecond.
    pub until: Option<DateTime<Utc>>,
    /// Only applications older than this one.
    pub before: Option<ApplicationId>,
    /// At most so many.
    pub limit: u32,
}

/// A page of tenants of one status, or of one customer, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantSearch {
    /// Those whose accepted application is found by this.
    pub by: Option<ApplicationQuery>,
    /// Those of this status.
    pub status: Option<TenantStatus>,
    /// Only those whose owner asks for conversion.
    pub asks_conversion: bool,
    /// Only tenants older than this one.
    pub before: Option<TenantId>,
    /// At most so many.
    pub limit: u32,
}

/// A page of the pool, in the order of the codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessCodePage {
    /// Codes of this kind.
    pub kind: AccessCodeKind,
    /// Codes in this state.
    pub state: AccessCodeState,
    /// Only codes behind this one.
    pub after: Option<AccessCode>,
    /// At most so many.
    pub limit: u32,
}

/// An access code of the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessCodeView {
    /// The code.
    pub code: AccessCode,
    /// Its kind.
    pub kind: AccessCodeKind,
    /// Where it is.
    pub state: AccessCodeState,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Who holds it, or held it last while it rests.
    pub tenant: Option<TenantId>,
}

/// What happened, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimelineView {
    /// Requests for a code.
    pub code_requests: Vec<CodeRequestView>,
    /// Applications.
    pub applications: Vec<ApplicationView>,
}

/// A request for a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRequestView {
    /// The exchange.
    pub request_id: RequestId,
    /// When.
    pub at: DateTime<Utc>,
    /// The phone.
    pub phone: Phone,
    /// What became of it.
    pub outcome: CodeOutcome,
    /// The gateway that answered.
    pub gateway: Option<String>,
    /// What it said.
    pub reply: Option<String>,
    /// What its provider has told of the message since.
    pub delivery: Option<Delivery>,
}

/// An application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationView {
    /// Its id.
    pub id: ApplicationId,
    /// The exchange.
    pub request_id: RequestId,
    /// When.
    pub at: DateTime<Utc>,
    /// The phone.
    pub phone: Phone,
    /// The mailbox.
    pub email: Email,
    /// The company.
    pub company: String,
    /// What was decided.
    pub outcome: ApplyOutcome,
    /// Its tenant's mails, if it was accepted.
    pub mails: Vec<MailView>,
}

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which, in words.
    pub invariant: &'static str,
    /// How many rows break it.
    pub rows: u64,
    /// One of them.
    pub example: String,
}

impl AccessCodeImport {
    /// Sorts the rows into new, known and refused. `known` holds the kinds of those codes that are in the pool, in
    /// whatever state.
    pub fn plan(&self, known: &BTreeMap<AccessCode, AccessCodeKind>) -> ImportPlan {
        let mut plan = ImportPlan::default();
        let mut seen: BTreeMap<&AccessCode, (u64, AccessCodeKind)> = BTreeMap::new();
        for (line, code, kind) in &self.rows {
            let refuse = |reason| RefusedAccessCode { line: *line, reason };
            match (seen.get(code), known.get(code)) {
                (Some((first, other)), _) if other != kind => {
                    plan.refused
                        .push(refuse(format!("code {code} stands in line {first} as {other}; a code has one kind")));
                }
                (_, Some(other)) if other != kind => {
                    plan.refused.push(refuse(format!("code {code} is in the pool as {other}; a code has one kind")));
                }
                (Some((first, _)), _) => {
                    plan.known += 1;
                    plan.repeated.push(RepeatedAccessCode { line: *line, first: *first, code: code.clone() });
                }
                (None, Some(_)) => plan.known += 1,
                (None, None) => plan.new.push((code.clone(), *kind)),
            }
            seen.entry(code).or_insert((*line, *kind));
        }
        plan
    }
}

/// A page of tenants, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantPage {
    /// Only tenants older than this one.
    pub before: Option<TenantId>,
    /// At most so many.
    pub limit: u32,
}

/// A page of the outbox, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailPage {
    /// Only mails that got so far.
    pub state: Option<MailState>,
    /// Only mails of this tenant.
    pub tenant: Option<TenantId>,
    /// Only mails older than this one.
    pub before: Option<MailId>,
    /// At most so many.
    pub limit: u32,
}

/// A mail of the outbox, with whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMail {
    /// The mail, as far as it got.
    pub mail: MailView,
    /// Whose it is; nobody's, of a warning to operations.
    pub tenant: Option<TenantId>,
    /// Where it goes, as it is stored: what cannot be read is given up, and is to be seen all the same.
    pub to: String,
}

impl OutboxMail {
    /// Where it goes, for people who need not see all of it: `a***@example.com`.
    pub fn masked_to(&self) -> String {
        crate::values::mask_email(&self.to)
    }
}

/// The audit's words for mails that are tried again together.
pub fn retried_words(mails: u64, since: DateTime<Utc>) -> String {
    format!("{mails} given up since {}: before failed, after due", since.format("%Y-%m-%dT%H:%M:%SZ"))
}

/// What became of the wish to have a mail tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailRetried {
    /// It is due now. If it fails for now once more and its time was over before, it is given up again.
    Due,
    /// It is in this state, in which it is not to be tried again.
    Refused(MailState),
    /// There is no such mail.
    Unknown,
}
