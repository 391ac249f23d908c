//! The rows: what a ledger keeps, in the words of the domain.

use chrono::{DateTime, NaiveDate, Utc};

use crate::values::{fold_mailbox, named};
use crate::{
    ACCOUNT_PASSWORD_VALID_DAYS, AccessCode, AccessCodeKind, Application, ApplicationId, ApplyOutcome, AuditId,
    ChallengeId, CodeOutcome, CodeRequestId, CompanyName, Email, Locale, MailId, Phone, RequestId, TenantId,
};

/// What is remembered of a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneRecord {
    /// The phone.
    pub phone: Phone,
    /// Consecutive wrong tries, over all codes.
    pub failures: u32,
    /// Its current code, if one was ever made.
    pub challenge: Option<ChallengeId>,
    /// The code before it, as long as the gateway has not accepted the current one.
    pub previous: Option<ChallengeId>,
}

/// One verification code. The code itself is derived from the id and the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Its id, and the nonce of the derivation.
    pub id: ChallengeId,
    /// The phone it was made for.
    pub phone: Phone,
    /// The key that derives it.
    pub key_id: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// When it dies, if nothing happens to it before.
    pub expires_at: DateTime<Utc>,
    /// Wrong tries so far.
    pub tries: u32,
    /// What became of it.
    pub state: ChallengeState,
    /// When it was first submitted, whatever came of that; not noted while nothing is counted of prefixes.
    pub proven_at: Option<DateTime<Utc>>,
}

/// What became of a code. Expiry and too many tries are not states: they follow from the time and the tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChallengeState {
    /// It can be used.
    Open,
    /// It was used by an accepted application.
    Consumed,
    /// It never left: the gateway refused its only message.
    Unsent,
}

named!(ChallengeState, "state of a code", { Open => "open", Consumed => "consumed", Unsent => "unsent" });

/// One request for a code, whatever became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRequestRecord {
    /// Its id.
    pub id: CodeRequestId,
    /// The HTTP exchange it came by.
    pub request_id: RequestId,
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// The phone.
    pub phone: Phone,
    /// What was decided.
    pub outcome: CodeOutcome,
}

/// How far a message that was to be sent got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SendState {
    /// Decided, and no reply of the gateway known: it may be on its way.
    Sending,
    /// The gateway took it.
    Accepted,
    /// The gateway refused it: it is not on its way.
    Refused,
    /// The gateway was not reached: it is not on its way.
    Unreached,
    /// The gateway was reached and its reply is not known: it may be on its way.
    Unknown,
}

named!(SendState, "state of a send", {
    Sending => "sending", Accepted => "accepted", Refused => "refused", Unreached => "unreached", Unknown => "unknown",
});

impl SendState {
    /// Whether the message may reach the phone.
    pub fn may_arrive(self) -> bool {
        matches!(self, Self::Sending | Self::Accepted | Self::Unknown)
    }
}

/// One application, whatever became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationRecord {
    /// Its id.
    pub id: ApplicationId,
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// What was asked.
    pub application: Application,
    /// The code that it was judged by, if the phone had one.
    pub challenge: Option<ChallengeId>,
    /// What was decided.
    pub outcome: ApplyOutcome,
}

/// A tenant: the customer's space in the contact centre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Where in its life it is.
    pub status: TenantStatus,
    /// The applicant's phone.
    pub phone: Phone,
    /// The applicant's mailbox.
    pub email: Email,
    /// The applicant's company.
    pub company: CompanyName,
    /// When the trial began.
    pub created_at: DateTime<Utc>,
    /// When the trial ends.
    pub trial_ends_at: DateTime<Utc>,
    /// The key that derives the initial password.
    pub key_id: String,
    /// How many initial passwords were given out.
    pub password_issue: u32,
    /// When the last of them was.
    pub password_issued_at: DateTime<Utc>,
    /// The language of its mails.
    pub locale: Locale,
    /// When it became a commercial one, if it did.
    pub converted_at: Option<DateTime<Utc>>,
    /// When it was suspended, if it is.
    pub suspended_at: Option<DateTime<Utc>>,
    /// When it is closed, if nobody does anything about its suspension.
    pub closes_at: Option<DateTime<Utc>>,
    /// When it was closed, if it is.
    pub closed_at: Option<DateTime<Utc>>,
    /// Since when its owner asks for its conversion, if so: until it is converted or closed, or the owner thinks otherwise.
    pub conversion_asked_at: Option<DateTime<Utc>>,
    /// What happened up to here, its owner was told, or need not be.
    pub told_until: DateTime<Utc>,
    /// When time brings something next.
    pub next_step_at: Option<DateTime<Utc>>,
}

