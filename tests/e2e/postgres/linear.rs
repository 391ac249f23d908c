//! The answers of three instances while one of them was killed, a backend too, commits were cut off, the server's clock
//! jumped, nobody read the logs, and the server restarted and was replaced by its standby, compared with a planner that
//! serves one request after another: some order of the requests explains every answer, and the tenants at the end.
//!
//! `TRIALGATE_LINEAR_ROUNDS` is the number of histories (1); `TRIALGATE_LINEAR_SEED` repeats the questions of an
//! earlier run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rustix::process::Signal;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, block_in_place};
use tokio::time::Instant;
use trial_core::ports::{Clock, Operations};
use trial_core::return_codes::{ApplyCode, SendCode};
use trial_testkit::linearizability::{Answer, Operation, PlannerModel, Question, Verdict, check};
use trial_testkit::{FixedClock, MemoryLedger, SeededEntropy, data};
use trialgate_tests::{Applicant, Client, Doors, Fault, Home, Random, until, within};

use super::chaos::synchronous_standby;
use super::site::{INSTANCES, Site, Way, below};

/// Far fewer access codes than applicants, and fewer applicants than questions.
const PAIRS: u32 = 24;
const PHONES: u32 = 40;
const CLIENTS: usize = 6;
/// Questions asked around each fault, and how many of them are answered before it strikes.
const QUESTIONS: usize = 40;
const BEFORE: usize = 10;
/// Steps of the search. A history takes a few for each question.
const BOUND: usize = 50_000;
/// The same, to check that nothing explains a false history.
const NEGATIVE_BOUND: usize = 5_000;
/// The model has no time. The logs are long.
const TIMELESS: &[(&str, &str)] = &[
    ("TRIALGATE_LOG__LEVEL", "trace"),
    ("TRIALGATE_VERIFICATION__RESEND_AFTER", "1d"),
    ("TRIALGATE_VERIFICATION__CODE_TTL", "1d"),
    ("TRIALGATE_VERIFICATION__CODE_CAP", "1d"),
];

type History = Vec<Operation<Question, Answer>>;

/// The clients of a history, and their questions and answers.
struct Inquiry {
    doors: Doors,
    began: Instant,
    /// The code of each phone.
    codes: BTreeMap<u32, String>,
    history: Mutex<History>,
    /// Questions that may still be asked.
    leave: Semaphore,
}

/// The part that fails.
#[derive(Debug, Clone, Copy)]
enum Strike {
    Instance,
    Backend,
    Server,
    Cut(Fault),
    /// The server's clock jumps ahead: an instance that starts reads it at once, the others within a minute.
    Clock,
    /// Nobody reads the log of an instance any more.
    Log,
    /// The synchronous standby takes the place of the server.
    FailOver,
}

/// Puts a clock that can be set in front of the server's own.
const CLOCK: &str = "CREATE SCHEMA clock; CREATE TABLE clock.jump (by INTERVAL NOT NULL); INSERT INTO clock.jump VALUES ('0'); \
    CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql \
        AS $$ SELECT pg_catalog.clock_timestamp() + by FROM clock.jump $$; \
    ALTER DATABASE trialgate SET search_path = public, clock, pg_catalog";
/// At most two hours, on the same day: each day has units of its own.
const JUMP: &str = "UPDATE clock.jump SET by = greatest('0', least('2 hours', \
    date_trunc('day', now() AT TIME ZONE 'UTC') + '1 day' - (now() AT TIME ZONE 'UTC') - interval '5 min'))";

/// With the daily limit that is set meanwhile.
const STRIKES: [(Strike, u32); 8] = [
    (Strike::Instance, 12),
    (Strike::Backend, 8),
    (Strike::Log, 9),
    (Strike::Cut(Fault::LoseAnswer), 18),
    (Strike::Clock, 14),
    (Strike::Server, 60),
    (Strike::FailOver, 16),
    (Strike::Cut(Fault::LoseCommit), 20),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answers_of_instances_that_fail_are_those_of_one_that_takes_one_request_after_another() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    let rounds = number("TRIALGATE_LINEAR_ROUNDS").unwrap_or(1);
    let first = number("TRIALGATE_LINEAR_SEED").unwrap_or_else(Random::any_seed);
    for seed in (0..rounds).map(|round| first.wrapping_add(round)) {
        println!("seed {seed}");
        let history = recorded(seed).await;
        println!("{}", summary(&history));
        judge(&history).await;
    }
}

