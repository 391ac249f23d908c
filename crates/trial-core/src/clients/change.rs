//! The changes that operations make to an API client.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};

use super::{Caller, MAX_CALLER_RATE, Scope, SealedSecret};

/// A change to an API client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallerChange {
    /// Blocks it until it is resumed.
    Suspend,
    /// Resumes it.
    Resume,
    /// Gives it a second secret; both sign.
    Rotate(SealedSecret),
    /// Removes the older of two secrets.
    RetireSecret,
    /// Changes its limits.
    Set(CallerLimits),
    /// Removes it for good.
    Remove,
    /// Re-encrypts its secrets with another key; the secrets themselves stay.
    Reseal {
        /// The encrypted secrets that are replaced, so that a rotation in between is not undone.
        before: Vec<SealedSecret>,
        /// The secrets that replace them, in the same order.
        after: Vec<SealedSecret>,
    },
}

/// Changes to the scopes and the rate of an API client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallerLimits {
    /// The new scopes; `None` leaves them as they are.
    pub scopes: Option<BTreeSet<Scope>>,
    /// Requests a minute from now on, 0 for no limit; `None` leaves that as it is.
    pub rate: Option<u32>,
}

/// The outcome of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallerChanged {
    /// The API client after the change.
    Done(Box<Caller>),
    /// Nothing was changed.
    Refused(CallerRefusal),
}

/// The reason for which nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerRefusal {
    /// No API client that is not removed has this name.
    Unknown,
    /// It is suspended already.
    Suspended,
    /// It is not suspended.
    Active,
    /// It has two secrets already.
    TwoSecrets,
    /// It has one secret alone.
    OneSecret,
    /// Its secrets are other ones by now.
    Overtaken,
    /// It would have no scope.
    NoScope,
    /// The rate exceeds [`MAX_CALLER_RATE`].
    Rate,
}

impl CallerChange {
    /// The name of the change in the audit trail.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Suspend => "caller.suspend",
            Self::Resume => "caller.resume",
            Self::Rotate(_) => "caller.rotate",
            Self::RetireSecret => "caller.retire_secret",
            Self::Set(_) => "caller.set",
            Self::Remove => "caller.remove",
            Self::Reseal { .. } => "caller.reseal",
        }
    }

    /// The text of the change in the audit trail. Nothing in it is secret.
    pub fn detail(&self, before: &Caller, after: &Caller) -> String {
        let sealed_by =
            |caller: &Caller| caller.secrets().map(|secret| secret.key_id.as_str()).collect::<Vec<_>>().join(", ");
        let limits = |caller: &Caller| format!("scopes {}, {} requests a minute", caller.scope_names(), caller.rate);
        match self {
            Self::Suspend | Self::Resume | Self::Remove => {
                format!("before {}; after {}", before.status(), after.status())
            }
            Self::Rotate(_) | Self::RetireSecret => {
                format!("before {} of 2 secrets; after {}", before.secrets().count(), after.secrets().count())
            }
            Self::Set(_) => format!("before {}; after {}", limits(before), limits(after)),
            Self::Reseal { .. } => {
                format!("before encrypted with {}; after with {}", sealed_by(before), sealed_by(after))
            }
        }
    }
}

impl Caller {
    /// The API client after a change.
    ///
    /// # Errors
    /// [`CallerRefusal`] if the state of the API client does not allow the change.
    pub fn changed(&self, change: &CallerChange, now: DateTime<Utc>) -> Result<Self, CallerRefusal> {
        if self.removed_at.is_some() {
            return Err(CallerRefusal::Unknown);
        }
        let mut changed = self.clone();
        match change {
            CallerChange::Suspend if self.suspended_at.is_some() => return Err(CallerRefusal::Suspended),
            CallerChange::Suspend => changed.suspended_at = Some(now),
            CallerChange::Resume if self.suspended_at.is_none() => return Err(CallerRefusal::Active),
            CallerChange::Resume => changed.suspended_at = None,
            CallerChange::Rotate(_) if self.next_secret.is_some() => return Err(CallerRefusal::TwoSecrets),
            CallerChange::Rotate(secret) => changed.next_secret = Some(secret.clone()),
            CallerChange::RetireSecret => {
                changed.secret = changed.next_secret.take().ok_or(CallerRefusal::OneSecret)?;
            }
            CallerChange::Set(CallerLimits { scopes: Some(scopes), .. }) if scopes.is_empty() => {
                return Err(CallerRefusal::NoScope);
            }
            CallerChange::Set(CallerLimits { rate: Some(rate), .. }) if *rate > MAX_CALLER_RATE => {
                return Err(CallerRefusal::Rate);
            }
            CallerChange::Set(CallerLimits { scopes, rate }) => {
                changed.scopes = scopes.clone().unwrap_or(changed.scopes);
                changed.rate = rate.unwrap_or(changed.rate);
            }
            CallerChange::Remove => changed.removed_at = Some(now),
            CallerChange::Reseal { before, after } => {
                if !self.secrets().eq(before) || before.len() != after.len() {
                    return Err(CallerRefusal::Overtaken);
                }
                let mut after = after.iter().cloned();
                changed.secret = after.next().ok_or(CallerRefusal::Overtaken)?;
                changed.next_secret = after.next();
            }
        }
        Ok(changed)
    }
}

/// The reason and the remedy.
impl fmt::Display for CallerRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rate => return write!(f, "the rate must be from 0 to {MAX_CALLER_RATE} requests per minute"),
            Self::Unknown => "there is no such API client; `trialgate callers list` shows all",
            Self::Suspended => "the API client is suspended already",
            Self::Active => "the API client is not suspended",
            Self::TwoSecrets => "the API client has two secrets already; retire the older one first",
            Self::OneSecret => "the API client has only one secret; rotate it first, or remove the client",
            Self::Overtaken => "the secrets of the API client were changed meanwhile; try again",
            Self::NoScope => "an API client without a scope cannot send requests; suspend it instead",
        })
    }
}
