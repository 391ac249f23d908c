//! Limits of the codes that a phone is sent. Sends that may have left and sends that failed have limits of their own,
//! and a refusal names the time at which all of them leave room.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Planner;
use super::world::PhoneView;
use crate::policy::{CLOCK_SKEW, FAILED_SENDS_SPAN};
use crate::verification::{CodeRefusal, PastSend, SendState};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A span, the most messages within it, and the refusal of one more.
type Limit<'a> = (Duration, u32, &'a dyn Fn(Duration) -> CodeRefusal);

impl Planner {
    /// 201 by sends that may have left; 202 or 204 by failed ones alone, as the last of them was answered.
    pub(super) fn sends_are_left(&self, phone: PhoneView<'_>, now: DateTime<Utc>) -> Result<(), CodeRefusal> {
        let limits = &self.policy.limits;
        let counted = phone.sends().iter().filter(|send| is_past(send, now));
        let (left, failed): (Vec<_>, Vec<_>) = counted.partition(|send| send.state.may_arrive());
        let by_span = wait(&failed, FAILED_SENDS_SPAN, limits.failed_sends_per_span, now);
        let failed_wait = by_span.max(wait(&failed, HOUR, limits.failed_sends_per_hour, now));
        let least = failed_wait.unwrap_or_default();
        let too_soon = |retry_after| CodeRefusal::TooSoon { retry_after };
        let hourly = |retry_after| CodeRefusal::HourlyLimit { retry_after };
        let daily = |retry_after| CodeRefusal::DailyLimit { retry_after };
        let limits: [Limit<'_>; 3] = [
            (self.policy.verification.resend_after, 1, &too_soon),
            (HOUR, limits.phone_sends_per_hour, &hourly),
            (DAY, limits.phone_sends_per_day, &daily),
        ];
        let waits = limits.iter().filter_map(|(span, most, refusal)| Some((wait(&left, *span, *most, now)?, refusal)));
        if let Some((wait, refusal)) = waits.max_by_key(|(wait, _)| *wait) {
            return Err(refusal(wait.max(least)));
        }
        let latest = failed.iter().map(|send| (send.at, send.state == SendState::Refused)).max();
        match failed_wait {
            Some(retry_after) => {
                Err(CodeRefusal::SendsFailed { refused: latest.is_some_and(|(_, refused)| refused), retry_after })
            }
            None => Ok(()),
        }
    }

    /// The time until the phone's limits leave room for another message; `None` if they do now.
    pub(super) fn next_send_in(&self, phone: PhoneView<'_>, now: DateTime<Utc>) -> Option<Duration> {
        self.sends_are_left(phone, now).err().and_then(|refusal| refusal.retry_after())
    }
}

/// The time until fewer than `most` of these are within `span`, in whole seconds rounded up; `None` if fewer are.
fn wait(sends: &[&PastSend], span: Duration, most: u32, now: DateTime<Utc>) -> Option<Duration> {
    let newer = usize::try_from(most).unwrap_or(usize::MAX).checked_sub(1);
    let Some(newer) = newer else { return Some(span) };
    let mut within: Vec<_> = sends.iter().map(|send| send.at).filter(|at| *at > now - span).collect();
    within.sort_unstable();
    // The one whose leaving the span makes room.
    let leaves = within.iter().nth_back(newer)?;
    remaining(*leaves, span, now)
}

/// A send in the future means that the clock was set back: its distance means nothing, and a wait for it could take
/// years.
fn is_past(send: &PastSend, now: DateTime<Utc>) -> bool {
    send.at <= now + CLOCK_SKEW
}

/// The rest of `span` since `start`, at most all of it, in whole seconds rounded up; `None` once it has passed.
fn remaining(start: DateTime<Utc>, span: Duration, now: DateTime<Utc>) -> Option<Duration> {
    let end = start.min(now) + span;
    let left = (end - now).max(TimeDelta::zero()).to_std().unwrap_or_default();
    (left > Duration::ZERO).then(|| Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0)))
}
