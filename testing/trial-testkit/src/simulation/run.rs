//! A run of the simulation, step by step.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use trial_core::applications::Application;
use trial_core::mails::MailState;
use trial_core::planner::Planner;
use trial_core::ports::{Clock, Operations, TenantCommands, Upkeep};
use trial_core::tenants::TenantCommand;
use trial_core::values::{Locale, MailId};
use trial_core::verification::CodeRequest;

use super::dice::mix;
use super::instance::Instance;
use super::mutation::Mutation;
use super::step::{INSTANCES, LEAP, Scheduled, Step, Typed};
use super::world::World;
use super::{Failure, Recorded, Seen, planner};
use crate::linearizability::{Answer, Question};
use crate::{SeededEntropy, data};

/// Rounds of ten minutes after which every mail is settled.
const ROUNDS: u32 = 90;
/// Longer than the watch waits between two looks at the server.
const WATCHED: Duration = Duration::from_secs(11);
/// Longer than any request takes.
const LONGEST_ANSWER: Duration = Duration::from_mins(1);
/// Turns after which every task that does not wait for time is done.
const SETTLING: u32 = 200;

pub(super) struct Run {
    seed: u64,
    world: Arc<World>,
    planner: Arc<Planner>,
    instances: Vec<Option<Instance>>,
    starts: u64,
    /// The errors of the machines' clocks.
    errors: [TimeDelta; INSTANCES],
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
            errors: [TimeDelta::zero(); INSTANCES],
            leapt: false,
            entropy: SeededEntropy::new(mix(seed ^ 7)),
            exchanges: 0,
            applications: Vec::new(),
        };
        run.world.pass(Duration::ZERO, true);
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
        let start = (mix(self.seed) ^ self.starts, self.starts);
        Instance::start(&self.world, &self.planner, on, start, self.errors[on])
    }

    fn turns(&mut self, turns: u32) {
        for _ in 0..turns {
            for place in &mut self.instances {
                if let Some(instance) = place {
                    instance.turn();
                }
                if place.as_ref().is_some_and(Instance::is_dead)
                    && let Some(dead) = place.take()
                {
                    self.world.seen().open.remove(&dead.id);
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
            Step::Off { days } => self.pause(days),
            Step::Skew { on, seconds } => {
                self.errors[on] = TimeDelta::seconds(seconds);
                if let Some(instance) = &self.instances[on] {
                    instance.set_clock(self.world.real.now() + self.errors[on]);
                }
            }
            Step::Set { seconds } => self.world.set_clock(TimeDelta::seconds(seconds)),
            Step::Leap => self.leap(),
            Step::FailOver { lost } => self.world.fail_over(lost),
            Step::FailBack => self.world.fail_back(),
            Step::Confirm => self.confirm(),
            Step::Log { on, is_blocked } => {
                if let Some(instance) = &self.instances[on] {
                    instance.log.block(is_blocked);
                }
            }
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
        self.world.set_clock(if self.leapt { -LEAP } else { LEAP });
        self.leapt = !self.leapt;
    }

    fn end(&mut self, on: usize) {
        if let Some(ended) = self.instances[on].take() {
            self.world.seen().open.remove(&ended.id);
        }
    }

    fn pause(&mut self, days: u32) {
        (0..INSTANCES).for_each(|on| self.end(on));
        self.pass(Duration::from_hours(24 * u64::from(days)));
        (0..INSTANCES).for_each(|on| self.restart(on));
    }

    fn confirm(&mut self) {
        self.world.confirm_server();
        if !self.leapt {
            let ledger = self.world.ledger.clone();
            let by = data::changed_by(self.world.clock.now(), &self.entropy);
            ready(async move { ledger.confirm_clock(by).await }).expect("the model does not fail");
        }
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
        let (service, world, id) = (instance.engine().service(), Arc::clone(&self.world), instance.id);
        let place = world.seen().record.begin(Question::Code { phone });
        world.seen().ask(id);
        instance.spawn(async move {
            let reply = service.send_code(request).await;
            let mut seen = world.seen();
            seen.note(&reply);
            seen.answer(id);
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
        let (service, world, id) = (instance.engine().service(), Arc::clone(&self.world), instance.id);
        let place = world.seen().record.begin(question);
        world.seen().ask(id);
        instance.spawn(async move {
            let request = application.request_id.clone();
            match service.apply(application).await {
                Ok(reply) => {
                    world.applied(&request, reply, id);
                    world.seen().record.end(place, Answer::Trial(reply.code));
                }
                Err(_) => world.seen().answer(id),
            }
        });
    }

    fn operate(&mut self, step: &Step) {
        let by = data::changed_by(self.world.clock.now(), &self.entropy);
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
        let running = || self.instances.iter().flatten();
        self.world.pass(time, running().next().is_some());
        running().for_each(|instance| instance.pass(time));
    }

    fn exchange(&mut self) -> trial_core::values::RequestId {
        self.exchanges += 1;
        data::request_id(&format!("exchange-{}", self.exchanges))
    }

    /// Ends all faults but one: nobody reads the logs. Restarts every instance, and waits until every mail is settled.
    fn settle(&mut self, place: usize) -> Result<(), Failure> {
        self.world.make_peace();
        if self.leapt {
            self.leap();
        }
        (0..INSTANCES).for_each(|on| self.restart(on));
        self.instances.iter().flatten().for_each(|instance| instance.log.block(true));
        self.pass(WATCHED);
        self.turns(SETTLING);
        self.world.has_noticed_loss();
        self.confirm();
        let mails: Vec<MailId> = self.world.ledger.change(|state| state.mails.keys().copied().collect());
        for _ in 0..ROUNDS {
            self.turns(SETTLING);
            self.look(place)?;
            (0..INSTANCES).for_each(|on| self.restart(on));
            let is_due = |id: &MailId| self.world.ledger.change(|state| state.mails[id].state == MailState::Due);
            if !mails.iter().any(is_due) {
                return self.answered(place);
            }
            self.pass(Duration::from_mins(10));
        }
        Err(Failure { step: place, broken: "every mail ends as sent, or as failed and visible".to_owned() })
    }
}

impl Run {
    /// Every request was answered, and every log line counted.
    fn answered(&mut self, place: usize) -> Result<(), Failure> {
        self.pass(LONGEST_ANSWER);
        self.turns(SETTLING);
        let is_answered = self.world.seen().open.values().all(|open| *open == 0);
        let adds_up = self.instances.iter().flatten().all(|instance| instance.log.adds_up());
        let mut seen = self.world.seen();
        seen.monitor.hold(is_answered, "every request is answered while nobody reads the log");
        seen.monitor.hold(adds_up, "every log line is read, waits, or is counted as dropped");
        drop(seen);
        self.look(place)
    }
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    futures_util::FutureExt::now_or_never(future).expect("the model answers at once")
}
