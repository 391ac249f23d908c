//! Invariants that no single state shows: the memory of decisions, answers, assignments and messages.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use trial_core::access_codes::{AccessCodeState, FreedCode, RestOver};
use trial_core::applications::{Application, ApplyOutcome, ApplyRefusal};
use trial_core::fraud_guard::CountSpan;
use trial_core::mails::{Lease, MailState};
use trial_core::planner::{Batch, Outcome, Planner, Request};
use trial_core::platform::PlatformEventKind;
use trial_core::policy::{CLOCK_SKEW, FAILED_SENDS_SPAN, REPLAY_WINDOW};
use trial_core::quota::MailBudget;
use trial_core::values::{AccessCode, ChallengeId, CodeRequestId, MailId, NumberRange, Phone, TenantId};
use trial_core::verification::{Challenge, ChallengeState, CodeOutcome, CodeToSend, SendReport, SendState};

use super::session::Formed;
use crate::MemoryState;

/// Returns `true` if a code can be used at this instant.
fn lives(code: &Challenge, now: DateTime<Utc>, planner: &Planner) -> bool {
    code.state == ChallengeState::Open
        && code.tries < planner.policy().verification.max_tries
        && now < code.expires_at
        && code.made_at <= now + CLOCK_SKEW
}

/// The largest distance of the clocks of a run; much less than the quarantine.
const SLACK: TimeDelta = TimeDelta::hours(12);

/// The error of a measurement of the server's clock, at most.
const MEASURED: TimeDelta = TimeDelta::seconds(2);

/// The memory of a code.
#[derive(Clone)]
struct Code {
    prefix: NumberRange,
    made_at: DateTime<Utc>,
    unsent: bool,
    came: bool,
}

#[derive(Clone, Default)]
pub(super) struct Monitor {
    accepted: Vec<(DateTime<Utc>, Application, TenantId)>,
    failures: BTreeMap<Phone, u32>,
    resting: BTreeMap<AccessCode, DateTime<Utc>>,
    held: BTreeSet<(AccessCode, TenantId)>,
    expiries: BTreeMap<ChallengeId, DateTime<Utc>>,
    codes: BTreeMap<ChallengeId, Code>,
    /// Codes that each phone can use, or could when the last of them was created.
    in_hand: BTreeMap<Phone, Vec<ChallengeId>>,
    /// The start of a range's block, and the number of requests that met it.
    blocks: BTreeMap<NumberRange, (DateTime<Utc>, u32)>,
    units: BTreeSet<MailId>,
    leases: BTreeMap<MailId, DateTime<Utc>>,
    arrived: BTreeSet<MailId>,
    /// Messages to each phone, with the instant at which each was decided.
    sends: BTreeMap<Phone, Vec<(Formed, CodeRequestId)>>,
    /// The errors that the server's clock has had, besides none.
    pub(super) errors: Vec<TimeDelta>,
    broken: Option<String>,
}

impl Monitor {
    /// Another server took the place of the one that was seen until now. What has left the service stays known.
    pub(super) fn go_on_from(&mut self, former: &mut Self) {
        self.arrived.append(&mut former.arrived.clone());
        self.held.append(&mut former.held.clone());
        self.errors.clone_from(&former.errors);
        self.broken = former.broken.take();
    }

    /// The first broken invariant.
    pub(super) fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    pub(super) fn hold(&mut self, holds: bool, what: &str) {
        if !holds && self.broken.is_none() {
            self.broken = Some(what.to_owned());
        }
    }

