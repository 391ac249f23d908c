//! The contract's two tables once more, one request at a time and in the simplest form, to compare the planner with. It
//! shares nothing with the planner but the derivation of a code from its id.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use trial_core::applications::Application;
use trial_core::planner::{Batch, FreshIds, Request};
use trial_core::policy::BreakerMode;
use trial_core::values::{CodeRequestId, Keyring, Phone};
use trial_core::verification::{SendReport, SendState};
use trial_testkit::data::keyring;
use trial_testkit::scenario::Scenario;

/// The scenario's policy, repeated in plain numbers.
const CODE_LIVES: TimeDelta = TimeDelta::minutes(5);
const CODE_LIVES_AT_MOST: TimeDelta = TimeDelta::minutes(10);
const WORTH_REPEATING: TimeDelta = TimeDelta::minutes(2);
const INTERVAL: i64 = 60;
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(1);
const TRIES: u32 = 2;
const STRIKES: u32 = 5;
const HOUR: i64 = 3_600;
const SENDS_PER_HOUR: usize = 3;
const DAY: i64 = 86_400;
const SENDS_PER_DAY: usize = 4;
const FAILURES_APART: i64 = 30;
const FAILURES_PER_HOUR: usize = 2;
const MESSAGES_PER_DAY: u32 = 9;
const MESSAGES_PER_COUNTRY: u32 = 2;
const MESSAGES_PER_PREFIX: usize = 8;
/// Codes are judged when none of them can be used any more, in heaps of five minutes each.
const HEAP: i64 = 300;
const CODES_TO_JUDGE: usize = 2;
const BLOCKED_FOR: TimeDelta = TimeDelta::hours(2);

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A code is on its way, with this lifetime.
    Sending(String, DateTime<Utc>),
    /// A return code of `generateverifycode`, with `Retry-After`.
    NoCode(&'static str, Option<i64>),
    /// No answer, as to a gateway's report.
    Noted,
    /// A return code of `applyTenant`, and the number of the customer for 000.
    Applied(&'static str, Option<usize>),
}

#[expect(clippy::struct_excessive_bools, reason = "each is true of a code or not, whatever the others are")]
struct Code {
    phone: Phone,
    digits: String,
    made: DateTime<Utc>,
    dies: DateTime<Utc>,
    wrong: u32,
    used: bool,
    unsent: bool,
    came: bool,
    /// A later code took its place for good.
    replaced: bool,
}

struct Message {
    id: CodeRequestId,
    phone: Phone,
    code: usize,
    at: DateTime<Utc>,
    state: SendState,
}

struct Customer {
    application: Application,
    since: DateTime<Utc>,
}

/// A small model that obeys the contract.
pub(crate) struct Oracle {
    keyring: Keyring,
    codes: Vec<Code>,
    messages: Vec<Message>,
    customers: Vec<Customer>,
    strikes: BTreeMap<Phone, u32>,
    pairs: u32,
    threshold: u32,
    mails: BTreeMap<NaiveDate, u32>,
    budget: BTreeMap<(NaiveDate, u16), u32>,
    breaker: BreakerMode,
    /// The start of the last block of the range.
    blocked: BTreeMap<String, DateTime<Utc>>,
}

impl Oracle {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            keyring: keyring(),
            codes: Vec::new(),
            messages: Vec::new(),
            customers: Vec::new(),
            strikes: BTreeMap::new(),
            pairs: scenario.voice.min(scenario.multimedia),
            threshold: scenario.threshold,
            mails: BTreeMap::new(),
            budget: BTreeMap::new(),
            breaker: scenario.breaker,
            blocked: BTreeMap::new(),
        }
    }

    pub(crate) fn answer(&mut self, batch: &Batch) -> Vec<Answer> {
        let mut answers = Vec::new();
        for (ids, request) in &batch.requests {
            answers.push(match request {
                Request::SendCode(asked) => self.send_code(batch.now, ids, &asked.phone),
                Request::SendReport(report) => self.send_report(batch.now, report),
                Request::Apply(application) => self.apply(batch.now, application),
                Request::Tenant(_) => panic!("the histories of the contract have no orders"),
            });
        }
        answers
    }

    fn send_code(&mut self, now: DateTime<Utc>, ids: &FreshIds, phone: &Phone) -> Answer {
        let today = now.date_naive();
        if self.mails_are_spent(today) {
            return Answer::NoCode("205", None);
        }
        if self.is_locked(phone) {
            return Answer::NoCode("202", None);
        }
        let left = |span, limit| self.until_fewer(now, phone, true, span, limit);
        let failed = |span, limit| self.until_fewer(now, phone, false, span, limit);
        let left = left(INTERVAL, 1).max(left(HOUR, SENDS_PER_HOUR)).max(left(DAY, SENDS_PER_DAY));
        let failed = failed(FAILURES_APART, 1).max(failed(HOUR, FAILURES_PER_HOUR));
        if left > 0 {
            return Answer::NoCode("201", Some(left.max(failed)));
        }
        if failed > 0 {
            return Answer::NoCode(self.last_failure(now, phone), Some(failed));
        }
        let spent: u32 = self.budget.iter().filter(|((day, _), _)| *day == today).map(|(_, sent)| *sent).sum();
        let abroad = self.budget.get(&(today, phone.country_code())).copied().unwrap_or(0);
        if spent >= MESSAGES_PER_DAY || (phone.country_code() != 86 && abroad >= MESSAGES_PER_COUNTRY) {
            return Answer::NoCode("204", None);
        }
        if self.messages_to_prefix(now, phone) >= MESSAGES_PER_PREFIX || self.is_blocked(now, phone) {
            return Answer::NoCode("204", None);
        }
        let code = self.code_to_send(now, ids, phone);
        self.messages.push(Message {
            id: ids.code_request,
            phone: phone.clone(),
            code,
            at: now,
            state: SendState::Sending,
        });
        *self.budget.entry((today, phone.country_code())).or_default() += 1;
        Answer::Sending(self.codes[code].digits.clone(), self.codes[code].dies)
    }

    fn messages_to_prefix(&self, now: DateTime<Utc>, phone: &Phone) -> usize {
        let today = self.messages.iter().filter(|message| {
            prefix(&message.phone) == prefix(phone)
                && message.at.date_naive() == now.date_naive()
                && heap(message.at) <= heap(now + CLOCKS_DIFFER)
        });
        today.filter(|message| message.state.may_arrive()).count()
    }

    /// Returns `true` if the fraud guard refuses; starts a block if one is due.
    fn is_blocked(&mut self, now: DateTime<Utc>, phone: &Phone) -> bool {
        if self.breaker == BreakerMode::Off {
            return false;
        }
        let prefix = prefix(phone);
        let latest = heap(now + CLOCKS_DIFFER);
        let last = self.blocked.get(&prefix).copied().filter(|since| heap(*since) <= latest);
        let holds = last.is_some_and(|since| since <= now + CLOCKS_DIFFER && now < since + BLOCKED_FOR);
        if !holds {
            let judged = self.codes.iter().filter(|code| {
                let made = heap(code.made);
                self::prefix(&code.phone) == prefix
                    && (code.came || !code.unsent)
                    && made > heap(now - TimeDelta::seconds(DAY))
                    && made < heap(now - CODE_LIVES_AT_MOST - CLOCKS_DIFFER)
                    && last.is_none_or(|since| made > heap(since))
            });
            let (sent, came) = judged.fold((0, 0), |(sent, came), code| (sent + 1, came + usize::from(code.came)));
            if sent < CODES_TO_JUDGE || came * 2 >= sent {
                return false;
            }
            self.blocked.insert(prefix, now);
        }
        self.breaker == BreakerMode::On
    }

    fn mails_are_spent(&self, today: NaiveDate) -> bool {
        self.mails.get(&today).copied().unwrap_or(0) >= self.threshold
    }

    fn is_locked(&self, phone: &Phone) -> bool {
        self.strikes.get(phone).copied().unwrap_or(0) >= STRIKES
    }

    fn last_failure(&self, now: DateTime<Utc>, phone: &Phone) -> &'static str {
        let failed = self.messages.iter().filter(|message| {
            message.phone == *phone && !message.state.may_arrive() && message.at <= now + CLOCKS_DIFFER
        });
        let last = failed.map(|message| (message.at, message.state == SendState::Refused)).max();
        if last.is_some_and(|(_, refused)| refused) { "204" } else { "202" }
    }

    /// Waits second by second until fewer than `limit` messages that may have left, or that failed, are within the
    /// window.
    fn until_fewer(&self, now: DateTime<Utc>, phone: &Phone, left: bool, window: i64, limit: usize) -> i64 {
        let counted = |message: &&Message| message.phone == *phone && message.state.may_arrive() == left;
        let recent: Vec<_> = self.messages.iter().filter(counted).map(|message| message.at).collect();
        let recent: Vec<_> = recent
            .into_iter()
            .filter(|at| *at > now - TimeDelta::seconds(window) && *at <= now + CLOCKS_DIFFER)
            .collect();
        let within = |wait: i64| {
            let since = now + TimeDelta::seconds(wait - window);
            recent.iter().filter(|at| (**at).min(now) > since).count()
        };
        (0..=window).find(|wait| within(*wait) < limit).unwrap()
    }

    fn codes_of(&self, phone: &Phone) -> impl DoubleEndedIterator<Item = usize> + use<'_> {
        let phone = phone.clone();
        (0..self.codes.len()).filter(move |code| self.codes[*code].phone == phone)
    }

    fn latest_code(&self, phone: &Phone) -> Option<usize> {
        let mut codes = self.codes_of(phone).rev();
        codes.find(|code| !self.codes[*code].unsent && !self.codes[*code].replaced)
    }

    /// The codes that can be used, the latest first.
    fn living_codes(&self, now: DateTime<Utc>, phone: &Phone) -> Vec<usize> {
        self.codes_of(phone).rev().filter(|code| self.is_alive(*code, now)).collect()
    }

    /// All codes of the phone are replaced but these.
    fn replace_all_but(&mut self, phone: &Phone, kept: &[usize]) {
        let others: Vec<_> = self.codes_of(phone).filter(|code| !kept.contains(code)).collect();
        for code in others {
            self.codes[code].replaced = true;
        }
    }

    fn is_alive(&self, code: usize, now: DateTime<Utc>) -> bool {
        let code = &self.codes[code];
        !code.used
            && !code.unsent
            && !code.replaced
            && code.wrong < TRIES
            && now < code.dies
            && code.made <= now + CLOCKS_DIFFER
    }

    fn code_to_send(&mut self, now: DateTime<Utc>, ids: &FreshIds, phone: &Phone) -> usize {
        if let Some(latest) = self.latest_code(phone).filter(|latest| self.is_alive(*latest, now)) {
            let dies = (now + CODE_LIVES).min(self.codes[latest].made + CODE_LIVES_AT_MOST);
            if dies - now >= WORTH_REPEATING {
                self.codes[latest].dies = dies;
                return latest;
            }
        }
        self.replace_all_but(phone, &self.living_codes(now, phone));
        self.codes.push(Code {
            phone: phone.clone(),
            digits: self.keyring.current_code(ids.challenge, phone).reveal().to_owned(),
            made: now,
            dies: now + CODE_LIVES,
            wrong: 0,
            used: false,
            unsent: false,
            came: false,
            replaced: false,
        });
        self.codes.len() - 1
    }

    fn send_report(&mut self, now: DateTime<Utc>, report: &SendReport) -> Answer {
        let forgotten = now - TimeDelta::seconds(DAY);
        let found = self.messages.iter_mut().find(|message| message.id == report.code_request);
        let Some(message) = found.filter(|message| message.state == SendState::Sending && message.at > forgotten)
        else {
            return Answer::Noted;
        };
        message.state = report.reply.state();
        let (code, day, state) = (message.code, message.at.date_naive(), message.state);
        let is_current = self.codes_of(&report.phone).all(|other| other <= code || self.codes[other].unsent);
        if state == SendState::Accepted && is_current && !self.codes[code].replaced {
            self.replace_all_but(&report.phone, &[code]);
        }
        if state.may_arrive() {
            return Answer::Noted;
        }
        if day == now.date_naive() {
            *self.budget.get_mut(&(day, report.phone.country_code())).unwrap() -= 1;
        }
        let mut carriers = self.messages.iter().filter(|message| message.code == code && message.at > forgotten);
        let arrives = carriers.any(|message| message.state.may_arrive());
        if !arrives && !self.codes[code].replaced && !self.codes[code].used {
            self.codes[code].unsent = true;
        }
        Answer::Noted
    }

    fn apply(&mut self, now: DateTime<Utc>, asked: &Application) -> Answer {
        let is_same = |customer: &Customer| {
            let theirs = &customer.application;
            theirs.phone == asked.phone
                && theirs.code == asked.code
                && theirs.company.as_str() == asked.company.as_str()
                && theirs.email.as_str() == asked.email.as_str()
                && customer.since > now - TimeDelta::seconds(DAY)
        };
        if let Some(number) = self.customers.iter().position(is_same) {
            return Answer::Applied("000", Some(number));
        }
        if self.is_locked(&asked.phone) {
            return Answer::Applied("003", None);
        }
        let living = self.living_codes(now, &asked.phone);
        if living.is_empty() {
            if self.misses_used_codes(now, asked) {
                *self.strikes.entry(asked.phone.clone()).or_default() += 1;
            }
            return Answer::Applied("001", None);
        }
        let is_it =
            |code: &&usize| trial_core::values::SubmittedCode::parse(&self.codes[**code].digits).unwrap() == asked.code;
        let Some(&code) = living.iter().find(is_it) else {
            for code in living {
                self.codes[code].wrong += 1;
            }
            *self.strikes.entry(asked.phone.clone()).or_default() += 1;
            return Answer::Applied("002", None);
        };
        self.codes[code].came = true;
        let shares = |customer: &Customer| {
            let theirs = &customer.application;
            theirs.phone == asked.phone
                || theirs.company.as_str() == asked.company.as_str()
                || theirs.email.as_str() == asked.email.as_str()
        };
        if self.customers.iter().any(shares) {
            return Answer::Applied("004", None);
        }
        if self.pairs == 0 {
            return Answer::Applied("006", None);
        }
        if self.mails_are_spent(now.date_naive()) {
            return Answer::Applied("205", None);
        }
        self.pairs -= 1;
        *self.mails.entry(now.date_naive()).or_default() += 1;
        self.codes[code].used = true;
        self.replace_all_but(&asked.phone, &[code]);
        self.strikes.remove(&asked.phone);
        self.customers.push(Customer { application: asked.clone(), since: now });
        Answer::Applied("000", Some(self.customers.len() - 1))
    }

    /// Returns `true` if none of the phone's codes that were used within a day is this one.
    fn misses_used_codes(&self, now: DateTime<Utc>, asked: &Application) -> bool {
        let of_phone = |customer: &&Customer| customer.application.phone == asked.phone;
        let recent = self.customers.iter().filter(of_phone);
        let recent = recent.filter(|customer| customer.since > now - TimeDelta::seconds(DAY));
        let used: Vec<_> = recent.map(|customer| customer.application.code.clone()).collect();
        !used.is_empty() && !used.contains(&asked.code)
    }
}

/// The number without its last four digits.
fn prefix(phone: &Phone) -> String {
    let text = phone.as_str();
    text[..text.len() - 4].to_owned()
}

fn heap(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(HEAP)
}
