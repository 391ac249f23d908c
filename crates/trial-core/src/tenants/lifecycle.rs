//! The lifecycle of a tenant: reminders, suspension, closing, and the effect of each command.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::mails::MailKind;
use crate::policy::TrialPolicy;
use crate::portal::PasswordChange;
use crate::privacy::ERASED_EMAIL;
use crate::tenants::{MAX_EXTENSION, Tenant, TenantAction, TenantRefusal, TenantStatus};
use crate::values::TenantId;

/// The age at which a notice that waits for the daily e-mail limit is dropped.
pub const NOTICE_KEEPS: Duration = Duration::from_hours(7 * 24);
/// The wait between two attempts of a notice that the daily e-mail limit holds back: each is a decision.
pub const NOTICE_WAITS: Duration = Duration::from_hours(1);
/// The least validity left of an initial password that is sent again; below it, a new one is created.
pub const MIN_PASSWORD_LIFE_LEFT: Duration = Duration::from_hours(24);

/// A tenant whose next step is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueTenant {
    /// The due time.
    pub since: DateTime<Utc>,
    /// The tenant.
    pub tenant: TenantId,
}

/// A notice that the owner of a tenant has to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// The kind of mail.
    pub kind: MailKind,
    /// The time of the event.
    pub since: DateTime<Utc>,
}

impl Tenant {
    /// Returns `true` if it is suspended because the trial expired.
    fn ended(&self) -> bool {
        self.suspended_at.is_some_and(|suspended| suspended >= self.trial_ends_at)
    }

    /// Returns `true` if the owner's data were erased.
    fn is_forgotten(&self) -> bool {
        self.email.as_str() == ERASED_EMAIL
    }

    /// The notice that the owner has not got yet.
    pub fn owed_notice(&self, policy: &TrialPolicy, now: DateTime<Utc>) -> Option<Notice> {
        self.notices(policy).into_iter().rfind(|notice| notice.since > self.told_until && notice.since <= now)
    }

    /// All notices of this status, in the order of time.
    fn notices(&self, policy: &TrialPolicy) -> Vec<Notice> {
        let at = |kind| move |since| Notice { kind, since };
        match self.status {
            _ if self.is_forgotten() => Vec::new(),
            TenantStatus::Trial => {
                let mut reminders: Vec<Notice> = policy
                    .reminders
                    .iter()
                    .map(|before| at(MailKind::Reminder)(self.trial_ends_at - *before))
                    .filter(|notice| notice.since > self.created_at)
                    .collect();
                reminders.sort_unstable_by_key(|notice| notice.since);
                reminders
            }
            TenantStatus::Suspended => self.suspended_at.map(at(MailKind::Suspended)).into_iter().collect(),
            TenantStatus::Closed => self.closed_at.map(at(MailKind::Closed)).into_iter().collect(),
            TenantStatus::Commercial => Vec::new(),
        }
    }

    /// Returns `true` if a reminder of the trial's end was due at this time or before.
    pub(crate) fn is_reminded_by(&self, policy: &TrialPolicy, at: DateTime<Utc>) -> bool {
        self.notices(policy).iter().any(|notice| notice.kind == MailKind::Reminder && notice.since <= at)
    }

    /// The time of the next scheduled step: a notice, the end of the trial, the end of the grace period.
    pub(crate) fn next_step(&self, policy: &TrialPolicy) -> Option<DateTime<Utc>> {
        let notice = self.notices(policy).into_iter().map(|notice| notice.since).find(|since| *since > self.told_until);
        [notice, self.next_status()].into_iter().flatten().min()
    }

    /// The time of the next notice or change of status after `now`.
    pub(crate) fn next_step_after(&self, policy: &TrialPolicy, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let seen = Self { told_until: self.told_until.max(now), ..self.clone() };
        seen.next_step(policy)
    }

    /// The next attempt for a tenant whose notice was held back at `now`; a change of its status is not held back.
    pub(crate) fn next_look(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let later = now + NOTICE_WAITS;
        self.next_status().map_or(later, |next| next.min(later))
    }

    /// The end of the trial or of the grace period.
    fn next_status(&self) -> Option<DateTime<Utc>> {
        match self.status {
            TenantStatus::Trial => Some(self.trial_ends_at),
            TenantStatus::Suspended => self.closes_at,
            TenantStatus::Commercial | TenantStatus::Closed => None,
        }
    }

    /// The tenant after the steps that are due: an expired trial is suspended, and closed after the grace period.
    pub(crate) fn aged(&self, policy: &TrialPolicy, now: DateTime<Utc>) -> Self {
        match self.status {
            // A late sweep does not shorten the grace period.
            TenantStatus::Trial if now >= self.trial_ends_at => {
                self.with(TenantStatus::Suspended, |tenant| tenant.suspend(policy, now))
            }
            TenantStatus::Suspended if self.closes_at.is_some_and(|closes| now >= closes) => {
                self.with(TenantStatus::Closed, |tenant| tenant.close(now))
            }
            _ => self.clone(),
        }
    }

