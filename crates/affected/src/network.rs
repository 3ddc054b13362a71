//! The network that a request comes from: what a limit is counted by.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::HeaderMap;
use ipnet::IpNet;

/// Proxies whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Reads addresses and networks, such as `127.0.0.1` and `10.0.0.0/8`.
    ///
    /// # Errors
    /// The text that is neither.
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self, String> {
        let one = |text: &S| {
            let text = text.as_ref();
            text.parse::<IpNet>()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| format!("{text:?} is neither an address nor a network"))
        };
        texts.iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&address))
    }

    /// The client: the last address that no trusted proxy has, read from the right. What stands left of it anybody
    /// could have written.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let forwarded: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        for hop in forwarded.iter().rev().take(MOST_HOPS) {
            if !self.trusts(client) {
                break;
            }
            match hop.trim().parse::<IpAddr>() {
                Ok(address) => client = address.to_canonical(),
                Err(_) => break,
            }
        }
        client
    }
}

/// The /24 of an IPv4 client, the /48 of an IPv6 one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Network(IpAddr);

impl Network {
    pub(crate) fn of(client: IpAddr) -> Self {
        Self(match client.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                IpAddr::V4(Ipv4Addr::new(a, b, c, 0))
            }
            IpAddr::V6(v6) => {
                let [a, b, c, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
            }
        })
    }
}

/// Proxies in a row that are looked behind.
const MOST_HOPS: usize = 8;

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn client(trusted: &[&str], peer: &str, forwarded: &str) -> String {
        let proxies = TrustedProxies::parse(trusted).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_str(forwarded).unwrap());
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_what_a_trusted_proxy_wrote_is_believed() {
        let of = client;
        assert_eq!(of(&[], "198.51.100.1", "203.0.113.9"), "198.51.100.1");
        let trusted = ["127.0.0.1", "10.0.0.0/8"];
        assert_eq!(of(&trusted, "127.0.0.1", "203.0.113.9"), "203.0.113.9");
        assert_eq!(
            of(&trusted, "127.0.0.1", "1.1.1.1, 203.0.113.9, 10.1.1.1"),
            "203.0.113.9"
        );
        assert_eq!(of(&trusted, "127.0.0.1", "1.1.1.1, nonsense"), "127.0.0.1");
        assert_eq!(
            of(&trusted, "::ffff:127.0.0.1", "203.0.113.9"),
            "203.0.113.9"
        );
        assert!(TrustedProxies::parse(&["proxy.example"]).is_err());
    }

    #[test]
    fn neighbours_share_a_network() {
        let same = |one: &str, other: &str| {
            Network::of(one.parse().unwrap()) == Network::of(other.parse().unwrap())
        };
        assert!(same("203.0.113.9", "203.0.113.200"));
        assert!(!same("203.0.113.9", "203.0.114.9"));
        assert!(same("2001:db8:1::1", "2001:db8:1:ffff::2"));
        assert!(!same("2001:db8:1::1", "2001:db8:2::1"));
        assert!(same("::ffff:203.0.113.9", "203.0.113.1"));
    }
}
