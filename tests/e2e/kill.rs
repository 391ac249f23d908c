//! `kill -9` at random moments under load: what was acknowledged is there after the restart, once.
//!
//! `TRIALGATE_KILL_ROUNDS` is how often (5), `TRIALGATE_KILL_SEED` repeats the moments of an earlier run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use trialgate_tests::{Account, Applicant, Client, Home, Random, Reply, Service, TenantRow, until};

const CLIENTS: usize = 16;
/// Access codes and quota are not what this is about: there are more than any round uses up.
const PAIRS: u32 = 50_000;
const UNLIMITED: [(&str, &str); 3] = [
    ("TRIALGATE_LIMITS__SMS_PER_DAY", "100000000"),
    ("TRIALGATE_QUOTA__THRESHOLD", "100000000"),
    ("TRIALGATE_MAIL__MAX_PER_SECOND", "10000"),
];

/// What one applicant did and was told.
struct History {
    applicant: Applicant,
    code: String,
    /// Return codes of applications, in their order; `None` for a connection that was lost.
    replies: Vec<Option<String>>,
}

/// What all clients of a round share.
#[derive(Default)]
struct Counters {
    next_applicant: AtomicU32,
    acknowledged: AtomicUsize,
}

impl History {
    fn is_acknowledged(&self) -> bool {
        self.replies.iter().flatten().any(|code| code == "000")
    }

    async fn apply(&mut self, client: &Client) -> Option<String> {
        let reply = client.try_apply(&self.applicant, &self.code).await.ok().map(|reply| reply.code().to_owned());
        self.replies.push(reply.clone());
        reply
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_by_a_kill() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    let rounds = number("TRIALGATE_KILL_ROUNDS").unwrap_or(5);
    let seed = number("TRIALGATE_KILL_SEED").unwrap_or_else(Random::any_seed);
    println!("seed {seed}, {rounds} rounds");
    let mut random = Random::new(seed);
    let home = Home::new();
    let mut service = home.sandbox_with(&UNLIMITED).await;
    home.import_pairs(PAIRS).await;
    let counters = Arc::new(Counters::default());
    let mut kept: Vec<History> = Vec::new();
    for round in 1..=rounds {
        let acknowledged_before = counters.acknowledged.load(Ordering::Relaxed);
        let clients = load(&service, &counters);
        let enough = acknowledged_before + 1 + usize::try_from(random.below(300)).unwrap();
        until("enough is acknowledged", async || {
            (counters.acknowledged.load(Ordering::Relaxed) >= enough).then_some(())
        })
        .await;
        // Not to wait for anything: the moment itself is what is random.
        tokio::time::sleep(Duration::from_micros(random.below(20_000))).await;
        service.kill().await;
        let mut histories: Vec<History> = clients.join_all().await.into_iter().flatten().collect();

        service = home.sandbox_with(&UNLIMITED).await;
        let acknowledged = histories.iter().filter(|history| history.is_acknowledged()).count();
        println!("round {round}: {} applied, {acknowledged} acknowledged before the kill", histories.len());
        assert!(acknowledged > 0);
        assert_acknowledged_are_kept(&home, kept.iter().chain(&histories));
        send_again(service.client(), &mut histories).await;
        kept.extend(histories);
        home.database().assert_keeps_exactly(kept.iter().map(|history| &history.applicant));
    }
    println!("{} applications in all, each with one tenant", kept.len());
    every_mail_arrives(&home, &service, &kept).await;
    let ended = home.run(&["doctor"]).await;
    assert_eq!(ended.code(), Some(0), "{ended:?}");
}

/// Clients that apply, one new applicant after the other, until the connection is lost.
fn load(service: &Service, counters: &Arc<Counters>) -> JoinSet<Vec<History>> {
    let clients = (0..CLIENTS).map(|_| {
        let (client, counters) = (service.client().clone(), Arc::clone(counters));
        async move {
            let mut histories = Vec::new();
            while let Some((applicant, code)) = next_with_code(&client, &counters).await {
                let mut history = History { applicant, code, replies: Vec::new() };
                let reply = history.apply(&client).await;
                histories.push(history);
                match reply.as_deref() {
                    Some("000") => drop(counters.acknowledged.fetch_add(1, Ordering::Relaxed)),
                    Some("005") => {}
                    Some(other) => panic!("an application was answered {other}"),
                    None => break,
                }
            }
            histories
        }
    });
    clients.collect()
}

/// A new applicant and the code that was sent; `None` once the service is gone.
async fn next_with_code(client: &Client, counters: &Counters) -> Option<(Applicant, String)> {
    let applicant = Applicant::new(counters.next_applicant.fetch_add(1, Ordering::Relaxed));
    let reply: Reply = client.try_send_code(&applicant).await.ok()?;
    assert_eq!(reply.code(), "200");
    let code = client.try_code_of(&applicant).await.ok()?;
    Some((applicant, code.expect("a message that was acknowledged is captured")))
}

/// Each acknowledged application has its tenant, and everything that a tenant has. There may be more tenants: a reply can be
/// lost.
fn assert_acknowledged_are_kept<'a>(home: &Home, histories: impl Iterator<Item = &'a History>) {
    let tenants: BTreeMap<String, TenantRow> =
        home.database().assert_sound().into_iter().map(|tenant| (tenant.phone.clone(), tenant)).collect();
    for history in histories.filter(|history| history.is_acknowledged()) {
        let applicant = &history.applicant;
        let tenant = tenants.get(&applicant.e164()).unwrap_or_else(|| panic!("{applicant:?} has no tenant"));
        assert_eq!((&tenant.email, &tenant.company), (&applicant.email, &applicant.company));
    }
}