/// Runs the instances through all faults.
async fn recorded(seed: u64) -> History {
    let mut random = Random::new(seed);
    let mut site = Site::start(TIMELESS, Way::Network, async |cluster| {
        Home::on_empty(cluster).await.import_pairs(PAIRS).await;
        cluster.execute(trialgate_tests::DATABASE, CLOCK);
    })
    .await;
    let inquiry = Arc::new(Inquiry::of_everyone(site.fleet.doors()).await);
    let clients = (0..CLIENTS).map(|_| Arc::clone(&inquiry).ask_around(Random::new(random.below(u64::MAX))));
    let clients: JoinSet<()> = clients.collect();
    for (strike, threshold) in STRIKES {
        let answered = inquiry.answered();
        inquiry.leave.add_permits(QUESTIONS);
        until("questions are answered", async || (inquiry.answered() >= answered + BEFORE).then_some(())).await;
        let operator = Home::beside(&site.cluster, &site.cluster.url(trialgate_tests::DATABASE));
        let set = inquiry.set_threshold(&operator, threshold);
        tokio::join!(set, site.strike(strike, &mut random));
        site.fleet.doors().until_all_ready().await;
        until("all that may be asked is", async || (inquiry.leave.available_permits() == 0).then_some(())).await;
    }
    inquiry.leave.close();
    within("the last questions are answered", clients.join_all()).await;
    let begun = inquiry.now();
    let tenants = site.database().assert_sound().into_iter().map(|tenant| tenant.phone);
    let phones: BTreeMap<String, u32> = (0..PHONES).map(|phone| (Applicant::new(phone).e164(), phone)).collect();
    let tenants = tenants.map(|phone| data::phone(phones[&phone])).collect();
    let answered = Some((inquiry.now(), Answer::Tenants(tenants)));
    site.fleet.stop().await;
    let mut history = std::mem::take(&mut *inquiry.history.lock().unwrap());
    history.push(Operation { begun, question: Question::Tenants, answered });
    history
}

impl Site {
    async fn strike(&mut self, strike: Strike, random: &mut Random) {
        let place = below(random, INSTANCES);
        match strike {
            Strike::Instance => {
                self.fleet.kill(place).await;
                self.fleet.restart(place).await;
            }
            Strike::Backend => {
                let backends = block_in_place(|| self.cluster.backends());
                self.cluster.kill_backend(backends[below(random, backends.len())]);
            }
            Strike::Server => block_in_place(|| self.cluster.restart_immediately()),
            Strike::Cut(fault) => self.proxies[place].strike(fault).await,
            Strike::Clock => {
                self.database().execute(JUMP);
                self.fleet.kill(place).await;
                self.fleet.restart(place).await;
            }
            Strike::Log => self.fleet.leave_log_unread(place),
            Strike::FailOver => {
                let standby = synchronous_standby(&self.cluster).await;
                self.cluster.freeze();
                block_in_place(|| standby.promote());
                self.proxies.iter().for_each(|proxy| proxy.switch(standby.port()));
                let mut frozen = std::mem::replace(&mut self.cluster, standby);
                block_in_place(|| frozen.stop(Signal::KILL));
            }
        }
    }
}

impl Inquiry {
    /// Every phone is sent a code, requested twice at once at different instances.
    async fn of_everyone(doors: Doors) -> Self {
        let (began, history) = (Instant::now(), Mutex::default());
        let inquiry = Self { doors, began, codes: BTreeMap::new(), history, leave: Semaphore::new(0) };
        let mut codes = BTreeMap::new();
        for phone in 0..PHONES {
            let question = Question::Code { phone };
            let place = usize::try_from(phone).unwrap();
            tokio::join!(inquiry.ask(place, &question), inquiry.ask(place + 1, &question));
            for client in inquiry.doors.clients() {
                codes.extend(client.code_of(&Applicant::new(phone)).await.map(|code| (phone, code)));
            }
        }
        Self { codes, ..inquiry }
    }

    /// Asks as long as there are permits, at any instance; a question without a certain answer is asked again until it
    /// has one.
    async fn ask_around(self: Arc<Self>, mut random: Random) {
        while let Ok(leave) = self.leave.acquire().await {
            leave.forget();
            let question = any_question(&mut random);
            let mut place = below(&mut random, INSTANCES);
            while !self.ask(place, &question).await {
                place = self.doors.until_any_ready(place + 1).await;
            }
        }
    }

    /// Asks once; returns whether the answer is certain.
    async fn ask(&self, place: usize, question: &Question) -> bool {
        let client = self.doors.client(place % INSTANCES);
        let kept = self.begin(question.clone());
        let answer = within("a question is answered", self.put(&client, question)).await;
        let answer = answer.filter(Answer::is_definite);
        let is_certain = answer.is_some();
        self.history.lock().unwrap()[kept].answered = answer.map(|answer| (self.now(), answer));
        is_certain
    }

