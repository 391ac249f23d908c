//! A run of the simulation, step by step.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use trial_core::applications::Application;
use trial_core::mails::MailState;
use trial_core::planner::Planner;
use trial_core::ports::{Clock, Operations, TenantCommands};
use trial_core::tenants::TenantCommand;
use trial_core::values::{Locale, MailId};
use trial_core::verification::CodeRequest;

use super::dice::mix;
use super::instance::Instance;
use super::mutation::Mutation;
use super::step::{INSTANCES, Scheduled, Step, Typed};
use super::world::World;
use super::{Failure, Recorded, Seen, planner};
use crate::linearizability::{Answer, Question};
use crate::{FixedClock, SeededEntropy, data};

/// Rounds of ten minutes after which every mail is settled.
const ROUNDS: u32 = 90;
/// A clock error of more than a year.
const LEAP: TimeDelta = TimeDelta::days(400);
/// Turns after which every task that does not wait for time is done.
const SETTLING: u32 = 200;

pub(super) struct Run {
    seed: u64,
    world: Arc<World>,
    planner: Arc<Planner>,
    instances: Vec<Option<Instance>>,
    starts: u64,
    now: DateTime<Utc>,
    leapt: bool,
    entropy: SeededEntropy,
    exchanges: u32,
    applications: Vec<(Application, Question)>,
}

impl Run {
    pub(super) fn new(seed: u64, mutation: Option<Mutation>) -> Self {
        let planner = planner();
        let mut run = Self {
            seed,
            world: Arc::new(World::new(Arc::clone(&planner), mutation)),
            planner,
            instances: Vec::new(),
            starts: 0,
            now: FixedClock::default().now(),
            leapt: false,
            entropy: SeededEntropy::new(mix(seed ^ 7)),
            exchanges: 0,
            applications: Vec::new(),
        };
        run.world.time_is_seen(run.now);
        for on in 0..INSTANCES {
            let instance = run.start(on);
            run.instances.push(Some(instance));
        }
        run
    }

    /// Plays all the steps, and then waits until everything has settled.
    pub(super) fn play(mut self, schedule: &[Scheduled]) -> Result<Seen, Failure> {
        for (place, scheduled) in schedule.iter().enumerate() {
            self.step(&scheduled.step);
            self.turns(scheduled.turns);
            self.look(place)?;
        }
        self.settle(schedule.len())?;
        let (answers, accepted) = {
            let seen = self.world.seen();
            (seen.answers, seen.accepted)
        };
        Ok(Seen { digest: self.world.digest(), answers, accepted })
    }

    /// Plays all the steps, and records the questions and answers after the first `prepared` of them.
    pub(super) fn record(mut self, schedule: &[Scheduled], prepared: usize) -> Recorded {
        let (preparing, asking) = schedule.split_at(prepared);
        for scheduled in preparing {
            self.step(&scheduled.step);
        }
        let start = self.world.ledger.state();
        for scheduled in asking {
            self.step(&scheduled.step);
            self.turns(scheduled.turns);
        }
        self.turns(SETTLING);
        let history = self.world.seen().record.history();
        Recorded { start, history }
    }

    fn look(&self, place: usize) -> Result<(), Failure> {
        self.world.look().map_or(Ok(()), |broken| Err(Failure { step: place, broken }))
    }

    fn start(&mut self, on: usize) -> Instance {
        self.starts += 1;
        Instance::start(&self.world, &self.planner, on, mix(self.seed) ^ self.starts, self.now)
    }

    fn turns(&mut self, turns: u32) {
        for _ in 0..turns {
            for place in &mut self.instances {
                if let Some(instance) = place {
                    instance.turn();
                }
                if place.as_ref().is_some_and(Instance::is_dead) {
                    *place = None;
                }
            }
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Ask { phone, on } => self.ask(phone, on),
            Step::Apply { phone, company, email, code, on } => self.apply(phone, company, email, code, on),
            Step::Again { back, on } => {
                if let Some((application, question)) = self.applications.iter().rev().nth(back).cloned() {
                    self.send(application, question, on);
                }
            }
            Step::Order { back, ref order, on } => {
                let tenant = self.world.ledger.change(|state| state.tenants.keys().rev().nth(back).copied());
                let Some((tenant, instance)) = tenant.zip(self.reached(on)) else { return };
                let order = TenantCommand { tenant, order: order.clone(), actor: "operator".to_owned() };
                let (orders, world) = (instance.orders(), Arc::clone(&self.world));
                instance.spawn(async move {
                    let done = orders.order(order).await;
                    world.seen().note(&done.ok());
                });
            }
            Step::Import { .. } | Step::Threshold { .. } | Step::Unlock { .. } => self.operate(step),
            Step::Pass { seconds } => self.pass(Duration::from_secs(seconds.into())),
            Step::Skew { on, seconds } => {
                if let Some(instance) = &mut self.instances[on] {
                    instance.set_skew(TimeDelta::seconds(seconds));
                    instance.show(self.now);
                }
            }
            Step::Set { seconds } => {
                self.now += TimeDelta::seconds(seconds);
                self.instances.iter().flatten().for_each(|instance| instance.show(self.now));
            }
            Step::Leap => self.leap(),
            Step::Storage { on, call, fault } => self.world.will_fail(on, call, fault),
            Step::Sms(fate) => self.world.seen().sms.push_back(fate),
            Step::Mail(fate) => self.world.seen().mails.push_back(fate),
            Step::Platform(fate) => self.world.seen().events.push_back(fate),
            Step::Crash { on, turns } => {
                if let Some(instance) = &mut self.instances[on] {
                    instance.die_after(turns);
                }
            }
            Step::Restart { on } => self.restart(on),
        }
    }

