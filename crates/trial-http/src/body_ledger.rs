//! Bytes held by requests, per client address and in all: slow clients of one address exhaust neither memory nor other
//! clients.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::body::MAX_BODY;
use crate::problem::{Kind, Problem};
use crate::rate_limit::Network;
use crate::telemetry::EXCHANGE;

const REFUSED: &str = "trialgate_http_bodies_refused_total";
/// `Retry-After` of a refused body: most bodies take less time, and none takes longer than `http.limits.body_timeout`.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Bounds of the bytes held at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Per client address; larger networks have a multiple.
    pub(crate) per_address: usize,
    /// In all.
    pub(crate) shared: usize,
    /// In all on top of that, for addresses that hold little: a large holder does not refuse everybody else.
    pub(crate) reserved: usize,
    /// The most that counts as little.
    pub(crate) little: usize,
}

impl Bounds {
    /// For the first [`MAX_BODY`] bytes of every body. One address may hold 128 of the largest, or thousands of usual ones.
    pub(crate) const SMALL: Self = Self { per_address: 2 * MIB, shared: 8 * MIB, reserved: 8 * MIB, little: MAX_BODY };
    /// For incomplete heads, after the first 8 KiB of each, for which every connection has room.
    pub(crate) const HEADS: Self = Self { per_address: 4 * MIB, shared: 12 * MIB, reserved: 0, little: 0 };
    /// For heads and the exchanges themselves: about 1,900 at once of one address, twice that in all.
    pub(crate) const EXCHANGES: Self =
        Self { per_address: 24 * MIB, shared: 48 * MIB, reserved: 16 * MIB, little: 4 * EXCHANGE };
    /// For the rest of an import, whose sender is known.
    pub(crate) const LARGE: Self = Self { per_address: 16 * MIB, shared: 32 * MIB, reserved: 0, little: 0 };
}

const MIB: usize = 1_024 * 1_024;

/// Bytes held now by bodies, or by exchanges.
#[derive(Debug)]
pub(crate) struct BodyLedger {
    bounds: Bounds,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    in_all: usize,
    by_network: HashMap<Network, usize>,
}

/// The exhausted bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    Address,
    All,
}

/// Bytes held by one of them, until dropped.
#[derive(Debug)]
pub(crate) struct HeldBytes {
    ledger: Arc<BodyLedger>,
    address: IpAddr,
    bytes: usize,
}

impl BodyLedger {
    pub(crate) fn new(bounds: Bounds) -> Arc<Self> {
        metrics::describe_counter!(REFUSED, "Requests refused because too many bytes were held, by bound");
        Arc::new(Self { bounds, held: Mutex::default() })
    }

    /// An entry for this address that holds nothing yet.
    pub(crate) fn open(self: &Arc<Self>, address: IpAddr) -> HeldBytes {
        HeldBytes { ledger: Arc::clone(self), address, bytes: 0 }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).in_all == 0
    }

    fn take(&self, address: IpAddr, bytes: usize) -> Result<(), Full> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let exceeds = |network: Network, bound: usize| {
            let own = held.by_network.get(&network).unwrap_or(&0) + bytes;
            own > bound.saturating_mul(usize::try_from(network.size.share()).unwrap_or(usize::MAX))
        };
        let mut networks = Network::all_of(address);
        if networks.clone().any(|network| exceeds(network, self.bounds.per_address)) {
            return Err(Full::Address);
        }
        let reserved =
            if networks.any(|network| exceeds(network, self.bounds.little)) { 0 } else { self.bounds.reserved };
        let in_all = held.in_all + bytes;
        if in_all > self.bounds.shared + reserved {
            return Err(Full::All);
        }
        held.in_all = in_all;
        for network in Network::all_of(address) {
            *held.by_network.entry(network).or_default() += bytes;
        }
        Ok(())
    }

    fn release(&self, address: IpAddr, bytes: usize) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.in_all -= bytes;
        for network in Network::all_of(address) {
            if let Some(own) = held.by_network.get_mut(&network) {
                *own -= bytes;
                if *own == 0 {
                    held.by_network.remove(&network);
                }
            }
        }
    }
}

