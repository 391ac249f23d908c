//! Commands about a tenant, and their outcomes.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::mails::MailKind;
use crate::portal::{OWNER_ACTS_PER_HOUR, OWNER_MAILS_AT_ONCE, PasswordChange};
use crate::tenants::{SharedField, TenantStatus};
use crate::values::TenantId;

/// The longest that one order extends a trial by.
pub const MAX_EXTENSION: Duration = Duration::from_hours(366 * 24);

/// What somebody wants of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantOrder {
    /// The tenant.
    pub tenant: TenantId,
    /// What.
    pub order: LifeOrder,
    /// Who: an operator's name, or `trialgate` for what time brings.
    pub actor: String,
}

/// What is wanted of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LifeOrder {
    /// Do what its time has come for: end the trial, close it after the grace, tell its owner.
    Advance,
    /// Make it a commercial one, in place.
    Convert,
    /// Move the end of the trial by so much, from its end or from now, whichever is later.
    Extend(Duration),
    /// Suspend it.
    Suspend,
    /// Take a suspension back.
    Resume,
    /// Close it, and put its access codes to rest.
    Close,
    /// Take a close back, as long as its access codes rest.
    Reopen,
    /// Send the account once more.
    ResendMail,
    /// Send a link by which another password is chosen.
    LostPassword,
    /// Its owner asks for its conversion.
    AskConversion,
    /// Its owner asks for its conversion no more.
    WithdrawConversion,
    /// Its owner chooses a password, which ends every session but the owner's.
    SetPassword(Box<PasswordChange>),
    /// Its owner ends every session.
    SignOutEverywhere,
}

impl LifeOrder {
    /// What the audit calls it.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Advance => "tenant.advance",
            Self::Convert => "tenant.convert",
            Self::Extend(_) => "tenant.extend",
            Self::Suspend => "tenant.suspend",
            Self::Resume => "tenant.resume",
            Self::Close => "tenant.close",
            Self::Reopen => "tenant.reopen",
            Self::ResendMail => "tenant.resend_mail",
            Self::LostPassword => "portal.lost_password",
            Self::AskConversion => "tenant.ask_conversion",
            Self::WithdrawConversion => "tenant.withdraw_conversion",
            Self::SetPassword(_) => "portal.password",
            Self::SignOutEverywhere => "portal.sign_out",
        }
    }
}

/// What came of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LifeOutcome {
    /// It was done.
    Done(LifeChange),
    /// Nothing was changed.
    Refused(LifeRefusal),
}

/// What an order changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifeChange {
    /// The status before.
    pub before: TenantStatus,
    /// The status after.
    pub after: TenantStatus,
    /// The mail that was put into the outbox.
    pub mail: Option<MailKind>,
    /// Whether a mail has to wait, because too little is left of the day's threshold.
    pub mail_waits: bool,
    /// The end of the trial after.
    pub trial_ends_at: DateTime<Utc>,
}

/// Why an order changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum LifeRefusal {
    /// There is no such tenant.
    Unknown,
    /// Its status does not allow it.
    Status {
        /// The status.
        status: String,
    },
    /// The trial is over: it has to be extended or converted first.
    TrialOver,
    /// By more than [`MAX_EXTENSION`], or by nothing.
    Extension,
    /// Its owner was forgotten.
    Forgotten,
    /// Its access codes are at rest no more, or somebody else's.
    AccessCodesGone,
    /// Another tenant of the same customer is in use.
    TenantExists {
        /// The other.
        tenant: TenantId,
        /// What they have in common.
        shared: SharedField,
    },
    /// The day's e-mail threshold is reached.
    QuotaReached {
        /// The threshold.
        threshold: u32,
    },
    /// The mails that owners may cause on a day are sent.
    OwnerMailsSpent {
        /// The daily limit of mails that owners cause.
        limit: u32,
    },
    /// Its owner was mailed as many links as one is on a day.
    TooManyLinks,
    /// Its owner did this as often as one may within an hour.
    TooManyActs {
        /// When it may be done again.
        until: DateTime<Utc>,
    },
    /// Another password was set or issued meanwhile.
    Superseded,
}

/// Why, and what to do about it, in a sentence for operations.
impl fmt::Display for LifeRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("there is no such tenant"),
            Self::Status { status } => write!(f, "the tenant is {status}, which does not allow this"),
            Self::TrialOver => f.write_str("the trial has expired: extend or convert it"),
            Self::Extension => {
                write!(f, "a trial can be extended by 1 to {} days at once", MAX_EXTENSION.as_secs() / 86_400)
            }
            Self::Forgotten => f.write_str("the owner's data were erased, so the tenant stays closed"),
            Self::AccessCodesGone => f.write_str(
                "its access codes have left quarantine, so the tenant stays closed; the customer can apply again",
            ),
            Self::TenantExists { tenant, shared } => {
                write!(f, "tenant {tenant} with the same {shared} is in use: close that one first")
            }
            Self::QuotaReached { threshold } => {
                write!(f, "the daily e-mail limit of {threshold} is reached: raise it, or wait for the next day")
            }
            Self::OwnerMailsSpent { limit } => write!(
                f,
                "the daily limit of {limit} mails caused by owners is reached: raise quota.owner_mails, or wait for the next day"
            ),
            Self::TooManyLinks => {
                write!(
                    f,
                    "{OWNER_MAILS_AT_ONCE} links were mailed to the owner today: send the account mail again instead"
                )
            }
            Self::TooManyActs { until } => {
                let until = until.format("%H:%M UTC");
                write!(f, "the owner did this {OWNER_ACTS_PER_HOUR} times within an hour: wait until {until}")
            }
            Self::Superseded => f.write_str("the password was changed or issued again meanwhile"),
        }
    }
}
