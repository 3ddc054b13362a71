//! What a gateway is told when it starts.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use http::Uri;
use hudun_core::TenantId;

/// What a gateway is told when it starts; none of it changes while it runs.
#[derive(Clone)]
pub struct GatewayConfig {
    /// The SCRM: `http://host:port` or `https://host:port`.
    pub upstream: Uri,
    /// Where requests go when the SCRM is down, or a module is isolated in mode standby.
    pub standby: Option<Uri>,
    /// Certificates that an `https` upstream is checked against (PEM); the public authorities when absent.
    pub upstream_ca: Option<PathBuf>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Net>,
    /// Whose customers are concerned when the profile can't tell.
    pub tenant: TenantId,
    /// The key under which sessions and tokens are named. Never leaves the gateway.
    pub key: [u8; 32],
    /// Bounds.
    pub limits: HttpLimits,
}

/// Bounds on bytes, counts and time. No request may cost more.
#[derive(Clone, Debug)]
pub struct HttpLimits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address.
    pub connections_per_ip: usize,
    /// Bytes of a request's header block.
    pub header_bytes: usize,
    /// Headers of a request.
    pub headers: usize,
    /// Time for a header block, from its first byte.
    pub head_time: Duration,
    /// Time between two requests of one connection.
    pub idle_time: Duration,
    /// Bytes of a request body.
    pub body_bytes: u64,
    /// Bytes of a request body that are read for the profile, the policy and the inspection.
    pub inspected_bytes: usize,
    /// Time between two pieces of a request body.
    pub body_time: Duration,
    /// Time for a client to take the next piece of an answer.
    pub take_time: Duration,
    /// Time to connect to the SCRM.
    pub connect_time: Duration,
    /// Time for the SCRM's answer to begin.
    pub answer_time: Duration,
    /// Time between two pieces of the SCRM's answer.
    pub answer_idle_time: Duration,
    /// Decoded bytes of an answer up to which it is one record.
    pub small_bytes: usize,
    /// Decoded bytes of a group of a long answer.
    pub group_bytes: usize,
    /// Decoded bytes up to which an answer is held for a patch; a longer one is refused.
    pub held_bytes: usize,
    /// Decoded bytes of one answer that are read; the rest passes unread and is counted.
    pub scanned_bytes: u64,
    /// How long a piece of an answer may wait for more before it goes out as a group.
    pub linger: Duration,
    /// Time that open exchanges get when the gateway stops.
    pub drain_time: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_ip: 1_000,
            header_bytes: 64 << 10,
            headers: 100,
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(75),
            body_bytes: 100 << 20,
            inspected_bytes: 1 << 20,
            body_time: Duration::from_secs(30),
            take_time: Duration::from_secs(60),
            connect_time: Duration::from_secs(5),
            answer_time: Duration::from_secs(60),
            answer_idle_time: Duration::from_secs(60),
            small_bytes: 64 << 10,
            group_bytes: 256 << 10,
            held_bytes: 8 << 20,
            scanned_bytes: 4 << 30,
            linger: Duration::from_millis(20),
            drain_time: Duration::from_secs(30),
        }
    }
}

/// A range of addresses, such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    address: u128,
    bits: u32,
    v4: bool,
}

impl Net {
    /// Whether the address lies in the range.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (value, v4) = number(address);
        v4 == self.v4
            && (value ^ self.address)
                .checked_shr(self.width() - self.bits)
                .unwrap_or(0)
                == 0
    }

    const fn width(&self) -> u32 {
        if self.v4 { 32 } else { 128 }
    }
}

impl FromStr for Net {
    type Err = NetError;

    fn from_str(text: &str) -> Result<Self, NetError> {
        let bad = || NetError(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| bad())?)),
            None => (text, None),
        };
        let (address, v4) = number(address.parse().map_err(|_| bad())?);
        let width = if v4 { 32 } else { 128 };
        let bits = bits.unwrap_or(width);
        if bits > width {
            return Err(bad());
        }
        Ok(Self { address, bits, v4 })
    }
}

fn number(address: IpAddr) -> (u128, bool) {
    match address.to_canonical() {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), true),
        IpAddr::V6(v6) => (u128::from(v6), false),
    }
}

/// Text that is no range of addresses.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no range of addresses; write 10.0.0.0/8 or 192.0.2.1")]
pub struct NetError(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_its_addresses_only() {
        let net: Net = "10.1.0.0/16".parse().unwrap();
        assert!(net.contains("10.1.255.3".parse().unwrap()));
        assert!(net.contains("::ffff:10.1.0.1".parse().unwrap()));
        assert!(!net.contains("10.2.0.1".parse().unwrap()));
        assert!(!net.contains("::a01:1".parse().unwrap()));
        let all: Net = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("203.0.113.9".parse().unwrap()));
        assert!("10.0.0.0/33".parse::<Net>().is_err());
        assert!("ten".parse::<Net>().is_err());
    }
}