/// Everyone applies once more, whatever the reply was: all of them are told 000.
async fn send_again(client: &Client, histories: &mut [History]) {
    for history in histories {
        assert_eq!(
            history.apply(client).await.as_deref(),
            Some("000"),
            "{:?}: {:?}",
            history.applicant,
            history.replies
        );
    }
}

/// Every mail is captured, at least once and always the same; and no access code is promised to two.
async fn every_mail_arrives(home: &Home, service: &Service, kept: &[History]) {
    // What was being delivered when the service was killed is due again when its lease ends: let that time be over.
    home.database().execute("UPDATE mails SET next_attempt_at = created_at WHERE state = 'due'");
    let unsent = "SELECT count(*) AS number FROM mails WHERE state <> 'sent'";
    let mut left = home.database().number(unsent);
    while left > 0 {
        left =
            until("more mails are sent", async || Some(home.database().number(unsent)).filter(|now| *now < left)).await;
    }
    let applicants: BTreeMap<String, &Applicant> =
        kept.iter().map(|history| (history.applicant.e164(), &history.applicant)).collect();
    let mut given = BTreeSet::new();
    let mut twice = 0;
    for tenant in home.database().tenants() {
        let mails = service.client().mails_of(applicants[&tenant.phone]).await;
        twice += usize::from(mails.len() > 1);
        let accounts: BTreeSet<_> = mails.iter().map(|mail| (mail.message_id.clone(), parts(mail.account()))).collect();
        let accounts: Vec<(String, [String; 5])> = accounts.into_iter().collect();
        let [(message_id, [id, _, _, voice, multimedia])] = accounts.as_slice() else {
            panic!("one account, not {accounts:?}")
        };
        assert_eq!(id.replace('-', ""), tenant.id);
        assert!(message_id.replace('-', "").starts_with(&format!("<{}@", tenant.mail)), "{message_id}");
        assert_eq!((voice, multimedia), (&tenant.voice, &tenant.multimedia));
        assert!(given.insert(voice.clone()) && given.insert(multimedia.clone()), "{tenant:?}");
    }
    println!("{} mails captured, {twice} of them more than once", kept.len());
}

fn parts(account: Account) -> [String; 5] {
    [account.tenant, account.name, account.password, account.voice, account.multimedia]
}