    /// `None` if the connection was lost, or there was none.
    async fn put(&self, client: &Client, question: &Question) -> Option<Answer> {
        match *question {
            Question::Code { phone } => {
                let reply = client.try_send_code(&Applicant::new(phone)).await.ok()?;
                let code = SendCode::ALL.into_iter().find(|code| code.as_str() == reply.code());
                Some(Answer::Code(code.expect("a published code")))
            }
            Question::Trial { phone, company, email, is_right } => {
                let applicant = Applicant {
                    phone: Applicant::new(phone).phone,
                    company: Applicant::new(company).company,
                    email: Applicant::new(email).email,
                };
                let code = if is_right { &self.codes[&phone] } else { "wrong" };
                let reply = client.try_apply(&applicant, code).await.ok()?;
                let code = ApplyCode::ALL.into_iter().find(|code| code.as_str() == reply.code());
                Some(Answer::Trial(code.expect("a published code")))
            }
            Question::Threshold(_) | Question::Tenants => unreachable!("no visitor asks this"),
        }
    }

    /// By the command line, whatever its outcome.
    async fn set_threshold(&self, operator: &Home, threshold: u32) {
        let kept = self.begin(Question::Threshold(threshold));
        let ended = operator.run(&["quota", "set", &threshold.to_string()]).await;
        let answer = (ended.code() == Some(0)).then(|| (self.now(), Answer::Set));
        self.history.lock().unwrap()[kept].answered = answer;
    }

    fn begin(&self, question: Question) -> usize {
        let mut history = self.history.lock().unwrap();
        history.push(Operation { begun: self.now(), question, answered: None });
        history.len() - 1
    }

    fn answered(&self) -> usize {
        self.history.lock().unwrap().iter().filter(|operation| operation.answered.is_some()).count()
    }

    /// Nanoseconds since this began.
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap()
    }
}

/// Most applicants use their own values; some are colleagues, some share a mailbox, some mistype.
fn any_question(random: &mut Random) -> Question {
    let mut any = |bound: u32| u32::try_from(random.below(u64::from(bound))).unwrap();
    let phone = any(PHONES);
    if any(10) == 0 {
        return Question::Code { phone };
    }
    let mut mostly_own = || if any(8) == 0 { any(PHONES) } else { phone };
    let (company, email) = (mostly_own(), mostly_own());
    Question::Trial { phone, company, email, is_right: any(6) > 0 }
}

/// An order explains the history, and none does once an answer in it is changed.
async fn judge(history: &History) {
    let ledger = MemoryLedger::default();
    let by = data::changed_by(FixedClock::default().now(), &SeededEntropy::new(0));
    ledger.import_access_codes(data::access_codes(PAIRS), false, by).await.unwrap();
    let model = PlannerModel::new(data::planner(), ledger.state());
    let verdict = |history: &History, bound| block_in_place(|| check(&model, history, bound));
    let found = verdict(history, BOUND);
    assert!(matches!(found, Verdict::Linearizable(_)), "{found}: {found:?}\n{}", listed(history));
    for wrong in [without_a_tenant(history), with_one_more_acknowledged(history)] {
        assert!(!matches!(verdict(&wrong, NEGATIVE_BOUND), Verdict::Linearizable(_)), "{}", listed(&wrong));
    }
}

/// As if an acknowledged applicant had been lost.
fn without_a_tenant(history: &History) -> History {
    let mut wrong = history.clone();
    let Some(Operation { answered: Some((_, Answer::Tenants(tenants))), .. }) = wrong.last_mut() else {
        unreachable!("who has a tenant is asked last")
    };
    tenants.pop_first().expect("somebody has a tenant");
    wrong
}

/// As if the last refused application had been answered 000.
fn with_one_more_acknowledged(history: &History) -> History {
    let mut wrong = history.clone();
    let refused = |answer: &Answer| matches!(answer, Answer::Trial(code) if *code != ApplyCode::Success);
    let answers = wrong.iter_mut().rev().filter_map(|operation| operation.answered.as_mut().map(|(_, answer)| answer));
    *answers.into_iter().find(|answer| refused(answer)).expect("somebody was refused") =
        Answer::Trial(ApplyCode::Success);
    wrong
}

/// The number of each answer.
fn summary(history: &History) -> String {
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for operation in history {
        let answer = match &operation.answered {
            Some((_, Answer::Code(code))) => code.as_str().to_owned(),
            Some((_, Answer::Trial(code))) => code.as_str().to_owned(),
            Some((_, Answer::Set)) => "set".to_owned(),
            Some((_, Answer::Tenants(tenants))) => format!("{} tenants", tenants.len()),
            None => "not known".to_owned(),
        };
        *answers.entry(answer).or_default() += 1;
    }
    let answers: Vec<String> = answers.into_iter().map(|(answer, count)| format!("{count} × {answer}")).collect();
    format!("{} questions: {}", history.len(), answers.join(", "))
}

fn listed(history: &History) -> String {
    let line = |(place, operation): (usize, &Operation<_, _>)| format!("{place:4}  {operation:?}\n");
    history.iter().enumerate().map(line).collect()
}