impl Tenant {
    /// The name of the tenant's first account, as the mail says it and the portal asks for it.
    pub fn account_name(id: TenantId) -> String {
        format!("admin@{id}")
    }

    /// The one that is meant where somebody has had several, newest first: one in use goes before any that is closed.
    pub fn foremost(newest_first: impl IntoIterator<Item = Self>) -> Option<Self> {
        newest_first.into_iter().reduce(|best, next| {
            let is_better = best.status == TenantStatus::Closed && next.status != TenantStatus::Closed;
            if is_better { next } else { best }
        })
    }

    /// The tenant whose account has this name, if there is one; `None` for what no account is called.
    pub fn of_account(name: &str) -> Option<TenantId> {
        fold_mailbox(name).to_ascii_lowercase().strip_prefix("admin@")?.parse().ok()
    }

    /// Until when the initial password can be used.
    pub fn password_valid_until(&self) -> DateTime<Utc> {
        self.password_issued_at + chrono::Days::new(ACCOUNT_PASSWORD_VALID_DAYS.into())
    }
}

/// Where in its life a tenant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TenantStatus {
    /// On trial.
    Trial,
    /// The trial is over and can be recovered.
    Suspended,
    /// A paying customer.
    Commercial,
    /// Gone for good.
    Closed,
}

named!(TenantStatus, "status of a tenant", {
    Trial => "trial", Suspended => "suspended", Commercial => "commercial", Closed => "closed",
});

impl TenantStatus {
    /// Whether a tenant of this status stands in the way of another of the same customer.
    pub fn is_in_use(self) -> bool {
        self != Self::Closed
    }
}

/// Where an access code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccessCodeState {
    /// To be had.
    Free,
    /// Held by a tenant.
    Leased,
    /// Released, and resting before it is free again.
    Quarantined,
    /// Out of use.
    Retired,
}

named!(AccessCodeState, "state of an access code", {
    Free => "free", Leased => "leased", Quarantined => "quarantined", Retired => "retired",
});

/// A free access code is given to a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessCodeLease {
    /// The code.
    pub code: AccessCode,
    /// Its kind.
    pub kind: AccessCodeKind,
    /// Who gets it.
    pub tenant: TenantId,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// An access code comes to rest, out of use, or back to its tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessCodeMove {
    /// The code.
    pub code: AccessCode,
    /// Its kind.
    pub kind: AccessCodeKind,
    /// Where it was.
    pub from: AccessCodeState,
    /// Where it is now.
    pub to: AccessCodeState,
    /// Whose it is now, or was last: a code that rests can go back.
    pub tenant: TenantId,
    /// Since when it is there.
    pub since: DateTime<Utc>,
}

/// One mail of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailRecord {
    /// Its id.
    pub id: MailId,
    /// What it is about.
    pub kind: MailKind,
    /// Whose it is; nobody's, of a warning to operations.
    pub tenant: Option<TenantId>,
    /// Where it goes.
    pub to: Email,
    /// The language it is written in.
    pub locale: Locale,
    /// When it was put into the outbox, and first due.
    pub created_at: DateTime<Utc>,
    /// The unit of the day that it took; none, of a warning to operations, which must come when there is none, and of a notice
    /// of a changed password for which none was left.
    pub quota: Option<QuotaUnit>,
    /// What a warning says; of a link to another password, the issue of the password that it is for; of a notice of several
    /// changed passwords, how many and when the last ([`PasswordDigest`](crate::PasswordDigest)).
    pub detail: Option<String>,
}

