//! The planner as a model of linearizable histories.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use trial_core::applications::{Application, ApplyOutcome};
use trial_core::planner::{Batch, FreshIds, Outcome, Planner, Request};
use trial_core::ports::Clock;
use trial_core::return_codes::{ApplyCode, ApplyReply, CodeReply, SendCode};
use trial_core::values::{Locale, Phone};
use trial_core::verification::{CodeOutcome, CodeRequest, SendState};

use super::Model;
use crate::{FixedClock, MemoryLedger, MemoryState, SeededEntropy, data};

/// The planner over the ledger in memory, one request at a time. Everything happens at one instant, so it explains
/// histories that are shorter than every duration in the policy.
pub struct PlannerModel {
    planner: Arc<Planner>,
    start: MemoryState,
}

/// The questions of applicants and operators, by the numbers of [`crate::data`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// A request for a code.
    Code {
        /// The phone.
        phone: u32,
    },
    /// An application.
    Trial {
        /// The phone.
        phone: u32,
        /// The company.
        company: u32,
        /// The mailbox.
        email: u32,
        /// `true` if the code is the one sent to the phone.
        is_right: bool,
    },
    /// A change of the daily e-mail limit.
    Threshold(u32),
    /// A query of the phones of all tenants.
    Tenants,
}

/// The answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To a request for a code.
    Code(SendCode),
    /// To an application.
    Trial(ApplyCode),
    /// The limit is set.
    Set,
    /// The phones of the tenants.
    Tenants(BTreeSet<Phone>),
}

impl Answer {
    /// Returns `true` if it gives the outcome of the request: an exception or a conflict may hide that it was done.
    pub fn is_definite(&self) -> bool {
        !matches!(self, Self::Code(SendCode::Exception) | Self::Trial(ApplyCode::Exception | ApplyCode::Conflict))
    }
}

impl PlannerModel {
    /// A model that starts in this state.
    pub fn new(planner: Arc<Planner>, start: MemoryState) -> Self {
        Self { planner, start: without_the_past(start) }
    }

    /// The answer of the planner, and the state after it.
    fn decided(&self, state: &MemoryState, place: usize, request: Request) -> (Answer, MemoryState) {
        let now = now();
        let ids = FreshIds::new(now, &SeededEntropy::new(u64::try_from(place).expect("fits")).draw());
        let ledger = MemoryLedger::from(state.clone());
        let batch = Batch { now, requests: vec![(ids, request)] };
        let answer = match ledger.decide(&batch, &self.planner).swap_remove(0) {
            Outcome::Apply(outcome) => Answer::Trial(ApplyReply::from(&outcome).code),
            Outcome::SendCode(CodeOutcome::Refused(refusal), _) => Answer::Code(CodeReply::from(&refusal).code),
            // The gateway accepts every message in these histories.
            Outcome::SendCode(..) => Answer::Code(CodeReply::from(SendState::Accepted).code),
            Outcome::SendReport | Outcome::Tenant(_) => unreachable!("neither is asked"),
        };
        (answer, without_the_past(ledger.state()))
    }

    fn application(&self, state: &MemoryState, phone: u32, company: u32, email: u32, is_right: bool) -> Request {
        let phone = data::phone(phone);
        let challenge = state.phones.get(&phone).and_then(|kept| kept.challenge).filter(|_| is_right);
        let code = challenge.map(|id| {
            let code = self.planner.keyring().code(&state.challenges[&id].key_id, id, &phone);
            code.expect("its key is there").reveal().to_owned()
        });
        Request::Apply(Application {
            request_id: data::request_id("model"),
            company: data::company(company),
            code: data::typed(code.as_deref().unwrap_or("wrong")),
            email: data::email(email),
            locale: Locale::En,
            phone,
            agreed: None,
        })
    }
}

impl Model for PlannerModel {
    type State = Arc<MemoryState>;
    type Question = Question;
    type Answer = Answer;

    fn start(&self) -> Self::State {
        Arc::new(self.start.clone())
    }

    fn answer(&self, state: &Self::State, place: usize, question: &Question) -> (Answer, Self::State) {
        let (answer, after) = match *question {
            Question::Code { phone } => {
                let request_id = data::request_id("model");
                let asked = CodeRequest { request_id, phone: data::phone(phone), locale: Locale::En };
                self.decided(state, place, Request::SendCode(asked))
            }
            Question::Trial { phone, company, email, is_right } => {
                self.decided(state, place, self.application(state, phone, company, email, is_right))
            }
            Question::Threshold(threshold) => {
                let mut state = MemoryState::clone(state);
                state.set_threshold(threshold);
                (Answer::Set, state)
            }
            Question::Tenants => {
                let phones = state.tenants.values().map(|tenant| tenant.phone.clone());
                return (Answer::Tenants(phones.collect()), Arc::clone(state));
            }
        };
        (answer, Arc::new(after))
    }

    fn digest(&self, state: &Self::State) -> u64 {
        let MemoryState { phones, challenges, code_requests, tenants, access_codes, applications, .. } = &**state;
        // Ids identify changes and their authors.
        let codes = all(challenges.iter().map(|(id, challenge)| (id, challenge.tries, challenge.state)));
        let done = (all(code_requests.keys()), all(applications.keys()), all(tenants.keys()));
        let held = all(access_codes.values().map(|code| code.holder));
        let failures = all(phones.values().map(|phone| phone.failures));
        let mut hasher = DefaultHasher::new();
        (codes, done, held, failures, state.threshold(), &state.reserved, &state.sms_days).hash(&mut hasher);
        hasher.finish()
    }
}

/// The state that later answers depend on. The rest only records the past, and questions in between may have come in
/// any order.
fn without_the_past(mut state: MemoryState) -> MemoryState {
    state.applications.retain(|_, kept| matches!(kept.outcome, ApplyOutcome::Accepted { .. }));
    state.code_requests.retain(|_, kept| matches!(kept.record.outcome, CodeOutcome::Send { .. }));
    state.mails.clear();
    state.events.clear();
    state.audit.clear();
    state
}

fn all<T>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.collect()
}

/// The time of everything.
fn now() -> DateTime<Utc> {
    FixedClock::default().now()
}
