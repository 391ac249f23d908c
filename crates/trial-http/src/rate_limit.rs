//! Limits per client address. Memory is bounded: addresses beyond a cap share one bucket.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::{DashMapStateStore, ShrinkableKeyedStateStore};
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

/// The most addresses that are told apart, some 5 MB.
const MAX_ADDRESSES: usize = 65_536;
/// Addresses that have not been heard of for long enough are forgotten once in this many requests.
const SWEEP_EVERY: u32 = 8_192;

/// Who is limited: an IPv4 address, or the /64 that an IPv6 subscriber has to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum AddressKey {
    V4(u32),
    V6(u64),
}

impl From<IpAddr> for AddressKey {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::V4(v4.to_bits()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Self::V6([a, b, c, d].into_iter().fold(0, |bits, segment| bits << 16 | u64::from(segment)))
            }
        }
    }
}

/// The runtime's clock: monotonic, and paused with the runtime in tests.
#[derive(Debug, Clone)]
pub(crate) struct RuntimeClock(Instant);

impl RuntimeClock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for RuntimeClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Lets each address through so many times an hour, all at once if it likes.
pub(crate) struct AddressLimiter<C: Clock = RuntimeClock> {
    kept: RwLock<Kept<C>>,
    clock: C,
    capacity: usize,
    until_sweep: AtomicU32,
}

/// A limit, and who has used how much of it.
struct Kept<C: Clock> {
    limit: u32,
    /// `None` where the limit is off.
    limiter: Option<Arc<Limiter<C>>>,
}

impl<C: Clock + Clone> Kept<C> {
    fn new(limit: u32, clock: &C, capacity: usize) -> Self {
        let limiter = NonZeroU32::new(limit).map(|limit| {
            Arc::new(RateLimiter::new(Quota::per_hour(limit), BoundedStore::new(capacity), clock.clone()))
        });
        Self { limit, limiter }
    }
}

type Limiter<C> = RateLimiter<AddressKey, BoundedStore, C, NoOpMiddleware<<C as Clock>::Instant>>;

impl<C: Clock + Clone> AddressLimiter<C> {
    pub(crate) fn per_hour(limit: u32, clock: C) -> Self {
        Self::with_capacity(limit, clock, MAX_ADDRESSES)
    }

    fn with_capacity(limit: u32, clock: C, capacity: usize) -> Self {
        let kept = RwLock::new(Kept::new(limit, &clock, capacity));
        Self { kept, clock, capacity, until_sweep: AtomicU32::new(SWEEP_EVERY) }
    }

    /// Itself under this limit. Where it was another, every address begins its hour anew.
    pub(crate) fn under(&self, limit: u32) -> &Self {
        if self.kept().limit != limit {
            let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
            if kept.limit != limit {
                *kept = Kept::new(limit, &self.clock, self.capacity);
            }
        }
        self
    }

    pub(crate) fn is_off(&self) -> bool {
        self.kept().limiter.is_none()
    }

    fn kept(&self) -> RwLockReadGuard<'_, Kept<C>> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one request.
    ///
    /// # Errors
    /// How long to wait, if it is one too many.
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), Duration> {
        let Some(limiter) = self.kept().limiter.clone() else { return Ok(()) };
        if self.until_sweep.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.until_sweep.store(SWEEP_EVERY, Ordering::Relaxed);
            limiter.retain_recent();
        }
        limiter.check_key(&address.into()).map_err(|refused| {
            let now = limiter.clock().now();
            refused.earliest_possible().duration_since(now).into()
        })
    }
}

/// States of so many addresses; one state for all the others.
struct BoundedStore {
    addresses: DashMapStateStore<AddressKey>,
    others: InMemoryState,
    capacity: usize,
}

impl BoundedStore {
    fn new(capacity: usize) -> Self {
        Self { addresses: DashMapStateStore::default(), others: InMemoryState::default(), capacity }
    }
}

impl StateStore for BoundedStore {
    type Key = AddressKey;