    /// The tenant after a command, by its own state alone.
    pub(crate) fn ordered(
        &self,
        order: &TenantAction,
        policy: &TrialPolicy,
        now: DateTime<Utc>,
    ) -> Result<Self, TenantRefusal> {
        use TenantStatus::{Closed, Commercial, Suspended, Trial};
        let is_converted = self.converted_at.is_some();
        let changed = match (order, self.status) {
            (TenantAction::Advance, _) => return Ok(self.aged(policy, now)),
            (TenantAction::Convert, Trial | Suspended) if !is_converted => self.with(Commercial, |tenant| {
                tenant.converted_at = Some(now);
                tenant.conversion_asked_at = None;
                tenant.recover();
            }),
            (TenantAction::Extend(by), Trial | Suspended) if !is_converted => return self.extended(*by, policy, now),
            (TenantAction::Suspend, Trial | Commercial) => self.with(Suspended, |tenant| tenant.suspend(policy, now)),
            (TenantAction::Resume, Suspended) if is_converted => self.with(Commercial, Self::recover),
            (TenantAction::Resume, Suspended) if now < self.trial_ends_at => self.with(Trial, Self::recover),
            (TenantAction::Resume, Suspended) => return Err(TenantRefusal::TrialOver),
            (TenantAction::Close, Trial | Suspended | Commercial) => self.with(Closed, |tenant| tenant.close(now)),
            (TenantAction::Reopen, Closed) if self.is_forgotten() => return Err(TenantRefusal::Forgotten),
            (TenantAction::Reopen, Closed) => self.reopened(policy, now),
            (TenantAction::ResendMail, Trial | Commercial) => return Ok(self.with_valid_password(now)),
            (TenantAction::LostPassword | TenantAction::SignOutEverywhere, Trial | Commercial) => {
                return Ok(self.clone());
            }
            (TenantAction::SetPassword(change), Trial | Commercial) => return self.with_password(change),
            // A repeated request keeps the time of the first.
            (TenantAction::AskConversion, Trial) => {
                let asked = self.conversion_asked_at.or(Some(now));
                return Ok(Self { conversion_asked_at: asked, ..self.clone() });
            }
            (TenantAction::WithdrawConversion, _) => return Ok(Self { conversion_asked_at: None, ..self.clone() }),
            _ => return Err(TenantRefusal::Status { status: self.status.to_string() }),
        };
        // The operator knows; the owner is notified of a suspension and of the end alone.
        Ok(match changed.status {
            Suspended | Closed => changed,
            Trial | Commercial => Self { told_until: now, ..changed },
        })
    }

    fn with(&self, status: TenantStatus, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = Self { status, ..self.clone() };
        change(&mut changed);
        changed
    }

    fn suspend(&mut self, policy: &TrialPolicy, now: DateTime<Utc>) {
        self.suspended_at = Some(now);
        self.closes_at = self.converted_at.is_none().then(|| self.trial_ends_at.max(now) + policy.grace);
    }

    fn recover(&mut self) {
        self.suspended_at = None;
        self.closes_at = None;
        self.closed_at = None;
    }

    fn close(&mut self, now: DateTime<Utc>) {
        self.recover();
        self.conversion_asked_at = None;
        self.closed_at = Some(now);
    }

    /// An expired trial is a trial again; one that an operator suspended stays suspended.
    fn extended(&self, by: Duration, policy: &TrialPolicy, now: DateTime<Utc>) -> Result<Self, TenantRefusal> {
        if by.is_zero() || by > MAX_EXTENSION {
            return Err(TenantRefusal::Extension);
        }
        let mut extended = Self { told_until: now, ..self.clone() };
        extended.trial_ends_at = self.trial_ends_at.max(now) + by;
        if self.ended() {
            extended.status = TenantStatus::Trial;
            extended.recover();
        } else if self.status == TenantStatus::Suspended {
            extended.closes_at = Some(extended.trial_ends_at + policy.grace);
        }
        Ok(extended)
    }

    /// An expired trial gets a new grace period.
    fn reopened(&self, policy: &TrialPolicy, now: DateTime<Utc>) -> Self {
        if self.converted_at.is_some() {
            self.with(TenantStatus::Commercial, Self::recover)
        } else if now < self.trial_ends_at {
            self.with(TenantStatus::Trial, Self::recover)
        } else {
            self.with(TenantStatus::Suspended, |tenant| {
                tenant.recover();
                tenant.suspend(policy, now);
                tenant.told_until = now;
            })
        }
    }

    fn with_password(&self, change: &PasswordChange) -> Result<Self, TenantRefusal> {
        if self.password_issue != change.own.replaces() {
            return Err(TenantRefusal::Superseded);
        }
        let password_issued_at = change.own.initial_issued_at();
        Ok(Self { password_issue: change.own.issue, password_issued_at, ..self.clone() })
    }

    fn with_valid_password(&self, now: DateTime<Utc>) -> Self {
        let mut tenant = self.clone();
        if self.password_valid_until() < now + MIN_PASSWORD_LIFE_LEFT {
            tenant.password_issue += 1;
            tenant.password_issued_at = now;
        }
        tenant
    }
}
