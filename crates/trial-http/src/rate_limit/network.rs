//! The networks of a client address that limits apply to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The size of a network, from one subscriber's to one site's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum NetworkSize {
    Ipv4Address,
    Ipv4Net24,
    Ipv6Net64,
    Ipv6Net56,
    Ipv6Net48,
}

impl NetworkSize {
    pub(super) const COUNT: usize = 5;
    const IPV4: &[Self] = &[Self::Ipv4Address, Self::Ipv4Net24];
    const IPV6: &[Self] = &[Self::Ipv6Net64, Self::Ipv6Net56, Self::Ipv6Net48];

    /// Multiple of a subscriber's limit for the whole network.
    pub(crate) const fn share(self) -> u32 {
        match self {
            Self::Ipv4Address | Self::Ipv6Net64 => 1,
            Self::Ipv6Net56 => 4,
            Self::Ipv4Net24 | Self::Ipv6Net48 => 16,
        }
    }

    const fn length(self) -> u32 {
        match self {
            Self::Ipv4Address => 32,
            Self::Ipv4Net24 => 24,
            Self::Ipv6Net64 => 64,
            Self::Ipv6Net56 => 56,
            Self::Ipv6Net48 => 48,
        }
    }

    /// Bits of a subscriber's network that this network leaves out.
    const fn dropped_bits(self) -> u32 {
        match self {
            Self::Ipv4Address | Self::Ipv4Net24 => 32 - self.length(),
            Self::Ipv6Net64 | Self::Ipv6Net56 | Self::Ipv6Net48 => 64 - self.length(),
        }
    }
}

/// A network that a client address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network {
    pub(crate) size: NetworkSize,
    /// The leading bits common to all its addresses.
    pub(super) bits: u64,
}

impl Network {
    /// The networks of an address, the smallest first.
    pub(crate) fn all_of(address: IpAddr) -> impl Iterator<Item = Self> + Clone {
        let (sizes, bits) = match subscriber(address) {
            IpAddr::V4(v4) => (NetworkSize::IPV4, u64::from(v4.to_bits())),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                (NetworkSize::IPV6, [a, b, c, d].into_iter().fold(0, |bits, part| bits << 16 | u64::from(part)))
            }
        };
        sizes.iter().map(move |size| Self { size: *size, bits: bits >> size.dropped_bits() })
    }

    /// The smallest network of an address: an IPv4 address, or the /64 of an IPv6 subscriber.
    pub(crate) fn of_subscriber(address: IpAddr) -> Option<Self> {
        Self::all_of(address).next()
    }
}

/// In CIDR notation.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.bits << self.size.dropped_bits();
        let address = match self.size {
            NetworkSize::Ipv4Address | NetworkSize::Ipv4Net24 => {
                IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(bits).unwrap_or_default()))
            }
            NetworkSize::Ipv6Net64 | NetworkSize::Ipv6Net56 | NetworkSize::Ipv6Net48 => {
                IpAddr::V6(Ipv6Addr::from_bits(u128::from(bits) << 64))
            }
        };
        write!(f, "{address}/{}", self.size.length())
    }
}

/// The subscriber's address: the embedded IPv4 address of an IPv6 address, if any.
fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => carried_ipv4(v6).map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// The IPv4 address embedded in an IPv6 address. One IPv4 host has 2^80 addresses of some of these forms.
///
/// Only for limits: a trusted or exempt address is never recognised in these forms, since anybody can write them.
fn carried_ipv4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match address.segments() {
        // The unspecified address, and loopback.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        // NAT64 with all of the local /48 (RFC 8215), by RFC 6052 section 2.2.
        [0x64, 0xff9b, 1, high, middle, low, 0, 0] => join(high, middle << 8 | low >> 8),
        // Teredo (RFC 4380 section 4): the client's external address, inverted.
        [0x2001, 0, _, _, _, _, high, low] => join(!high, !low),
        // IPv4-compatible and IPv4-mapped (RFC 4291 section 2.5.5), IPv4-translated (RFC 2765), NAT64 (RFC 6052), NAT64 by a
        // /96 of the local /48, 6to4 (RFC 3056 section 2).
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => join(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(address: &str) -> Vec<String> {
        Network::all_of(address.parse().unwrap()).map(|network| network.to_string()).collect()
    }

    #[test]
    fn an_address_is_counted_in_networks_of_growing_size() {
        assert_eq!(shown("203.0.113.9"), ["203.0.113.9/32", "203.0.113.0/24"]);
        assert_eq!(shown("2001:db8:1:2345:6::7"), ["2001:db8:1:2345::/64", "2001:db8:1:2300::/56", "2001:db8:1::/48"]);
        assert_eq!(shown("::1"), ["::/64", "::/56", "::/48"]);
        let shares = ["203.0.113.9", "2001:db8::"].map(|address| {
            let networks = Network::all_of(address.parse().unwrap());
            networks.map(|network| network.size.share()).collect::<Vec<_>>()
        });
        assert_eq!(shares, [vec![1, 16], vec![1, 4, 16]]);
    }

    /// By the examples of RFC 4291, RFC 6052 section 2.4 and RFC 4380, for 192.0.2.33.
    #[test]
    fn an_ipv6_address_that_carries_an_ipv4_address_is_that() {
        for form in [
            "::ffff:192.0.2.33",
            "::192.0.2.33",
            "::ffff:0:192.0.2.33",
            "64:ff9b::192.0.2.33",
            "64:ff9b:1:c000:2:2100::",
            "64:ff9b:1:fffe::192.0.2.33",
            "64:ff9b:1::192.0.2.33",
            "2002:c000:221::1",
            "2002:c000:221:ffff:ffff:ffff:ffff:ffff",
            "2001:0:4136:e378:8000:63bf:3fff:fdde",
        ] {
            assert_eq!(shown(form), ["192.0.2.33/32", "192.0.2.0/24"], "{form}");
        }
    }

    #[test]
    fn neighbours_of_these_forms_carry_none() {
        for address in ["64:ff9a::192.0.2.33", "64:ff9b:2::192.0.2.33", "2001:1::1", "2003:c000:221::1", "fe80::1"] {
            assert_eq!(shown(address).len(), 3, "{address}");
        }
    }
}