impl HeldBytes {
    /// Holds more bytes.
    ///
    /// # Errors
    /// The exhausted bound; the bytes held stay as they were.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        self.ledger.take(self.address, bytes)?;
        self.bytes += bytes;
        Ok(())
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Releases all of them.
    pub(crate) fn release(&mut self) {
        if self.bytes > 0 {
            self.ledger.release(self.address, self.bytes);
            self.bytes = 0;
        }
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.release();
    }
}

impl Full {
    /// The counted answer.
    pub(crate) fn problem(self) -> Problem {
        self.count();
        let (kind, detail) = match self {
            Self::Address => {
                let detail = "this client address sends too much at once; wait for the replies to its other requests";
                (Kind::RateLimited, detail)
            }
            Self::All => (Kind::Unavailable, "the service receives too much at once; try again in a moment"),
        };
        Problem::new(kind).detail(detail).retry_after(RETRY_AFTER)
    }

    /// Counts a refusal.
    pub(crate) fn count(self) {
        let reason = match self {
            Self::Address => "address",
            Self::All => "all",
        };
        metrics::counter!(REFUSED, "reason" => reason).increment(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds =
        Bounds { per_address: 3 * MAX_BODY, shared: 4 * MAX_BODY, reserved: MAX_BODY, little: MAX_BODY };

    fn holding(ledger: &Arc<BodyLedger>, address: u8, bytes: usize) -> Result<HeldBytes, Full> {
        let mut held = ledger.open(IpAddr::from([192, 0, address, 1]));
        held.grow(bytes).map(|()| held)
    }

    #[test]
    fn an_address_holds_its_share_and_others_theirs() {
        let ledger = BodyLedger::new(BOUNDS);
        let mut first = holding(&ledger, 1, 2 * MAX_BODY).unwrap();
        assert_eq!(first.grow(MAX_BODY + 1), Err(Full::Address));
        first.grow(MAX_BODY).unwrap();
        assert_eq!(holding(&ledger, 1, 1).unwrap_err(), Full::Address, "of another body too");
        assert!(holding(&ledger, 2, MAX_BODY).is_ok());
    }

    #[test]
    fn who_holds_little_has_room_where_others_hold_everything() {
        let ledger = BodyLedger::new(BOUNDS);
        let _large = [holding(&ledger, 1, 2 * MAX_BODY).unwrap(), holding(&ledger, 2, 2 * MAX_BODY).unwrap()];
        assert_eq!(holding(&ledger, 1, 1).unwrap_err(), Full::All);
        let mut small = holding(&ledger, 3, MAX_BODY - 1).unwrap();
        assert_eq!(small.grow(2), Err(Full::All), "one body, and no more");
        small.grow(1).unwrap();
        assert_eq!(holding(&ledger, 4, 1).unwrap_err(), Full::All, "memory is bounded for any number of addresses");
    }

    #[test]
    fn the_addresses_of_one_network_share_a_multiple_of_what_one_holds() {
        let ledger = BodyLedger::new(Bounds { per_address: 2, shared: 1_000, reserved: 0, little: 0 });
        let in_net = |number: u16| {
            let mut held = ledger.open(IpAddr::from([0x2001, 0xdb8, 1, number, 0, 0, 0, 1]));
            held.grow(2).map(|()| held)
        };
        let bodies: Vec<_> = (0..16 * 256).step_by(256).map(|number| in_net(number).unwrap()).collect();
        assert_eq!(in_net(20 * 256).unwrap_err(), Full::Address, "of the /48");
        drop(bodies);
        assert!(in_net(20 * 256).is_ok());
    }

    #[test]
    fn what_is_dropped_is_held_no_more_and_nobody_is_remembered() {
        let ledger = BodyLedger::new(BOUNDS);
        let bodies: Vec<_> = (0..3).map(|_| holding(&ledger, 1, MAX_BODY).unwrap()).collect();
        let refused = holding(&ledger, 1, 1);
        drop((bodies, refused));
        let held = ledger.held.lock().unwrap();
        assert_eq!((held.in_all, held.by_network.len()), (0, 0));
    }
}
