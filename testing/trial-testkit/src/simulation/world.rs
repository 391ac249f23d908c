//! The shared world of the instances: the ledger, everything outside, and the monitor.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use trial_core::access_codes::RestOver;
use trial_core::applications::ApplyOutcome;
use trial_core::clock_gap::{ClockGap, MAX_CLOCK_GAP};
use trial_core::error::LedgerError;
use trial_core::mails::{DueMail, Lease, MailContent, OutgoingMail, SettledAs, Settlement};
use trial_core::planner::{Batch, Outcome, Plan, Planner};
use trial_core::platform::PlatformEvent;
use trial_core::ports::Clock;
use trial_core::return_codes::ApplyReply;
use trial_core::sms::SmsMessage;
use trial_core::values::{LeaseId, MailId, Phone, RequestId, TenantId};
use trial_core::verification::CodeOutcome;

use super::monitor::Monitor;
use super::mutation::Mutation;
use super::record::Record;
use super::server::{Servers, Stored};
use super::session::Session;
use super::step::{Call, Fate};
use crate::memory::KeptMail;
use crate::{FixedClock, LedgerFault, MemoryLedger, MemoryState};

/// Allowance for the time between two marks.
const SWEPT: Duration = Duration::from_hours(2);

pub(super) struct World {
    pub(super) ledger: MemoryLedger,
    /// The server's clock.
    pub(super) clock: FixedClock,
    /// The time that has really passed.
    pub(super) real: FixedClock,
    mutation: Option<Mutation>,
    planner: Arc<Planner>,
    seen: Mutex<Seen>,
}

/// The past and the scheduled faults.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) monitor: Monitor,
    pub(super) servers: Servers,
    /// Applications that a session answered 000, until operators accept another state.
    pub(super) acknowledged: Vec<(u64, TenantId)>,
    /// Requests that wait for an answer, by session.
    pub(super) open: BTreeMap<u64, u32>,
    faults: BTreeMap<(usize, Call), VecDeque<LedgerFault>>,
    pub(super) sms: VecDeque<Fate>,
    pub(super) mails: VecDeque<Fate>,
    pub(super) events: VecDeque<Fate>,
    /// The codes that reached each phone.
    inboxes: BTreeMap<Phone, Vec<String>>,
    history: DefaultHasher,
    pub(super) answers: u64,
    pub(super) accepted: u64,
    pub(super) record: Record,
}

#[derive(Debug, thiserror::Error)]
#[error("the effects cannot be stored")]
struct Refused;

impl World {
    pub(super) fn new(planner: Arc<Planner>, mutation: Option<Mutation>) -> Self {
        let (clock, real) = (FixedClock::default(), FixedClock::default());
        Self { ledger: MemoryLedger::default(), clock, real, mutation, planner, seen: Mutex::default() }
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no panic in here")
    }

    pub(super) fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    pub(super) fn will_fail(&self, on: usize, call: Call, fault: LedgerFault) {
        self.seen().faults.entry((on, call)).or_default().push_back(fault);
    }

    pub(super) fn fault(&self, on: usize, call: Call) -> LedgerFault {
        let mut seen = self.seen();
        seen.faults.get_mut(&(on, call)).and_then(VecDeque::pop_front).unwrap_or(LedgerFault::None)
    }

    /// Ends all faults.
    pub(super) fn make_peace(&self) {
        let mut seen = self.seen();
        seen.faults.clear();
        seen.sms.clear();
        seen.mails.clear();
        seen.events.clear();
    }

