//! Where a request comes from: the one address that can be believed.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The address at the other end of the connection: whoever serves an [`Api`](crate::Api) puts it into
/// the extensions of each request.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddress(pub IpAddr);

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) address: IpAddr,
    /// Whether a trusted proxy says that it asks for a client of this address. A proxy that asks for
    /// itself, and a backend in the proxies' network, have only their own.
    pub(crate) is_vouched_for: bool,
}

/// The proxies that are believed when they say for whom they ask (`SESSION_TRUSTED_PROXIES`).
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

/// What is no list of networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be networks as `10.0.0.0/8` or addresses, separated by commas")]
pub struct MalformedNetworks;

/// Networks (RFC 4632 §3.1) or single addresses, separated by commas.
impl FromStr for TrustedProxies {
    type Err = MalformedNetworks;

    fn from_str(text: &str) -> Result<Self, MalformedNetworks> {
        let one = |item: &str| {
            let item = item.trim();
            let network: Option<IpNet> = item.parse().ok();
            let network = network.or_else(|| item.parse::<IpAddr>().ok().map(IpNet::from));
            // To trust everyone would be to believe whatever a client writes.
            canonical(network?).filter(|network| network.prefix_len() > 0)
        };
        let networks: Option<Vec<_>> = text.split(',').map(one).collect();
        networks.map(Self).ok_or(MalformedNetworks)
    }
}

impl TrustedProxies {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an address is that of a trusted proxy. An IPv4 address written as IPv6 is an IPv4
    /// address.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The address of the client behind `peer`: the rightmost hop of `X-Forwarded-For` that is not a
    /// trusted proxy, and `peer` itself if that is none.
    ///
    /// Each proxy adds the address that it was asked from at the right; whatever stands left of the
    /// first address that is not a proxy's, the client may have written itself. No other header is
    /// read: a proxy that sets one of them passes the others on as the client sent them.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return Client {
                address: client,
                is_vouched_for: false,
            };
        }
        let lines: Vec<_> = headers.get_all(&FORWARDED_FOR).into_iter().collect();
        let hops = lines
            .iter()
            .rev()
            .flat_map(|line| line.as_bytes().rsplit(|b| *b == b','));
        for hop in hops {
            // Past what is no address nothing can be told: it is the last proxy's doing, at the most.
            let Some(address) = hop_address(hop) else {
                break;
            };
            client = address;
            if !self.trusts(client) {
                return Client {
                    address: client,
                    is_vouched_for: true,
                };
            }
        }
        Client {
            address: client,
            is_vouched_for: false,
        }
    }

    /// Whether the client behind `peer` spoke TLS, as the nearest proxy says (`X-Forwarded-Proto`).
    pub(crate) fn is_https(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> bool {
        let nearest = headers
            .get_all(&FORWARDED_PROTO)
            .into_iter()
            .next_back()
            .and_then(|line| line.as_bytes().rsplit(|b| *b == b',').next());
        peer.is_some_and(|peer| self.trusts(peer))
            && nearest.is_some_and(|scheme| scheme.trim_ascii().eq_ignore_ascii_case(b"https"))
    }
}

/// An IPv4 network written as IPv6 is an IPv4 network, as it is with addresses; one that is wider than
/// that is neither.
fn canonical(network: IpNet) -> Option<IpNet> {
    match (network, network.addr().to_canonical()) {
        (IpNet::V6(_), IpAddr::V4(address)) => {
            let prefix = network.prefix_len().checked_sub(96)?;
            IpNet::new(address.into(), prefix).ok()
        }
        (network, _) => Some(network),
    }
}

