//! Random histories of few phones, addresses and companies, so that they collide.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use rlibphonenumber::Region;
use trial_core::applications::{Application, ApplyOutcome};
use trial_core::operators::SecretHash;
use trial_core::planner::{Batch, FreshIds, Outcome, Planner, Request};
use trial_core::policy::{BreakerMode, BreakerPolicy, Policy};
use trial_core::portal::{OwnPassword, PORTAL_SESSION_LIFETIME, PasswordChange, PortalSession};
use trial_core::ports::Clock;
use trial_core::sms::GatewayReply;
use trial_core::tenants::{TenantAction, TenantCommand};
use trial_core::values::{Keyring, Locale, Phone, TenantId};
use trial_core::verification::{CodeRequest, CodeToSend, SendReport};

use crate::data::{company, email, foreign_phone, keyring, phone, request_id, typed};
use crate::ledger_harness::by_owner;
use crate::{FixedClock, SeededEntropy};

/// A history.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Free voice access codes at its start.
    pub voice: u32,
    /// Free multimedia access codes at its start.
    pub multimedia: u32,
    /// The daily e-mail limit.
    pub threshold: u32,
    /// The mode of the fraud guard.
    pub breaker: BreakerMode,
    /// The rounds, in order.
    pub rounds: Vec<Round>,
}

/// Requests that arrive together.
#[derive(Debug, Clone)]
pub struct Round {
    /// Seconds on the clock since the round before; below 0, the clock was set back.
    pub pause: i64,
    /// The requests.
    pub steps: Vec<Step>,
}

/// One request.
#[derive(Debug, Clone)]
pub enum Step {
    /// An applicant asks for a code.
    Ask {
        /// The phone.
        phone: u32,
    },
    /// The gateway reports on a message that was sent in an earlier round.
    Report {
        /// The message, counted from the last.
        back: usize,
        /// The report.
        reply: GatewayReply,
    },
    /// An applicant applies.
    Apply {
        /// The phone.
        phone: u32,
        /// The company.
        company: u32,
        /// The address.
        email: u32,
        /// The code.
        code: Typed,
    },
    /// A command about a tenant that was created in an earlier round.
    Order {
        /// The tenant, counted from the last.
        back: usize,
        /// The command.
        order: TenantAction,
    },
}

/// The typed code.
#[derive(Debug, Clone)]
pub enum Typed {
    /// The code in one of the phone's messages of earlier rounds, counted from the last.
    Sent(usize),
    /// The code sent to the phone in this very round, if it is a new one.
    New,
    /// Something else.
    Wrong,
}

/// Phones of a scenario; the last is a foreign one.
pub const PHONES: u32 = 4;
const OTHERS: u32 = 4;

impl Scenario {
    /// A policy with limits that a short history reaches.
    pub fn policy(&self) -> Policy {
        let mut policy = Policy::default();
        policy.phone.countries.push(Region::HK);
        policy.verification.max_tries = 2;
        policy.verification.max_failures = 5;
        policy.limits.phone_sends_per_hour = 3;
        policy.limits.phone_sends_per_day = 4;
        policy.limits.failed_sends_per_span = 1;
        policy.limits.failed_sends_per_hour = 2;
        policy.limits.sms_per_day = 9;
        policy.limits.sms_per_country_day = 2;
        policy.limits.sms_per_prefix_day = 8;
        policy.abuse.breaker =
            BreakerPolicy { mode: self.breaker, min_sends: 2, min_conversion: 50, block_for: Duration::from_hours(2) };
        policy.quota.threshold = self.threshold;
        policy.trial.duration = Duration::from_hours(3);
        policy.trial.reminders = vec![Duration::from_hours(2), Duration::from_hours(1)];
        policy.trial.grace = Duration::from_hours(1);
        policy.trial.quarantine = Duration::from_hours(3);
        policy
    }

    /// A planner by that policy.
    pub fn planner(&self) -> Arc<Planner> {
        Arc::new(Planner::new(Arc::new(self.policy()), Arc::new(keyring())))
    }
}

/// The `n`-th phone of a scenario.
pub fn scenario_phone(n: u32) -> Phone {
    if n + 1 == PHONES { foreign_phone(n) } else { phone(n) }
}