    /// Decides and stores a batch of this session.
    pub(super) fn decide(
        &self,
        batch: &Batch,
        planner: &Planner,
        session: &Session,
    ) -> Result<(Vec<Outcome>, Stored), LedgerError> {
        let formed = session.form(batch, self.real.now());
        let seen = &mut *self.seen();
        self.judge(seen, session)?;
        let decided = self.ledger.change(|state| {
            let own = seen.acknowledged.iter().filter(|(by, _)| *by == session.id);
            let has_all = own.map(|(_, tenant)| tenant).all(|tenant| state.tenants.contains_key(tenant));
            seen.monitor.hold(has_all, "an instance decides only where everything is that it acknowledged");
            let decided = catch_unwind(AssertUnwindSafe(|| self.stored(batch, planner, state.clone())));
            let (outcomes, next) = decided.ok()?;
            let stored = seen.servers.store(mem::replace(state, next), seen.monitor.clone());
            seen.monitor.decided(batch, &outcomes, planner, state, formed);
            Some((outcomes, stored))
        });
        seen.monitor.hold(decided.is_some(), "every decision can be stored");
        seen.note(&decided);
        decided.ok_or_else(|| LedgerError::Corrupt(Box::new(Refused)))
    }

    fn stored(&self, batch: &Batch, planner: &Planner, mut state: MemoryState) -> (Vec<Outcome>, MemoryState) {
        let Plan { outcomes, mut effects } = self.plan(batch, planner, &state);
        if let Some(mutation) = self.mutation {
            mutation.effects(&mut effects, &mut state);
        }
        state.persist(effects);
        (outcomes, state)
    }

    fn plan(&self, batch: &Batch, planner: &Planner, state: &MemoryState) -> Plan {
        let mut facts = state.facts(&planner.fact_keys(batch));
        if let Some(mutation) = self.mutation {
            mutation.facts(&mut facts);
        }
        planner.plan(&facts, batch)
    }

    /// A commit fails before it is done.
    pub(super) fn cut_off(&self, batch: &Batch, planner: &Planner) {
        let Some(mutation) = self.mutation else { return };
        self.ledger.change(|state| {
            let left = mutation.left_by_failure(self.plan(batch, planner, state).effects);
            let mut next = state.clone();
            if left.is_some_and(|left| catch_unwind(AssertUnwindSafe(|| next.persist(left))).is_ok()) {
                *state = next;
            }
        });
    }

    /// The answer to a commit is lost.
    pub(super) fn unknown(
        &self,
        batch: &Batch,
        planner: &Planner,
        session: &Session,
        error: LedgerError,
    ) -> Result<Vec<Outcome>, LedgerError> {
        match self.mutation {
            Some(Mutation::UnknownDoneAgain) => self.decide(batch, planner, session).map(|(outcomes, _)| outcomes),
            _ => Err(error),
        }
    }

    /// Trials end and access codes are freed at this instant, which no leapt clock may show.
    pub(super) fn works_for_good_at(&self, now: DateTime<Utc>) {
        let has_leapt = |since| ClockGap::between(Some(since), now, MAX_CLOCK_GAP + SWEPT).is_some();
        let mut seen = self.seen();
        // An instance may have judged its clock by the server before.
        let judged = |state: &MemoryState| state.clock_mark.is_none_or(|mark| !has_leapt(mark));
        let is_confirmed = self.held_ever(&seen, judged);
        seen.monitor.hold(!has_leapt(self.real.now()), "no leapt clock ends a trial or frees an access code");
        seen.monitor
            .hold(is_confirmed, "after a pause, no trial ends and no access code is freed until it is confirmed");
    }

    /// The server's clock is set; instances notice when they measure it next.
    pub(super) fn set_clock(&self, by: TimeDelta) {
        self.clock.set(self.clock.now() + by);
        self.seen().monitor.errors.push(self.clock.now() - self.real.now());
    }

    /// Time passes. A sweep runs all the while, unless there is no instance, or it waits for a confirmation.
    pub(super) fn pass(&self, time: Duration, is_served: bool) {
        let before = self.clock.now();
        self.clock.advance(time);
        self.real.advance(time);
        self.ledger.change(|state| {
            if is_served && ClockGap::between(state.clock_mark, before, MAX_CLOCK_GAP).is_none() {
                state.clock_mark = state.clock_mark.max(Some(self.clock.now()));
            }
        });
    }

