use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use trial_core::ports::Clock;
use trial_core::{
    Application, ApplyCode, ApplyReply, Batch, CodeOutcome, CodeReply, CodeRequest, FreshIds, Locale, Outcome, Planner,
    Request, SendCode, SendState,
};

use super::Model;
use crate::{FixedClock, MemoryLedger, MemoryState, SeededEntropy, data};

/// The planner over the ledger in memory, one request at a time. All happens at one instant, so it explains histories that
/// are shorter than every time in the policy.
pub struct PlannerModel {
    planner: Arc<Planner>,
    start: MemoryState,
}

/// What an applicant asks, by the numbers of [`crate::data`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// A code for a phone.
    Code {
        /// Whose.
        phone: u32,
    },
    /// A trial.
    Trial {
        /// The phone.
        phone: u32,
        /// The company.
        company: u32,
        /// The mailbox.
        email: u32,
        /// Whether the code is the one that the phone was sent.
        is_right: bool,
    },
}

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// To a request for a code.
    Code(SendCode),
    /// To an application.
    Trial(ApplyCode),
}

impl Answer {
    /// Whether it tells what became of the request: an exception or a conflict may hide that it was done.
    pub fn is_definite(self) -> bool {
        !matches!(self, Self::Code(SendCode::Exception) | Self::Trial(ApplyCode::Exception | ApplyCode::Conflict))
    }
}

impl PlannerModel {
    /// A model that starts with what is kept there.
    pub fn new(planner: Arc<Planner>, start: MemoryState) -> Self {
        Self { planner, start }
    }

    fn request(&self, state: &MemoryState, question: &Question) -> Request {
        match *question {
            Question::Code { phone } => {
                let request_id = data::request_id("model");
                Request::SendCode(CodeRequest { request_id, phone: data::phone(phone), locale: Locale::En })
            }
            Question::Trial { phone, company, email, is_right } => {
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
                })
            }
        }
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
        let now = FixedClock::default().now();
        let ids = FreshIds::new(now, &SeededEntropy::new(u64::try_from(place).expect("fits")).draw());
        let batch = Batch { now, requests: vec![(ids, self.request(state, question))] };
        let ledger = MemoryLedger::from(MemoryState::clone(state));
        let answer = match ledger.decide(&batch, &self.planner).swap_remove(0) {
            Outcome::Apply(outcome) => Answer::Trial(ApplyReply::from(&outcome).code),
            Outcome::SendCode(CodeOutcome::Refused(refusal), _) => Answer::Code(CodeReply::from(&refusal).code),
            // The gateway takes everything in these histories.
            Outcome::SendCode(..) => Answer::Code(CodeReply::from(SendState::Accepted).code),
            Outcome::SendReport | Outcome::Tenant(_) => unreachable!("neither is asked"),
        };
        (answer, Arc::new(ledger.state()))
    }

    fn digest(&self, state: &Self::State) -> u64 {
        let mut hasher = DefaultHasher::new();
        format!("{state:?}").hash(&mut hasher);
        hasher.finish()
    }
}
