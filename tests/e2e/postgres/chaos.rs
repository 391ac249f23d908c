//! Random failures under load, of any part: acknowledged work is there, once, and everyone else can apply again.
//!
//! `TRIALGATE_CHAOS_ROUNDS` is the number of each (1), `TRIALGATE_CHAOS_SEED` repeats the moments of an earlier run.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use rustix::process::Signal;
use tokio::task::block_in_place;
use trial_cluster::Cluster;
use trialgate_tests::{DATABASE, Database, Fault, History, Home, Random, until};

use super::load::{Load, summary};
use super::site::{INSTANCES, Site, Way, below, moment, url};
use crate::kept::{assert_acknowledged_are_kept, assert_every_mail_arrives};

/// Access codes and quota do not matter here: for each round there are more than it uses up.
const PAIRS: u32 = 5_000;
const UNLIMITED: &[(&str, &str)] = &[
    ("TRIALGATE_LIMITS__SMS_PER_DAY", "100000000"),
    ("TRIALGATE_QUOTA__THRESHOLD", "100000000"),
    ("TRIALGATE_MAIL__MAX_PER_SECOND", "10000"),
];

/// Rounds of load, each with its fault, and the results so far.
struct Chaos {
    rounds: u32,
    round: u32,
    random: Random,
    next_applicant: Arc<AtomicU32>,
    kept: Vec<History>,
}

impl Chaos {
    fn new() -> Self {
        let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
        let rounds = number("TRIALGATE_CHAOS_ROUNDS").map_or(1, |rounds| u32::try_from(rounds).unwrap());
        let seed = number("TRIALGATE_CHAOS_SEED").unwrap_or_else(Random::any_seed);
        println!("seed {seed}, {rounds} rounds");
        Self { rounds, round: 0, random: Random::new(seed), next_applicant: Arc::default(), kept: Vec::new() }
    }

    async fn site(&self, way: Way) -> Site {
        let pairs = self.rounds * PAIRS;
        Site::start(UNLIMITED, way, async |cluster| Home::on(cluster).await.import_pairs(pairs).await).await
    }

    fn has_more(&self) -> bool {
        self.round < self.rounds
    }

    /// A fault under load. Then everything is repaired, and everyone who was not acknowledged applies once more.
    async fn round(&mut self, site: &mut Site, strike: impl AsyncFnOnce(&mut Site, &Load, &mut Random)) {
        self.round += 1;
        let load = Load::start(site.fleet.doors(), &self.next_applicant, &mut self.random);
        load.until_acknowledged(1 + below(&mut self.random, 100)).await;
        moment(&mut self.random, Duration::from_millis(20)).await;
        strike(site, &load, &mut self.random).await;
        site.fleet.doors().until_all_ready().await;
        load.until_acknowledged_by_each(10).await;
        site.fleet.assert_up();
        let began = load.began();
        let mut histories = load.stop().await;
        println!("round {}: {}, in {} ms", self.round, summary(&histories), began.elapsed().as_millis());
        assert_acknowledged_are_kept(&mut site.database(), self.kept.iter().chain(&histories));

        for history in histories.iter_mut().filter(|history| !history.is_acknowledged()) {
            let place = below(&mut self.random, INSTANCES);
            let answer = history.apply(&site.fleet.doors().client(place), place, began).await;
            assert!(answer.is("000"), "{history:?}");
        }
        self.kept.extend(histories);
        site.database().assert_keeps_exactly(self.kept.iter().map(|history| &history.applicant));
    }

    async fn end(self, mut site: Site) {
        println!("{} applications in all, each with one tenant", self.kept.len());
        assert_every_mail_arrives(&mut site.database(), &site.fleet.doors().clients(), &self.kept).await;
        let ended = site.fleet.home(0).run(&["doctor"]).await;
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        site.fleet.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_by_the_kill_of_an_instance() {
    let mut chaos = Chaos::new();
    let mut site = chaos.site(Way::Direct).await;
    while chaos.has_more() {
        chaos
            .round(&mut site, async |site, load, random| {
                let place = below(random, INSTANCES);
                site.fleet.kill(place).await;
                load.until_acknowledged(20).await;
                site.fleet.restart(place).await;
            })
            .await;
    }
    chaos.end(site).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_by_the_kill_of_a_backend() {
    let mut chaos = Chaos::new();
    let mut site = chaos.site(Way::Direct).await;
    while chaos.has_more() {
        chaos
            .round(&mut site, async |site, _, random| {
                let backends = block_in_place(|| site.cluster.backends());
                site.cluster.kill_backend(backends[below(random, backends.len())]);
            })
            .await;
    }
    chaos.end(site).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_by_an_immediate_restart() {
    let mut chaos = Chaos::new();
    let mut site = chaos.site(Way::Direct).await;
    while chaos.has_more() {
        chaos.round(&mut site, async |site, _, _| block_in_place(|| site.cluster.restart_immediately())).await;
    }
    chaos.end(site).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_by_a_fail_over() {
    let mut chaos = Chaos::new();
    let mut site = chaos.site(Way::Direct).await;
    while chaos.has_more() {
        let standby = synchronous_standby(&site.cluster).await;
        let mut ports = [site.cluster.port(), standby.port()];
        if chaos.random.below(2) == 0 {
            ports.reverse();
        }
        site.fleet.move_to(&site.cluster, &url(&ports)).await;
        chaos
            .round(&mut site, async |site, _, random| {
                site.cluster.freeze();
                moment(random, Duration::from_secs(1)).await;
                block_in_place(|| standby.promote());
                let mut frozen = std::mem::replace(&mut site.cluster, standby);
                moment(random, Duration::from_secs(4)).await;
                block_in_place(|| frozen.stop(Signal::KILL));
            })
            .await;
    }
    // `doctor` requires a standby if several servers are named.
    site.fleet.move_to(&site.cluster, &url(&[site.cluster.port()])).await;
    chaos.end(site).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_by_cuts_in_the_middle_of_commits() {
    let mut chaos = Chaos::new();
    let mut site = chaos.site(Way::Network).await;
    while chaos.has_more() {
        chaos
            .round(&mut site, async |site, load, random| {
                for fault in [Fault::LoseCommit, Fault::LoseAnswer].repeat(6) {
                    site.proxies[below(random, INSTANCES)].strike(fault).await;
                    load.until_acknowledged(1 + below(random, 10)).await;
                }
                let proxy = &site.proxies[below(random, INSTANCES)];
                proxy.strike(Fault::Silence).await;
                moment(random, Duration::from_secs(4)).await;
                proxy.end_of_silence();
            })
            .await;
    }
    chaos.end(site).await;
}

/// A standby that each commit waits for from now on.
pub(super) async fn synchronous_standby(primary: &Cluster) -> Cluster {
    let standby = block_in_place(|| primary.standby("follower", &[]));
    primary.configure(&[("synchronous_standby_names", "follower")]);
    primary.execute("postgres", "SELECT pg_reload_conf()");
    let followers = "SELECT application_name AS line FROM pg_stat_replication WHERE sync_state = 'sync'";
    let mut database = Database::on(primary, DATABASE);
    until("commits wait for the standby", async || (database.lines(followers) == ["follower"]).then_some(())).await;
    standby
}
