//! The client's address behind proxies.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::http::header::{FORWARDED, HeaderMap, HeaderName};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The header in which trusted proxies name their client. A proxy that writes one of them passes the other on as the
/// client sent it, so only the configured one is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientAddressHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Proxies that are trusted to name the client's address.
#[derive(Debug)]
pub(crate) struct TrustedProxies {
    networks: Vec<IpNet>,
    header: ClientAddressHeader,
}

impl TrustedProxies {
    pub(crate) fn new(networks: Vec<IpNet>, header: ClientAddressHeader) -> Self {
        Self { networks, header }
    }

    /// The client's address: the peer's, or the one named by trusted proxies. Walks from the nearest hop to the first
    /// untrusted one; a malformed hop ends the walk, since nothing beyond it can be trusted.
    pub(crate) fn client_of(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> IpAddr {
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip().to_canonical());
        if !self.trusts(peer) {
            return peer;
        }
        match self.header {
            ClientAddressHeader::XForwardedFor => {
                let lines = headers.get_all(X_FORWARDED_FOR).rev();
                self.walk(peer, lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')).map(address_of))
            }
            ClientAddressHeader::Forwarded => {
                let lines = headers.get_all(FORWARDED).rev();
                self.walk(peer, lines.flat_map(|line| from_the_last(line.as_bytes(), b',')).map(forwarded_for))
            }
        }
    }

    fn walk(&self, peer: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>) -> IpAddr {
        let mut client = peer;
        for hop in hops.map_while(|hop| hop) {
            client = hop.to_canonical();
            if !self.trusts(client) {
                break;
            }
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }
}

/// An address, with or without brackets and port.
fn address_of(hop: &[u8]) -> Option<IpAddr> {
    // A client's malformed hop must not invalidate the whole line: each hop is decoded by itself.
    let hop = std::str::from_utf8(hop).ok()?.trim();
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// The address in one element of `Forwarded` (RFC 7239 section 4).
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let value = from_the_last(element, b';').into_iter().rev().find_map(|pair| {
        let (name, value) = std::str::from_utf8(pair).ok()?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value.trim())
    })?;
    address_of(value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value).as_bytes())
}

/// Splits outside quoted strings from the end: our proxies append there, and a quote left open by a client must not
/// swallow their hops.
fn from_the_last(bytes: &[u8], separator: u8) -> Vec<&[u8]> {
    let (mut pieces, mut end, mut is_quoted) = (Vec::new(), bytes.len(), false);
    for (place, byte) in bytes.iter().enumerate().rev() {
        if *byte == b'"' {
            is_quoted = !is_quoted || is_escaped(&bytes[..place]);
        } else if *byte == separator && !is_quoted {
            pieces.push(&bytes[place + 1..end]);
            end = place;
        }
    }
    pieces.push(&bytes[..end]);
    pieces
}