    pub(super) fn rest(&self, rest: RestOver) -> RestOver {
        self.mutation.map_or(rest, |mutation| mutation.rest(rest))
    }

    pub(super) fn claim(&self, lease: Lease, limit: u32) -> Vec<DueMail> {
        let claimed = self.ledger.claim_mails(&lease, limit);
        let ids = || claimed.iter().map(|mail| mail.id);
        if let Some(mutation) = self.mutation {
            self.ledger.change(|state| mutation.claimed(state, ids()));
        }
        let mut seen = self.seen();
        seen.monitor.claimed(&lease, ids());
        seen.note(&claimed);
        claimed
    }

    pub(super) fn renew(&self, leases: &[LeaseId], until: DateTime<Utc>) {
        self.ledger.renew_leases(leases, until);
        let mut seen = self.seen();
        self.ledger.change(|state| {
            let of = |mail: &&KeptMail| mail.lease.is_some_and(|lease| leases.contains(&lease));
            let renewed = state.mails.values().filter(of).map(|mail| (mail.record.id, mail.next_attempt_at));
            seen.monitor.renewed(renewed);
        });
    }

    pub(super) fn settle(&self, mut settlements: Vec<Settlement>) {
        let is_sent = |settlement: &Settlement| matches!(settlement.settled_as, SettledAs::Sent { .. });
        let sent: BTreeSet<MailId> = settlements.iter().filter(|one| is_sent(one)).map(|one| one.mail).collect();
        let mails: Vec<MailId> = settlements.iter().map(|one| one.mail).collect();
        let mut seen = self.seen();
        seen.note(&settlements);
        if self.mutation == Some(Mutation::SettlementForgotten) {
            settlements.retain(|settlement| !is_sent(settlement));
        }
        self.ledger.settle_mails(&settlements);
        self.ledger.change(|state| seen.monitor.settled(&sent, mails.into_iter(), state));
    }

    pub(super) fn fate_of_sms(&self, message: &SmsMessage) -> Option<Fate> {
        let is_right = |state: &MemoryState| {
            let kept = state.code_requests.get(&message.code_request).filter(|kept| kept.record.phone == message.to);
            let challenge = kept.and_then(|kept| match kept.record.outcome {
                CodeOutcome::Send { challenge, .. } => state.challenges.get(&challenge),
                CodeOutcome::Refused(_) => None,
            });
            challenge.is_some_and(|challenge| {
                let code = self.planner.keyring().code(&challenge.key_id, challenge.id, &message.to);
                code.is_ok_and(|code| code.reveal() == message.code.reveal())
            })
        };
        let mut seen = self.seen();
        let right = self.held_ever(&seen, is_right);
        seen.monitor.hold(right, "a message carries the stored code of its phone");
        seen.note(message);
        seen.sms.pop_front()
    }

    pub(super) fn sms_arrives(&self, message: &SmsMessage) {
        self.seen().inboxes.entry(message.to.clone()).or_default().push(message.code.reveal().to_owned());
    }

    /// The code of the phone's message `back` before the last one.
    pub(super) fn code_of(&self, phone: &Phone, back: usize) -> Option<String> {
        self.seen().inboxes.get(phone)?.iter().rev().nth(back).cloned()
    }

    pub(super) fn fate_of_mail(&self, mail: &OutgoingMail) -> Option<Fate> {
        let mut seen = self.seen();
        let right = self.held_ever(&seen, |state| self.is_right(mail, state, &seen.monitor));
        seen.monitor.hold(right, "a mail agrees with the stored state");
        seen.note(mail);
        seen.mails.pop_front()
    }

