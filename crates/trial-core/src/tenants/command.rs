//! Commands about a tenant, and their outcomes.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::mails::MailKind;
use crate::portal::{OWNER_ACTS_PER_HOUR, OWNER_MAILS_AT_ONCE, PasswordChange};
use crate::tenants::{SharedField, TenantStatus};
use crate::values::TenantId;

/// The longest extension of a trial by one command.
pub const MAX_EXTENSION: Duration = Duration::from_hours(366 * 24);

/// A command about a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantCommand {
    /// The tenant.
    pub tenant: TenantId,
    /// The kind of command.
    pub order: TenantAction,
    /// The actor: an operator's name, or `trialgate` for scheduled tasks.
    pub actor: String,
}

/// The kinds of command about a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantAction {
    /// Run the steps that are due: suspend the expired trial, close it after the grace period, notify its owner.
    Advance,
    /// Convert it to a commercial tenant, in place.
    Convert,
    /// Extend the trial by this duration, from its end or from now, whichever is later.
    Extend(Duration),
    /// Suspend it.
    Suspend,
    /// Resume it.
    Resume,
    /// Close it, and put its access codes into quarantine.
    Close,
    /// Reopen it, as long as its access codes are in quarantine.
    Reopen,
    /// Send the account again.
    ResendMail,
    /// Send a link by which the owner chooses a new password.
    LostPassword,
    /// Its owner requests its conversion.
    AskConversion,
    /// Its owner withdraws the request for conversion.
    WithdrawConversion,
    /// Its owner chooses a password, which ends every session but the owner's.
    SetPassword(Box<PasswordChange>),
    /// Its owner ends every session.
    SignOutEverywhere,
}

impl TenantAction {
    /// The name of the action in the audit trail.
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

/// The outcome of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantOutcome {
    /// It was done.
    Done(TenantChange),
    /// Nothing was changed.
    Refused(TenantRefusal),
}

/// The change by a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantChange {
    /// The status before.
    pub before: TenantStatus,
    /// The status after.
    pub after: TenantStatus,
    /// The mail that was put into the outbox.
    pub mail: Option<MailKind>,
    /// `true` if a mail has to wait, because too little is left of the daily e-mail limit.
    pub mail_waits: bool,
    /// The end of the trial after.
    pub trial_ends_at: DateTime<Utc>,
}

/// The reason for which a command changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum TenantRefusal {
    /// There is no such tenant.
    Unknown,
    /// Its status does not allow it.
    Status {
        /// The status.
        status: String,
    },
    /// The trial has expired: it has to be extended or converted first.
    TrialOver,
    /// The extension is zero, or longer than [`MAX_EXTENSION`].
    Extension,
    /// Its owner's data were erased.
    Forgotten,
    /// Its access codes left quarantine, or are leased to another tenant.
    AccessCodesGone,
    /// Another tenant of the same customer is in use.
    TenantExists {
        /// The other.
        tenant: TenantId,
        /// The field they share.
        shared: SharedField,
    },
    /// The daily e-mail limit is reached.
    QuotaReached {
        /// The limit.
        threshold: u32,
    },
    /// The mails that owners may cause on a day are sent.
    OwnerMailsSpent {
        /// The daily limit of mails that owners cause.
        limit: u32,
    },
    /// The daily limit of links for its owner is reached.
    TooManyLinks,
    /// The hourly limit of this act of its owner is reached.
    TooManyActs {
        /// The time at which it is allowed again.
        until: DateTime<Utc>,
    },
    /// Another password was set or issued meanwhile.
    Superseded,
}

/// The reason and the remedy, in a sentence for operations.
impl fmt::Display for TenantRefusal {
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