    fn measure_and_replace<T, F, E>(&self, key: &AddressKey, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        if self.addresses.contains_key(key) || self.addresses.len() < self.capacity {
            self.addresses.measure_and_replace(key, measure)
        } else {
            self.others.measure_and_replace(&NotKeyed::NonKey, measure)
        }
    }
}

impl ShrinkableKeyedStateStore<AddressKey> for BoundedStore {
    fn retain_recent(&self, drop_below: Nanos) {
        ShrinkableKeyedStateStore::retain_recent(&self.addresses, drop_below);
    }

    fn len(&self) -> usize {
        self.addresses.len()
    }

    fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn v4(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn an_address_may_spend_its_hour_at_once_and_then_waits() {
        let clock = FakeRelativeClock::default();
        let limiter = AddressLimiter::per_hour(30, clock.clone());
        for _ in 0..30 {
            assert_eq!(limiter.check(v4(1)), Ok(()));
        }
        assert_eq!(limiter.check(v4(1)), Err(Duration::from_mins(2)));
        assert_eq!(limiter.check(v4(2)), Ok(()), "another address has its own hour");
        clock.advance(Duration::from_secs(119));
        assert_eq!(limiter.check(v4(1)), Err(Duration::from_secs(1)));
        clock.advance(Duration::from_secs(1));
        assert_eq!(limiter.check(v4(1)), Ok(()));
        assert_eq!(limiter.check(v4(1)), Err(Duration::from_mins(2)));
    }

    #[test]
    fn the_addresses_of_one_ipv6_subscriber_count_together() {
        let limiter = AddressLimiter::per_hour(2, FakeRelativeClock::default());
        let check = |address: &str| limiter.check(address.parse().unwrap()).is_ok();
        assert!(check("2001:db8:0:1::1"));
        assert!(check("2001:db8:0:1:ffff::2"));
        assert!(!check("2001:db8:0:1::3"));
        assert!(check("2001:db8:0:2::1"));
    }

    #[test]
    fn zero_turns_the_limit_off() {
        let limiter = AddressLimiter::per_hour(0, FakeRelativeClock::default());
        assert!(limiter.is_off());
        assert!((0..1_000).all(|_| limiter.check(v4(1)).is_ok()));
    }

    #[test]
    fn another_limit_holds_from_the_next_request_on() {
        let limiter = AddressLimiter::per_hour(1, FakeRelativeClock::default());
        assert!(limiter.check(v4(1)).is_ok());
        assert!(limiter.under(1).check(v4(1)).is_err(), "the same limit is no other");
        let other = limiter.under(2);
        assert!(other.check(v4(1)).is_ok() && other.check(v4(1)).is_ok());
        assert!(other.check(v4(1)).is_err());
        assert!(limiter.under(0).is_off() && limiter.check(v4(1)).is_ok());
    }

    #[test]
    fn addresses_beyond_the_cap_share_one_bucket() {
        let limiter = AddressLimiter::with_capacity(2, FakeRelativeClock::default(), 3);
        for last in 1..=3 {
            assert_eq!(limiter.check(v4(last)), Ok(()));
        }
        assert!(limiter.check(v4(4)).is_ok() && limiter.check(v4(5)).is_ok());
        assert!(limiter.check(v4(6)).is_err(), "the shared bucket is empty");
        assert!(limiter.check(v4(1)).is_ok(), "who was known before keeps its own");
    }

    #[test]
    fn addresses_not_heard_of_for_long_are_forgotten() {
        let clock = FakeRelativeClock::default();
        let limiter = AddressLimiter::per_hour(u32::MAX, clock.clone());
        for last in 0..=255 {
            limiter.check(v4(last)).unwrap();
        }
        assert_eq!(limiter.kept().limiter.as_ref().unwrap().len(), 256);
        clock.advance(Duration::from_hours(1));
        for _ in 0..SWEEP_EVERY {
            limiter.check(v4(7)).unwrap();
        }
        assert_eq!(limiter.kept().limiter.as_ref().unwrap().len(), 1);
    }
}