impl MailRecord {
    /// A mail to the owner of a tenant, in the language of that.
    pub(crate) fn for_owner(
        tenant: &Tenant,
        kind: MailKind,
        id: MailId,
        created_at: DateTime<Utc>,
        quota: Option<QuotaUnit>,
    ) -> Self {
        Self {
            id,
            kind,
            tenant: Some(tenant.id),
            to: tenant.email.clone(),
            locale: tenant.locale,
            created_at,
            quota,
            detail: (kind == MailKind::Password).then(|| tenant.password_issue.to_string()),
        }
    }
}

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailKind {
    /// The account of a new tenant.
    Account,
    /// The trial ends soon.
    Reminder,
    /// The tenant was suspended.
    Suspended,
    /// The tenant was closed.
    Closed,
    /// Something that operations have to look after.
    Warning,
    /// A link by which the owner of a tenant chooses another password.
    Password,
    /// The password of the owner's account was changed.
    PasswordChanged,
}

named!(MailKind, "kind of mail", {
    Account => "account", Reminder => "reminder", Suspended => "suspended", Closed => "closed", Warning => "warning",
    Password => "password", PasswordChanged => "password_changed",
});

impl MailKind {
    /// Who pays for it.
    pub const fn budget(self) -> MailBudget {
        match self {
            Self::Password | Self::PasswordChanged => MailBudget::Owners,
            Self::Account | Self::Reminder | Self::Suspended | Self::Closed | Self::Warning => MailBudget::Threshold,
        }
    }

    /// The priorities that there are, the first first.
    pub const PRIORITIES: [u8; 3] = [0, 1, 2];

    /// Its place in the outbox: what is due is sent in this order, an account, or what is about
    /// its password, before all else.
    pub const fn priority(self) -> u8 {
        match self {
            Self::Account | Self::Password | Self::PasswordChanged => 0,
            Self::Warning => 1,
            Self::Reminder | Self::Suspended | Self::Closed => 2,
        }
    }
}

/// How far a mail got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailState {
    /// To be sent, now or later.
    Due,
    /// Taken by the mail server.
    Sent,
    /// Given up, for operations to see.
    Failed,
    /// Not sent, because what it says was not so any more.
    Overtaken,
}

named!(MailState, "state of a mail", {
    Due => "due", Sent => "sent", Failed => "failed", Overtaken => "overtaken"
});

impl MailState {
    /// Returns `true` if operations may have such a mail tried again: what is due is tried anyway, what was sent has arrived, and what
    /// was overtaken says what is not so.
    pub fn may_be_retried(self) -> bool {
        self == Self::Failed
    }
}

/// Who pays for a mail: nobody takes a unit of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MailBudget {
    /// The day's threshold: accounts, and notices of a trial's life.
    Threshold,
    /// The mails of the day that owners may cause.
    Owners,
}

named!(MailBudget, "budget of mails", { Threshold => "threshold", Owners => "owners" });

/// One unit of a day's budget: the `unit`-th mail of `day`, taken while `threshold` was in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUnit {
    /// The budget.
    pub budget: MailBudget,
    /// The day, in the policy's time zone.
    pub day: NaiveDate,
    /// Its place in the day, from 1.
    pub unit: u32,
    /// The threshold in force when it was taken.
    pub threshold: u32,
}

/// Units that the mails of a day took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUse {
    /// The day, in the policy's time zone.
    pub day: NaiveDate,
    /// Of the threshold.
    pub reserved: u32,
    /// Of the mails that owners may cause.
    pub owner_mails: u32,
}

/// How many messages a day's budget has paid for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmsDay {
    /// The day, in the policy's time zone.
    pub day: NaiveDate,
    /// The country calling code.
    pub country_code: u16,
    /// Messages.
    pub sent: u32,
}

/// Something was changed: who, when, what, to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its id.
    pub id: AuditId,
    /// When.
    pub at: DateTime<Utc>,
    /// Who: `applicant`, or the operator's name.
    pub actor: String,
    /// What was done, such as `tenant.create`.
    pub action: &'static str,
    /// What it was done to.
    pub subject: String,
    /// Before and after, in words.
    pub detail: String,
}