    /// Checks a batch that was decided, against the state after it.
    pub(super) fn decided(
        &mut self,
        batch: &Batch,
        outcomes: &[Outcome],
        planner: &Planner,
        state: &MemoryState,
        formed: Formed,
    ) {
        for ((ids, request), outcome) in batch.requests.iter().zip(outcomes) {
            match (request, outcome) {
                (Request::Apply(application), Outcome::Apply(outcome)) => {
                    self.applied(batch.now, application, outcome, planner);
                    self.opened(batch.now, application, outcome, planner, state);
                    let record = state.applications.get(&ids.application);
                    self.came(outcome, record.and_then(|kept| kept.challenge));
                    self.hold(
                        record.is_some_and(|kept| kept.outcome == *outcome),
                        "an application is stored as decided",
                    );
                    if let ApplyOutcome::Accepted { .. } = outcome {
                        let challenge = record.and_then(|kept| kept.challenge).and_then(|id| state.challenges.get(&id));
                        let lives = challenge.is_some_and(|code| {
                            let right = planner.keyring().code(&code.key_id, code.id, &application.phone);
                            self.expiries.get(&code.id).is_some_and(|end| batch.now < *end)
                                && right.is_ok_and(|right| right.matches(&application.code))
                        });
                        self.hold(lives, "an application is accepted by a living code of its phone");
                    }
                }
                (Request::SendCode(asked), Outcome::SendCode(CodeOutcome::Send { .. }, Some(code))) => {
                    self.expiries.insert(code.challenge, code.expires_at);
                    self.sends_are_apart(batch.now, ids.code_request, &asked.phone, planner, state);
                    self.sends_are_really_apart(formed, ids.code_request, &asked.phone, planner, state);
                    self.asked(batch, code, planner);
                    self.in_hand(batch.now, code, planner, state);
                }
                (Request::SendReport(report), _) => {
                    self.spoken_of(report, state);
                    let is_unsent = |code: &Challenge| code.state == ChallengeState::Unsent;
                    if state.challenges.get(&report.challenge).is_some_and(is_unsent)
                        && let Some(code) = self.codes.get_mut(&report.challenge)
                    {
                        code.unsent = true;
                    }
                }
                _ => {}
            }
        }
        self.pool(batch.now, planner, state);
        self.units(state);
        let failures = |phone| state.phones.get(phone).map_or(0, |kept| kept.failures);
        let counted = self.failures.iter().all(|(phone, count)| failures(phone) == *count);
        self.hold(counted, "wrong attempts are counted until an acceptance");
        let of = |tenant| self.accepted.iter().any(|(_, _, accepted)| *accepted == tenant);
        self.hold(state.tenants.keys().all(|tenant| of(*tenant)), "a tenant has an accepted application");
    }

    fn applied(&mut self, now: DateTime<Utc>, application: &Application, outcome: &ApplyOutcome, planner: &Planner) {
        let same = |(at, earlier, _): &&(DateTime<Utc>, Application, TenantId)| {
            *at > now - REPLAY_WINDOW
                && earlier.phone == application.phone
                && earlier.email.key() == application.email.key()
                && earlier.company.key() == application.company.key()
                && earlier.code == application.code
        };
        let earlier = self.accepted.iter().find(same).map(|(.., tenant)| *tenant);
        let replayed = match outcome {
            ApplyOutcome::Replayed { tenant } => Some(*tenant),
            _ => None,
        };
        self.hold(replayed == earlier, "accepted applications, and no others, get the same answer for a day");
        let failures = self.failures.entry(application.phone.clone()).or_insert(0);
        let locked = planner.policy().verification.locks(*failures);
        match outcome {
            ApplyOutcome::Accepted { tenant } => {
                *failures = 0;
                self.accepted.push((now, application.clone(), *tenant));
                self.hold(!locked, "a locked phone is not accepted");
            }
            ApplyOutcome::Refused(ApplyRefusal::WrongCode { .. }) => {
                *failures += 1;
                self.hold(!locked, "codes of a locked phone are not checked");
            }
            ApplyOutcome::Refused(ApplyRefusal::NoCode { .. }) => {
                let of_phone = self.accepted.iter().filter(|(_, earlier, _)| earlier.phone == application.phone);
                let recent = of_phone.filter(|(at, ..)| *at > now - REPLAY_WINDOW);
                let mut used = recent.map(|(_, earlier, _)| &earlier.code).peekable();
                *failures += u32::from(used.peek().is_some() && used.all(|code| *code != application.code));
            }
            _ => {}
        }
    }

    /// A correct code was submitted.
    fn came(&mut self, outcome: &ApplyOutcome, code: Option<ChallengeId>) {
        let is_right = match outcome {
            ApplyOutcome::Accepted { .. } => true,
            ApplyOutcome::Replayed { .. } => false,
            ApplyOutcome::Refused(refusal) => matches!(
                refusal,
                ApplyRefusal::TenantExists { .. } | ApplyRefusal::PoolEmpty { .. } | ApplyRefusal::QuotaReached { .. }
            ),
        };
        if let Some(code) = code.filter(|_| is_right).and_then(|code| self.codes.get_mut(&code)) {
            code.came = true;
        }
    }

    /// A code is sent: the outcome for its range must follow from the remembered codes.
    fn asked(&mut self, batch: &Batch, sent: &CodeToSend, planner: &Planner) {
        let (prefix, now) = (sent.phone.prefix(), batch.now);
        let expected = self.would_block(prefix, now, planner);
        let told = sent.would_block.map(|block| block.met);
        self.hold(told == expected, "a number range is blocked if, and as long as, its codes are not used");
        let code = Code { prefix, made_at: now, unsent: false, came: false };
        self.codes.entry(sent.challenge).or_insert(code);
    }

