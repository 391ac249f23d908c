//! The planner: a pure function from facts and a batch to a plan.
//!
//! | return codes of | are decided in |
//! | --- | --- |
//! | `applyTenant` (000 to 006, 205) | `planner/apply.rs` |
//! | commands about a tenant | `planner/tenant.rs`, by the rules of `tenants/lifecycle.rs` |
//! | `generateverifycode` (200 to 205) | `planner/send_code.rs`, with `planner/send_limits.rs` and `planner/number_ranges.rs`, and `planner/send_report.rs` once the gateway has replied |
//!
//! The plan folds left over the batch: the second of two equal phones sees the effects of the first. The way in which
//! requests are split into batches changes nothing.

mod apply;
mod batch;
mod facts;
mod number_ranges;
mod outcome;
mod plan;
mod send_code;
mod send_limits;
mod send_report;
mod tenant;
mod world;

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use world::World;

pub use batch::{Batch, FactKeys, FreshIds, Request};
pub use facts::{Facts, PhoneFacts, PoolFacts, QuotaFacts, RangeFacts, RangesFacts, TenantCommandFacts, TenantFact};
pub use outcome::Outcome;
pub use plan::{Effects, Plan, Screened};

use crate::applications::NoCodeReason;
use crate::policy::{CLOCK_SKEW, Policy, PolicyInForce};
use crate::values::Keyring;
use crate::verification::{Challenge, ChallengeState};

/// Decides batches by one policy and one set of keys.
#[derive(Debug, Clone)]
pub struct Planner {
    policy: Arc<Policy>,
    in_force: Arc<PolicyInForce>,
    keyring: Arc<Keyring>,
}

/// The request that is being decided: its instant and its fresh ids.
#[derive(Clone, Copy)]
struct Moment {
    now: DateTime<Utc>,
    ids: FreshIds,
}

impl Planner {
    /// A planner with this policy and these keys.
    pub fn new(policy: Arc<Policy>, keyring: Arc<Keyring>) -> Self {
        let in_force = Arc::new(PolicyInForce::new(Arc::clone(&policy)));
        Self { policy, in_force, keyring }
    }

    /// The policy of the configuration. A decision applies the changes among its facts to it.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The policy in force, as last read by this process: for uses outside a batch.
    pub fn in_force(&self) -> &Arc<PolicyInForce> {
        &self.in_force
    }

    /// The keys that it derives with.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Every row that planning the batch will need, by the policy in force as last read by this process. The decision
    /// itself follows later changes; only the counts of number ranges do not.
    pub fn fact_keys(&self, batch: &Batch) -> FactKeys {
        batch.fact_keys(&self.in_force.now())
    }

    /// Decides every request of the batch, in order. `facts` must hold the rows that `fact_keys` names.
    pub fn plan(&self, facts: &Facts, batch: &Batch) -> Plan {
        self.under(facts).plan_all(facts, batch)
    }

    /// The planner under the policy in force: one policy decides a batch.
    fn under(&self, facts: &Facts) -> Cow<'_, Self> {
        if facts.overrides.is_empty() {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Self { policy: Arc::new(facts.overrides.policy(&self.policy)), ..self.clone() })
    }

    fn plan_all(&self, facts: &Facts, batch: &Batch) -> Plan {
        let mut world = World::new(facts, &self.policy.quota);
        let outcomes: Vec<Outcome> = batch
            .requests
            .iter()
            .map(|(ids, request)| self.decide(&mut world, Moment { now: batch.now, ids: *ids }, request))
            .collect();
        debug_assert_eq!(outcomes.len(), batch.requests.len());
        Plan { outcomes, effects: world.into_effects() }
    }

    /// Refuses applications that no other decision can change: the phone is locked, or its code is invalid or was never
    /// sent. Concurrent decisions neither help nor harm them, so they need not wait for the admission lock. `facts`
    /// must hold the rows that `batch.screen_keys` names, as of one instant.
    pub fn screen(&self, facts: &Facts, batch: &Batch) -> Screened {
        self.under(facts).screen_all(facts, batch)
    }

    fn screen_all(&self, facts: &Facts, batch: &Batch) -> Screened {
        let world = World::new(facts, &self.policy.quota);
        let mut screened = Screened { outcomes: Vec::with_capacity(batch.requests.len()), refused: Vec::new() };
        for (ids, request) in &batch.requests {
            let record = match request {
                Request::Apply(application) => {
                    self.beyond_help(&world, Moment { now: batch.now, ids: *ids }, application)
                }
                Request::SendCode(_) | Request::SendReport(_) | Request::Tenant(_) => None,
            };
            screened.outcomes.push(record.as_ref().map(|record| Outcome::Apply(record.outcome.clone())));
            screened.refused.extend(record);
        }
        screened
    }

    fn decide(&self, world: &mut World, moment: Moment, request: &Request) -> Outcome {
        match request {
            Request::SendCode(asked) => self.send_code(world, moment, asked),
            Request::SendReport(report) => self.record_report(world, moment, report),
            Request::Apply(application) => Outcome::Apply(self.apply(world, moment, application)),
            Request::Tenant(order) => Outcome::Tenant(self.order(world, moment, order)),
        }
    }

    fn is_locked(&self, failures: u32) -> bool {
        self.policy.verification.locks(failures)
    }

    /// The reason for which a code cannot be used at this instant; `None` if it can.
    fn why_dead(&self, challenge: &Challenge, now: DateTime<Utc>) -> Option<NoCodeReason> {
        match challenge.state {
            ChallengeState::Unsent => Some(NoCodeReason::NeverSent),
            ChallengeState::Consumed => Some(NoCodeReason::Used),
            // Created in the future: the clock was set back, and an expiry that follows it would outlive its cap.
            ChallengeState::Open if now >= challenge.expires_at || challenge.made_at > now + CLOCK_SKEW => {
                Some(NoCodeReason::Expired)
            }
            ChallengeState::Open if challenge.tries >= self.policy.verification.max_tries => {
                Some(NoCodeReason::TooManyTries)
            }
            ChallengeState::Open => None,
        }
    }
}
