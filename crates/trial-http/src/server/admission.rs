//! How many connections one client has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

use crate::rate_limit::AddressKey;

/// Counts the connections of each client address: an IPv4 address, or the /64 of an IPv6 one.
#[derive(Clone)]
pub(super) struct Admission {
    counts: Arc<Mutex<HashMap<AddressKey, usize>>>,
    limit: usize,
    exempt: Arc<[IpNet]>,
}

/// The right to one connection, until dropped.
pub(super) struct Place {
    /// Where it is counted; nowhere for those that are exempt.
    counted: Option<(Admission, AddressKey)>,
}

impl Admission {
    /// At most so many for each, or any number if 0. Trusted proxies are exempt, and so is this machine as local proxies speak
    /// from it: there, one address is many clients.
    pub(super) fn new(limit: usize, trusted_proxies: &[IpNet]) -> Self {
        let here = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].map(IpNet::from);
        let exempt = here.iter().chain(trusted_proxies).copied().collect();
        Self { counts: Arc::default(), limit, exempt }
    }

    /// A place for one more connection, if the address may have it.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        if self.limit == 0 || self.exempt.iter().any(|network| network.contains(&address)) {
            return Some(Place { counted: None });
        }
        let key = AddressKey::from(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key).or_insert(0);
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Place { counted: Some((self.clone(), key)) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((admission, key)) = &self.counted else { return };
        let mut counts = admission.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(key);
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

    /// How many of three connections each of these addresses gets, all held at once.
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
        assert_eq!(admitted(&admission(0), &["192.0.2.1"]), 3);
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