    /// The ordinal of this request among those that would be refused.
    fn would_block(&mut self, prefix: NumberRange, now: DateTime<Utc>, planner: &Planner) -> Option<u32> {
        let policy = planner.policy();
        let rules = policy.abuse.breaker;
        let span = CountSpan::of;
        let last = self.blocks.get(&prefix).copied().filter(|(since, _)| span(*since) <= span(now + CLOCK_SKEW));
        let holds = |since: DateTime<Utc>| since <= now + CLOCK_SKEW && now < since + rules.block_for;
        if let Some((since, met)) = last.filter(|(since, _)| holds(*since)) {
            self.blocks.insert(prefix, (since, met + 1));
            return Some(met + 1);
        }
        let end = span(now - policy.verification.code_cap - CLOCK_SKEW);
        let judged = self.codes.values().filter(|code| {
            let made = span(code.made_at);
            code.prefix == prefix
                && (code.came || !code.unsent)
                && made > span(now - TimeDelta::hours(24))
                && made < end
                && last.is_none_or(|(since, _)| made > span(since))
        });
        let (sent, came) = judged.fold((0, 0), |(sent, came), code| (sent + 1, came + u32::from(code.came)));
        if sent < rules.min_sends || came * 100 >= sent * rules.min_conversion {
            return None;
        }
        self.blocks.insert(prefix, (now, 1));
        Some(1)
    }

    fn sends_are_apart(
        &mut self,
        now: DateTime<Utc>,
        id: CodeRequestId,
        phone: &Phone,
        planner: &Planner,
        state: &MemoryState,
    ) {
        let policy = planner.policy();
        let others = state.code_requests.values().map(|kept| &kept.record);
        let sends = others.filter_map(|other| match other.outcome {
            CodeOutcome::Send { state, .. } if other.phone == *phone && other.id != id && other.at <= now => {
                Some((other.at, state))
            }
            _ => None,
        });
        let sends: Vec<_> = sends.collect();
        let within = |span, left| {
            let counted = sends.iter().filter(|(at, state)| *at > now - span && state.may_arrive() == left);
            u32::try_from(counted.count()).expect("fits")
        };
        let (limits, hour) = (&policy.limits, Duration::from_hours(1));
        self.hold(within(policy.verification.resend_after, true) == 0, "messages to a phone keep their interval");
        self.hold(
            within(hour, true) < limits.phone_sends_per_hour,
            "a phone gets no more messages in an hour than its limit",
        );
        let few = within(FAILED_SENDS_SPAN, false) < limits.failed_sends_per_span;
        self.hold(few && within(hour, false) < limits.failed_sends_per_hour, "failed messages to a phone are limited");
    }

    /// By the time that has really passed, unless two instances had read the server's clock before and after it was set.
    fn sends_are_really_apart(
        &mut self,
        formed: Formed,
        id: CodeRequestId,
        phone: &Phone,
        planner: &Planner,
        state: &MemoryState,
    ) {
        let sends = self.sends.entry(phone.clone()).or_default();
        let may_arrive = |id| match state.code_requests.get(id).map(|kept| &kept.record.outcome) {
            Some(CodeOutcome::Send { state, .. }) => state.may_arrive(),
            _ => false,
        };
        let apart = TimeDelta::from_std(planner.policy().verification.resend_after).expect("fits");
        let is_same = |one: TimeDelta, other: TimeDelta| (one - other).abs() <= MEASURED;
        let is_servers = |error| [TimeDelta::zero()].iter().chain(&self.errors).any(|known| is_same(*known, error));
        let is_apart = sends.iter().all(|(earlier, other)| {
            let was_set =
                !is_same(earlier.error, formed.error) && is_servers(earlier.error) && is_servers(formed.error);
            was_set || formed.real - earlier.real + MEASURED >= apart || !may_arrive(other)
        });
        sends.push((formed, id));
        self.hold(is_apart, "no clock of an instance shortens the interval of messages to a phone");
    }

    /// A new code joins those that live.
    fn in_hand(&mut self, now: DateTime<Utc>, sent: &CodeToSend, planner: &Planner, state: &MemoryState) {
        let codes = self.in_hand.entry(sent.phone.clone()).or_default();
        if !codes.contains(&sent.challenge) {
            codes.retain(|code| lives(&state.challenges[code], now, planner));
            codes.push(sent.challenge);
        }
    }

    /// A gateway reported on a code: one that it accepted replaces those before it.
    fn spoken_of(&mut self, report: &SendReport, state: &MemoryState) {
        let codes = self.in_hand.entry(report.phone.clone()).or_default();
        codes.retain(|code| state.challenges[code].state != ChallengeState::Unsent);
        if report.reply.state() == SendState::Accepted && codes.last() == Some(&report.challenge) {
            codes.retain(|code| *code == report.challenge);
        }
    }

