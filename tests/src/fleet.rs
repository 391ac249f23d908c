//! Several instances of the service.

use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use trial_cluster::DatabaseServer;

use crate::waiting::Patience;
use crate::{Client, Ended, Home, Service};

/// Environment variables.
type Environment = &'static [(&'static str, &'static str)];

/// Instances of the service beside each other on one database.
#[derive(Debug)]
pub struct Fleet {
    instances: Vec<Instance>,
    environment: Environment,
    doors: Doors,
}

#[derive(Debug)]
struct Instance {
    home: Home,
    /// `None` while it is down.
    service: Option<Service>,
}

/// The current addresses of the instances, which change at each start.
#[derive(Debug, Clone)]
pub struct Doors(Arc<[Mutex<Client>]>);

impl Fleet {
    /// Starts an instance in each of these homes, all at once.
    pub async fn start(homes: impl IntoIterator<Item = Home>, environment: Environment) -> Self {
        let homes: Vec<Home> = homes.into_iter().collect();
        let services = join_all(homes.iter().map(|home| home.start_with(environment))).await;
        let doors = services.iter().map(|service| Mutex::new(service.client().clone())).collect();
        let instance = |(home, service)| Instance { home, service: Some(service) };
        Self { instances: homes.into_iter().zip(services).map(instance).collect(), environment, doors: Doors(doors) }
    }

    /// Clients of the instances.
    pub fn doors(&self) -> Doors {
        self.doors.clone()
    }

    /// The home of an instance.
    pub fn home(&self, place: usize) -> &Home {
        &self.instances[place].home
    }

    /// Kills an instance, which cannot finish anything.
    pub async fn kill(&mut self, place: usize) {
        let service = self.instances[place].service.take().expect("it is up");
        assert_no_panic(&service.kill().await);
    }

    /// Reads the log of an instance no longer, until it has ended.
    pub fn leave_log_unread(&self, place: usize) {
        self.instances[place].service.as_ref().expect("it is up").leave_log_unread();
    }

    /// Starts a stopped instance again.
    pub async fn restart(&mut self, place: usize) {
        let instance = &mut self.instances[place];
        let service = instance.home.start_with(self.environment).await;
        self.doors.put(place, service.client().clone());
        instance.service = Some(service);
    }

    /// Stops all, and starts them on another database.
    pub async fn move_to(&mut self, server: &DatabaseServer, url: &str) {
        let mut homes = self.stop().await;
        for home in &mut homes {
            home.move_to(server, url);
        }
        *self = Self::start(homes, self.environment).await;
    }

    /// Checks that none has ended by itself.
    pub fn assert_up(&mut self) {
        for instance in &mut self.instances {
            assert!(instance.service.as_mut().is_some_and(Service::is_running), "an instance ended by itself");
        }
    }

    /// Stops all instances gracefully; returns their homes.
    pub async fn stop(&mut self) -> Vec<Home> {
        let mut homes = Vec::new();
        for Instance { home, service } in self.instances.drain(..) {
            if let Some(service) = service {
                let ended = service.stop().await;
                assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
                assert_no_panic(&ended);
            }
            homes.push(home);
        }
        homes
    }
}

impl Doors {
    /// The number of instances.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// A client of an instance.
    pub fn client(&self, place: usize) -> Client {
        self.0[place].lock().unwrap().clone()
    }

    /// Clients of all instances.
    pub fn clients(&self) -> Vec<Client> {
        (0..self.count()).map(|place| self.client(place)).collect()
    }

    /// Waits until an instance is ready: this one, or one after it.
    pub async fn until_any_ready(&self, first: usize) -> usize {
        let patience = Patience::new("an instance is ready");
        loop {
            for place in (first..first + self.count()).map(|place| place % self.count()) {
                if self.is_ready(place).await {
                    return place;
                }
            }
            patience.look_again().await;
        }
    }

    /// Waits until all are ready.
    pub async fn until_all_ready(&self) {
        let patience = Patience::new("every instance is ready");
        for place in 0..self.count() {
            while !self.is_ready(place).await {
                patience.look_again().await;
            }
        }
    }

    async fn is_ready(&self, place: usize) -> bool {
        self.client(place).try_readiness().await.is_ok_and(|reply| reply.status == 200)
    }

    fn put(&self, place: usize, client: Client) {
        *self.0[place].lock().unwrap() = client;
    }
}

fn assert_no_panic(ended: &Ended) {
    assert!(!ended.stderr.contains("panicked at"), "{}", ended.stderr);
}