    fn leap(&mut self) {
        self.now += if self.leapt { -LEAP } else { LEAP };
        self.leapt = !self.leapt;
        self.instances.iter().flatten().for_each(|instance| instance.show(self.now));
    }

    fn restart(&mut self, on: usize) {
        if self.instances[on].is_none() {
            let instance = self.start(on);
            self.instances[on] = Some(instance);
        }
    }

    /// The instance that is asked, or the next one if that has ended, as by a load balancer.
    fn reached(&self, on: usize) -> Option<&Instance> {
        (on..on + INSTANCES).find_map(|place| self.instances[place % INSTANCES].as_ref())
    }

    fn ask(&mut self, phone: u32, on: usize) {
        let request = CodeRequest { request_id: self.exchange(), phone: data::phone(phone), locale: Locale::En };
        let Some(instance) = self.reached(on) else { return };
        let (service, world) = (instance.engine().service(), Arc::clone(&self.world));
        let place = world.seen().record.begin(Question::Code { phone });
        instance.spawn(async move {
            let reply = service.send_code(request).await;
            let mut seen = world.seen();
            seen.note(&reply);
            seen.answers += 1;
            if let Ok(reply) = reply {
                seen.record.end(place, Answer::Code(reply.code));
            }
        });
    }

    fn apply(&mut self, phone: u32, company: u32, email: u32, code: Typed, on: usize) {
        let back = usize::from(code == Typed::Earlier);
        let arrived = self.world.code_of(&data::phone(phone), back).filter(|_| code != Typed::Wrong);
        let question = Question::Trial { phone, company, email, is_right: arrived.is_some() };
        let application = Application {
            request_id: self.exchange(),
            company: data::company(company),
            code: data::typed(arrived.as_deref().unwrap_or("wrong")),
            email: data::email(email),
            locale: Locale::En,
            phone: data::phone(phone),
            agreed: None,
        };
        self.applications.push((application.clone(), question.clone()));
        self.send(application, question, on);
    }

    fn send(&self, application: Application, question: Question, on: usize) {
        let Some(instance) = self.reached(on) else { return };
        let (service, world) = (instance.engine().service(), Arc::clone(&self.world));
        let place = world.seen().record.begin(question);
        instance.spawn(async move {
            let request = application.request_id.clone();
            if let Ok(reply) = service.apply(application).await {
                world.applied(&request, reply);
                world.seen().record.end(place, Answer::Trial(reply.code));
            }
        });
    }

    fn operate(&mut self, step: &Step) {
        let by = data::changed_by(self.now, &self.entropy);
        let ledger = self.world.ledger.clone();
        // The model answers at once: there is nothing to wait for.
        let done = match *step {
            Step::Import { pairs } => {
                let import = data::access_codes(pairs);
                ready(async move { ledger.import_access_codes(import, false, by).await.map(|_| ()) })
            }
            Step::Threshold { threshold } => ready(async move { crate::set_threshold(&ledger, threshold, by).await }),
            Step::Unlock { phone } => {
                let phone = data::phone(phone);
                self.world.seen().monitor.unlocked(&phone);
                ready(async move { ledger.unlock_phone(phone, by).await.map(|_| ()) })
            }
            _ => Ok(()),
        };
        done.expect("the model does not fail");
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        if !self.leapt {
            self.world.time_is_seen(self.now);
        }
        for instance in self.instances.iter().flatten() {
            instance.show(self.now);
            instance.pass(time);
        }
    }

    fn exchange(&mut self) -> trial_core::values::RequestId {
        self.exchanges += 1;
        data::request_id(&format!("exchange-{}", self.exchanges))
    }

    /// Ends all faults, restarts every instance, and waits until every mail is settled.
    fn settle(&mut self, place: usize) -> Result<(), Failure> {
        self.world.make_peace();
        if self.leapt {
            self.leap();
        }
        (0..INSTANCES).for_each(|on| self.restart(on));
        let mails: Vec<MailId> = self.world.ledger.change(|state| state.mails.keys().copied().collect());
        for _ in 0..ROUNDS {
            self.turns(SETTLING);
            self.look(place)?;
            (0..INSTANCES).for_each(|on| self.restart(on));
            let is_due = |id: &MailId| self.world.ledger.change(|state| state.mails[id].state == MailState::Due);
            if !mails.iter().any(is_due) {
                return Ok(());
            }
            self.pass(Duration::from_mins(10));
        }
        Err(Failure { step: place, broken: "every mail ends as sent, or as failed and visible".to_owned() })
    }
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    futures_util::FutureExt::now_or_never(future).expect("the model answers at once")
}
