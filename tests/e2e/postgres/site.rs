//! Three instances on one server, all of which can break.

use std::time::Duration;

use trial_cluster::{Cluster, USER};
use trialgate_tests::{DATABASE, Database, Fleet, Home, Proxy, Random};

pub(super) const INSTANCES: usize = 3;

/// The parts that can be broken.
pub(super) struct Site {
    pub(super) cluster: Cluster,
    /// One between each instance and the server, if the network is to fail.
    pub(super) proxies: Vec<Proxy>,
    pub(super) fleet: Fleet,
}

/// The connection of the instances to the server.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Way {
    Direct,
    /// Each through a network of its own.
    Network,
}

impl Site {
    /// Starts instances with these environment variables on a database that is prepared first.
    pub(super) async fn start(
        environment: &'static [(&'static str, &'static str)],
        way: Way,
        prepare: impl AsyncFnOnce(&Cluster),
    ) -> Self {
        let cluster = Cluster::start(&[]);
        prepare(&cluster).await;
        let mut proxies = Vec::new();
        while way == Way::Network && proxies.len() < INSTANCES {
            proxies.push(Proxy::start(cluster.port()).await);
        }
        let port = |place| proxies.get(place).map_or(cluster.port(), Proxy::port);
        let homes = (0..INSTANCES).map(|place| Home::beside(&cluster, &url(&[port(place)])));
        let fleet = Fleet::start(homes.collect::<Vec<_>>(), environment).await;
        Self { cluster, proxies, fleet }
    }

    pub(super) fn database(&self) -> Database {
        Database::on(&self.cluster, DATABASE)
    }
}

/// The URL of the database behind one of these ports.
pub(super) fn url(ports: &[u16]) -> String {
    let hosts: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    format!("postgres://{USER}@{}/{DATABASE}?target_session_attrs=read-write&sslmode=disable", hosts.join(","))
}

/// Not waiting for an event: the moment itself is random.
pub(super) async fn moment(random: &mut Random, bound: Duration) {
    let bound = u64::try_from(bound.as_micros()).unwrap();
    tokio::time::sleep(Duration::from_micros(random.below(bound))).await;
}

pub(super) fn below(random: &mut Random, bound: usize) -> usize {
    usize::try_from(random.below(u64::try_from(bound).unwrap())).unwrap()
}
