//! Addresses and networks for `@ipMatch`.

use std::net::IpAddr;

use crate::error::LoadErrorKind;

/// A list of networks.
#[derive(Debug)]
pub(crate) struct Networks(Vec<(u128, u128, bool)>);

impl Networks {
    pub(crate) fn parse<'a>(pieces: impl Iterator<Item = &'a str>) -> Result<Self, LoadErrorKind> {
        let mut out = Vec::new();
        for piece in pieces.map(str::trim).filter(|p| !p.is_empty()) {
            let bad = || {
                LoadErrorKind::value(
                    "@ipMatch",
                    piece,
                    "an IPv4 or IPv6 address or network like 10.0.0.0/8",
                )
            };
            let (address, bits) = match piece.split_once('/') {
                Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| bad())?)),
                None => (piece, None),
            };
            let address: IpAddr = address.parse().map_err(|_| bad())?;
            let (value, size, v6) = wide(address);
            let bits = bits.unwrap_or(size);
            if bits > size {
                return Err(bad());
            }
            let mask = if bits == 0 {
                0
            } else {
                !0u128 << (size - bits)
            };
            out.push((value & mask, mask, v6));
        }
        if out.is_empty() {
            return Err(LoadErrorKind::value("@ipMatch", "", "at least one address"));
        }
        Ok(Self(out))
    }

    pub(crate) fn contains(&self, value: &[u8]) -> bool {
        let Some(address) = std::str::from_utf8(value)
            .ok()
            .and_then(|t| t.trim().parse::<IpAddr>().ok())
        else {
            return false;
        };
        let (value, _, v6) = wide(address.to_canonical());
        self.0
            .iter()
            .any(|(net, mask, is_v6)| *is_v6 == v6 && value & mask == *net)
    }
}

fn wide(address: IpAddr) -> (u128, u32, bool) {
    match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32, false),
        IpAddr::V6(v6) => (v6.to_bits(), 128, true),
    }
}