/// Histories of these numbers of rounds, and of requests per round.
pub fn scenarios(rounds: Range<usize>, steps: Range<usize>) -> impl Strategy<Value = Scenario> {
    histories_of(step(), rounds, steps)
}

/// The same, in which tenants also age and operators give commands.
pub fn life_scenarios(rounds: Range<usize>, steps: Range<usize>) -> impl Strategy<Value = Scenario> {
    let order = (0..3_usize, life_order()).prop_map(|(back, order)| Step::Order { back, order });
    histories_of(prop_oneof![2 => step(), 1 => order], rounds, steps)
}

fn histories_of(
    step: impl Strategy<Value = Step>,
    rounds: Range<usize>,
    steps: Range<usize>,
) -> impl Strategy<Value = Scenario> {
    let round = (pauses(), vec(step, steps)).prop_map(|(pause, steps)| Round { pause, steps });
    let breaker = prop_oneof![Just(BreakerMode::Off), Just(BreakerMode::Shadow), Just(BreakerMode::On)];
    (0..6_u32, 0..6_u32, 0..8_u32, breaker, vec(round, rounds)).prop_map(
        |(voice, multimedia, threshold, breaker, rounds)| Scenario { voice, multimedia, threshold, breaker, rounds },
    )
}

fn pauses() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => Just(0),
        8 => 1..70_i64,
        4 => 70..400_i64,
        4 => 400..4_000_i64,
        1 => 80_000..90_000_i64,
        1 => Just(-3_600),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let apply = (0..PHONES, 0..OTHERS, 0..OTHERS, any::<bool>(), typed_code()).prop_map(
        |(phone, company, email, own, code)| {
            // Half of the applicants use values of their own, so that some are accepted and come again.
            let (company, email) = if own { (phone, phone) } else { (company, email) };
            Step::Apply { phone, company, email, code }
        },
    );
    prop_oneof![
        4 => (0..PHONES).prop_map(|phone| Step::Ask { phone }),
        2 => (0..4_usize, gateway_reply()).prop_map(|(back, reply)| Step::Report { back, reply }),
        6 => apply,
    ]
}

fn life_order() -> impl Strategy<Value = TenantAction> {
    prop_oneof![
        6 => Just(TenantAction::Advance),
        1 => Just(TenantAction::Convert),
        1 => Just(TenantAction::Extend(Duration::from_hours(1))),
        1 => Just(TenantAction::Suspend),
        1 => Just(TenantAction::Resume),
        2 => Just(TenantAction::Close),
        2 => Just(TenantAction::Reopen),
        1 => Just(TenantAction::ResendMail),
        1 => Just(TenantAction::LostPassword),
        2 => Just(TenantAction::AskConversion),
        1 => Just(TenantAction::WithdrawConversion),
        1 => Just(TenantAction::SignOutEverywhere),
        2 => (2..7_u32, any::<bool>()).prop_map(|(issue, by_link)| set_password(issue, by_link)),
    ]
}

/// A password of this issue; player sets tenant and time.
fn set_password(issue: u32, by_link: bool) -> TenantAction {
    let (tenant, at) = (TenantId::from_bytes([0; 16]), DateTime::UNIX_EPOCH);
    let secret = SecretHash::from_bytes([0; 32]);
    let session = PortalSession { secret, tenant, issue, created_at: at, used_at: at, expires_at: at };
    by_owner(OwnPassword { tenant, issue, hash: format!("hash {issue}"), set_at: at }, session, by_link)
}

fn typed_code() -> impl Strategy<Value = Typed> {
    prop_oneof![6 => Just(Typed::Sent(0)), 1 => Just(Typed::Sent(1)), 3 => Just(Typed::New), 2 => Just(Typed::Wrong)]
}

fn gateway_reply() -> impl Strategy<Value = GatewayReply> {
    let reason = || "as the scenario says".to_owned();
    prop_oneof![
        2 => Just(GatewayReply::Accepted { provider_id: None }),
        2 => Just(GatewayReply::Refused { reason: reason() }),
        1 => Just(GatewayReply::Throttled { reason: reason() }),
        1 => Just(GatewayReply::Unreached { reason: reason() }),
        1 => Just(GatewayReply::Unknown { reason: reason() }),
    ]
}