    fn is_right(&self, mail: &OutgoingMail, state: &MemoryState, monitor: &Monitor) -> bool {
        let Some(kept) = state.mails.get(&mail.id) else { return false };
        let account = match &mail.content {
            MailContent::Account(account) => state.tenants.get(&account.tenant).is_some_and(|tenant| {
                let password = |issue| self.planner.keyring().password(&tenant.key_id, tenant.id, issue);
                let is_given =
                    |issue| password(issue).is_ok_and(|right| right.reveal() == account.initial_password.reveal());
                kept.record.tenant == Some(tenant.id)
                    && monitor.ever_held(&account.voice, tenant.id)
                    && monitor.ever_held(&account.multimedia, tenant.id)
                    && (1..=tenant.password_issue).any(is_given)
            }),
            _ => true,
        };
        account && kept.record.to == mail.to && kept.record.kind == mail.content.kind()
    }

    pub(super) fn mail_arrives(&self, mail: &OutgoingMail) {
        self.seen().monitor.mail_arrived(mail.id);
    }

    pub(super) fn fate_of_event(&self, event: &PlatformEvent) -> Option<Fate> {
        let mut seen = self.seen();
        let kept = self.held_ever(&seen, |state| state.events.iter().any(|kept| kept.view.event == *event));
        seen.monitor.hold(kept, "an event agrees with the stored state");
        seen.note(event);
        seen.events.pop_front()
    }

    pub(super) fn event_arrives(&self, event: &PlatformEvent) {
        self.seen().note(&("told", event.id));
    }

    /// An application was answered by this session.
    pub(super) fn applied(&self, request: &RequestId, reply: ApplyReply, by: u64) {
        let mut seen = self.seen();
        seen.note(&(request, reply));
        seen.answer(by);
        if reply.code == trial_core::return_codes::ApplyCode::Success {
            seen.accepted += 1;
            let tenant = self.ledger.change(|state| accepted(request, state));
            let durable = tenant.is_some() || self.held_ever(&seen, |state| accepted(request, state).is_some());
            seen.monitor.hold(durable, "a 000 that was seen is durable");
            seen.acknowledged.extend(tenant.map(|tenant| (by, tenant)));
        }
    }

    /// Everything acknowledged is there, or the service has stopped because it is not: every instance has looked.
    pub(super) fn has_noticed_loss(&self) {
        let mut seen = self.seen();
        let has_all = self.ledger.change(|state| {
            let mut known = seen.acknowledged.iter().filter(|(by, _)| seen.open.contains_key(by));
            known.all(|(_, tenant)| state.tenants.contains_key(tenant))
        });
        let is_halted = seen.servers.is_halted();
        seen.monitor.hold(has_all || is_halted, "what was acknowledged is there, or its loss was noticed");
    }

    /// Checks every invariant after a step.
    pub(super) fn look(&self) -> Option<String> {
        let mut seen = self.seen();
        let by = self.planner.policy().trial.unique_by;
        self.ledger.change(|state| {
            if let Some(violation) = state.violations(by).first() {
                seen.monitor.hold(false, violation.invariant);
            }
            seen.monitor.mails(state);
        });
        seen.monitor.broken().map(str::to_owned)
    }

    pub(super) fn digest(&self) -> u64 {
        let mut seen = self.seen();
        self.ledger.change(|state| seen.note(&(&state.tenants, &state.mails, &state.applications, &state.audit)));
        seen.history.finish()
    }
}

/// The tenant of an application that was accepted.
fn accepted(request: &RequestId, state: &MemoryState) -> Option<TenantId> {
    let mut records = state.applications.values().filter(|record| record.application.request_id == *request);
    records.find_map(|record| match record.outcome {
        ApplyOutcome::Accepted { tenant } | ApplyOutcome::Replayed { tenant } => {
            state.tenants.contains_key(&tenant).then_some(tenant)
        }
        ApplyOutcome::Refused(_) => None,
    })
}

impl Seen {
    /// A request is sent to a session.
    pub(super) fn ask(&mut self, of: u64) {
        *self.open.entry(of).or_default() += 1;
    }

    /// A session answered a request.
    pub(super) fn answer(&mut self, by: u64) {
        self.answers += 1;
        *self.open.entry(by).or_default() -= 1;
    }

    pub(super) fn note(&mut self, what: &impl Debug) {
        format!("{what:?}").hash(&mut self.history);
    }
}