/// Returns `true` if the next character is escaped: preceded by a backslash that is not itself escaped.
fn is_escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    use ClientAddressHeader::{Forwarded, XForwardedFor};

    fn client(header: ClientAddressHeader, peer: &str, lines: &[(&str, &str)]) -> String {
        let networks = ["10.0.0.0/8", "2001:db8:1::/48"].map(|net| net.parse().unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name.parse().unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        TrustedProxies::new(networks.to_vec(), header).client_of(Some(peer), &headers).to_string()
    }

    #[test]
    fn a_stranger_is_not_asked_for_whom_it_speaks() {
        assert_eq!(client(XForwardedFor, "203.0.113.9", &[("x-forwarded-for", "198.51.100.1")]), "203.0.113.9");
        assert_eq!(client(Forwarded, "203.0.113.9", &[("forwarded", "for=198.51.100.1")]), "203.0.113.9");
        assert_eq!(client(XForwardedFor, "203.0.113.9", &[]), "203.0.113.9");
    }

    #[test]
    fn x_forwarded_for_is_walked_from_the_right_to_the_first_untrusted_hop() {
        let xff = "x-forwarded-for";
        for (lines, expected) in [
            (vec![], "10.0.0.1"),
            (vec![(xff, "198.51.100.1")], "198.51.100.1"),
            (vec![(xff, "192.0.2.66, 198.51.100.1, 10.0.0.2")], "198.51.100.1"),
            (vec![(xff, "192.0.2.66"), (xff, "198.51.100.1"), (xff, "10.0.0.2, 10.0.0.3")], "198.51.100.1"),
            (vec![(xff, "10.0.0.3, 10.0.0.2")], "10.0.0.3"),
            (vec![(xff, "198.51.100.1, nonsense, 10.0.0.2")], "10.0.0.2"),
            (vec![(xff, "198.51.100.1, 10.0.0.2,")], "10.0.0.1"),
            (vec![(xff, "\u{e9}, 198.51.100.1, 10.0.0.2")], "198.51.100.1"),
            (vec![(xff, "198.51.100.1, \u{e9}, 10.0.0.2")], "10.0.0.2"),
            (vec![(xff, "")], "10.0.0.1"),
            (vec![(xff, "198.51.100.1:5060")], "198.51.100.1"),
            (vec![(xff, "[2001:db8::7]:5060")], "2001:db8::7"),
            (vec![(xff, "[2001:db8::7]")], "2001:db8::7"),
            (vec![(xff, "2001:db8::7, 2001:db8:1::1")], "2001:db8::7"),
            (vec![(xff, "::ffff:198.51.100.1, ::ffff:10.1.2.3")], "198.51.100.1"),
        ] {
            assert_eq!(client(XForwardedFor, "10.0.0.1", &lines), expected, "{lines:?}");
        }
    }

    /// A proxy that writes the one passes the other on as a client made it up.
    #[test]
    fn the_header_that_is_not_configured_is_not_read() {
        let (xff, forwarded) = (("x-forwarded-for", "198.51.100.1"), ("forwarded", "for=198.51.100.2"));
        for (header, lines, expected) in [
            (XForwardedFor, vec![forwarded], "10.0.0.1"),
            (XForwardedFor, vec![xff, forwarded], "198.51.100.1"),
            (Forwarded, vec![xff], "10.0.0.1"),
            (Forwarded, vec![xff, forwarded], "198.51.100.2"),
        ] {
            assert_eq!(client(header, "10.0.0.1", &lines), expected, "{header:?} {lines:?}");
        }
    }

    #[test]
    fn forwarded_is_walked_from_the_right_to_the_first_untrusted_hop() {
        let forwarded = "forwarded";
        for (lines, expected) in [
            (vec![(forwarded, "for=198.51.100.1")], "198.51.100.1"),
            (
                vec![(forwarded, "for=192.0.2.66, For=\"198.51.100.1:80\";proto=https, by=x;for=10.0.0.2")],
                "198.51.100.1",
            ),
            (vec![(forwarded, "for=\"[2001:db8::7]:80\"")], "2001:db8::7"),
            (vec![(forwarded, "for=198.51.100.1, for=unknown")], "10.0.0.1"),
            (vec![(forwarded, "for=198.51.100.1, for=_hidden, for=10.0.0.2")], "10.0.0.2"),
            (vec![(forwarded, "for=198.51.100.1, by=\"a,b\"")], "10.0.0.1"),
            (vec![(forwarded, "for=\u{e9}, x=\u{e9};for=198.51.100.1")], "198.51.100.1"),
            // What a client leaves open, and what stands in a string that our proxy has put in quotes.
            (vec![(forwarded, "for=192.0.2.66;x=\", for=198.51.100.1")], "198.51.100.1"),
            (vec![(forwarded, "x=\", for=192.0.2.66;y=\", for=\"198.51.100.1\"")], "198.51.100.1"),
            (vec![(forwarded, "host=\"a;for=192.0.2.66;b=\";for=198.51.100.1")], "198.51.100.1"),
            (vec![(forwarded, "host=\"a, for=192.0.2.66;b=\";for=198.51.100.1")], "198.51.100.1"),
            (vec![(forwarded, r#"host="a\";for=192.0.2.66, b=\"";for=198.51.100.1"#)], "198.51.100.1"),
        ] {
            assert_eq!(client(Forwarded, "10.0.0.1", &lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_mapped_peer_is_the_ipv4_address_it_maps() {
        assert_eq!(client(XForwardedFor, "::ffff:203.0.113.9", &[]), "203.0.113.9");
        assert_eq!(client(XForwardedFor, "::ffff:10.0.0.1", &[("x-forwarded-for", "198.51.100.1")]), "198.51.100.1");
    }
}

#[cfg(test)]
mod fuzz {
    use actix_web::http::header::HeaderValue;
    use trial_fuzz::Target;

    use super::*;

    /// The hops of all lines from the first to the last, where no quote is in the way.
    fn naive(peer: IpAddr, lines: &[&str], is_forwarded: bool) -> Option<IpAddr> {
        let proxies = proxies(ClientAddressHeader::default());
        let all = lines.join(",");
        if !proxies.trusts(peer) || all.contains(['"', '\\']) {
            return (!proxies.trusts(peer)).then_some(peer);
        }
        let mut client = peer;
        for hop in all.split(',').rev() {
            let address = if is_forwarded { forwarded_for(hop.as_bytes()) } else { address_of(hop.as_bytes()) };
            let Some(address) = address else { break };
            client = address.to_canonical();
            if !proxies.trusts(client) {
                break;
            }
        }
        Some(client)
    }

    fn proxies(header: ClientAddressHeader) -> TrustedProxies {
        TrustedProxies::new(["10.0.0.0/8", "2001:db8:1::/48"].map(|net| net.parse().unwrap()).to_vec(), header)
    }

    fn found(peer: IpAddr, name: &HeaderName, lines: &[&str]) -> Option<IpAddr> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name.clone(), HeaderValue::from_str(line).ok()?);
        }
        let header =
            if name == FORWARDED { ClientAddressHeader::Forwarded } else { ClientAddressHeader::XForwardedFor };
        Some(proxies(header).client_of(Some(SocketAddr::new(peer, 4711)), &headers))
    }

    /// The first byte says which header and whose connection, the rest is its lines. The last line is what a proxy of ours
    /// has written of its client; what the client sent stands before it.
    #[test]
    fn forwarded() {
        Target::new("forwarded").makes(5_000).check(|input| {
            let Some((first, rest)) = input.split_first() else { return };
            let name = if first & 1 == 0 { X_FORWARDED_FOR } else { FORWARDED };
            let peer: IpAddr = if first & 2 == 0 { [10, 0, 0, 1].into() } else { [203, 0, 113, 9].into() };
            let Ok(text) = std::str::from_utf8(rest) else { return };
            let lines: Vec<&str> = text.lines().collect();
            let Some(client) = found(peer, &name, &lines) else { return };
            if let Some(expected) = naive(peer, &lines, name == FORWARDED).filter(|_| !lines.is_empty()) {
                assert_eq!(client, expected);
            }
            // Whatever a client sends, what our proxy adds behind it is what holds, in a line of its own or in the same one;
            // and so does what it says besides of what the client sent.
            let host = lines.first().copied().unwrap_or_default().replace('\\', r"\\").replace('"', r#"\""#);
            let ours = if name == FORWARDED {
                format!("host=\"{host}\";for=\"[2001:db8::7]:80\";proto=https")
            } else {
                "2001:db8::7".to_owned()
            };
            let ours = ours.as_str();
            let seen: IpAddr = if proxies(ClientAddressHeader::default()).trusts(peer) {
                "2001:db8::7".parse().unwrap()
            } else {
                peer
            };
            let in_its_own = [lines.as_slice(), &[ours]].concat();
            assert_eq!(found(peer, &name, &in_its_own), Some(seen), "in a line of its own");
            if let Some((last, before)) = lines.split_last() {
                let joined = format!("{last}, {ours}");
                let in_the_same = [before, &[joined.as_str()]].concat();
                assert_eq!(found(peer, &name, &in_the_same), Some(seen), "in the same line");
            }
        });
    }
}