/// Plays a scenario: turns rounds into batches, using the outcomes of earlier ones.
#[derive(Debug)]
pub struct Stage {
    entropy: SeededEntropy,
    keyring: Keyring,
    now: DateTime<Utc>,
    sent: Vec<CodeToSend>,
    tenants: Vec<TenantId>,
    requests: u32,
}

impl Default for Stage {
    fn default() -> Self {
        Self {
            entropy: SeededEntropy::new(11),
            keyring: keyring(),
            now: FixedClock::default().now(),
            sent: Vec::new(),
            tenants: Vec::new(),
            requests: 0,
        }
    }
}

impl Stage {
    /// The round as a batch.
    pub fn batch(&mut self, round: &Round) -> Batch {
        self.now += TimeDelta::seconds(round.pause);
        let mut requests = Vec::new();
        for step in &round.steps {
            self.requests += 1;
            let ids = FreshIds::new(self.now, &self.entropy.draw());
            requests.extend(self.request(step, &requests).map(|request| (ids, request)));
        }
        Batch { now: self.now, requests }
    }

    /// Learns from the outcomes of a batch.
    pub fn learn(&mut self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            match outcome {
                Outcome::SendCode(_, to_send) => self.sent.extend(to_send.clone()),
                Outcome::Apply(ApplyOutcome::Accepted { tenant }) => self.tenants.push(*tenant),
                Outcome::SendReport | Outcome::Apply(_) | Outcome::Tenant(_) => {}
            }
        }
    }

    fn request(&self, step: &Step, earlier: &[(FreshIds, Request)]) -> Option<Request> {
        let exchange = request_id(&format!("exchange-{}", self.requests));
        Some(match step {
            Step::Ask { phone } => Request::SendCode(CodeRequest {
                request_id: exchange,
                phone: scenario_phone(*phone),
                locale: Locale::En,
            }),
            Step::Report { back, reply } => {
                let sent = self.sent.iter().rev().nth(*back)?;
                Request::SendReport(SendReport {
                    code_request: sent.code_request,
                    phone: sent.phone.clone(),
                    challenge: sent.challenge,
                    gateway: "scripted".to_owned(),
                    reply: reply.clone(),
                })
            }
            Step::Order { back, order } => {
                let tenant = *self.tenants.iter().rev().nth(*back)?;
                let order = self.of(tenant, order);
                Request::Tenant(TenantCommand { tenant, order, actor: "operator".to_owned() })
            }
            Step::Apply { phone, company: of, email: at, code } => {
                let phone = scenario_phone(*phone);
                let code = self.typed(code, &phone, earlier).unwrap_or_else(|| "wrong".to_owned());
                Request::Apply(Application {
                    request_id: exchange,
                    company: company(*of),
                    code: typed(&code),
                    email: email(*at),
                    locale: Locale::ZhCn,
                    phone,
                    agreed: None,
                })
            }
        })
    }

    /// The command for this tenant and time: the password of an owner, and a session of its own.
    fn of(&self, tenant: TenantId, order: &TenantAction) -> TenantAction {
        let TenantAction::SetPassword(change) = order else { return order.clone() };
        let PasswordChange { own, session, by_link } = &**change;
        let own = OwnPassword { tenant, set_at: self.now, ..own.clone() };
        let mut secret = [0; 32];
        secret[..4].copy_from_slice(&self.requests.to_be_bytes());
        let at = self.now;
        let session = PortalSession {
            secret: SecretHash::from_bytes(secret),
            tenant,
            created_at: at,
            used_at: at,
            expires_at: at + PORTAL_SESSION_LIFETIME,
            ..*session
        };
        by_owner(own, session, *by_link)
    }

    fn typed(&self, code: &Typed, phone: &Phone, earlier: &[(FreshIds, Request)]) -> Option<String> {
        let code = match code {
            Typed::Sent(back) => self.sent.iter().rev().filter(|sent| sent.phone == *phone).nth(*back)?.code.clone(),
            Typed::New => {
                let asks = |request: &Request| matches!(request, Request::SendCode(asked) if asked.phone == *phone);
                let (ids, _) = earlier.iter().rev().find(|(_, request)| asks(request))?;
                self.keyring.current_code(ids.challenge, phone)
            }
            Typed::Wrong => return None,
        };
        Some(code.reveal().to_owned())
    }
}
