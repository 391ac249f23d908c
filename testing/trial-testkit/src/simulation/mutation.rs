//! Deliberate bugs, to check that the simulation finds them.

use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;
use trial_core::access_codes::RestOver;
use trial_core::mails::MailState;
use trial_core::planner::{Effects, Facts};
use trial_core::policy::{SettingKey, SettingValue};
use trial_core::values::CompanyName;
use trial_core::verification::ChallengeState;

use crate::MemoryState;

/// A bug of the planner or of the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// An accepted application is answered and not stored.
    AnswerWithoutStoring,
    /// A failed commit stores tenants and access codes all the same.
    HalfStored,
    /// A commit with an unknown outcome is repeated.
    UnknownDoneAgain,
    /// The day's units are not counted.
    QuotaNotCounted,
    /// The daily limit is not checked.
    ThresholdIgnored,
    /// A code is not consumed.
    CodeNotConsumed,
    /// A code is accepted after its expiry.
    ExpiredCodeTaken,
    /// An access code is assigned to a second tenant.
    AccessCodeGivenTwice,
    /// Access codes are not quarantined when their tenant is closed.
    AccessCodesKept,
    /// The quarantine has no length.
    RestIgnored,
    /// Accepted applications are forgotten.
    ReplayForgotten,
    /// Companies are not checked.
    CompanyNotLookedAt,
    /// Wrong attempts are not counted against the phone.
    TriesNotCounted,
    /// The lock of a phone is not checked.
    LockIgnored,
    /// The times of messages are forgotten.
    SendsForgotten,
    /// A code is replaced before the gateway has accepted the next.
    PreviousCodeForgotten,
    /// Sent codes are not counted against their range.
    PrefixNotCounted,
    /// Used codes are not counted for their range.
    UseNotCounted,
    /// The block of a range is forgotten.
    BlockForgotten,
    /// The mail is not stored.
    MailNotStored,
    /// The audit is not written.
    AuditNotWritten,
    /// The event is not stored.
    EventNotStored,
    /// A mail is settled before it was sent.
    SettledBeforeSent,
    /// The settlement of a sent mail is forgotten.
    SettlementForgotten,
    /// The lease of a mail is not honoured.
    LeaseIgnored,
    /// An instance decides by the clock of its machine.
    OwnClockUsed,
    /// A leap of the clock is not noticed.
    LeapIgnored,
    /// A server that lacks the last acknowledged batch is used.
    LostBatchIgnored,
    /// An instance waits until its log is read.
    LogAwaited,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Self; 29] = [
        Self::AnswerWithoutStoring,
        Self::HalfStored,
        Self::UnknownDoneAgain,
        Self::QuotaNotCounted,
        Self::ThresholdIgnored,
        Self::CodeNotConsumed,
        Self::ExpiredCodeTaken,
        Self::AccessCodeGivenTwice,
        Self::AccessCodesKept,
        Self::RestIgnored,
        Self::ReplayForgotten,
        Self::CompanyNotLookedAt,
        Self::TriesNotCounted,
        Self::LockIgnored,
        Self::SendsForgotten,
        Self::PreviousCodeForgotten,
        Self::PrefixNotCounted,
        Self::UseNotCounted,
        Self::BlockForgotten,
        Self::MailNotStored,
        Self::AuditNotWritten,
        Self::EventNotStored,
        Self::SettledBeforeSent,
        Self::SettlementForgotten,
        Self::LeaseIgnored,
        Self::OwnClockUsed,
        Self::LeapIgnored,
        Self::LostBatchIgnored,
        Self::LogAwaited,
    ];

    /// Changes the facts before the planner sees them.
    pub(super) fn facts(self, facts: &mut Facts) {
        match self {
            Self::ThresholdIgnored => {
                let unbounded = Some(SettingValue::Count(u32::MAX));
                facts.overrides = facts.overrides.with(SettingKey::Threshold, unbounded);
            }
            Self::CompanyNotLookedAt => {
                let nobody = CompanyName::parse("Nobody").expect("a name");
                facts.tenants.iter_mut().for_each(|tenant| tenant.company = nobody.key().clone());
            }
            Self::ReplayForgotten => facts.phones.values_mut().for_each(|phone| phone.accepted.clear()),
            Self::LockIgnored => facts.phones.values_mut().for_each(|phone| phone.failures = 0),
            Self::SendsForgotten => facts.phones.values_mut().for_each(|phone| phone.sends.clear()),
            Self::PreviousCodeForgotten => facts.phones.values_mut().for_each(|phone| phone.previous = None),
            Self::ExpiredCodeTaken => {
                let codes = facts.phones.values_mut().filter_map(|phone| phone.challenge.as_mut());
                codes.for_each(|code| code.expires_at += TimeDelta::hours(1));
            }
            _ => {}
        }
    }

    /// Changes the effects before they are stored, and rows that would prevent it.
    pub(super) fn effects(self, effects: &mut Effects, state: &mut MemoryState) {
        match self {
            Self::AnswerWithoutStoring if !effects.tenants.is_empty() => *effects = Effects::default(),
            Self::QuotaNotCounted => effects.quota_use = None,
            Self::CodeNotConsumed => {
                let codes = effects.challenges.iter_mut().chain(&mut effects.new_challenges);
                codes
                    .filter(|code| code.state == ChallengeState::Consumed)
                    .for_each(|code| code.state = ChallengeState::Open);
            }
            Self::AccessCodeGivenTwice => steal(effects, state),
            Self::AccessCodesKept => effects.moves.clear(),
            Self::TriesNotCounted => {
                for phone in &mut effects.phones {
                    phone.failures = state.phones.get(&phone.phone).map_or(0, |kept| kept.failures);
                }
            }
            Self::PrefixNotCounted => effects.prefix_counts.iter_mut().for_each(|count| count.more.sent = 0),
            Self::UseNotCounted => effects.prefix_counts.iter_mut().for_each(|count| count.more.used = 0),
            Self::BlockForgotten => effects.prefix_blocks.clear(),
            Self::MailNotStored => effects.mails.clear(),
            Self::AuditNotWritten => effects.audit.clear(),
            Self::EventNotStored => effects.events.clear(),
            _ => {}
        }
    }

    /// The effects that a failed commit stores.
    pub(super) fn left_by_failure(self, effects: Effects) -> Option<Effects> {
        let Effects { tenants, leases, .. } = effects;
        (self == Self::HalfStored && !tenants.is_empty()).then(|| Effects { tenants, leases, ..Effects::default() })
    }

    /// The quarantine.
    pub(super) fn rest(self, rest: RestOver) -> RestOver {
        if self == Self::RestIgnored { RestOver { quarantine: Duration::ZERO, ..rest } } else { rest }
    }

    /// Changes mails that were just claimed.
    pub(super) fn claimed(self, state: &mut MemoryState, claimed: impl Iterator<Item = trial_core::values::MailId>) {
        for id in claimed {
            let Some(mail) = state.mails.get_mut(&id) else { continue };
            match self {
                Self::SettledBeforeSent => mail.state = MailState::Sent,
                Self::LeaseIgnored => mail.next_attempt_at = mail.record.created_at,
                _ => {}
            }
        }
    }
}

