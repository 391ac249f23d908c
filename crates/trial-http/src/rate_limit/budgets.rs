//! Hourly budgets of client networks in bounded memory.
//!
//! Each network has a budget of its own; unrelated networks share none. A full table drops the network with the least
//! use: it gets a whole budget again, and nobody is refused for it.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::ops::Range;
use std::time::Duration;

use super::network::{Network, NetworkSize};
use super::rate::Rate;

/// Networks of one size that are tracked. A table is 1 MiB; a limit has five.
const CAPACITY: usize = 65_536;
/// Cells that a network may use; if all are taken, the least used one is replaced.
const WAYS: usize = 16;

/// The use of one limit by networks of all sizes.
#[derive(Debug)]
pub(super) struct Budgets {
    /// Requests of one subscriber per hour; not 0.
    limit: u64,
    tables: [Table; NetworkSize::COUNT],
}

impl Budgets {
    pub(super) fn new(limit: u32) -> Option<Self> {
        Self::with_capacity(limit, CAPACITY)
    }

    fn with_capacity(limit: u32, capacity: usize) -> Option<Self> {
        let limit = u64::from(limit);
        (limit > 0).then(|| Self { limit, tables: std::array::from_fn(|_| Table::new(capacity / WAYS)) })
    }

    /// Checks that the budgets have one more request at this time, in nanoseconds.
    ///
    /// # Errors
    /// The wait, if the budget of one of the networks is used up.
    pub(super) fn peek(&self, address: IpAddr, now: u64) -> Result<(), Duration> {
        let waits = Network::all_of(address).filter_map(|network| self.used_with_one_more(network, now).err());
        waits.max().map_or(Ok(()), Err)
    }

    /// Takes one request from the budgets of all networks of the address, or from none.
    ///
    /// # Errors
    /// The wait, if the budget of one of the networks is used up.
    pub(super) fn take(&mut self, address: IpAddr, now: u64) -> Result<(), Duration> {
        self.peek(address, now)?;
        for network in Network::all_of(address) {
            let until = self.used_with_one_more(network, now)?;
            self.tables[network.size as usize].store(network.bits, until);
        }
        Ok(())
    }

    fn used_with_one_more(&self, network: Network, now: u64) -> Result<u64, Duration> {
        let rate = Rate::new(self.limit * u64::from(network.size.share()), Rate::HOUR);
        rate.next(self.tables[network.size as usize].used_until(network.bits), now)
    }
}

/// Cells of networks of one size.
///
/// A cell holds a network's bits and the time until which its budget is in use. An expired cell is worth as much as an
/// empty one: time alone empties the table, and such cells are replaced first.
#[derive(Debug)]
struct Table {
    /// Keyed with a secret of the process, so that nobody can choose networks that share cells.
    hasher: RandomState,
    sets: usize,
    /// Empty until something is stored.
    cells: Vec<[u64; 2]>,
}

impl Table {
    fn new(sets: usize) -> Self {
        Self { hasher: RandomState::new(), sets, cells: Vec::new() }
    }

    /// Time until which the budget of this network is in use; 0 if unknown.
    fn used_until(&self, bits: u64) -> u64 {
        let cells = self.cells.get(self.set_of(bits)).unwrap_or_default();
        cells.iter().find(|[known, _]| *known == bits).map_or(0, |[_, until]| *until)
    }

    fn store(&mut self, bits: u64, until: u64) {
        if self.cells.is_empty() {
            self.cells = vec![[0; 2]; self.sets * WAYS];
        }
        let set = self.set_of(bits);
        let cells = self.cells.get_mut(set).unwrap_or_default();
        let place = cells.iter().position(|[known, _]| *known == bits);
        let least_used = || cells.iter().enumerate().min_by_key(|(_, [_, until])| *until).map(|(place, _)| place);
        if let Some(place) = place.or_else(least_used) {
            cells[place] = [bits, until];
        }
    }

