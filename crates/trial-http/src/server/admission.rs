//! Limits the number of connections per client.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

use crate::rate_limit::Network;

/// Counts connections per client address and network; bounded by the number of open connections.
#[derive(Clone)]
pub(super) struct Admission {
    counts: Arc<Mutex<HashMap<Network, usize>>>,
    limit: usize,
    exempt: Arc<[IpNet]>,
}

/// Permission for one connection, until dropped.
pub(super) struct Place {
    /// Counter and counted address; `None` for exempt addresses.
    counted: Option<(Admission, IpAddr)>,
}

impl Admission {
    /// At most this many per address, more for its networks; 0 for no limit. Trusted proxies are exempt, and so is this
    /// machine, from which local proxies connect: there, one address is many clients.
    pub(super) fn new(limit: usize, trusted_proxies: &[IpNet]) -> Self {
        let here = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].map(IpNet::from);
        let exempt = here.iter().chain(trusted_proxies).copied().collect();
        Self { counts: Arc::default(), limit, exempt }
    }

    /// Permission for one more connection, if the address is within its limit.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        if self.limit == 0 || self.exempt.iter().any(|network| network.contains(&address)) {
            return Some(Place { counted: None });
        }
        let networks = Network::all_of(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |network: Network| {
            let most = self.limit.saturating_mul(network.size.share() as usize);
            counts.get(&network).is_some_and(|count| *count >= most)
        };
        if networks.clone().any(is_full) {
            return None;
        }
        networks.for_each(|network| *counts.entry(network).or_insert(0) += 1);
        Some(Place { counted: Some((self.clone(), address)) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((admission, address)) = &self.counted else { return };
        let mut counts = admission.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for network in Network::all_of(*address) {
            if let Entry::Occupied(mut count) = counts.entry(network) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(limit: usize) -> Admission {
        Admission::new(limit, &["10.0.0.0/8".parse().unwrap()])
    }

    /// The number of connections admitted if each of these addresses opens three, all held at once.
    fn admitted(admission: &Admission, addresses: &[&str]) -> usize {
        let all = addresses.iter().flat_map(|address| [address; 3]);
        all.filter_map(|address| admission.admit(address.parse().unwrap())).collect::<Vec<_>>().len()
    }

    #[test]
    fn each_address_has_its_own_limit() {
        assert_eq!(admitted(&admission(2), &["192.0.2.1"]), 2);
        assert_eq!(admitted(&admission(2), &["192.0.2.1", "192.0.2.2"]), 4);
        assert_eq!(admitted(&admission(2), &["192.0.2.1", "::ffff:192.0.2.1"]), 2);
        assert_eq!(admitted(&admission(2), &["2001:db8::1", "2001:db8::2"]), 2);
        assert_eq!(admitted(&admission(2), &["2001:db8::1", "2001:db8:0:1::1"]), 4);
        assert_eq!(admitted(&admission(2), &["192.0.2.1", "64:ff9b::192.0.2.1"]), 2);
        assert_eq!(admitted(&admission(0), &["192.0.2.1"]), 3);
    }

    /// The holder of a /48 does not get all connections.
    #[test]
    fn the_networks_of_an_address_have_their_own_limits() {
        let of = |subnets: std::ops::Range<u16>| -> Vec<String> {
            subnets.map(|subnet| format!("2001:db8:7:{subnet:x}::1")).collect()
        };
        let count = |addresses: Vec<String>| {
            let addresses: Vec<_> = addresses.iter().map(String::as_str).collect();
            admitted(&admission(1), &addresses)
        };
        assert_eq!(count(of(0..256)), 4);
        assert_eq!(count(of(0..8_192)), 16);
        let ipv4: Vec<_> = (0..=255).map(|last| format!("192.0.2.{last}")).collect();
        assert_eq!(count(ipv4.clone()), 16);
        assert_eq!(count([ipv4, vec!["192.0.3.1".to_owned()]].concat()), 17, "another /24");
    }

    #[test]
    fn proxies_and_this_machine_have_none() {
        assert_eq!(admitted(&admission(1), &["10.1.2.3", "127.0.0.1", "::1", "::ffff:127.0.0.1"]), 12);
        assert_eq!(admitted(&admission(1), &["127.0.0.2"]), 1);
    }

    #[test]
    fn a_place_is_free_again_when_its_connection_has_ended() {
        let admission = admission(1);
        let address = "192.0.2.1".parse().unwrap();
        let place = admission.admit(address);
        assert!(place.is_some() && admission.admit(address).is_none());
        drop(place);
        assert!(admission.counts.lock().unwrap().is_empty(), "nobody is remembered who is gone");
        assert!(admission.admit(address).is_some());
    }
}