/// Takes the assigned code from the pool, and assigns the last one a second time in its place.
fn steal(effects: &mut Effects, state: &mut MemoryState) {
    for lease in &mut effects.leases {
        let mut held = state.access_codes.iter_mut().filter(|(_, kept)| kept.kind == lease.kind);
        if let Some((code, kept)) = held.find(|(_, kept)| kept.holder.is_some()) {
            lease.code = code.clone();
            kept.state = trial_core::access_codes::AccessCodeState::Free;
            kept.holder = None;
        }
    }
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AnswerWithoutStoring => "an accepted application is answered and not stored",
            Self::HalfStored => "a commit that fails is stored in part",
            Self::UnknownDoneAgain => "a commit with an unknown outcome is repeated",
            Self::QuotaNotCounted => "the day's units are not counted",
            Self::ThresholdIgnored => "the daily limit is not checked",
            Self::CodeNotConsumed => "a code is not consumed",
            Self::ExpiredCodeTaken => "a code is accepted after its expiry",
            Self::AccessCodeGivenTwice => "an access code is assigned twice",
            Self::AccessCodesKept => "a closed tenant keeps its access codes",
            Self::RestIgnored => "access codes are not quarantined",
            Self::ReplayForgotten => "accepted applications are forgotten",
            Self::CompanyNotLookedAt => "uniqueness by company is not checked",
            Self::TriesNotCounted => "wrong attempts are not counted against the phone",
            Self::LockIgnored => "the lock of a phone is not checked",
            Self::SendsForgotten => "the time of a message is forgotten",
            Self::PreviousCodeForgotten => "a code is replaced before the gateway has accepted the next",
            Self::PrefixNotCounted => "codes are not counted against their number range",
            Self::UseNotCounted => "used codes are not counted for their number range",
            Self::BlockForgotten => "the block of a number range is forgotten",
            Self::MailNotStored => "a mail is not stored",
            Self::AuditNotWritten => "the audit is not written",
            Self::EventNotStored => "an event of the platform is not stored",
            Self::SettledBeforeSent => "a mail is settled before it was sent",
            Self::SettlementForgotten => "the settlement of a mail is forgotten",
            Self::LeaseIgnored => "the lease of a mail is not honoured",
            Self::OwnClockUsed => "an instance decides by the clock of its machine",
            Self::LeapIgnored => "a leap of the clock is not noticed",
            Self::LostBatchIgnored => "a server that lacks acknowledged batches is used",
            Self::LogAwaited => "an instance waits until its log is read",
        })
    }
}