    fn set_of(&self, bits: u64) -> Range<usize> {
        let sets = self.sets.max(1) as u64;
        let first = usize::try_from(self.hasher.hash_one(bits) % sets).unwrap_or_default() * WAYS;
        first..first + WAYS
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    fn budgets(limit: u32, capacity: usize) -> Budgets {
        Budgets::with_capacity(limit, capacity).unwrap()
    }

    fn cells(budgets: &Budgets) -> usize {
        budgets.tables.iter().map(|table| table.cells.len()).sum()
    }

    /// The number of requests that are accepted, of these addresses one after another.
    fn taken(budgets: &mut Budgets, addresses: impl IntoIterator<Item = Ipv6Addr>) -> usize {
        addresses.into_iter().filter(|address| budgets.take(IpAddr::V6(*address), 0).is_ok()).count()
    }

    fn v6(text: &str) -> Ipv6Addr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_of_ipv6_has_4_times_the_limit_as_a_56_and_16_times_as_a_48() {
        let subnet = |number: u16| Ipv6Addr::new(0x2001, 0xdb8, 7, number, 0, 0, 0, 1);
        let all = |budgets: &mut Budgets, subnets: std::ops::Range<u16>| {
            taken(budgets, subnets.flat_map(|number| [subnet(number); 4]))
        };
        let mut budgets = budgets(3, CAPACITY);
        assert_eq!(all(&mut budgets, 0..1), 3);
        assert_eq!(all(&mut budgets, 1..256), 4 * 3 - 3);
        assert_eq!(all(&mut budgets, 256..8_192), 16 * 3 - 4 * 3);
        assert_eq!(taken(&mut budgets, [v6("2001:db8:8::1"); 4]), 3, "another /48");
    }

    #[test]
    fn a_network_of_ipv4_has_16_times_the_limit_as_a_24() {
        let mut budgets = budgets(30, CAPACITY);
        let mut taken = |third: u8| {
            let all = (0..=u8::MAX).flat_map(|last| [Ipv4Addr::new(198, 51, third, last); 40]);
            all.filter(|address| budgets.take(IpAddr::V4(*address), 0).is_ok()).count()
        };
        assert_eq!((taken(100), taken(101)), (16 * 30, 16 * 30));
    }

    #[test]
    fn a_refusal_takes_from_no_budget() {
        let mut budgets = budgets(2, CAPACITY);
        assert_eq!(taken(&mut budgets, [v6("2001:db8:0:1::1"); 1_000]), 2);
        assert_eq!(
            taken(&mut budgets, (2..5).flat_map(|last| [Ipv6Addr::new(0x2001, 0xdb8, 0, last, 0, 0, 0, 1); 2])),
            6
        );
    }

    #[test]
    fn a_full_table_forgets_the_least_used_network_first() {
        let mut budgets = budgets(30, WAYS);
        let of = |number: u8| IpAddr::from([198, 51, number, 1]);
        for number in 0..16 {
            for _ in 0..=number {
                budgets.take(of(number), 0).unwrap();
            }
        }
        let spent = |budgets: &Budgets, number| {
            budgets.tables[0].used_until(u64::from(u32::from_be_bytes([198, 51, number, 1])))
        };
        budgets.take(of(16), 0).unwrap();
        assert_eq!(spent(&budgets, 0), 0, "it had used 1 of 30");
        assert!((1..=16).all(|number| spent(&budgets, number) > 0));
        assert_eq!(cells(&budgets), 2 * WAYS);
    }

    #[test]
    fn networks_whose_budget_is_whole_again_give_way_before_all_others() {
        let mut budgets = budgets(30, WAYS);
        let of = |number: u8| IpAddr::from([198, 51, number, 1]);
        for _ in 0..15 {
            budgets.take(of(0), 0).unwrap();
        }
        let half_an_hour = Rate::HOUR / 2;
        for number in 1..=16 {
            budgets.take(of(number), half_an_hour).unwrap();
        }
        let known = (0..=16)
            .filter(|number| budgets.tables[0].used_until(u64::from(u32::from_be_bytes([198, 51, *number, 1]))) > 0);
        assert_eq!(known.collect::<Vec<u8>>(), (1..=16).collect::<Vec<_>>());
    }

    /// 65,536 requests from one /48, and as many from a /32 of it, are nothing to anybody else.
    #[test]
    fn a_flood_of_ipv6_networks_keeps_no_other_address_out_and_needs_no_more_memory() {
        let mut budgets = budgets(30, CAPACITY);
        let one_48 = (0..=u16::MAX).map(|low| Ipv6Addr::new(0x2001, 0xdb8, 7, low, 0, 0, 0, 1));
        assert_eq!(taken(&mut budgets, one_48), 16 * 30);
        let one_32 = (0..=u16::MAX).map(|low| Ipv6Addr::new(0x2001, 0xdb9, low, low, 0, 0, 0, 1));
        assert_eq!(taken(&mut budgets, one_32.clone()), 65_536);
        assert_eq!(taken(&mut budgets, one_32), 65_536);
        assert_eq!(taken(&mut budgets, [v6("2001:dba::1"); 31]), 30);
        assert_eq!(budgets.take(IpAddr::from([192, 0, 2, 1]), 0), Ok(()));
        assert_eq!(size_of::<[u64; 2]>() * cells(&budgets), 5 << 20, "5 MiB for a limit");
    }

    /// Addresses near one another, so that they share networks, and of all forms.
    fn addresses() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            (0..3_u8, 0..4_u8).prop_map(|(third, last)| IpAddr::from([192, 0, third, last])),
            (0..3_u16, 0..3_u16, 0..3_u16).prop_map(|(c, high, low)| IpAddr::from([
                0x2001,
                0xdb8,
                c,
                high << 8 | low,
                0,
                0,
                0,
                1
            ])),
            (0..3_u16, 0..4_u16).prop_map(|(third, last)| IpAddr::from([
                0x2002,
                0xc000,
                third << 8 | last,
                0,
                0,
                0,
                0,
                1
            ])),
            any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
            any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        ]
    }

    proptest! {
        /// Holds for the smallest table too.
        #[test]
        fn an_address_is_refused_for_requests_of_its_own_networks_alone(
            requests in prop::collection::vec((addresses(), 0..Rate::HOUR / 50), 1..400),
            limit in 1_u32..3,
            sets in 1_usize..4,
        ) {
            let mut budgets = budgets(limit, sets * WAYS);
            let (mut now, mut asked) = (0, HashMap::<Network, u64>::new());
            for (address, pause) in requests {
                now += pause;
                let decided = budgets.take(address, now);
                let is_excused = Network::all_of(address)
                    .any(|network| asked.get(&network).is_some_and(|count| *count >= u64::from(limit * network.size.share())));
                prop_assert!(decided.is_ok() || is_excused, "{} is refused for others", address);
                if decided.is_ok() {
                    Network::all_of(address).for_each(|network| *asked.entry(network).or_default() += 1);
                }
            }
        }

        /// Within any hour a network has at most twice its limit: what was saved up, and what came back.
        #[test]
        fn no_network_has_more_than_its_budget(
            requests in prop::collection::vec((addresses(), 0..Rate::HOUR / 20), 1..200),
            limit in 1_u32..3,
        ) {
            let mut budgets = budgets(limit, CAPACITY);
            let (mut now, mut taken) = (0, HashMap::<Network, Vec<u64>>::new());
            for (address, pause) in requests {
                now += pause;
                let foreseen = budgets.peek(address, now);
                prop_assert_eq!(foreseen, budgets.take(address, now));
                if let Err(wait) = foreseen {
                    let later = now + u64::try_from(wait.as_nanos()).unwrap();
                    prop_assert_eq!(budgets.peek(address, later), Ok(()), "the wait is long enough");
                    prop_assert!(budgets.peek(address, later - 1).is_err(), "and not too long");
                    continue;
                }
                for network in Network::all_of(address) {
                    let times = taken.entry(network).or_default();
                    times.push(now);
                    let most = u64::from(limit * network.size.share());
                    for (place, start) in times.iter().enumerate() {
                        let earned = (now - start) / (Rate::HOUR / most);
                        prop_assert!((times.len() - place) as u64 <= most + earned, "{}", network);
                    }
                }
            }
        }
    }
}
