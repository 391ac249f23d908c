//! Limits per client address, and per API client and operator.

mod budgets;
mod known;
mod network;
mod rate;

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use tokio::time::Instant;

use budgets::Budgets;
pub(crate) use known::KnownLimiter;
pub(crate) use network::Network;
pub(crate) use rate::Rate;

/// The runtime's clock: monotonic, and paused with the runtime in tests.
#[derive(Debug, Clone)]
pub(crate) struct RuntimeClock(Instant);

impl RuntimeClock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Nanoseconds since the start, for 584 years.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or_default()
    }
}

/// Limits requests of each client address, and of its networks. The requests of a whole hour may come at once.
pub(crate) struct AddressLimiter {
    state: Mutex<Limit>,
    clock: RuntimeClock,
    exempt: Vec<IpNet>,
}

struct Limit {
    per_hour: u32,
    /// `None` if the limit is off.
    budgets: Option<Budgets>,
}

impl Limit {
    fn new(per_hour: u32) -> Self {
        Self { per_hour, budgets: Budgets::new(per_hour) }
    }
}

impl AddressLimiter {
    /// At most this many requests per hour; 0 for no limit.
    pub(crate) fn per_hour(limit: u32) -> Self {
        Self { state: Mutex::new(Limit::new(limit)), clock: RuntimeClock::start(), exempt: Vec::new() }
    }

    /// Without a limit for addresses in these networks.
    pub(crate) fn with_exempt(self, networks: &[IpNet]) -> Self {
        Self { exempt: networks.to_vec(), ..self }
    }

    /// The limiter with this limit. A change of the limit gives every address a whole budget.
    pub(crate) fn under(&self, limit: u32) -> &Self {
        let mut state = self.state();
        if state.per_hour != limit {
            *state = Limit::new(limit);
        }
        self
    }

    /// Counts one request.
    ///
    /// # Errors
    /// The wait, if the limit is exceeded; the request is not counted then.
    pub(crate) fn take(&self, address: IpAddr) -> Result<(), Duration> {
        match &mut self.state().budgets {
            Some(budgets) if !self.is_exempt(address) => budgets.take(address, self.clock.now()),
            _ => Ok(()),
        }
    }

    /// Checks whether one more request is allowed, without counting it.
    ///
    /// # Errors
    /// The wait, if the limit would be exceeded.
    pub(crate) fn peek(&self, address: IpAddr) -> Result<(), Duration> {
        match &self.state().budgets {
            Some(budgets) if !self.is_exempt(address) => budgets.peek(address, self.clock.now()),
            _ => Ok(()),
        }
    }

    fn is_exempt(&self, address: IpAddr) -> bool {
        self.exempt.iter().any(|network| network.contains(&address))
    }

    fn state(&self) -> MutexGuard<'_, Limit> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_may_spend_its_hour_at_once_and_then_waits() {
        let limiter = AddressLimiter::per_hour(30);
        for _ in 0..30 {
            assert_eq!(limiter.peek(v4(1)), Ok(()));
            assert_eq!(limiter.take(v4(1)), Ok(()));
        }
        assert_eq!(limiter.take(v4(1)), Err(Duration::from_mins(2)));
        assert_eq!(limiter.peek(v4(1)), Err(Duration::from_mins(2)));
        assert_eq!(limiter.take(v4(2)), Ok(()), "another address has its own hour");
        tokio::time::advance(Duration::from_secs(119)).await;
        assert_eq!(limiter.take(v4(1)), Err(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(limiter.take(v4(1)), Ok(()));
        assert_eq!(limiter.take(v4(1)), Err(Duration::from_mins(2)));
    }

    #[test]
    fn the_addresses_of_one_ipv6_subscriber_count_together() {
        let limiter = AddressLimiter::per_hour(2);
        let take = |address: &str| limiter.take(address.parse().unwrap()).is_ok();
        assert!(take("2001:db8:0:1::1"));
        assert!(take("2001:db8:0:1:ffff::2"));
        assert!(!take("2001:db8:0:1::3"));
        assert!(take("2001:db8:0:2::1"));
    }

    #[test]
    fn zero_turns_the_limit_off() {
        let limiter = AddressLimiter::per_hour(0);
        assert!((0..1_000).all(|_| limiter.peek(v4(1)).is_ok() && limiter.take(v4(1)).is_ok()));
    }

    #[test]
    fn another_limit_holds_from_the_next_request_on() {
        let limiter = AddressLimiter::per_hour(1);
        assert!(limiter.take(v4(1)).is_ok());
        assert!(limiter.under(1).take(v4(1)).is_err(), "the same limit is no other");
        let other = limiter.under(2);
        assert!(other.take(v4(1)).is_ok() && other.take(v4(1)).is_ok());
        assert!(other.take(v4(1)).is_err());
        assert!(limiter.under(0).take(v4(1)).is_ok());
    }

    /// An exempt address is recognised as it is, and not in an IPv6 address that carries it: anybody can write that.
    #[test]
    fn exempt_addresses_have_no_limit() {
        let limiter = AddressLimiter::per_hour(1).with_exempt(&["192.0.2.1/32".parse().unwrap()]);
        assert!((0..100).all(|_| limiter.take(v4(1)).is_ok()));
        let carried = "2002:c000:201::1".parse().unwrap();
        assert!(limiter.take(carried).is_ok() && limiter.take(carried).is_err());
        assert!(limiter.take(v4(2)).is_ok() && limiter.take(v4(2)).is_err());
    }
}
