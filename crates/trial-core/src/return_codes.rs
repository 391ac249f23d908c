//! The published return codes of each outcome. The order of decision is in [`crate::planner`].

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::applications::{ApplyOutcome, ApplyRefusal};
use crate::values::UnknownName;
use crate::verification::{CodeOutcome, CodeRefusal, SendState};

/// The wait after 005.
const CONFLICT_RETRY: Duration = Duration::from_mins(1);

/// Return codes of `generateverifycode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SendCode {
    /// 200: the code was sent.
    Sent,
    /// 201: a code already exists, send it later.
    TooSoon,
    /// 202: an exception occurred while sending the code.
    Exception,
    /// 204: the SMS could not be sent.
    NotSent,
    /// 205: the e-mails sent today have reached the threshold.
    QuotaReached,
}

/// Return codes of `applyTenant`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApplyCode {
    /// 000: success.
    Success,
    /// 001: the code does not exist or has expired.
    NoCode,
    /// 002: wrong code.
    WrongCode,
    /// 003: an exception occurred while verifying the code.
    Exception,
    /// 004: a tenant in trial or commercial use already exists.
    TenantExists,
    /// 005: resource conflict, try again in 1 minute.
    Conflict,
    /// 006: no voice or multimedia access code left for trial use.
    PoolEmpty,
    /// 205: the e-mails sent today have reached the threshold.
    QuotaReached,
}

/// The answer to a request for a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeReply {
    /// The return code.
    pub code: SendCode,
    /// The time until the next message can be sent, if it is known.
    pub retry_after: Option<Duration>,
}

/// The answer to an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApplyReply {
    /// The return code.
    pub code: ApplyCode,
    /// The time until the next attempt can succeed, if it is known.
    pub retry_after: Option<Duration>,
}

impl SendCode {
    /// Every code, as the contract lists them.
    pub const ALL: [Self; 5] = [Self::Sent, Self::TooSoon, Self::Exception, Self::NotSent, Self::QuotaReached];

    /// The published code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "200",
            Self::TooSoon => "201",
            Self::Exception => "202",
            Self::NotSent => "204",
            Self::QuotaReached => "205",
        }
    }
}

impl ApplyCode {
    /// Every code, as the contract lists them.
    pub const ALL: [Self; 8] = [
        Self::Success,
        Self::NoCode,
        Self::WrongCode,
        Self::Exception,
        Self::TenantExists,
        Self::Conflict,
        Self::PoolEmpty,
        Self::QuotaReached,
    ];

    /// The published code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "000",
            Self::NoCode => "001",
            Self::WrongCode => "002",
            Self::Exception => "003",
            Self::TenantExists => "004",
            Self::Conflict => "005",
            Self::PoolEmpty => "006",
            Self::QuotaReached => "205",
        }
    }
}

impl CodeReply {
    /// 202: nothing is known about the send, or it must not be tried.
    pub const EXCEPTION: Self = Self { code: SendCode::Exception, retry_after: None };
}

impl ApplyReply {
    /// 003: the code cannot be looked up.
    pub const EXCEPTION: Self = Self { code: ApplyCode::Exception, retry_after: None };
    /// 005: the outcome is unknown, or the queue is full; the same application may be sent again.
    pub const CONFLICT: Self = Self { code: ApplyCode::Conflict, retry_after: Some(CONFLICT_RETRY) };
}

impl From<&CodeRefusal> for CodeReply {
    fn from(refusal: &CodeRefusal) -> Self {
        let code = match *refusal {
            CodeRefusal::QuotaReached { .. } => SendCode::QuotaReached,
            CodeRefusal::PhoneLocked { .. } | CodeRefusal::SendsFailed { refused: false, .. } => SendCode::Exception,
            CodeRefusal::TooSoon { .. } | CodeRefusal::HourlyLimit { .. } | CodeRefusal::DailyLimit { .. } => {
                SendCode::TooSoon
            }
            CodeRefusal::SendsFailed { refused: true, .. }
            | CodeRefusal::BudgetSpent { .. }
            | CodeRefusal::PrefixBlocked(_) => SendCode::NotSent,
        };
        Self { code, retry_after: refusal.retry_after() }
    }
}

impl From<SendState> for CodeReply {
    fn from(state: SendState) -> Self {
        let code = match state {
            SendState::Accepted => SendCode::Sent,
            SendState::Refused => SendCode::NotSent,
            SendState::Sending | SendState::Unreached | SendState::Unknown => SendCode::Exception,
        };
        Self { code, retry_after: None }
    }
}

impl From<&CodeOutcome> for CodeReply {
    fn from(outcome: &CodeOutcome) -> Self {
        match outcome {
            CodeOutcome::Send { state, .. } => Self::from(*state),
            CodeOutcome::Refused(refusal) => Self::from(refusal),
        }
    }
}

impl From<&ApplyOutcome> for ApplyReply {
    fn from(outcome: &ApplyOutcome) -> Self {
        let code = match outcome {
            ApplyOutcome::Accepted { .. } | ApplyOutcome::Replayed { .. } => ApplyCode::Success,
            ApplyOutcome::Refused(refusal) => match refusal {
                ApplyRefusal::PhoneLocked { .. } | ApplyRefusal::KeyMissing { .. } => ApplyCode::Exception,
                ApplyRefusal::NoCode { .. } => ApplyCode::NoCode,
                ApplyRefusal::WrongCode { .. } => ApplyCode::WrongCode,
                ApplyRefusal::TenantExists { .. } => ApplyCode::TenantExists,
                ApplyRefusal::PoolEmpty { .. } => ApplyCode::PoolEmpty,
                ApplyRefusal::QuotaReached { .. } => ApplyCode::QuotaReached,
            },
        };
        Self { code, retry_after: None }
    }
}

/// Published codes are printed, stored and serialised by their text.
macro_rules! texts {
    ($($code:ident, $what:literal;)+) => { $(
        impl fmt::Display for $code {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $code {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                let found = Self::ALL.into_iter().find(|code| code.as_str() == text);
                found.ok_or_else(|| UnknownName(text.to_owned(), $what))
            }
        }

        impl Serialize for $code {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    )+ };
}

texts! {
    SendCode, "return code of generateverifycode";
    ApplyCode, "return code of applyTenant";
}