    /// A living code is accepted, until an acceptance or the gateway's acceptance of another.
    fn opened(
        &mut self,
        now: DateTime<Utc>,
        asked: &Application,
        outcome: &ApplyOutcome,
        planner: &Planner,
        state: &MemoryState,
    ) {
        let codes = self.in_hand.entry(asked.phone.clone()).or_default();
        if matches!(outcome, ApplyOutcome::Accepted { .. }) {
            codes.clear();
        }
        let is_it = |code: &Challenge| {
            let right = planner.keyring().code(&code.key_id, code.id, &code.phone);
            right.is_ok_and(|right| right.matches(&asked.code)) && lives(code, now, planner)
        };
        let is_good = codes.iter().any(|code| is_it(&state.challenges[code]));
        let is_turned_away =
            matches!(outcome, ApplyOutcome::Refused(ApplyRefusal::NoCode { .. } | ApplyRefusal::WrongCode { .. }));
        self.hold(!(is_good && is_turned_away), "a code is valid until the gateway has accepted the next");
    }

    /// Access codes are quarantined between two tenants.
    fn pool(&mut self, now: DateTime<Utc>, planner: &Planner, state: &MemoryState) {
        for (code, kept) in &state.access_codes {
            if kept.state == AccessCodeState::Quarantined {
                self.resting.insert(code.clone(), kept.since);
            }
            let Some(holder) = kept.holder else { continue };
            if self.held.insert((code.clone(), holder)) {
                let rested = self.resting.remove(code);
                let end = rested.map(|since| since + planner.policy().trial.quarantine);
                self.hold(
                    end.is_none_or(|end| now + SLACK >= end),
                    "an access code is quarantined before it is assigned again",
                );
            }
        }
    }

    /// Access codes are free again.
    pub(super) fn freed(&mut self, rest: &RestOver, freed: &[FreedCode]) {
        let mut since = freed.iter().filter_map(|code| self.resting.get(&code.code));
        let rested = since.all(|since| *since + rest.quarantine <= rest.now);
        self.hold(rested, "an access code is quarantined before it is free");
    }

    fn units(&mut self, state: &MemoryState) {
        for mail in state.mails.values() {
            let Some(unit) = mail.record.quota.filter(|_| self.units.insert(mail.record.id)) else { continue };
            let threshold = state.threshold().unwrap_or(super::FIRST_THRESHOLD);
            let in_force = match unit.budget {
                MailBudget::Threshold => threshold,
                MailBudget::Owners => threshold.div_ceil(20),
            };
            self.hold(unit.unit <= in_force, "no unit exceeds the limit in force when it was taken");
        }
        let started = |tenant| {
            let mut events = state.events.iter().map(|kept| &kept.view.event);
            events.any(|event| event.tenant == tenant && event.kind == PlatformEventKind::TrialStarted)
        };
        let told = state.tenants.keys().all(|tenant| started(*tenant));
        self.hold(told, "every tenant has its event");
    }

    pub(super) fn unlocked(&mut self, phone: &Phone) {
        self.failures.insert(phone.clone(), 0);
    }

    /// Mails are about to be claimed.
    pub(super) fn claimed(&mut self, lease: &Lease, mails: impl Iterator<Item = MailId>) {
        for mail in mails {
            let until = self.leases.insert(mail, lease.until);
            let others = until.is_some_and(|until| until > lease.now && until <= lease.horizon);
            self.hold(!others, "a claimed mail is claimed by no other while the lease holds");
        }
    }

    /// Leases hold longer.
    pub(super) fn renewed(&mut self, mails: impl Iterator<Item = (MailId, DateTime<Utc>)>) {
        self.leases.extend(mails);
    }

    /// Mails were settled: their leases end.
    pub(super) fn settled(
        &mut self,
        sent: &BTreeSet<MailId>,
        mails: impl Iterator<Item = MailId>,
        state: &MemoryState,
    ) {
        mails.for_each(|mail| {
            self.leases.remove(&mail);
        });
        // A mail that this server never had is not settled by it.
        let kept = |mail: &MailId| state.mails.get(mail).is_none_or(|kept| kept.state == MailState::Sent);
        self.hold(sent.iter().all(kept), "a mail that was settled as sent is sent");
    }

    pub(super) fn mail_arrived(&mut self, mail: MailId) {
        self.arrived.insert(mail);
    }

    pub(super) fn ever_held(&self, code: &AccessCode, tenant: TenantId) -> bool {
        self.held.contains(&(code.clone(), tenant))
    }

    /// No mail counts as sent that did not arrive.
    pub(super) fn mails(&mut self, state: &MemoryState) {
        let mut sent = state.mails.values().filter(|mail| mail.state == MailState::Sent);
        let arrived = sent.all(|mail| self.arrived.contains(&mail.record.id));
        self.hold(arrived, "a mail is sent if it arrived");
    }
}