/// The address of one hop, which may come with a port (RFC 7239 §6 has both forms).
fn hop_address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let bare = text.parse().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address: Option<IpAddr> = bare.or_else(with_port).or_else(bracketed);
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(proxies: &str, peer: &str, hops: &[&str]) -> String {
        let proxies: TrustedProxies = proxies.parse().unwrap();
        let mut headers = HeaderMap::new();
        for line in hops {
            headers.append(&FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        let Client {
            address,
            is_vouched_for,
        } = proxies.client(peer.parse().unwrap(), &headers);
        let trusted = proxies.trusts(address);
        assert!(!(is_vouched_for && trusted));
        let is_other = address != peer.parse::<IpAddr>().unwrap().to_canonical();
        assert_eq!(is_vouched_for, is_other && !trusted, "{peer} {hops:?}");
        address.to_string()
    }

    /// Requirement 24.
    #[test]
    fn the_client_is_the_rightmost_hop_that_is_no_proxy() {
        let table = [
            ("10.0.0.0/8", "10.0.0.1", vec![], "10.0.0.1"),
            ("10.0.0.0/8", "10.0.0.1", vec!["192.0.2.7"], "192.0.2.7"),
            (
                "10.0.0.0/8",
                "10.0.0.1",
                vec!["6.6.6.6, 192.0.2.7"],
                "192.0.2.7",
            ),
            (
                "10.0.0.0/8",
                "10.0.0.1",
                vec!["6.6.6.6,192.0.2.7 , 10.9.9.9"],
                "192.0.2.7",
            ),
            (
                "10.0.0.0/8",
                "10.0.0.1",
                vec!["6.6.6.6", "192.0.2.7"],
                "192.0.2.7",
            ),
            ("10.0.0.0/8", "10.0.0.1", vec!["10.1.1.1"], "10.1.1.1"),
            (
                "10.0.0.0/8",
                "10.0.0.1",
                vec!["192.0.2.7:4711"],
                "192.0.2.7",
            ),
            (
                "10.0.0.0/8",
                "10.0.0.1",
                vec!["[2001:db8::1]:443"],
                "2001:db8::1",
            ),
            (
                "10.0.0.0/8",
                "10.0.0.1",
                vec!["[2001:db8::1]"],
                "2001:db8::1",
            ),
            (
                "10.0.0.0/8",
                "10.0.0.1",
                vec!["::ffff:192.0.2.7"],
                "192.0.2.7",
            ),
            (
                "10.0.0.0/8",
                "::ffff:10.0.0.1",
                vec!["192.0.2.7"],
                "192.0.2.7",
            ),
            (
                "fd00::/8, 10.0.0.1",
                "fd00::1",
                vec!["192.0.2.7, 10.0.0.1"],
                "192.0.2.7",
            ),
            (
                "::ffff:10.0.0.0/104",
                "10.0.0.1",
                vec!["192.0.2.7"],
                "192.0.2.7",
            ),
            (
                "::ffff:10.0.0.1",
                "10.0.0.1",
                vec!["192.0.2.7"],
                "192.0.2.7",
            ),
            // What is no address ends the search.
            (
                "10.0.0.0/8",
                "10.0.0.1",
                vec!["6.6.6.6, unknown, 10.2.2.2"],
                "10.2.2.2",
            ),
            ("10.0.0.0/8", "10.0.0.1", vec!["6.6.6.6, "], "10.0.0.1"),
            // Whoever is no proxy is believed nothing.
            ("10.0.0.0/8", "192.0.2.9", vec!["6.6.6.6"], "192.0.2.9"),
            (
                "10.0.0.0/8",
                "::ffff:192.0.2.9",
                vec!["6.6.6.6"],
                "192.0.2.9",
            ),
        ];
        for (proxies, peer, hops, expected) in table {
            assert_eq!(client(proxies, peer, &hops), expected, "{peer} {hops:?}");
        }
    }

    #[test]
    fn what_is_no_list_of_networks_is_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "proxy",
            "10.0.0.1,",
            "10.0.0.0/8;fd00::/8",
            "0.0.0.0/0",
            "::/0",
            "::ffff:0.0.0.0/96",
            "::ffff:10.0.0.0/64",
        ] {
            assert!(text.parse::<TrustedProxies>().is_err(), "{text}");
        }
    }
}
